/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks on files, all advisory: whole files by open file description (flock), ranges by process
 * (POSIX record locks), ranges by open file description (OFD locks). flock and ranges do not see
 * each other; the two kinds of ranges do.
 */
#ifndef VFS_FILELOCK_H
#define VFS_FILELOCK_H

#include <base/types.h>

struct file;
struct inode;

enum flock_type { FLOCK_NONE, FLOCK_SHARED, FLOCK_EXCLUSIVE };

/* Bytes [start, end], both included; to the end of the file and beyond: RECORD_LOCK_EOF. */
#define RECORD_LOCK_EOF ((uint64_t)INT64_MAX)

struct record_lock {
	uint64_t owner;	     /* record_lock_owner_new()'s, or record_lock_owner_of() */
	uint64_t start, end; /* start <= end <= RECORD_LOCK_EOF */
	int32_t pid;	     /* shown; -1 for locks of open file descriptions */
	enum flock_type type;
};

/* Who owns locks: a table of descriptors (never 0), or an open file description. */
uint64_t record_lock_owner_new(void);
uint64_t record_lock_owner_of(const struct file *f);

/*
 * Lock, change or (FLOCK_NONE) unlock the range for the owner. Without wait a conflict is -EAGAIN.
 * -EINTR, -EDEADLK (not for owners that are file descriptions), -ENOLCK (no memory). The caller
 * holds f. Context: process.
 */
int record_lock_set(struct file *f, const struct record_lock *l, bool wait);
/* True with the lock that is in the way of l in *found; for FLOCK_NONE one of the owner's own. */
bool record_lock_test(struct file *f, const struct record_lock *l, struct record_lock *found);
/* A descriptor of f in a table is closed: what this owner has locked is free. */
void record_locks_close(struct file *f, uint64_t owner);

/* -EAGAIN, -EINTR, -ENOLCK. A change of type lets go of the old lock first, as on Linux. */
int flock_set(struct file *f, enum flock_type type, bool wait, int32_t pid);

/* The last reference of f is gone. */
void file_locks_release(struct file *f);
/* The inode goes; nobody has it open. */
void file_locks_free(struct inode *inode);
void file_locks_init(void); /* /proc/locks, at boot */

#endif
