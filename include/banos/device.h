/* SPDX-License-Identifier: MIT */
/*
 * Devices and who drives them. Interface "banos.device".
 *
 * A driver lists in its metadata the devices that it is for (Banos_Match in <banos/meta.h>) and
 * registers its callbacks in init. It then gets each device that matches and that nobody has: those
 * there are, and those that come. A device has one driver at a time; of several the one whose match
 * names more is asked first, and one that refuses leaves it to the next.
 *
 *	free	-> bound	probe has returned 0 or more
 *	bound	-> free		remove has returned: the device goes, or the driver unregisters
 *
 * What belongs to a device (its interrupts, mappings, ports, memory for its transfers) is made from
 * probe on and given back by remove. What remove or a failed probe forgets is taken back, with a
 * message; before that the device is kept from reaching memory by itself.
 *
 * probe, remove and shutdown of one device are called one after the other, in a context that may
 * sleep, with no lock held.
 *
 * A driver of a bus adds the devices that it finds, and removes them.
 */
#ifndef BANOS_DEVICE_H
#define BANOS_DEVICE_H

#include <banos/driver.h>
#include <banos/meta.h>

typedef struct Banos_Device Banos_Device;
typedef struct Banos_Device_Driver Banos_Device_Driver;

typedef struct Banos_Device_Ops {
	uint32_t size;
	uint32_t flags; /* 0 */
	/*
	 * Required: a device that matches, by the match with this index. Look at it, and make it
	 * work. 0 or more: it is ours, and *data (which is the context if nothing is stored) goes
	 * to the other callbacks. -errno: it is not, and what has been made for it is given back;
	 * -ENODEV is no news for the log.
	 */
	int32_t (*probe)(void *ctx, Banos_Device *device, uint32_t match, void **data);
	/* Required: end what probe began. The device may be gone from the machine already. */
	void (*remove)(void *data);
	/* The system is about to power off or to restart: make the device quiet. It stays bound. */
	void (*shutdown)(void *data);
} Banos_Device_Ops;

BANOS_SIZE(Banos_Device_Ops, 32);
BANOS_OFFSET(Banos_Device_Ops, probe, 8);
BANOS_OFFSET(Banos_Device_Ops, remove, 16);
BANOS_OFFSET(Banos_Device_Ops, shutdown, 24);

/* What a device is. A field that its bus does not have is BANOS_MATCH_ANY, a text that it does not
 * have is empty. The texts stay as long as the driver has the device. */
typedef struct Banos_Device_Info {
	uint32_t size;
	uint32_t flags;		/* 0 */
	const char *bus;	/* "pci" */
	const char *name;	/* its address there, unique on the bus: "0000:00:03.0" */
	const char *compatible; /* what the bus calls it */
	uint32_t vendor;
	uint32_t device;
	uint32_t subvendor;
	uint32_t subdevice;
	uint32_t class_code; /* of PCI: class, subclass, programming interface */
	uint32_t revision;
} Banos_Device_Info;

BANOS_SIZE(Banos_Device_Info, 56);
BANOS_OFFSET(Banos_Device_Info, bus, 8);
BANOS_OFFSET(Banos_Device_Info, name, 16);
BANOS_OFFSET(Banos_Device_Info, compatible, 24);
BANOS_OFFSET(Banos_Device_Info, vendor, 32);
BANOS_OFFSET(Banos_Device_Info, device, 36);
BANOS_OFFSET(Banos_Device_Info, subvendor, 40);
BANOS_OFFSET(Banos_Device_Info, subdevice, 44);
BANOS_OFFSET(Banos_Device_Info, class_code, 48);
BANOS_OFFSET(Banos_Device_Info, revision, 52);

/* A device that a driver of a bus adds. */
typedef struct Banos_Device_Desc {
	uint32_t size;
	uint32_t flags;		/* 0 */
	const char *bus;	/* up to 31 letters, digits, _ and - */
	const char *name;	/* unique on the bus; up to 63 of those, and : and . */
	const char *compatible; /* up to 63 bytes, or NULL */
	Banos_Device *parent;	/* what it hangs on; or NULL */
	uint32_t vendor;	/* as in Banos_Match */
	uint32_t device;
	uint32_t subvendor;
	uint32_t subdevice;
	uint32_t class_code;
	uint32_t revision;
} Banos_Device_Desc;

