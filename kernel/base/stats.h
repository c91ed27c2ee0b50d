/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics nodes: how low code shows its state without knowing procfs. A node has a path below
 * /proc and a function that prints its text into a sink; procfs lists the registered nodes.
 */
#ifndef BASE_STATS_H
#define BASE_STATS_H

#include <base/types.h>
#include <lib/compiler.h>
#include <lib/list.h>

/* A growing text buffer: printing never fails, `failed` is set when memory ran out. */
struct text {
	char *data;
	size_t len, size;
	bool failed;
};
void text_printf(struct text *t, const char *fmt, ...) __printf_like(2, 3);
void text_write(struct text *t, const char *s, size_t n);
void text_free(struct text *t);

struct stats_node {
	/*
	 * [I] Such as "meminfo" or "sys/kernel/ostype". With "/sys/" in front it is shown in sysfs;
	 * with a slash behind it is a folder without files.
	 */
	const char *path;
	void (*show)(struct stats_node *n, struct text *out); /* context: process */
	/* Accept text written to it: bytes taken or -errno. NULL: read-only. */
	ssize_t (*store)(struct stats_node *n, const char *text, size_t len);
	uint16_t mode;	  /* 0 means 0444 */
	struct list link; /* [STATS] */
	/* [I] Frees a node that may be removed, with the last reference. NULL: it lives for ever.
	 */
	void (*release)(struct stats_node *n);
	uint32_t refs; /* [a] of one that may be removed: registration, files, listings */
	bool gone;     /* [a] removed: its file is no more */
};

/* Show a node; one with a release function gets its first reference. Context: process. */
void stats_add(struct stats_node *n);
/* Show it no more, and drop the first reference. Its functions may be running. Context: process. */
void stats_remove(struct stats_node *n);
/* References of nodes that stats_for_each() gives, taken in its function; kept beyond it. */
struct stats_node *stats_get(struct stats_node *n);
void stats_put(struct stats_node *n);
/* Call fn for each node in order of registration; fn must not sleep. Stops when it returns
 * non-zero. */
int stats_for_each(int (*fn)(struct stats_node *n, void *ctx), void *ctx);

#endif
