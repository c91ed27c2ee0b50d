/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of descriptors that poll and select watch. If the table is shared, each is looked up
 * once, before the wait, with a reference, so that another thread may close it meanwhile; else
 * nobody can, and each look takes it from the table anew.
 */
#ifndef LINUX_WATCHED_H
#define LINUX_WATCHED_H

#include <asm/poll.h>
#include <vfs/fdtable.h>
#include <vfs/poll.h>

#define WATCHED_FEW 16 /* so many are on the stack */

struct watched {
	const struct fd_array *own; /* the table of this thread alone, or NULL */
	struct file **files;	    /* counted, NULL for bad descriptors; of a shared table */
	size_t count;		    /* of files that have been looked up */
	struct file *few[WATCHED_FEW];
};

/* Room for n. 0 or -ENOMEM. */
int watched_begin(struct watched *w, size_t n);
/* The next one; for a shared table only. */
void watched_add(struct watched *w, int fd);
void watched_end(struct watched *w);

/* The i-th, whose descriptor is fd; NULL: bad. */
static inline struct file *watched_file(const struct watched *w, size_t i, int fd)
{
	if (!w->own)
		return w->files[i];
	return (unsigned)fd < w->own->capacity ? w->own->files[fd] : NULL;
}

/* Its events; what was opened with O_PATH has none. */
static inline unsigned watched_poll(struct file *f, struct poll_table *pt)
{
	return f->mode & FILE_PATH ? POLLNVAL : file_poll(f, pt);
}

#endif
