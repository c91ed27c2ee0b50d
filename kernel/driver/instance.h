/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Installed drivers, as the files of this folder share them. An instance is one loaded image.
 *
 *	(building)	install.c: image checked, linked, protected; not visible to anyone
 *	STARTING	its exports are published and it is on the list; its init runs
 *	LIVE		init has returned success
 *	LEAVING		remove.c: its gate is closed; quiesce and uninit run. If they refuse: LIVE
 *	(undone)	off the list, exports withdrawn, what it forgot taken back, a grace period,
 *			unmapped; also when init fails
 *
 * Locks: install_lock (DRIVER_REGISTRY, a mutex) is held over a whole installation or removal, init
 * and uninit included, so that they happen one after the other, and so that what one of them finds
 * stays. instances_lock (DRIVER_LIST) protects the list and the states for readers that must not
 * wait for a slow init. A driver's init may call everything the ABI has, since none of it
 * installs.
 */
#ifndef DRIVER_INSTANCE_H
#define DRIVER_INSTANCE_H

#include "load.h"
#include "symbols.h"
#include "uses.h"
#include <base/owner.h>
#include <sched/mutex.h>

#define DRIVER_NAME_SHOWN 64

enum instance_state { INSTANCE_STARTING, INSTANCE_LIVE, INSTANCE_LEAVING };

struct driver_value;

struct instance {
	struct list link;		 /* [instances_lock] */
	int number;			 /* [I] never used twice */
	enum instance_state state;	 /* [instances_lock] */
	char name[DRIVER_NAME_SHOWN];	 /* [I] the record's, cut and fit for the log */
	char license[DRIVER_NAME_SHOWN]; /* [I] likewise */
	uint32_t version;		 /* [I] the record's */
	struct driver_image image;	 /* [I] */
	struct owner owner;		 /* what it has made, who is inside */
	struct driver_exports exports;	 /* [install_lock] */
	struct driver_uses uses;	 /* [install_lock] the instances it needs */
	uint32_t dependents;		 /* [install_lock] the instances that need it */
	struct driver_value *values;	 /* [I] of its parameters */
	uint32_t value_count;		 /* [I] */
};

extern struct mutex install_lock;
extern struct spinlock instances_lock;
extern struct list instances; /* [instances_lock; to change also install_lock] in order of number */

/* Writes the message and returns `error`: the last statement of every refusal. */
int driver_refuse(struct driver_message *m, int error, const char *fmt, ...) __printf_like(3, 4);

/* Into the log, and kept for the calling thread: message.c. */
void driver_message_tell(const struct driver_message *m);

/* The instance with this number, or NULL. Holds: install_lock. */
struct instance *instance_find(int number);
/* A live one of the driver with this name, the oldest, or NULL. Holds: install_lock. */
struct instance *instance_find_name(const char *name);
static inline struct instance *instance_of_exports(struct driver_exports *e)
{
	return container_of(e, struct instance, exports);
}

void instance_set_state(struct instance *i, enum instance_state state);
void instance_list(struct instance *i);
/* It still leads on to the rest of the list. A grace period must pass before it goes. */
void instance_unlist(struct instance *i);
/*
 * Forgotten objects are released, it is off the list, unmapped, freed. 0; -EBUSY: one of them
 * cannot be released by this thread, and the instance stays, LEAVING, for another try. Holds:
 * install_lock.
 */
int instance_undo(struct instance *i);

#endif
