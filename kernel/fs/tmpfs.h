/* SPDX-License-Identifier: BSD-2-Clause */
/* tmpfs from the inside, for its own files and for devfs, which is one with nodes in it. */
#ifndef FS_TMPFS_H
#define FS_TMPFS_H

#include <lib/rbtree.h>
#include <vfs/inode.h>
#include <vfs/super.h>
#include <vm/object.h>

struct tmpfs_super {
	uint64_t pages_max;   /* [a] 0: no limit */
	uint64_t pages_used;  /* [a] */
	uint64_t inodes_max;  /* [a] 0: no limit */
	uint64_t inodes_used; /* [a] */
	uint64_t last_ino;    /* [a] */
	uint32_t mode;	      /* [I] of the root */
	uint32_t uid, gid;    /* [I] */
};

/* One name in a directory. */
struct tmpfs_entry {
	struct rb_node by_name;	  /* [dir lock] ordered by hash, then text */
	struct rb_node by_cookie; /* [dir lock] */
	uint64_t cookie;	  /* [I] place in readdir's order; never used twice */
	struct inode *inode;	  /* [dir lock] counted */
	uint32_t hash;		  /* [I] */
	uint32_t len;		  /* [I] */
	char text[];
};

struct tmpfs_dir {
	struct rb_root names;	/* [inode lock] */
	struct rb_root cookies; /* [inode lock] */
	uint64_t last_cookie;	/* [inode lock] */
	uint64_t count;		/* [inode lock] */
};

struct tmpfs_inode {
	struct inode inode;
	struct rb_root xattrs; /* [inode lock] tmpfs_xattr.c */
	uint64_t xattr_bytes;  /* [inode lock] that they take */
	union {
		struct vm_object object; /* regular file; its last reference frees all of this */
		struct tmpfs_dir dir;
		char *target; /* symbolic link [I] */
	};
};

static inline struct tmpfs_inode *tmpfs_inode(struct inode *inode)
{
	return container_of(inode, struct tmpfs_inode, inode);
}
static inline struct tmpfs_super *tmpfs_super(const struct inode *inode)
{
	return inode->super->priv;
}

/* A superblock with an empty root. options as of mount -o. */
int tmpfs_create_super(const struct fs_type *type, const char *options, struct super **out);
/* A new inode owned by the caller, not named yet; dir NULL: the root. */
int tmpfs_inode_create(struct super *s, const struct inode *dir, unsigned mode, dev_t rdev,
		       struct inode **out);

/* Count n of what is limited by *max (0: no limit); false: it does not fit. And back. */
bool tmpfs_take(uint64_t *used, const uint64_t *max, uint64_t n);
void tmpfs_give(uint64_t *used, uint64_t n);

/* tmpfs_xattr.c */
#define TMPFS_XATTR_OPS \
	.getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr, .listxattr = tmpfs_listxattr
ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size,
		   unsigned flags);
ssize_t tmpfs_listxattr(struct inode *inode, char *buf, size_t size, bool trusted);
void tmpfs_clear_xattrs(struct inode *inode);

/* tmpfs_dir.c */
extern const struct inode_ops tmpfs_dir_inode_ops;
extern const struct file_ops tmpfs_dir_file_ops;
/* An unmounted directory gives its names back. */
void tmpfs_dir_clear(struct inode *dir);

#endif
