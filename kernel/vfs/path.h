/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places in the tree of names, and the walk that finds them. A path is a name in a mounted
 * filesystem; the same directory entry may be seen through several mounts.
 */
#ifndef VFS_PATH_H
#define VFS_PATH_H

#include <base/types.h>

struct cred;
struct dentry;
struct inode;
struct mount;

struct path {
	struct mount *mount;
	struct dentry *dentry;
};

/* Both parts are counted. The pair is handed over by value. */
struct path path_get(struct path p);
void path_put(struct path p);
static inline bool path_equal(struct path a, struct path b)
{
	return a.mount == b.mount && a.dentry == b.dentry;
}
/* The inode of a path that was found (never NULL). */
struct inode *path_inode(struct path p);

#define PATH_TEXT_MAX 4096 /* of a path handed in, its NUL included (PATH_MAX) */
#define NAME_TEXT_MAX 255  /* of one component */
#define LINKS_MAX     40   /* symbolic links followed in one walk */

/* One component: not terminated, points into the caller's text. */
struct name {
	const char *text;
	uint32_t len;
	uint32_t hash; /* name_hash() */
};
/* Fills the hash too. */
struct name name_of(const char *text, size_t len);

/* Flags of a walk. */
#define WALK_FOLLOW    1   /* follow a symbolic link in the last component */
#define WALK_DIRECTORY 2   /* the result must be a directory */
#define WALK_EMPTY     4   /* "" names the base itself */
#define WALK_NO_LINKS  8   /* -ELOOP for any symbolic link (RESOLVE_NO_SYMLINKS) */
#define WALK_NO_MAGIC  16  /* -ELOOP for links of procfs that jump (RESOLVE_NO_MAGICLINKS) */
#define WALK_NO_MOUNTS 32  /* -EXDEV where a mount would be crossed (RESOLVE_NO_XDEV) */
#define WALK_BENEATH   64  /* -EXDEV where the walk would leave the base (RESOLVE_BENEATH) */
#define WALK_IN_ROOT   128 /* the base is the root for this walk (RESOLVE_IN_ROOT) */
#define WALK_WHOLE     256 /* nobody asks for the last component (walk.h): walk_finish is next */

/*
 * Find `text` from base (NULL: the caller's working directory), with the permissions of the
 * calling thread (path_walk) or of cred. 0 with a counted *out; -ENOENT, -ENOTDIR, -EACCES,
 * -ELOOP, -ENAMETOOLONG, -ENOMEM. Context: process.
 */
int path_walk(const struct path *base, const char *text, unsigned flags, struct path *out);
int path_walk_as(const struct path *base, const char *text, unsigned flags, const struct cred *cred,
		 struct path *out);

/*
 * Find `text` and call fn, which looks at the object and takes nothing along; its result, or the
 * walk's error. Mostly fn runs under epoch with a path that is not counted: it must not sleep then,
 * may say PATH_VISIT_COUNT to be called again with a counted one, and is called again, too, if what
 * it saw did not hold. So only what it did last counts. Context: process.
 */
#define PATH_VISIT_COUNT 1
int path_visit(const struct path *base, const char *text, unsigned flags, const struct cred *cred,
	       int (*fn)(struct path p, bool counted, void *ctx), void *ctx);
/*
 * Only the part without counting, with a base that need not be counted either: PATH_VISIT_COUNT
 * where it does not do. Context: any, under epoch.
 */
int path_visit_quick(const struct path *base, const char *text, unsigned flags,
		     const struct cred *cred, int (*fn)(struct path p, bool counted, void *ctx),
		     void *ctx);

/*
 * The text of a path as seen from the calling process's root, built at the end of buf. Returns
 * its start inside buf, or an ERR_PTR: -ENAMETOOLONG when it does not fit. An entry that was
 * removed gets " (deleted)" appended; *deleted (may be NULL) tells; *outside (may be NULL)
 * that the path is not below the root. Context: process.
 */
char *path_text(struct path p, char *buf, size_t size, bool *deleted, bool *outside);

#endif
