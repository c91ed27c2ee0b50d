/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices, and the drivers that take them: matching and binding.
 *
 *	FREE	 -> CHANGING	a driver is found for it; probe is called
 *	CHANGING -> BOUND	probe has succeeded
 *	CHANGING -> FREE	nobody wants it; or its driver has let it go
 *	BOUND	 -> CHANGING	the driver unregisters, or the device goes; remove is called
 *
 * Who moves a device to CHANGING is its worker and the only one to touch its driver and data until
 * it moves it on; others that want the device wait at `changed`. So callbacks are called with no
 * lock held: a driver may add devices in them, of which others' probe is called in turn.
 *
 * Unregistration takes the driver off the list, so that no new device finds it, and then waits
 * until no device is its own or CHANGING on its behalf; that keeps its code there for every
 * callback. A device that another driver adds is offered through the owner's gate besides, so not
 * to one that is leaving.
 *
 * What a driver makes for a device carries the device as its scope (base/owner.h). After remove, or
 * a probe that failed, the device is stopped, then what is left of that scope is taken back.
 *
 * Lock: device_lock (BUS), over the list of devices, the list of drivers, and the states.
 */
#include "device.h"

#include "match.h"
#include <banos/export.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/gate.h>
#include <sched/thread.h>

struct Banos_Device_Driver {
	struct owner_object object;
	Banos_Device_Ops ops; /* [I] */
	void *ctx;	      /* [I] */
	struct list link;     /* [device_lock] */
	uint64_t age;	      /* [I] the older has the lower one */
	uint32_t asked;	      /* [device_lock] devices that are CHANGING for it, or BOUND */
	bool stopped;	      /* by who ends it: it has no device and gets none */
};

struct mutex device_lock = MUTEX_INIT(LOCK_BUS);
struct list devices = LIST_INIT(devices);	 /* [device_lock] by age */
static struct list drivers = LIST_INIT(drivers); /* [device_lock] by age */
static uint64_t driver_age;			 /* [device_lock] */
static struct blocker changed = BLOCKER_INIT(LOCK_BLOCKER);
static uint64_t changes; /* [a] raised before `changed` is woken */

struct owner *device_owner(const Banos_Device *d)
{
	const Banos_Device_Driver *driver = READ_ONCE(d->driver);

	return driver ? driver->object.owner : NULL;
}

/* --- waiting for each other ------------------------------------------------------------------- */

static void tell(void)
{
	__atomic_add_fetch(&changes, 1, __ATOMIC_RELEASE);
	blocker_wake_all(&changed);
}

/* Holds: device_lock, which is dropped meanwhile. */
static void wait_for_change(void)
{
	uint64_t seen = __atomic_load_n(&changes, __ATOMIC_ACQUIRE);

	mutex_unlock(&device_lock);
	WAIT_UNTIL(&changed, __atomic_load_n(&changes, __ATOMIC_ACQUIRE) != seen, NEVER,
		   WAIT_UNINTERRUPTIBLE);
	mutex_lock(&device_lock);
}

static void take(Banos_Device *d, Banos_Device_Driver *driver)
{
	d->state = DEVICE_CHANGING;
	d->worker = current();
	WRITE_ONCE(d->driver, driver);
}

/* Holds: device_lock. */
static void settle(Banos_Device *d, enum device_state state)
{
	if (state == DEVICE_FREE) {
		d->driver->asked--;
		WRITE_ONCE(d->driver, NULL);
		d->data = NULL;
	}
	d->state = state;
	d->worker = NULL;
	tell();
}

/* --- calls of the driver ---------------------------------------------------------------------- */

void device_stop(Banos_Device *d)
{
	if (d->bus)
		d->bus->stop(d);
	else if (d->bus_ops.stop)
		GATE_CALL_VOID(d->object.owner, "stop", d->bus_ops.stop(d->ctx));
}

static void tell_forgotten(const struct owner_object *object)
{
	const Banos_Device *d = object->scope;

	log_warn("driver %s: it left a %s of device %s behind, which is taken back",
		 object->owner->name, object->class->name, d->name);
}

/* What is left of the device when its driver has let it go. */
static void clean_up(Banos_Device *d, struct owner *owner)
{
	struct owner_object *kept;

	device_stop(d);
	kept = owner_take_back(owner, d, tell_forgotten);
	if (kept)
		log_error("driver %s: its %s cannot be taken back in this thread", owner->name,
			  kept->class->name);
}

