/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices, for the files of this folder. device.c has the states. */
#ifndef BUS_DEVICE_H
#define BUS_DEVICE_H

#include <banos/device.h>
#include <base/owner.h>
#include <lib/list.h>
#include <sched/mutex.h>

struct thread;

enum device_state { DEVICE_FREE, DEVICE_CHANGING, DEVICE_BOUND };

/* What the kernel does for the devices of a bus of its own. */
struct device_bus {
	/* It must not reach memory or raise messages by itself any more. Context: process. */
	void (*stop)(Banos_Device *d);
};

struct Banos_Device {
	struct owner_object object;   /* of the driver that added it; owner NULL: the kernel's */
	const struct device_bus *bus; /* [I] or NULL */
	Banos_Bus_Ops bus_ops;	      /* [I] of the driver that added it */
	void *ctx;		      /* [I] of the one who added it */
	char bus_name[32];	      /* [I] */
	char name[64];		      /* [I] */
	char compatible[64];	      /* [I] */
	Banos_Device_Info info;	      /* [I] its texts are these */
	Banos_Device *parent;	      /* [I] or NULL */
	struct list link;	      /* [device_lock] in the list of all */
	uint64_t age;		      /* [I] the older has the lower one */
	uint32_t children;	      /* [device_lock] */
	bool gone;		      /* [device_lock] it is not in the list any more */
	enum device_state state;      /* [device_lock] */
	bool going;		      /* [device_lock] being removed: offered to nobody */
	struct thread *worker;	      /* [device_lock] who calls its driver, while CHANGING */
	Banos_Device_Driver *driver;  /* [device_lock; a driver of its own: I] */
	void *data;		      /* [device_lock] what probe has stored */
	Banos_Match match;	      /* [I while it has a driver] */
};

/* The owner of the driver that has the device, or NULL. What is made for the device belongs to it.
 * Context: any; the result stays while the driver has the device. */
struct owner *device_owner(const Banos_Device *d);

extern struct mutex device_lock; /* BUS */
extern struct list devices;	 /* [device_lock] by age */

/* Offer a free device to all whose matches fit, the one that names most first. Holds: device_lock,
 * which is dropped meanwhile. */
void device_offer(Banos_Device *d);
/* Its driver lets it go, and nobody gets it any more. 0 or -EDEADLK. Holds: likewise. */
int device_evict(Banos_Device *d);

/* It reaches no memory by itself any more, and its bus calls nobody for it. Context: process. */
void device_stop(Banos_Device *d);

/* Fill in the texts, info but for them, bus, ctx, parent; then this. 0 or -EEXIST. Context:
 * process.
 */
int device_add(Banos_Device *d);

/* The device that an interrupt is of in whose thread we are, or NULL. Context: process. */
const void *device_of_irq_thread(void);

/* Let all drivers make their devices quiet: the machine goes down. Context: process. */
void device_shutdown_all(void);

/* /proc/banos/devices, at boot. */
void device_init(void);

#endif
