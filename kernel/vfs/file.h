/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open file descriptions: what open(2) makes, what descriptors refer to and fork shares. And the
 * operations that give a file its behaviour.
 */
#ifndef VFS_FILE_H
#define VFS_FILE_H

#include <base/spinlock.h>
#include <base/types.h>
#include <lib/list.h>
#include "path.h"
#include <sched/epoch.h>
#include <sched/mutex.h>
#include <vm/iter.h>

struct cred;
struct file;
struct flock;
struct fs_context;
struct inode;
struct poll_table;
struct text;
struct vm_map_args;
struct vm_object;

/* Takes the entries of a directory, one a call. type: DT_* (the S_IFMT bits >> 12). */
struct dir_sink {
	/* False: full, the entry was not taken. `next` is the cookie of the place behind it. */
	bool (*emit)(struct dir_sink *s, const char *name, size_t len, uint64_t ino, unsigned type,
		     off64_t next);
	off64_t cookie; /* of the first place not yet taken; dir_emit keeps it */
};

/* For readdir operations: hand one entry over. False: stop. */
bool dir_emit(struct dir_sink *s, const char *name, size_t len, uint64_t ino, unsigned type,
	      off64_t next);
/* "." and "..": cookies 0 and 1. False: stop. Entries of the directory begin at cookie 2. */
bool dir_emit_dots(struct file *f, struct dir_sink *s);

/* Members that are NULL give the error named; "process" context everywhere; all may sleep. */
struct file_ops {
	unsigned flags; /* FILE_OPS_* */
	/* The description is complete but for priv. May change f->ops. NULL: nothing to do. */
	int (*open)(struct inode *inode, struct file *f);
	/* The last reference is gone (open succeeded before). NULL: nothing to do. */
	void (*release)(struct file *f);
	/*
	 * At *pos (streams ignore it), which advances by what was done. Bytes, 0 at the end,
	 * -EAGAIN when f->flags has O_NONBLOCK and it would wait, -EFAULT, -EINTR when a signal
	 * came before anything was done. NULL: -EINVAL.
	 */
	ssize_t (*read)(struct file *f, struct iter *it, off64_t *pos);
	ssize_t (*write)(struct file *f, struct iter *it, off64_t *pos);
	/* New position or -errno. NULL: by inode size (file_llseek_size). */
	off64_t (*llseek)(struct file *f, off64_t offset, int whence);
	/*
	 * Entries from sink->cookie on by dir_emit, until it says stop or the directory ends; the
	 * inode is locked for reading. NULL: -ENOTDIR.
	 */
	int (*readdir)(struct file *f, struct dir_sink *sink);
	/*
	 * EPOLL* bits that hold now, after poll_wait() for every blocker whose wake-up may change
	 * them (pt may be NULL: just look). NULL: always readable and writable.
	 */
	unsigned (*poll)(struct file *f, struct poll_table *pt);
	/* arg is a number or an address in the program. NULL, or unknown command: -ENOTTY. */
	int64_t (*ioctl)(struct file *f, unsigned cmd, uint64_t arg);
	/* a->object with a reference; it may take rights away by a->flags. NULL: -ENODEV. */
	int (*mmap)(struct file *f, struct vm_map_args *a);
	/*
	 * A region that maps it has come into being (also by fork, or because one was cut in two),
	 * or goes. The address space is locked, unless the last region of the file goes: must not
	 * sleep then. NULL: nothing to do.
	 */
	void (*mapped)(struct file *f);
	void (*unmapped)(struct file *f);
	/*
	 * A descriptor of it is closed, by close, dup2, exec or the end of its table. NULL: nothing
	 * to do.
	 */
	void (*closed)(struct file *f);
	/* NULL: -EINVAL. */
	int (*fsync)(struct file *f, bool data_only);
	/* mode: FALLOC_FL_*. NULL: -EOPNOTSUPP. */
	int (*fallocate)(struct file *f, int mode, off64_t offset, off64_t len);
	/* A line or more for /proc/PID/fdinfo. NULL: nothing to add. */
	void (*show_info)(struct file *f, struct text *out);
};

#define FILE_OPS_STREAM	    1 /* no position: lseek, pread, pwrite give -ESPIPE */
#define FILE_OPS_EVENT	    2 /* with STREAM: but lseek does nothing and says 0 (eventfd) */
#define FILE_OPS_NO_SIGPIPE 4 /* -EPIPE from write raises no signal */

/* file->mode */
#define FILE_READ   1
#define FILE_WRITE  2
#define FILE_EXEC   4  /* opened for exec: writers of the inode are kept out */
#define FILE_PATH   8  /* O_PATH: names a place only */
#define FILE_WRITER 16 /* counted in inode->writers */
#define FILE_OPENED 32 /* ops->open succeeded: ops->release is owed */

