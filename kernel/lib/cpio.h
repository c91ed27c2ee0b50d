/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads cpio archives of the newc format (070701 and 070702) that lie in memory. */
#ifndef LIB_CPIO_H
#define LIB_CPIO_H

#include <stddef.h>
#include <stdint.h>

struct cpio_reader {
	const unsigned char *base;
	size_t size;
	size_t offset;	   /* of the next header; after -EINVAL, of the entry that is bad */
	const char *error; /* after -EINVAL: what is wrong, a static string */
};

/* name and data point into the archive. */
struct cpio_entry {
	const char *name; /* terminated; as stored, so it may be "", "/x" or "a/../b" */
	size_t name_length;
	const void *data;
	size_t size;
	uint32_t mode; /* S_IFMT and permission bits, as in struct stat */
	uint32_t uid;
	uint32_t gid;
	uint32_t mtime;
	uint32_t nlink; /* hard links to a file share dev and ino; only the last one has the data */
	uint32_t ino;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t rdev_major; /* of a device node */
	uint32_t rdev_minor;
};

/* The buffer may hold several archives one behind the other, with zero bytes between and after. */
void cpio_init(struct cpio_reader *r, const void *base, size_t size);

/*
 * Context: any. Any content of the buffer is safe, and every call moves forward.
 * Returns: 1 with *e filled, 0 at the end of the last archive, -EINVAL with r->error and r->offset
 * set on a malformed archive; calls after that return -EINVAL again.
 */
int cpio_next(struct cpio_reader *r, struct cpio_entry *e);

#endif
