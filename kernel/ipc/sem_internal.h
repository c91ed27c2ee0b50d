/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IPC_SEM_INTERNAL_H
#define IPC_SEM_INTERNAL_H

#include "sem.h"
#include "wait.h"

/* All under the set's lock. */
struct semaphore {
	int32_t value;	     /* 0 to SEMVMX */
	int32_t pid;	     /* who changed it last */
	struct list waiters; /* sem_waiter that wait for this one, by age; but: */
	struct list zero;    /* requests that want nothing but that it is 0 */
	struct list changed; /* in a worklist of sem_settle() */
};

struct sem_set {
	struct ipc_object o;
	uint32_t count;		      /* [I] */
	int64_t op_time, change_time; /* [o.lock] */
	uint64_t arrivals;	      /* [o.lock] how many have waited */
	uint32_t complex;	      /* [o.lock] of those that wait, with several operations */
	struct list undos;	      /* [o.lock] sem_undo.set_link */
	struct semaphore semaphores[];
};

/* One request to a set; see sem.c. */
struct sem_waiter {
	struct ipc_waiter wait;
	const struct sem_op *ops; /* [I] */
	unsigned count;		  /* [I] */
	struct sem_undo *undo;	  /* [I] NULL: no operation is to be undone */
	int32_t pid;		  /* [I] */
	uint64_t arrival;	  /* [set lock] */
	uint16_t blocked_on;	  /* [set lock] the semaphore on whose list it is */
	bool for_zero;		  /* [set lock] ... which it wants to be 0 */
};

/* What a process will do to one set at its end. */
struct sem_undo {
	struct rb_node node;	     /* [owner->lock] */
	struct list set_link;	     /* [set lock] */
	struct sem_undo_list *owner; /* [I] */
	struct sem_set *set;	     /* [I] not counted: the set's end takes this with it */
	int16_t adjust[];	     /* [set lock] to be added to each */
};

struct sem_undo_list {
	uint32_t refs;	      /* [a] threads */
	struct spinlock lock; /* IPC_UNDO: after a set's */
	struct rb_root undos; /* [lock] by address of the set */
};

extern struct ipc_table sem_table;

static inline struct sem_set *sem_set(struct ipc_object *o)
{
	return container_of(o, struct sem_set, o);
}

#define SEM_BLOCKED 1
/*
 * Do all of the request, or nothing: 0, SEM_BLOCKED with blocked_on and for_zero, -EAGAIN,
 * -ERANGE. Holds the set's lock.
 */
int sem_try(struct sem_set *set, struct sem_waiter *w);
/* Put a request that is blocked where it is found. Holds the set's lock. */
void sem_enqueue(struct sem_set *set, struct sem_waiter *w);
void sem_dequeue(struct sem_set *set, struct sem_waiter *w, int status); /* wakes it */
/* It gives up, with r; a result that came meanwhile counts. */
int sem_give_up(struct sem_set *set, struct sem_waiter *w, int r);
/* These, or all, have changed: whoever can go on does. `changed` has semaphore.changed. */
void sem_mark(struct semaphore *s, struct list *changed);
void sem_settle(struct sem_set *set, struct list *changed);

/* The caller's undo for this set, made if need be: 0, -ENOMEM, -EIDRM. No lock held. */
int sem_undo_find(struct sem_set *set, struct sem_undo **out);
/* The set goes, and what would be undone. Holds its lock. */
void sem_undo_drop_all(struct sem_set *set);
/* These values, or (num < 0) all of them, have been set: nothing is undone of what was before. */
void sem_undo_forget(struct sem_set *set, int num);
void sem_undo_init(void);

#endif