struct file {
	uint32_t refs;	/* [a] descriptors and calls in flight */
	uint32_t mode;	/* [I] FILE_* */
	uint32_t flags; /* [a] O_*: access mode and status flags; F_SETFL changes some */
	const struct file_ops *ops; /* [I] after open */
	struct path path;	    /* [I] counted; where it was opened */
	struct inode *inode;	    /* [I] of path, not counted itself */
	void *priv;		    /* [I] owned by ops */
	struct cred *cred;	    /* [I] of the opener */
	struct mutex pos_lock;	    /* FILE_POS */
	off64_t pos;		    /* [pos_lock] of streams: for the use of ops */
	struct spinlock lock;	    /* VFS_MISC */
	struct list watchers;	    /* [lock] items of epoll instances that watch it */
	struct flock *flock;	    /* [lock of inode->locks] what flock(2) holds through it */
	struct epoch_head epoch;    /* a lookup may still hold a pointer */
};

struct file *file_get(struct file *f);
/* The same unless the last reference is already gone. Context: any, under epoch. */
bool file_try_get(struct file *f);
/* Context: process, no spinlocks: the last reference closes the file. NULL is allowed. */
void file_put(struct file *f);

/* A description of inode at path (takes over the reference to path), not opened yet. */
int file_create(struct path path, unsigned flags, struct file **out);
/* A description without a name in the tree, such as a pipe's end; takes over inode's reference. */
int file_create_anon(struct inode *inode, const char *name, unsigned flags,
		     const struct file_ops *ops, void *priv, struct file **out);

/*
 * A description of something that is no file (eventfd, epoll): shown as anon_inode:NAME. flags:
 * O_RDWR or the like, O_NONBLOCK.
 */
int file_create_event(const char *name, unsigned flags, const struct file_ops *ops, void *priv,
		      struct file **out);

/*
 * open(2) from the kernel's side: flags O_*, mode of a new file (umask applied by the call).
 * base NULL: working directory. resolve: WALK_* beyond what flags say.
 */
int file_open(const struct path *base, const char *text, unsigned flags, unsigned mode,
	      unsigned resolve, struct file **out);
/* The same with the kernel's own credentials, from the root: console, tests, initramfs. */
int file_open_kernel(const char *text, unsigned flags, unsigned mode, struct file **out);
/* What base has under the name, which exists, with the kernel's own permissions. */
int file_open_in(struct path base, const char *name, unsigned flags, unsigned resolve,
		 struct file **out);
/*
 * A program file for exec: regular, x permission, not on a noexec mount; writers are kept out
 * (-ETXTBSY) until the last file_put. base NULL: working directory. flags: WALK_*.
 */
int file_open_exec(const struct path *base, const char *text, unsigned flags, struct file **out);

/* Read or write at pos into kernel memory; short only at the end of the file. */
ssize_t file_read_kernel(struct file *f, void *buf, size_t n, off64_t pos);
ssize_t file_write_kernel(struct file *f, const void *buf, size_t n, off64_t pos);

/* An empty file in memory, open for reading and writing, shown as /memfd:NAME; seals: F_SEAL_*. */
int file_create_memory(const char *name, unsigned mode, unsigned seals, struct file **out);

/* With the checks of access mode; at *pos, or at the file's own position with pos NULL. */
ssize_t file_read(struct file *f, struct iter *it, off64_t *pos);
ssize_t file_write(struct file *f, struct iter *it, off64_t *pos);
off64_t file_llseek(struct file *f, off64_t offset, int whence);
/* Entries from the position on, which advances behind the last one taken. */
int file_readdir(struct file *f, struct dir_sink *sink);
/* Entries from the position on, which advances behind the last one taken. The sink must not fault.
 */
int file_readdir(struct file *f, struct dir_sink *sink);
/* A plain llseek over [0, size], with limit the largest position allowed. */
off64_t file_llseek_size(struct file *f, off64_t offset, int whence, off64_t size, off64_t limit);

/* The page-cache object behind the file, without a reference; NULL if it has none. */
struct vm_object *file_vm_object(struct file *f);
/*
 * What to map for a range of the file: the caller has filled in offset, length, prot and flags, and
 * gets a->object, with a reference, and fewer rights in a->flags if the file says so. -ENODEV:
 * cannot be mapped; -EACCES: the access mode forbids it; -EPERM: execution from a noexec mount.
 */
int file_mmap(struct file *f, struct vm_map_args *a);

/* Path of an open file as /proc shows it: start inside buf, or an ERR_PTR (see path_text). */
char *file_path(struct file *f, char *buf, size_t size);
/* Device and inode numbers as /proc/PID/maps shows them. */
void file_identity(struct file *f, uint32_t *dev_major, uint32_t *dev_minor, uint64_t *ino);
/* Attributes that exec looks at: mode bits (set-id), owner; nosuid mounts give no set-id bits. */
void file_exec_attributes(struct file *f, unsigned *mode, uint32_t *uid, uint32_t *gid);

#endif
