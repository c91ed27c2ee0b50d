/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes in memory. What stat shows are plain fields, the same for every filesystem; a
 * filesystem whose values change under the inode refreshes them in ops->stat_update.
 */
#ifndef VFS_INODE_H
#define VFS_INODE_H

#include "device.h"
#include "path.h"
#include <base/spinlock.h>
#include <linux/stat.h>
#include <sched/epoch.h>
#include <sched/mutex.h>

struct cred;
struct file_locks;
struct file_ops;
struct inode;
struct notify_marks;
struct pipe;
struct seals;
struct super;
struct vm_object;

/* A point in time of a file: the whole range of Linux, so not nsec_t. */
struct file_time {
	int64_t sec;
	uint32_t nsec;
};

/* What setattr changes. */
#define ATTR_MODE      1
#define ATTR_UID       2
#define ATTR_GID       4
#define ATTR_SIZE      8
#define ATTR_ATIME     16
#define ATTR_MTIME     32
#define ATTR_ATIME_NOW 64 /* the current time, which needs less permission */
#define ATTR_MTIME_NOW 128
#define ATTR_KILL_ID   256 /* a write or truncation: set-id bits go */

struct inode_attr {
	unsigned valid; /* ATTR_* */
	uint32_t mode;	/* permission bits */
	uint32_t uid, gid;
	uint64_t size;
	struct file_time atime, mtime;
};

/*
 * Names are components, checked by the caller (not "", ".", ".."; no longer than 255). Errors
 * as in the manual pages. Operations that are NULL give -EPERM (-ENOTDIR for lookup). The
 * caller holds dir->lock for writing, for lookup at least for reading, and has checked
 * permissions; the filesystem keeps link counts and times. A result inode is counted.
 */
struct inode_ops {
	int (*lookup)(struct inode *dir, const struct name *name, struct inode **out);
	/* A regular file, device, FIFO or socket (by mode) that nobody has: never follows. */
	int (*create)(struct inode *dir, const struct name *name, unsigned mode, dev_t rdev,
		      struct inode **out);
	int (*mkdir)(struct inode *dir, const struct name *name, unsigned mode, struct inode **out);
	int (*symlink)(struct inode *dir, const struct name *name, const char *target,
		       struct inode **out);
	/* A further name for inode; -EMLINK; -ENOENT if its last name has just gone. */
	int (*link)(struct inode *dir, const struct name *name, struct inode *inode);
	int (*unlink)(struct inode *dir, const struct name *name, struct inode *inode);
	/* inode->lock is held for writing too; -ENOTEMPTY. Marks the inode dead. */
	int (*rmdir)(struct inode *dir, const struct name *name, struct inode *inode);
	/*
	 * Both directories locked, and target if it is a directory. target NULL: the new name is
	 * free. exchange: the two names swap. Types have been checked.
	 */
	int (*rename)(struct inode *old_dir, const struct name *old_name, struct inode *inode,
		      struct inode *new_dir, const struct name *new_name, struct inode *target,
		      bool exchange);
	/* Length of the text (cut to size, not terminated). Holds no lock. */
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A link that jumps to a place (procfs); counted. NULL: by text. */
	int (*follow)(struct inode *inode, struct path *out);
	/* An unnamed regular file in dir: O_TMPFILE. NULL: -EOPNOTSUPP. */
	int (*tmpfile)(struct inode *dir, unsigned mode, struct inode **out);
	/* Apply a checked change; inode->lock is held. NULL: inode_setattr_plain; -EPERM if procfs.
	 */
	int (*setattr)(struct inode *inode, const struct inode_attr *attr);
	/*
	 * Extended attributes by full name, as vfs/xattr.h says; inode->lock is held (setxattr: for
	 * writing; value NULL removes). NULL: -EOPNOTSUPP, and an empty list.
	 */
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *value, size_t size,
			unsigned flags);
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t size, bool trusted);
	/* Refresh the fields before they are read. NULL: they are always true. May sleep. */
	void (*stat_update)(struct inode *inode);
};

#define INODE_DEAD 1 /* [lock] a removed directory: no names can be made in it */