static int call_probe(Banos_Device *d, uint32_t index)
{
	Banos_Device_Driver *driver = d->driver;
	struct owner *owner = driver->object.owner;
	int r;

	d->data = driver->ctx;
	r = GATE_CALL(owner, "probe", driver->ops.probe(driver->ctx, d, index, &d->data));
	if (r >= 0)
		return 0;
	clean_up(d, owner);
	if (r != -ENODEV)
		log_warn("driver %s: device %s %s: probe failed with %s", owner->name, d->bus_name,
			 d->name, errno_name(r < -DRIVER_MAX_ERRNO ? -EIO : r));
	return r;
}

/* --- binding ---------------------------------------------------------------------------------- */

/* A driver that matches a device. */
struct candidate {
	Banos_Device_Driver *driver;
	uint64_t age;
	uint32_t score; /* how much its match names */
	uint32_t index;
	Banos_Match match;
};

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
	return a->score > b->score || (a->score == b->score && a->age < b->age);
}

/* The next to be asked after `last`, in *best, or NULL there. Holds: device_lock. */
static void next_candidate(const Banos_Device *d, const struct candidate *last,
			   struct candidate *best)
{
	Banos_Device_Driver *driver;

	*best = (struct candidate){.driver = NULL};
	list_for_each_entry(driver, &drivers, link) {
		struct candidate c = {.driver = driver, .age = driver->age};

		c.score = match_score(driver->object.owner->matches, &d->info, &c.index, &c.match);
		if (c.score && comes_before(last, &c) && comes_before(&c, best))
			*best = c;
	}
}

/* own: in its registration. Holds: device_lock, which is dropped meanwhile. True: it has taken it.
 */
static bool ask(Banos_Device *d, const struct candidate *c, bool own)
{
	struct gate_pass pass;
	bool taken = false;

	c->driver->asked++;
	d->match = c->match;
	take(d, c->driver);
	mutex_unlock(&device_lock);
	if (own) {
		taken = call_probe(d, c->index) == 0;
	} else if (gate_enter(&c->driver->object.owner->gate, &pass)) {
		taken = call_probe(d, c->index) == 0;
		gate_leave(&pass);
	}
	mutex_lock(&device_lock);
	settle(d, taken ? DEVICE_BOUND : DEVICE_FREE);
	return taken;
}

void device_offer(Banos_Device *d)
{
	struct candidate last = {.score = UINT32_MAX}, c;

	while (d->state == DEVICE_FREE && !d->going) {
		next_candidate(d, &last, &c);
		if (!c.driver || ask(d, &c, false))
			return;
		last = c;
	}
}

/* The driver that is being registered gets what is free. Holds: device_lock. */
static void look_around(Banos_Device_Driver *driver)
{
	const Banos_List *matches = driver->object.owner->matches;
	struct candidate c = {.driver = driver};
	uint64_t round = 0;
	Banos_Device *d;

	/* The list may change while the lock is dropped: devices have ages, and we go by them. */
	for (bool found = true; found;) {
		found = false;
		list_for_each_entry(d, &devices, link) {
			if (d->age <= round)
				continue;
			round = d->age;
			if (d->state != DEVICE_FREE || d->going ||
			    !match_score(matches, &d->info, &c.index, &c.match))
				continue;
			ask(d, &c, true);
			found = true;
			break;
		}
	}
}

/* call: its driver is asked to let it go. Holds: device_lock, which is dropped meanwhile. */
static void unbind(Banos_Device *d, bool call)
{
	Banos_Device_Driver *driver = d->driver;
	struct owner *owner = driver->object.owner;

	take(d, driver);
	mutex_unlock(&device_lock);
	if (call)
		GATE_CALL_VOID(owner, "remove", driver->ops.remove(d->data));
	clean_up(d, owner);
	mutex_lock(&device_lock);
	settle(d, DEVICE_FREE);
}

/*
 * We are inside a callback for the device, or in the thread of one of its interrupts: it cannot be
 * let go here, because that waits for us.
 */
static bool is_inside(const Banos_Device *d)
{
	return d->worker == current() || (d->driver && device_of_irq_thread() == d);
}

int device_evict(Banos_Device *d)
{
	d->going = true;
	while (d->state != DEVICE_FREE) {
		if (is_inside(d)) {
			d->going = false;
			return -EDEADLK;
		}
		if (d->state == DEVICE_BOUND)
			unbind(d, true);
		else
			wait_for_change();
	}
	return 0;
}

/* --- drivers ---------------------------------------------------------------------------------- */

/* It is in none of the lists any more. call: remove is called. */
static void let_go_of_all(Banos_Device_Driver *driver, bool call)
{
	Banos_Device *d, *next;

	while (driver->asked) {
		next = NULL;
		list_for_each_entry(d, &devices, link) {
			if (d->driver == driver && d->state == DEVICE_BOUND)
				next = d;
		}
		if (!next) {
			wait_for_change();
		} else {
			unbind(next, call);
			device_offer(next);
		}
	}
}