BANOS_SIZE(Banos_Device_Desc, 64);
BANOS_OFFSET(Banos_Device_Desc, bus, 8);
BANOS_OFFSET(Banos_Device_Desc, name, 16);
BANOS_OFFSET(Banos_Device_Desc, compatible, 24);
BANOS_OFFSET(Banos_Device_Desc, parent, 32);
BANOS_OFFSET(Banos_Device_Desc, vendor, 40);
BANOS_OFFSET(Banos_Device_Desc, device, 44);
BANOS_OFFSET(Banos_Device_Desc, subvendor, 48);
BANOS_OFFSET(Banos_Device_Desc, subdevice, 52);
BANOS_OFFSET(Banos_Device_Desc, class_code, 56);
BANOS_OFFSET(Banos_Device_Desc, revision, 60);

/* What the driver of a bus does for a device that it has added. */
typedef struct Banos_Bus_Ops {
	uint32_t size;
	uint32_t flags; /* 0 */
	/*
	 * The device's driver has let go of it, or has been taken away: the device must not reach
	 * memory, and its driver must not be called by us, when this returns. It may come again
	 * when nothing is left to stop. May be NULL. Context: may sleep.
	 */
	void (*stop)(void *ctx);
} Banos_Bus_Ops;

BANOS_SIZE(Banos_Bus_Ops, 16);
BANOS_OFFSET(Banos_Bus_Ops, stop, 8);

BANOS_API_BEGIN

/*
 * The driver takes the devices that match: probe is called for those that are free, before this
 * returns, whatever becomes of them. `ops` is copied. Returns how many bytes of ops this kernel
 * uses; -EINVAL: no driver, no matches in its metadata, a required callback missing; -EEXIST: it
 * has registered already; -ENOMEM. Context: may sleep. Since 0.9.
 */
int32_t banos_device_driver_register(Banos_Driver *driver, const Banos_Device_Ops *ops, void *ctx,
				     Banos_Device_Driver **out);
/*
 * It gets no more devices, and remove is called for those it has. When this returns no callback
 * runs or will. NULL is allowed; 0; -EDEADLK from a callback, or from the thread of an interrupt of
 * one of its devices. A driver that forgets this loses its devices without a call of remove.
 * Context: may sleep. Since 0.9.
 */
int32_t banos_device_driver_unregister(Banos_Device_Driver *driver);

/* What it is, into *info, whose size and flags are set. 0; -EINVAL. Context: any. Since 0.9. */
int32_t banos_device_info(Banos_Device *device, Banos_Device_Info *info);
/* `data` of the match by which the driver has it. Context: any, from probe to remove. Since 0.9. */
uint64_t banos_device_match_data(Banos_Device *device);
/*
 * A property that the match attaches to the device. type: BANOS_PARAM_UNSIGNED (`buffer` takes a
 * uint64_t; size 8) or BANOS_PARAM_TEXT (cut to `size`, with its terminator). Returns 8, or the
 * length of the whole text; -ENOENT: there is none; -EINVAL: another type, or a bad size. Context:
 * any, from probe to remove. Since 0.9.
 */
int32_t banos_device_property(Banos_Device *device, const char *name, uint32_t type, void *buffer,
			      uint32_t size);

/*
 * A device on the driver's bus in *device; at once offered to those that wait for such. `ops`,
 * which is copied, may be NULL. `ctx` is theirs, and for the driver's own functions, which other
 * drivers call with the device: banos_device_context(). Returns how many bytes of ops this kernel
 * uses; -EEXIST: there is one of that name; -E2BIG, -EINVAL; -ENOMEM. Context: may sleep. Since
 * 0.9.
 */
int32_t banos_device_add(Banos_Driver *driver, const Banos_Device_Desc *desc,
			 const Banos_Bus_Ops *ops, void *ctx, Banos_Device **device);
/* Its driver has to let it go (remove), then it is gone. NULL is allowed; -EDEADLK from a callback
 * of its driver, or from the thread of an interrupt of it; -EBUSY: it has devices below it.
 * Context: may sleep. Since 0.9. */
int32_t banos_device_remove(Banos_Device *device);
/* What banos_device_add() was given; NULL for a device of another driver or of the kernel. Context:
 * any. Since 0.9. */
void *banos_device_context(Banos_Driver *driver, Banos_Device *device);

BANOS_API_END

#endif