struct inode {
	uint32_t refs;	     /* [a] */
	uint32_t mode;	     /* [attr] type (never changes) and permission bits */
	uint32_t uid;	     /* [attr] */
	uint32_t gid;	     /* [attr] */
	uint32_t nlink;	     /* [attr] */
	bool linkable;	     /* [attr] made without a name (O_TMPFILE), may get its first */
	dev_t dev;	     /* [I] of its filesystem */
	dev_t rdev;	     /* [I] of a device node */
	uint32_t block_size; /* [I] preferred size of an access */
	uint64_t ino;	     /* [I] */
	uint64_t size;	     /* [a] bytes; changes under lock */
	uint64_t blocks;     /* [a] units of 512 bytes */
	struct file_time atime, mtime, ctime; /* [attr] */
	struct file_time btime;		      /* [I] */
	const struct inode_ops *ops;	      /* [I] */
	const struct file_ops *file_ops;      /* [I] what an open file starts with */
	struct super *super;		      /* [I] counted */
	struct vm_object *object;	      /* [I] the page cache, or NULL */
	struct pipe *pipe;		      /* [lock] of a FIFO that is open */
	struct seals *seals;		      /* [I] of files that can be sealed: seal.c */
	struct notify_marks *marks;	      /* [a] made by the first watch: inotify.c */
	struct file_locks *locks;	      /* [a] made by the first lock: filelock.c */
	uint32_t flags;			      /* [lock] INODE_* */
	int32_t writers;	   /* [a] open for writing; negative: programs that run from it */
	struct rwlock lock;	   /* INODE: contents, names in a directory */
	struct spinlock attr_lock; /* INODE_SPIN: fields marked attr, held for a few stores */
	uint32_t attr_seq;	   /* [a] written under attr_lock; odd while the fields change */
	struct epoch_head epoch;   /* path walks look at it without a reference */
};

/* What stat shows, read at one moment. */
struct inode_stat {
	uint32_t mode, uid, gid, nlink, block_size;
	dev_t dev, rdev;
	uint64_t ino, size, blocks;
	struct file_time atime, mtime, ctime, btime;
};

/* One reference, times now, nlink 1, super counted. The filesystem sets owner, ops and number. */
void inode_init(struct inode *inode, struct super *s, unsigned mode);
/* Owner of a new inode in dir: the caller's fsuid, the group by dir's set-gid bit (into *mode). */
void inode_init_owner(struct inode *inode, const struct inode *dir);
/* Operations of a device node, FIFO or socket by inode->mode. */
void inode_init_special(struct inode *inode, dev_t rdev);
struct inode *inode_get(struct inode *inode);
/* Context: process: the last reference evicts. NULL is allowed. */
void inode_put(struct inode *inode);
/* For evict: give the super back, and the memory at `block` after a grace period by fn. */
void inode_free_deferred(struct inode *inode, void (*fn)(struct epoch_head *head));

static inline unsigned inode_type(const struct inode *inode)
{
	return inode->mode & S_IFMT;
}
static inline bool inode_is_dir(const struct inode *inode)
{
	return S_ISDIR(inode->mode);
}
static inline bool inode_is_regular(const struct inode *inode)
{
	return S_ISREG(inode->mode);
}
static inline bool inode_is_link(const struct inode *inode)
{
	return S_ISLNK(inode->mode);
}
static inline uint64_t inode_size(const struct inode *inode)
{
	return __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE);
}

struct file_time file_time_now(void);
/* Set the times that are named to now. */
#define TOUCH_ATIME 1
#define TOUCH_MTIME 2
#define TOUCH_CTIME 4
void inode_touch(struct inode *inode, unsigned which);
/* Access time by the rules of relatime. */
void inode_accessed(struct inode *inode);
/* Change the link count by delta; ctime too. */
void inode_link_add(struct inode *inode, int delta);
/* One more link: -ENOENT when the last is gone, -EMLINK. */
int inode_link_new(struct inode *inode);
/* Refreshes (stat_update) and reads. */
void inode_stat(struct inode *inode, struct inode_stat *out);
/* The same without sleeping; the inode need not be counted under epoch. False: must be refreshed.
 */
bool inode_stat_now(const struct inode *inode, struct inode_stat *out);
/* Around changes of the fields marked attr. */
void inode_attr_lock(struct inode *inode);
void inode_attr_unlock(struct inode *inode);
/* Store a checked change in the fields, times included (not the size). inode->lock held. */
void inode_setattr_plain(struct inode *inode, const struct inode_attr *attr);

/* The set-id bits that the caller's writing or changing of the file takes away. */
unsigned inode_set_id_to_drop(const struct inode *inode);

/* 0 or -ETXTBSY. */
int inode_want_write(struct inode *inode);
void inode_done_write(struct inode *inode);
int inode_deny_write(struct inode *inode);
void inode_allow_write(struct inode *inode);

/* --- permission.c --- */
#define MAY_EXEC  1
#define MAY_WRITE 2
#define MAY_READ  4
/* The mode bits and capabilities: 0 or -EACCES. */
int inode_permission(const struct inode *inode, const struct cred *cred, unsigned mask);
/* Is the caller the owner, or privileged over it (CAP_FOWNER)? */
bool inode_owner_or_capable(const struct inode *inode, const struct cred *cred);
/* May `victim` be removed from or renamed in dir (write, search, sticky bit)? 0, -EACCES, -EPERM.
 */
int inode_may_delete(const struct inode *dir, const struct inode *victim, const struct cred *cred);
/* Credentials of the calling thread; the superuser's for kernel threads. */
const struct cred *vfs_cred(void);

#endif
