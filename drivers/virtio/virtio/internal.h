/* SPDX-License-Identifier: MIT */
/* Between the files of this driver. */
#ifndef VIRTIO_INTERNAL_H
#define VIRTIO_INTERNAL_H

#include <banos/dma.h>
#include <banos/irq.h>
#include <banos/mmio.h>
#include <banos/sync.h>
#include <banos/x_virtio.h>

#define EPERM	   1
#define ENOENT	   2
#define EIO	   5
#define ENOMEM	   12
#define EBUSY	   16
#define ENODEV	   19
#define EINVAL	   22
#define ENOSPC	   28
#define EOPNOTSUPP 95

#define QUEUES_MAX     64
#define OWN_MAX	       16 /* queues, for each to have an interrupt of its own */
#define QUEUE_SIZE_MAX 1024

/* Who has which interrupt. */
enum interrupts {
	LINE, /* one for all, which may be shared with other devices; ISR says why */
	ONE,  /* a message for all */
	TWO,  /* one for the configuration, one for all queues */
	EACH, /* one for the configuration, one for each queue */
};

struct virtio {
	Banos_Device *pci;
	Banos_Device *child;
	char name[64];
	Banos_Mmio *common, *notify, *isr, *config; /* parts of its registers; config may be NULL */
	uint32_t notify_multiplier;
	Banos_Dma *dma;
	Banos_Spinlock status_lock;   /* a change of the status register, and of `working` to 0 */
	Banos_Mutex lock;	      /* around what follows, but for interrupts */
	Banos_Irq *irqs[OWN_MAX + 1]; /* [lock] */
	uint32_t irq_count;	      /* [lock] */
	enum interrupts mode;	      /* [lock; read by interrupts, which end before it changes] */
	Virtio_Queue *queues[QUEUES_MAX]; /* likewise */
	void (*changed)(void *ctx);	  /* likewise; or NULL */
	void *changed_ctx;		  /* likewise */
	uint8_t generation;		  /* of the configuration; ONE: by the interrupt alone */
	uint32_t agreed;		  /* [lock] features are agreed on */
	uint32_t working;		  /* atomic: ready, so that its driver may be called */
	uint32_t broken;		  /* atomic: it was caught lying, or has failed */
};

/* A lie: the device is told that we have given up, if it works. Context: any. */
void virtio_fail(struct virtio *v, const char *why);
/* Memory and private state of a ring; its registers are the caller's. NULL: out of memory. */
Virtio_Queue *ring_create(struct virtio *v, uint32_t index, uint32_t size,
			  void (*called)(void *ctx), void *ctx);
void ring_destroy(Virtio_Queue *q);
/* Where its parts are for the device. */
void ring_addresses(const Virtio_Queue *q, uint64_t *descriptors, uint64_t *available,
		    uint64_t *used);
void ring_set_notify(Virtio_Queue *q, uint64_t offset);
/* Its requests are done, perhaps: its driver is told if the device works. */
void ring_call(Virtio_Queue *q);
/* Its driver does not know of it. */
void ring_orphan(Virtio_Queue *q);

#endif
