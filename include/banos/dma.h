/* SPDX-License-Identifier: MIT */
/*
 * Memory that devices reach by themselves. Interface "banos.dma".
 *
 * A context says what the device can reach; all else hangs on it. Two ways:
 *	buffer	 memory that driver and device share for long, both seeing at once what the other
 *		 writes: descriptor rings, mailboxes
 *	mapping	 memory that exists, for one transfer: the driver does not touch it until it is
 *		 synchronised or unmapped. Where the device cannot reach it, a copy is used.
 *
 * Addresses of devices are not those of the driver: use what the functions here give.
 *
 * banos_pci_enable(BANOS_PCI_MASTER) lets the device reach memory. Before memory is given back the
 * device must have stopped using it. When a driver forgets memory, the kernel first takes the
 * device that right away.
 */
#ifndef BANOS_DMA_H
#define BANOS_DMA_H

#include <banos/device.h>

typedef struct Banos_Dma Banos_Dma;
typedef struct Banos_Dma_Buffer Banos_Dma_Buffer;
typedef struct Banos_Dma_Mapping Banos_Dma_Mapping;

/* What a device can reach. A field that is 0 is no limit. */
typedef struct Banos_Dma_Limits {
	uint32_t size;
	uint32_t flags;	       /* 0 */
	uint32_t address_bits; /* 16 to 64; 0: 64 */
	uint32_t align;	       /* of what a segment begins with: a power of two up to 4,096 */
	uint64_t boundary; /* a segment crosses no multiple of it: a power of two from 4,096 on */
	uint64_t segment_max; /* bytes of a segment: a multiple of 4,096 */
} Banos_Dma_Limits;

BANOS_SIZE(Banos_Dma_Limits, 32);
BANOS_OFFSET(Banos_Dma_Limits, address_bits, 8);
BANOS_OFFSET(Banos_Dma_Limits, align, 12);
BANOS_OFFSET(Banos_Dma_Limits, boundary, 16);
BANOS_OFFSET(Banos_Dma_Limits, segment_max, 24);

/* A piece of the driver's memory. */
typedef struct Banos_Segment {
	void *address;
	uint64_t length;
} Banos_Segment;

BANOS_SIZE(Banos_Segment, 16);
BANOS_OFFSET(Banos_Segment, length, 8);

/* The same as the device sees it. */
typedef struct Banos_Dma_Segment {
	uint64_t address;
	uint64_t length;
} Banos_Dma_Segment;

BANOS_SIZE(Banos_Dma_Segment, 16);
BANOS_OFFSET(Banos_Dma_Segment, length, 8);

/* Which way, for mappings. */
#define BANOS_DMA_TO_DEVICE   1u
#define BANOS_DMA_FROM_DEVICE 2u

typedef struct Banos_Dma_Map {
	uint32_t size;
	uint32_t flags; /* BANOS_DMA_TO_DEVICE, BANOS_DMA_FROM_DEVICE, or both */
	const Banos_Segment *segments;
	uint64_t count; /* of segments, 1 to 1,024 */
} Banos_Dma_Map;

BANOS_SIZE(Banos_Dma_Map, 24);
BANOS_OFFSET(Banos_Dma_Map, segments, 8);
BANOS_OFFSET(Banos_Dma_Map, count, 16);

BANOS_API_BEGIN

/* A context for a device that the driver has, in *dma. 0; -E2BIG, -EINVAL; -ENODEV: not the
 * driver's device; -ENOMEM. Context: may sleep. Since 0.9. */
int32_t banos_dma_create(Banos_Device *device, const Banos_Dma_Limits *limits, Banos_Dma **dma);
/* Its buffers and mappings are gone. NULL is allowed; -EBUSY. Context: may sleep. Since 0.9. */
int32_t banos_dma_destroy(Banos_Dma *dma);

/*
 * `size` bytes (up to 4 MiB) of zeroed memory in one piece in *buffer, aligned to a page. flags: 0.
 * 0; -EINVAL; -ENOMEM, also when all that the device can reach is in use;
 * -EOPNOTSUPP: its boundary or segment_max does not allow such a piece. Context: may sleep. Since
 * 0.9.
 */
int32_t banos_dma_alloc(Banos_Dma *dma, uint64_t size, uint32_t flags, Banos_Dma_Buffer **buffer);
/* Where the driver finds it, and where the device does: until it is freed. Context: any. Since
 * 0.9. */
void *banos_dma_address(Banos_Dma_Buffer *buffer);
uint64_t banos_dma_device_address(Banos_Dma_Buffer *buffer);
/* NULL is allowed. Context: may sleep. Since 0.9. */
void banos_dma_free(Banos_Dma_Buffer *buffer);

/*
 * Let the device reach the memory of `map` for a transfer: as up to `max` segments in out[], in
 * order, and *mapping, by which it is undone. The memory is the driver's: from banos_alloc() and
 * the like, or its own variables; not of a stack. Returns how many segments; -ENOSPC: they are more
 * than max; -EFAULT: not such memory; -EINVAL, -E2BIG; -ENOMEM. Context: any. Since 0.9.
 */
int32_t banos_dma_map(Banos_Dma *dma, const Banos_Dma_Map *map, Banos_Dma_Segment *out,
		      uint32_t max, Banos_Dma_Mapping **mapping);
/*
 * The driver looks at the memory, or changes it, between two transfers of one mapping: direction
 * FROM_DEVICE before it reads, TO_DEVICE after it wrote. 0 or -EINVAL. Context: any. Since 0.9.
 */
int32_t banos_dma_sync(Banos_Dma_Mapping *mapping, uint32_t direction);
/* The transfer is over; what came from the device is there. NULL is allowed. Context: any. Since
 * 0.9. */
void banos_dma_unmap(Banos_Dma_Mapping *mapping);

BANOS_API_END

#endif
