/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removing a driver. Check first, then act:
 *
 *	its gate is closed: nobody from outside comes in, nobody is inside, nothing refers to it
 *	quiesce and uninit may refuse: the gate opens again, nothing has happened
 *	what they forgot is taken back, deferred calls have run, a grace period, unmapped
 *
 * Its own timers, interrupts and threads go on until uninit ends them, since it may need them for
 * that: see sched/gate.h.
 */
#include "instance.h"
#include "registry.h"
#include <base/log.h>
#include <bus/device.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/gate.h>
#include <sched/thread.h>

#define EVENT_PATIENCE_NS NSEC_PER_SEC

/* "driver a is in use by b, c" */
static int refuse_busy(struct instance *i, struct driver_message *m)
{
	struct instance *other;

	if (!i->dependents)
		return driver_refuse(
			m, -EBUSY, "driver %s is in use: close its devices and try again", i->name);
	driver_refuse(m, -EBUSY, "driver %s is needed by ", i->name);
	list_for_each_entry(other, &instances, link) {
		for (uint32_t k = 0; k < other->uses.count; k++) {
			if (other->uses.on[k] != i)
				continue;
			strlcat(m->text, other->name, sizeof(m->text));
			strlcat(m->text, ", ", sizeof(m->text));
		}
	}
	strlcat(m->text, "which must be removed first", sizeof(m->text));
	return -EBUSY;
}

static int ask(struct instance *i, struct driver_message *m)
{
	const Banos_Meta *meta = &i->image.contents.meta;
	Banos_Driver *record = i->image.contents.record;
	const char *who = "quiesce";
	int r = 0;

	if (meta->quiesce)
		r = GATE_CALL(&i->owner, who, meta->quiesce(record));
	if (r >= 0) {
		who = "uninit";
		r = GATE_CALL(&i->owner, who, record->uninit(record));
	}
	if (r >= 0)
		return 0;
	if (r < -DRIVER_MAX_ERRNO)
		r = -EIO;
	return driver_refuse(m, r, "driver %s refuses to go: %s returned %s", i->name, who,
			     errno_name(r));
}

static int undo(struct instance *i, struct driver_message *m)
{
	if (instance_undo(i))
		return driver_refuse(m, -EBUSY,
				     "driver %s has ended, but something of its cannot be taken "
				     "back: try again",
				     i->name);
	return 0;
}

/* Holds: install_lock. */
static int remove_instance(struct instance *i, struct driver_message *m)
{
	int r;

	/* It is over but for what could not be taken back. */
	if (i->state == INSTANCE_LEAVING)
		return undo(i, m);
	/* init has checked it; the driver may have written to it since, which changes nothing. */
	if (!i->image.contents.record->uninit)
		return driver_refuse(m, -EBUSY, "driver %s has no uninit: it cannot be removed",
				     i->name);
	if (owner_close(&i->owner))
		return refuse_busy(i, m);
	instance_set_state(i, INSTANCE_LEAVING);
	r = ask(i, m);
	if (r) {
		instance_set_state(i, INSTANCE_LIVE);
		owner_open(&i->owner);
		return r;
	}
	log_info("driver %s: instance %d removed", i->name, i->number);
	return undo(i, m);
}

static int remove_found(struct instance *(*find)(const void *key), const void *key)
{
	struct driver_message *m = kzalloc(sizeof(*m));
	struct instance *i;
	int r;

	if (!m)
		return -ENOMEM;
	mutex_lock(&install_lock);
	i = find(key);
	r = i ? remove_instance(i, m) : driver_refuse(m, -ENOENT, "no such driver is installed");
	mutex_unlock(&install_lock);
	if (r < 0)
		driver_message_tell(m);
	kfree(m);
	return r;
}

static struct instance *find_number(const void *key)
{
	return instance_find(*(const int *)key);
}

static struct instance *find_newest(const void *key)
{
	struct instance *i, *found = NULL;

	list_for_each_entry(i, &instances, link)
		if (strcmp(i->name, key) == 0)
			found = i;
	return found;
}

int driver_remove(int number)
{
	return remove_found(find_number, &number);
}

int driver_remove_name(const char *name)
{
	return remove_found(find_newest, name);
}

/* The machine goes down whether or not some init ever ends. */
static bool lock_in_time(void)
{
	nsec_t deadline = clock_mono_ns() + EVENT_PATIENCE_NS;

	while (!mutex_trylock(&install_lock)) {
		if (clock_mono_ns() > deadline)
			return false;
		thread_sleep_until(clock_mono_ns() + EVENT_PATIENCE_NS / 100, WAIT_UNINTERRUPTIBLE);
	}
	return true;
}

static void tell_all(uint32_t event, uint64_t argument)
{
	struct instance *i;

	if (!lock_in_time()) {
		log_warn(
			"drivers: one is being installed or removed and does not end: none is told "
			"of event %u",
			event);
		return;
	}
	list_for_each_entry(i, &instances, link) {
		const Banos_Meta *meta = &i->image.contents.meta;

		if (meta->event)
			GATE_CALL_VOID(&i->owner, "event",
				       meta->event(i->image.contents.record, event, argument));
	}
	mutex_unlock(&install_lock);
}

void driver_event(uint32_t event, uint64_t argument)
{
	tell_all(event, argument);
	if (event == BANOS_EVENT_SHUTDOWN)
		device_shutdown_all();
}
