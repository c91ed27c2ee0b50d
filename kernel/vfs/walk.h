/* SPDX-License-Identifier: BSD-2-Clause */
/* The path walk step by step, for what needs the last component: open, create, remove, rename. */
#ifndef VFS_WALK_H
#define VFS_WALK_H

#include "path.h"
#include <lib/errno.h>

enum walk_last {
	LAST_NONE, /* no component is left: the path is the start, a root, or where a link led */
	LAST_NAME,
	LAST_DOT,
	LAST_DOTDOT,
};

struct walk {
	struct path path; /* counted: where the walk stands; a directory until the end */
	struct path root; /* counted, once it is asked for: `..` ends here, "/" begins here */
	const struct cred *cred;  /* whose permission is asked */
	unsigned flags;		  /* WALK_* */
	enum walk_last last_kind; /* what the component in front is, after walk_to_last */
	struct name last;	  /* LAST_NAME: points into the text */
	bool trailing;		  /* slashes follow the last component: it must be a directory */
	unsigned links;		  /* symbolic links followed */
	const char *rest;	  /* text to go */
	char *text;		  /* owned text `rest` points into, or NULL: the caller's */
	unsigned depth;		  /* of stack */
	struct {
		const char *rest;
		char *text;
	} stack[LINKS_MAX]; /* outer texts with something left to do */
};

/* The component at *rest, which is not a slash; *rest moves behind it. 0 or -ENAMETOOLONG. */
static inline int walk_component(const char **rest, enum walk_last *kind)
{
	const char *start = *rest, *end = start;
	size_t len;

	while (*end && *end != '/')
		end++;
	*rest = end;
	len = (size_t)(end - start);
	*kind = LAST_NAME;
	if (len <= 2 && start[0] == '.' && (len == 1 || start[1] == '.'))
		*kind = len == 1 ? LAST_DOT : LAST_DOTDOT;
	return len > NAME_TEXT_MAX ? -ENAMETOOLONG : 0;
}

/*
 * Goes as far as the name cache leads (walk_quick.c) and counts what it has come to. -ENOENT for
 * "", or the error that was met. Whatever it returns, walk_end must follow.
 */
int walk_begin(struct walk *w, const struct path *base, const char *text, unsigned flags,
	       const struct cred *cred);
void walk_end(struct walk *w);
/* Up to the last component: w->path is the directory it is in. */
int walk_to_last(struct walk *w);
/*
 * Look the last component (LAST_NAME) up: *out is counted, mounts crossed; its inode may be
 * absent (-ENOENT is not an error here).
 */
int walk_peek(struct walk *w, struct path *out);
/* The last component is the link at `link`: continue with its text; walk_to_last is next. */
int walk_follow(struct walk *w, struct path link);
/* The path where it stands goes to the caller; only walk_end may follow. */
struct path walk_take(struct walk *w);
/* From wherever it stands to the end: w->path is the object. */
int walk_finish(struct walk *w);

#endif
