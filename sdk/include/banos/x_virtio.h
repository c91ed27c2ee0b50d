/* SPDX-License-Identifier: MIT */
/*
 * What the driver `virtio` exports to the drivers of virtio devices (Virtual I/O Device 1.2,
 * OASIS). It is of that driver, not of the kernel: depend on it by name. Experimental: another
 * version of the driver may have other functions.
 *
 * Their bus is "virtio"; `device` is the kind (4: entropy), `vendor` the subsystem vendor, the name
 * that of the PCI device. A driver of one, from probe to remove:
 *
 *	virtio_negotiate	resets the device and agrees on features, which then stay
 *	virtio_queue_create	as many as it needs
 *	virtio_config_notify	if it wants to hear of changes
 *	virtio_ready		the device begins to work
 *	...
 *	virtio_reset		in remove: the device stops, its queues are gone, nobody is called
 *
 * The functions for one queue may be called from anywhere at once; those for a device are for probe
 * and remove. Memory for the device is made with <banos/dma.h> on the virtio device. What a device
 * writes into a queue is checked: it is believed neither in what it has finished nor in how much it
 * has written.
 */
#ifndef BANOS_X_VIRTIO_H
#define BANOS_X_VIRTIO_H

#include <banos/device.h>

typedef struct Virtio_Queue Virtio_Queue;

/* The device writes to it; else it reads. Those that it writes to come last. */
#define VIRTIO_BUFFER_WRITTEN 1u

typedef struct Virtio_Buffer {
	uint64_t address; /* as devices see it: <banos/dma.h> */
	uint32_t length;
	uint32_t flags; /* VIRTIO_BUFFER_WRITTEN */
} Virtio_Buffer;

/* One request. */
typedef struct Virtio_Request {
	const Virtio_Buffer *buffers;
	uint32_t count;
	uint32_t zero;
	void *token; /* comes back with it; not NULL */
} Virtio_Request;

typedef struct Virtio_Done {
	void *token;
	uint32_t length; /* that the device has written; not more than there was room for */
	uint32_t zero;
} Virtio_Done;

BANOS_API_BEGIN

/*
 * Agree on the features in `want` that the device has, and on all in `need`; of 128 bits, the lower
 * 64 first. What queues need is agreed on besides. got: those agreed on. 0; -EOPNOTSUPP: one that
 * is needed is missing; -EIO; -ENODEV: not a device of ours. Context: may sleep.
 * Since 1.0 of the driver.
 */
int32_t virtio_negotiate(Banos_Device *device, const uint64_t want[2], const uint64_t need[2],
			 uint64_t got[2]);
/* `size` bytes of the device's configuration, as they were at one time. Fields of 2, 4 and 8 bytes
 * are to be read by themselves. 0; -EINVAL: outside; -EIO: it changes all the time; -ENODEV.
 * Context: any. Since 1.0 of the driver. */
int32_t virtio_config_read(Banos_Device *device, uint32_t offset, void *buffer, uint32_t size);
/*
 * From virtio_ready to the reset, call `changed` in an interrupt when the configuration has
 * changed, or may have. Before virtio_ready; NULL: do not. 0; -EINVAL: not at that time; -ENODEV.
 * Context: may sleep. Since 1.1 of the driver.
 */
int32_t virtio_config_notify(Banos_Device *device, void (*changed)(void *ctx), void *ctx);
/*
 * Queue `index` with room for up to `size` buffers in *queue. `called` is called in an interrupt
 * when requests are done, or may be; from virtio_ready to the reset. 0; -ENOENT: the device has no
 * such queue; -EBUSY; -EINVAL; -EIO; -ENOMEM; -ENODEV. Queues made before stay. Context: may sleep.
 * Since 1.0 of the driver.
 */
int32_t virtio_queue_create(Banos_Device *device, uint32_t index, uint32_t size,
			    void (*called)(void *ctx), void *ctx, Virtio_Queue **queue);
/* How many of the requests there was room for; they are begun by the kick. The arrays stay
 * the caller's; the memory that the buffers name is the device's until the request is done.
 * Context: any. Since 1.0 of the driver. */
uint32_t virtio_queue_add(Virtio_Queue *queue, const Virtio_Request *requests, uint32_t count);
/* The device begins what has been added. Context: any. Since 1.0 of the driver. */
void virtio_queue_kick(Virtio_Queue *queue);
/* Up to `count` that are done, into done[]; returns how many. Context: any. Since 1.0 of the
 * driver. */
uint32_t virtio_queue_get(Virtio_Queue *queue, Virtio_Done *done, uint32_t count);
/* Call when requests are done, or do not bother. 1: some are done already, and there may be no call
 * for them. Context: any. Since 1.0 of the driver. */
int32_t virtio_queue_notify(Virtio_Queue *queue, int32_t on);
/* Queues and `changed` are in use from now on. 0; -EIO: the device has failed; -ENODEV. Context:
 * may sleep. Since 1.0 of the driver. */
int32_t virtio_ready(Banos_Device *device);
/* The device touches no memory any more, and `called` and `changed` do not run or will. Its queues
 * are gone. Context: may sleep. Since 1.0 of the driver. */
void virtio_reset(Banos_Device *device);

BANOS_API_END

#endif
