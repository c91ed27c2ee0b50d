/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How processes show themselves in /proc without the filesystem knowing them: proc/ registers
 * this table once at boot, procfs builds directories from it. A process is an opaque reference.
 */
#ifndef VFS_PROC_SOURCE_H
#define VFS_PROC_SOURCE_H

#include <base/stats.h>
#include <base/types.h>

struct fd_table;
struct file;
struct fs_context;
struct thread;

/* One text file of a process's (and its threads') directory. */
struct proc_text_file {
	const char *name;
	uint16_t mode;	/* permission bits */
	bool protected; /* only for those who may inspect the process */
	/* 0 or -errno (-ESRCH: it is gone). tid: the thread, or the pid. */
	int (*show)(void *process, int32_t tid, struct text *out);
	/* Bytes taken or -errno; NULL: read-only. */
	ssize_t (*store)(void *process, int32_t tid, const char *text, size_t len);
	bool threads; /* also in task/TID */
};

struct proc_source {
	void *(*find)(int32_t pid); /* by pid with a reference, or NULL; zombies are found */
	void (*put)(void *process);
	int32_t (*next)(int32_t after);			      /* smallest pid > after, or 0 */
	int32_t (*next_thread)(void *process, int32_t after); /* smallest tid > after, or 0 */
	bool (*has_thread)(void *process, int32_t tid);
	bool (*gone)(void *process); /* reaped: its directory no longer exists */
	int32_t (*self)(void);	     /* pid of the caller, 0 for kernel threads */
	/* The same of another thread, which stays meanwhile. */
	int32_t (*of_thread)(const struct thread *t);
	int32_t (*self_thread)(void);
	/* Owner of the directory as it is now. dumpable false: the files inside belong to root. */
	void (*owner)(void *process, uint32_t *uid, uint32_t *gid, bool *dumpable);
	bool (*may_inspect)(void *process); /* may the caller look inside? */
	/* With a reference each, or NULL. */
	struct fd_table *(*files)(void *process, int32_t tid);
	struct fs_context *(*fs)(void *process, int32_t tid);
	struct file *(*exe)(void *process);
	uint64_t (*space_id)(void *process); /* of its memory now; 0: it has none */
	/* That memory at an address: bytes done, fewer at one that is not mapped; -EIO: not at all;
	 * 0: the process has that memory no longer. */
	ssize_t (*memory)(void *process, uint64_t space, uint64_t at, void *buf, size_t n,
			  bool write);
	const struct proc_text_file *texts;
	unsigned text_count;
};

void proc_source_register(const struct proc_source *s);
/* NULL before that. */
const struct proc_source *proc_source(void);

#endif
