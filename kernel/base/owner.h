/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owners: who stands behind an object that a driver has made. Every folder that implements a part
 * of the driver ABI puts an owner_object into what it hands out, so that whatever a driver
 * forgets is found when the driver goes; the loader (driver/) makes the owners, and is above
 * everything that uses them. How calls get in and out of a driver: sched/gate.h.
 *
 *	running	  what it stands for may call the driver
 *	stopped	  it calls nobody any more. Its memory stays, and calls of the driver for it do no
 *		  harm: some other part of the driver may still run and have it
 *	released  it is gone
 *
 * So what a driver has forgotten is taken back in two rounds. First all that calls the driver is
 * stopped, stage by stage, the newest of a stage first. Then nothing of the driver runs, and
 * everything is released, the newest first.
 *
 * In the first round a thread of the driver's own may end the same object: who ends one claims it
 * first, and who comes second leaves it to the other.
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <base/spinlock.h>
#include <lib/list.h>
#include <lib/rbtree.h>

struct gate_counts;
struct thread;
struct work_queue;

/* Counts the calls that are inside, and keeps new ones out: sched/gate.h. */
struct gate {
	struct gate_counts *counts; /* [I] one for each processor */
	uint32_t closed;	    /* [a] nobody gets in */
};

/* In this order: what ends in one may need those behind it for that. */
enum owner_stage {
	OWNER_PASSIVE, /* calls nobody */
	OWNER_FRONT,   /* calls for programs or for other drivers: devices, nodes */
	OWNER_THREAD,  /* threads of the driver's own, which may wait for timers and interrupts */
	OWNER_CALLED,  /* functions that are called when something happens: timers, interrupts */
	OWNER_STAGES,
};

/* How far its init is. */
enum owner_start { OWNER_READY, OWNER_STARTING, OWNER_FAILED };

/* Room for a sentence. */
#define OWNER_REFUSAL_SIZE 240

struct owner {
	struct rb_node node;		   /* [owners] */
	const void *record;		   /* [I] the driver's Banos_Driver: its name in the ABI */
	const char *name;		   /* [I] for messages */
	const struct Banos_List *matches;  /* [I] the devices it is for, or NULL: <banos/meta.h> */
	struct spinlock lock;		   /* DRIVER_OWNER */
	struct list objects;		   /* [lock] in order of creation */
	struct list running[OWNER_STAGES]; /* [lock] those that are not stopped, likewise */
	struct gate gate;		   /* calls from outside */
	uint32_t start;	     /* [a] enum owner_start: who lets programs in, and when */
	uint32_t users;	     /* [a] what keeps it from being removed: files, dependents */
	uint32_t complaints; /* [a] rules it has broken */
	uint32_t told;	     /* [a] mistakes in the log: base/banos_refuse.h */
	uint32_t deferred;   /* [a] its calls that wait for a grace period */
	struct {
		int error; /* 0: none */
		char sentence[OWNER_REFUSAL_SIZE];
	} refusal; /* [lock] the last call of its init that was refused: base/banos_refuse.h */
	struct work_queue
		*queue; /* [a] for its functions, once there is one: sched/banos_queue.h */
};

struct owner_object;

struct owner_class {
	const char *name; /* "timer" */
	enum owner_stage stage;
	/*
	 * Running -> stopped; of what is not passive. NULL: it is released at once, since nobody
	 * else needs it. Context: process.
	 */
	void (*stop)(struct owner_object *object);
	/* What programs know it by, or NULL; stays as long as the object. Context: any. */
	const char *(*label)(const struct owner_object *object);
	/* The driver has forgotten it: end it, if it is not stopped, and free it. Context: process.
	 */
	void (*release)(struct owner_object *object);
};

struct owner_object {
	struct list link;		 /* [owner->lock] */
	struct list running;		 /* [owner->lock] in its stage */
	struct owner *owner;		 /* [I] */
	const struct owner_class *class; /* [I] */
	const void *scope;	    /* [I] what it is taken back with, before the driver goes */
	const struct thread *ender; /* [owner->lock] who is ending it, or making it; or NULL */
	uint32_t claims;	    /* [owner->lock] how often that thread has claimed it */
	bool told;		    /* that it was forgotten; by who takes it back */
};

/* Make the owner known by its record. Context: any. */
void owner_publish(struct owner *o, const void *record, const char *name);
void owner_withdraw(struct owner *o);

/*
 * The owner whose record this is, or NULL for a pointer that is none. It stays while the driver
 * executes, which the caller's caller does. Context: any.
 */
struct owner *owner_find(const void *record);

/* Before owner_add: nobody else ends it until owner_unclaim, when it is made. Context: process. */
void owner_being_made(struct owner_object *object);
/* Context: any. */
void owner_add(struct owner *o, struct owner_object *object, const struct owner_class *class);
void owner_remove(struct owner_object *object);
/*
 * The caller is to end it: false: somebody else does already, who will free it. Of what calls the
 * driver, before the end begins; what is passive ends when nobody else is left. A thread may claim
 * what it has claimed. Context: process.
 */
bool owner_claim(struct owner_object *object);
/* The claim ends: the object stays. */
void owner_unclaim(struct owner_object *object);
/* The newest object, still on the list, or NULL. */
struct owner_object *owner_newest(struct owner *o);
/* The newest of that scope. */
struct owner_object *owner_newest_of(struct owner *o, const void *scope);
/*
 * Stop, then release what there is of that scope (NULL: everything) and nobody else ends, after a
 * tell() for each. NULL; or the one that refuses to be released in this thread: it and the older
 * ones stay. Context: process.
 */
struct owner_object *owner_take_back(struct owner *o, const void *scope,
				     void (*tell)(const struct owner_object *object));

#endif
