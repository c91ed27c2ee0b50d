/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the three kinds of System V objects share: numbers, keys, owners, permission. ids.c says how
 * it works.
 */
#ifndef IPC_IDS_H
#define IPC_IDS_H

#include <base/spinlock.h>
#include <base/types.h>
#include <lib/bitmap.h>
#include <lib/rbtree.h>
#include <sched/epoch.h>
#include <sched/mutex.h>
#include <vm/radix.h>

struct stats_node;
struct text;

#define IPC_INDEX_BITS 15
#define IPC_INDEX_MAX  (1 << IPC_INDEX_BITS) /* objects of one kind, whatever the limits say */

/* Who may do what with an object. */
struct ipc_perm_info {
	int32_t key;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode;
	uint16_t seq;
};

struct ipc_object {
	uint32_t refs;		 /* [a] the table has one, and each call that is under way */
	struct spinlock lock;	 /* IPC_OBJECT: this, and what its kind puts around it */
	bool removed;		 /* [lock and the table's] its number means nothing any more */
	int32_t id;		 /* [I] */
	uint16_t seq;		 /* [I] upper part of id */
	int32_t key;		 /* [lock and the table's] */
	uint32_t uid, gid;	 /* [lock] owner */
	uint32_t cuid, cgid;	 /* [I] creator */
	uint32_t mode;		 /* [lock] permission, and bits of its kind above them */
	struct rb_node by_key;	 /* [table] if key is not IPC_PRIVATE */
	struct ipc_table *table; /* [I] */
	struct epoch_head epoch;
};

/* What ipc_permitted() is asked for. */
#define IPC_MAY_READ  0444
#define IPC_MAY_WRITE 0222
#define IPC_MAY_EXEC  0111

struct ipc_request {
	int32_t key;
	unsigned flags; /* IPC_CREAT, IPC_EXCL, permission; and those of the kind */
	uint64_t size;	/* bytes, semaphores */
};

struct ipc_table {
	struct mutex lock; /* IPC_TABLE */
	/* A new object with one reference: ipc_object_init() and what its kind needs. */
	int (*create)(const struct ipc_request *q, struct ipc_object **out);
	/* One that was made could not be entered: drop it. NULL: its one reference goes. */
	void (*discard)(struct ipc_object *o);
	/* Is one that exists large enough? NULL: always. Its lock is held. */
	bool (*fits)(struct ipc_object *o, const struct ipc_request *q);
	/* The last reference is gone. Frees the memory after a grace period. */
	void (*free)(struct ipc_object *o);
	struct radix objects;		     /* [lock to change; readers under epoch] by index */
	struct rb_root keys;		     /* [lock] */
	DECLARE_BITMAP(used, IPC_INDEX_MAX); /* [lock] indices */
	uint32_t next_index;		     /* [lock] where the search begins */
	uint32_t last_index;		     /* [lock] of the newest */
	uint16_t seq;			     /* [lock] */
	uint32_t count;			     /* [a] changes under lock */
	int32_t max_index;		     /* [a] likewise; -1: there are none */
	uint64_t limit;			     /* [a] objects: /proc/sys/kernel/shmmni and the like */
};

void ipc_table_init(struct ipc_table *t);
/* Owner and creator are the caller. */
void ipc_object_init(struct ipc_object *o, struct ipc_table *t, unsigned mode);
struct ipc_object *ipc_object_get(struct ipc_object *o);
void ipc_object_put(struct ipc_object *o);

/*
 * Find by key or make: the id, or -ENOENT, -EEXIST, -EACCES, -EINVAL (does not fit), -ENOSPC,
 * -ENOMEM. Context: process.
 */
int ipc_get(struct ipc_table *t, const struct ipc_request *q);
/* The object with a reference; NULL: there is none with this number. Context: any. */
struct ipc_object *ipc_find(struct ipc_table *t, int32_t id);
struct ipc_object *ipc_find_index(struct ipc_table *t, int32_t index);

/* May the caller do what mode (three bits, or three times three) says? Holds o->lock. */
bool ipc_permitted(const struct ipc_object *o, unsigned mode);
/* Is the caller the owner or the creator? Holds o->lock. */
bool ipc_owned(const struct ipc_object *o);
void ipc_perm_get(const struct ipc_object *o, struct ipc_perm_info *out); /* holds o->lock */
/* IPC_SET: 0, -EINVAL. Holds o->lock. */
int ipc_perm_set(struct ipc_object *o, uint32_t uid, uint32_t gid, uint32_t mode);

/*
 * For the status: 0, or the id if it is asked for by index, with the object's lock held until
 * ipc_look_end(); -EINVAL, -EIDRM, -EACCES (unless any caller may).
 */
int ipc_look_begin(struct ipc_table *t, int32_t id, bool by_index, bool any,
		   struct ipc_object **out);
void ipc_look_end(struct ipc_object *o);

/*
 * For changes that only owners may make: 0 with the table's and the object's lock held until
 * ipc_control_end(); -EINVAL, -EPERM.
 */
int ipc_control_begin(struct ipc_table *t, int32_t id, struct ipc_object **out);
void ipc_control_end(struct ipc_object *o);
/* Nobody finds it any more. Both locks are held; the caller has a reference of its own. */
void ipc_unlink_locked(struct ipc_object *o);
/* Nobody finds it by its key any more. Likewise. */
void ipc_hide_key_locked(struct ipc_object *o);

/* A line for each object in the order of their indices; o->lock is not held. */
void ipc_show(struct ipc_table *t, void (*line)(struct ipc_object *o, struct text *out),
	      struct text *out);

/* Seconds of the wall clock; number of the calling process. */
int64_t ipc_now(void);
int32_t ipc_pid(void);

#endif
