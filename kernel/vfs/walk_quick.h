/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk that counts nothing: walk_quick.c. Only walk.c uses it. */
#ifndef VFS_WALK_QUICK_H
#define VFS_WALK_QUICK_H

#include "path.h"

struct quick_walk {
	struct path path;	 /* not counted: where it stands */
	struct path root;	 /* not counted */
	const struct cred *cred; /* whose permission is asked */
	unsigned flags;		 /* WALK_* */
	const char *rest;	 /* text to go: where a counted walk continues */
	bool trailing;		 /* slashes follow the last component, and it was walked */
	uint32_t shape;		 /* of the tree of mounts when it began */
};

#define QUICK_STOP 1 /* not without counting from here on: the component at `rest` comes next */
#define QUICK_NO   2 /* not at all */

/*
 * Walk as far as the name cache leads: 0 at the end (with WALK_WHOLE) or before the last component
 * (without), QUICK_STOP, QUICK_NO, or the error that the path has. All of it, and every use of
 * q->path, under one epoch_enter(); none of it counts unless quick_walk_holds() says so at the end.
 */
int quick_walk(struct quick_walk *q, const struct path *base, const char *text, unsigned flags,
	       const struct cred *cred);
bool quick_walk_holds(const struct quick_walk *q);

#endif
