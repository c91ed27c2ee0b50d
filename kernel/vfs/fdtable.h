/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables: one array of references to open file descriptions plus two bitmaps (number
 * taken, close on exec), and nothing per descriptor beside: 8 bytes and 2 bits each.
 */
#ifndef VFS_FDTABLE_H
#define VFS_FDTABLE_H

#include <base/spinlock.h>
#include <base/types.h>
#include <sched/epoch.h>

struct file;
struct text;

/* What grows: replaced as a whole, readers under epoch. */
struct fd_array {
	uint32_t capacity;	/* [I] multiple of 64 */
	struct file **files;	/* [I] array of capacity; entries [a], written under table->lock */
	unsigned long *open;	/* [table->lock] numbers taken, also those not yet installed */
	unsigned long *cloexec; /* [table->lock] */
	struct epoch_head epoch;
};

struct fd_table {
	uint32_t users;		/* [a] threads that have it; the last one closes everything */
	uint32_t refs;		/* [a] one for them all, and those who look at another's */
	struct spinlock lock;	/* FD_TABLE: changes */
	struct fd_array *array; /* [lock to change; readers under epoch] */
	uint32_t next;		/* [lock] no number below it is free */
	uint64_t lock_owner;	/* [I but for exec] names it as an owner of record locks */
	struct epoch_head epoch;
};

#define FD_LIMIT_MAX (1024 * 1024) /* what RLIMIT_NOFILE can be raised to */

/* An empty table, one reference. NULL: no memory. Context of everything here: process. */
struct fd_table *fd_table_create(void);
/* A copy for fork: same files, same bits. NULL: no memory. */
struct fd_table *fd_table_clone(struct fd_table *from);
/* One thread more, or less, that has it. NULL may leave. */
struct fd_table *fd_table_join(struct fd_table *t);
void fd_table_leave(struct fd_table *t);
/* For readers of other threads, under epoch: a reference, unless the last one is gone. */
bool fd_table_try_get(struct fd_table *t);
void fd_table_put(struct fd_table *t); /* NULL is allowed */
/* exec: `to` takes the place of `from` as an owner of record locks, unless others use `from`. */
void fd_table_inherit_locks(struct fd_table *to, struct fd_table *from);
/* exec: close the marked descriptors. The table must not be shared (clone it first). */
void fd_table_exec_close(struct fd_table *t);

/* The file at fd with a reference, or NULL. Takes no lock. */
struct file *fd_get(struct fd_table *t, int fd);
/* The same without a reference. Context: any, under epoch. */
struct file *fd_peek(const struct fd_table *t, int fd);

/*
 * A borrowed file: no reference is taken while the table belongs to one thread, so that a lookup
 * writes nothing shared. Hand it back with fd_return before the system call ends.
 */
struct fd_ref {
	struct file *file; /* NULL: bad descriptor */
	bool counted;
};
struct fd_ref fd_borrow_any(int fd); /* of the calling thread's table; O_PATH descriptors too */
struct fd_ref fd_borrow(int fd);     /* not those: for whatever works on a file's contents */
void fd_return(struct fd_ref r);

/* Several threads have it: whoever uses a file takes a reference. */
bool fd_table_is_shared(struct fd_table *t);

/*
 * Take the lowest free number >= from and below limit (RLIMIT_NOFILE): the number, -EMFILE,
 * -ENOMEM. It is not visible until fd_install; fd_release gives it back unused.
 */
int fd_reserve(struct fd_table *t, unsigned from, uint64_t limit, bool cloexec);
void fd_install(struct fd_table *t, int fd, struct file *f); /* takes over the reference */
void fd_release(struct fd_table *t, int fd);

/*
 * Take the file out: the caller owns its reference. The record locks that the table holds on the
 * file are gone, as with every way of closing a descriptor. NULL: bad descriptor.
 */
struct file *fd_remove(struct fd_table *t, int fd);
/*
 * dup2: f (a new reference is taken) at fd, closing what was there. fd, -EBADF (out of range),
 * -EBUSY (another thread is opening it), -ENOMEM.
 */
int fd_replace(struct fd_table *t, int fd, struct file *f, uint64_t limit, bool cloexec);

/* 0, or -EBADF. */
int fd_get_cloexec(struct fd_table *t, int fd, bool *out);
int fd_set_cloexec(struct fd_table *t, int fd, bool on);
/* close_range: close, or only mark, all descriptors in [first, last]. */
void fd_close_range(struct fd_table *t, unsigned first, unsigned last, bool only_mark);

/* No descriptor is this high now; a multiple of 64. */
size_t fd_capacity(struct fd_table *t);
/* The first open descriptor >= from, or -1 (procfs). */
int fd_next(struct fd_table *t, int from);
/* Bytes that a table with room for n descriptors takes, for the size test. */
size_t fd_array_bytes(unsigned n);

#endif