/* Claimed by us. 0 or -EDEADLK. */
static int stop_driver(Banos_Device_Driver *driver, bool call)
{
	Banos_Device *d;
	int r = 0;

	mutex_lock(&device_lock);
	list_for_each_entry(d, &devices, link) {
		if (d->driver == driver && is_inside(d))
			r = -EDEADLK;
	}
	if (!r && !driver->stopped) {
		list_del(&driver->link);
		let_go_of_all(driver, call);
		driver->stopped = true;
	}
	mutex_unlock(&device_lock);
	return r;
}

static int end(Banos_Device_Driver *driver, bool call)
{
	int r;

	if (!owner_claim(&driver->object))
		return 0;
	r = stop_driver(driver, call);
	if (r) {
		owner_unclaim(&driver->object);
		return r;
	}
	owner_remove(&driver->object);
	kfree(driver);
	return 0;
}

/* Forgotten: the driver's uninit has given back what its remove would use. */
static void stop(struct owner_object *object)
{
	stop_driver(container_of(object, Banos_Device_Driver, object), false);
}

static void release(struct owner_object *object)
{
	end(container_of(object, Banos_Device_Driver, object), false);
}

static const struct owner_class driver_class = {
	.name = "device driver", .stage = OWNER_FRONT, .stop = stop, .release = release};

static bool has_registered(const struct owner *owner)
{
	const Banos_Device_Driver *driver;

	list_for_each_entry(driver, &drivers, link) {
		if (driver->object.owner == owner)
			return true;
	}
	return false;
}

int32_t banos_device_driver_register(Banos_Driver *record, const Banos_Device_Ops *ops, void *ctx,
				     Banos_Device_Driver **out)
{
	struct owner *owner = owner_find(record);
	Banos_Device_Driver *driver;
	int used;

	if (out)
		*out = NULL;
	if (!owner || !out)
		return BANOS_REFUSE_CALLER(owner);
	if (!owner->matches || !owner->matches->count)
		return BANOS_REFUSE(owner, -EINVAL,
				    "no match record says which devices the driver is for: give "
				    "Banos_Meta.matches");
	driver = kzalloc(sizeof(*driver));
	if (!driver)
		return -ENOMEM;
	driver->ctx = ctx;
	used = BANOS_OPS_GET(owner, Banos_Device_Ops, &driver->ops, ops);
	if (used >= 0 && (!driver->ops.probe || !driver->ops.remove))
		used = BANOS_REFUSE(owner, -EINVAL, "ops.%s is NULL: a driver of devices needs it",
				    driver->ops.probe ? "remove" : "probe");
	if (used < 0) {
		kfree(driver);
		return used;
	}
	mutex_lock(&device_lock);
	if (has_registered(owner)) {
		mutex_unlock(&device_lock);
		kfree(driver);
		return BANOS_REFUSE(owner, -EEXIST,
				    "the driver is registered: one for all of its matches will do");
	}
	*out = driver;
	owner_add(owner, &driver->object, &driver_class);
	driver->age = ++driver_age;
	list_add_tail(&driver->link, &drivers);
	look_around(driver);
	mutex_unlock(&device_lock);
	return used;
}
BANOS_EXPORT(banos_device_driver_register);

int32_t banos_device_driver_unregister(Banos_Device_Driver *driver)
{
	return driver ? end(driver, true) : 0;
}
BANOS_EXPORT(banos_device_driver_unregister);

/* --- the machine goes down -------------------------------------------------------------------- */

static void shut_down(Banos_Device *d)
{
	Banos_Device_Driver *driver = d->driver;

	take(d, driver);
	mutex_unlock(&device_lock);
	if (driver->ops.shutdown)
		GATE_CALL_VOID(driver->object.owner, "shutdown", driver->ops.shutdown(d->data));
	if (d->bus)
		d->bus->stop(d);
	mutex_lock(&device_lock);
	settle(d, DEVICE_BOUND);
}

void device_shutdown_all(void)
{
	uint64_t before = UINT64_MAX;
	Banos_Device *d, *next;

	/* The youngest first: what hangs on another before the other. */
	mutex_lock(&device_lock);
	do {
		next = NULL;
		list_for_each_entry(d, &devices, link) {
			if (d->age < before)
				next = d;
		}
		if (next) {
			before = next->age;
			if (next->state == DEVICE_BOUND)
				shut_down(next);
		}
	} while (next);
	mutex_unlock(&device_lock);
}
