/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that devices reach: <banos/dma.h>. There is no unit between device and memory, so a
 * device's addresses are physical ones, and the processor's caches see what devices do.
 *
 * A context counts what hangs on it. Buffers are frames in one piece. A mapping finds the frames of
 * the driver's memory by the kernel's page tables and hands them out as they are; a segment that
 * has a frame out of the device's reach, or begins where the device cannot, is replaced by a copy
 * as a whole ("bounced"), which is filled before and read back after the transfer. Whatever the
 * limits are, a copy keeps them, being frames in one piece below the limit; it is cut where a
 * boundary or the longest segment demands it, like all else.
 *
 * The frames that a driver maps stay: they are its own memory, and giving that back while it is
 * mapped is the driver's mistake as it is with any other user of the memory.
 *
 * Taking back what a driver has forgotten: the device is stopped before its memory goes, since it
 * may be writing to it.
 */
#include "device.h"
#include "dma_limits.h"

#include <arch/paging.h>
#include <banos/export.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/frame_low.h>
#include <mem/slab.h>
#include <sched/thread.h>

#define BITS_DMA32     32
#define FRAMES_AT_ONCE 1024 /* of a copy */

struct Banos_Dma {
	struct owner_object object;
	Banos_Device *device; /* [I] */
	uint64_t last;	      /* [I] the highest address that it reaches */
	uint64_t align_mask;  /* [I] bits that are 0 where a segment begins */
	uint64_t boundary;    /* [I] or 0 */
	uint64_t segment_max; /* [I] or UINT64_MAX */
	uint32_t users;	      /* [a] buffers and mappings */
};

struct Banos_Dma_Buffer {
	struct owner_object object;
	Banos_Dma *dma;	    /* [I] */
	struct page *first; /* [I] */
	size_t frames;	    /* [I] */
};

/* One of the driver's segments. */
struct piece {
	uint8_t *address;  /* [I] */
	uint64_t length;   /* [I] */
	struct page *copy; /* [I] in use instead of it, or NULL */
};

struct Banos_Dma_Mapping {
	struct owner_object object;
	Banos_Dma *dma;	    /* [I] */
	uint32_t direction; /* [I] */
	uint32_t count;	    /* [I] of pieces */
	struct piece pieces[];
};

static size_t frames_of(uint64_t bytes)
{
	return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* --- contexts --------------------------------------------------------------------------------- */

static void release_context(struct owner_object *object)
{
	banos_dma_destroy(container_of(object, Banos_Dma, object));
}

static const struct owner_class dma_class = {.name = "context of transfers",
					     .release = release_context};

int32_t banos_dma_create(Banos_Device *device, const Banos_Dma_Limits *given, Banos_Dma **out)
{
	struct owner *owner = device ? device_owner(device) : NULL;
	Banos_Dma_Limits l;
	const char *wrong;
	Banos_Dma *dma;
	int r = BANOS_STRUCT_GET(owner, Banos_Dma_Limits, &l, given);

	if (out)
		*out = NULL;
	if (r)
		return r;
	if (!out)
		return -EINVAL;
	wrong = dma_limits_wrong(&l);
	if (wrong)
		return BANOS_REFUSE(owner, -EINVAL, "%s", wrong);
	if (!owner)
		return -ENODEV;
	dma = kzalloc(sizeof(*dma));
	if (!dma)
		return -ENOMEM;
	dma->device = device;
	dma->last =
		l.address_bits && l.address_bits < 64 ? (1ul << l.address_bits) - 1 : UINT64_MAX;
	dma->align_mask = l.align ? l.align - 1 : 0;
	dma->boundary = l.boundary;
	dma->segment_max = l.segment_max ? l.segment_max : UINT64_MAX;
	dma->object.scope = device;
	owner_add(owner, &dma->object, &dma_class);
	*out = dma;
	return 0;
}
BANOS_EXPORT(banos_dma_create);

int32_t banos_dma_destroy(Banos_Dma *dma)
{
	if (!dma)
		return 0;
	if (__atomic_load_n(&dma->users, __ATOMIC_ACQUIRE))
		return -EBUSY;
	owner_remove(&dma->object);
	kfree(dma);
	return 0;
}
BANOS_EXPORT(banos_dma_destroy);

/* --- frames that the device reaches ----------------------------------------------------------- */

static bool in_reach(const Banos_Dma *dma, paddr_t pa, uint64_t length)
{
	return pa <= dma->last && length - 1 <= dma->last - pa;
}

/* Any will do on most machines; where not, those that are low are looked for. */
static struct page *frames_in_reach(const Banos_Dma *dma, size_t n)
{
	struct page *page = frame_alloc_range(n, FRAME_ZERO);

	if (!page || in_reach(dma, page_paddr(page), n * PAGE_SIZE))
		return page;
	frame_free_range(page, n);
	return frame_alloc_range_below(n, FRAME_ZERO, min(dma->last, (uint64_t)UINT32_MAX));
}

/* --- buffers ---------------------------------------------------------------------------------- */

static void release_buffer(struct owner_object *object)
{
	Banos_Dma_Buffer *b = container_of(object, Banos_Dma_Buffer, object);

	device_stop(b->dma->device);
	banos_dma_free(b);
}

static const struct owner_class buffer_class = {.name = "buffer for transfers",
						.release = release_buffer};

static bool fits_in_one(const Banos_Dma *dma, paddr_t pa, uint64_t length)
{
	return length <= dma->segment_max &&
	       (!dma->boundary || (pa ^ (pa + length - 1)) < dma->boundary);
}

int32_t banos_dma_alloc(Banos_Dma *dma, uint64_t size, uint32_t flags, Banos_Dma_Buffer **out)
{
	Banos_Dma_Buffer *b;

	if (out)
		*out = NULL;
	if (!dma || !out)
		return -EINVAL;
	if (!size || size > DMA_BUFFER_MAX || flags)
		return BANOS_REFUSE(dma->object.owner, -EINVAL, "%s",
				    flags ? "flags must be 0"
					  : "size must be 1 to 4 MiB: use several buffers");
	b = kzalloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->dma = dma;
	b->frames = frames_of(size);
	b->first = frames_in_reach(dma, b->frames);
	if (!b->first) {
		kfree(b);
		return -ENOMEM;
	}
	if (!fits_in_one(dma, page_paddr(b->first), size)) {
		frame_free_range(b->first, b->frames);
		kfree(b);
		return -EOPNOTSUPP;
	}
	__atomic_add_fetch(&dma->users, 1, __ATOMIC_RELAXED);
	b->object.scope = dma->device;
	owner_add(dma->object.owner, &b->object, &buffer_class);
	*out = b;
	return 0;
}
BANOS_EXPORT(banos_dma_alloc);

void *banos_dma_address(Banos_Dma_Buffer *b)
{
	return page_address(b->first);
}
BANOS_EXPORT(banos_dma_address);

uint64_t banos_dma_device_address(Banos_Dma_Buffer *b)
{
	return page_paddr(b->first);
}
BANOS_EXPORT(banos_dma_device_address);

void banos_dma_free(Banos_Dma_Buffer *b)
{
	if (!b)
		return;
	owner_remove(&b->object);
	frame_free_range(b->first, b->frames);
	__atomic_sub_fetch(&b->dma->users, 1, __ATOMIC_RELEASE);
	kfree(b);
}
BANOS_EXPORT(banos_dma_free);

/* --- mappings: what is where ------------------------------------------------------------------ */

/* The physical address of a byte of the kernel's, or false. */
static bool translate(const void *address, paddr_t *pa)
{
	uint64_t va = (uintptr_t)address, size;
	unsigned level;
	pte_t e;

	if (va < DIRECT_BASE)
		return false;
	e = kernel_lookup(va, &level);
	if (!e)
		return false;
	size = PAGE_SIZE << (9 * (level - 1));
	/* In the entry of a large page some of the bits below its size are flags. */
	*pa = (pte_paddr(e) & ~(size - 1)) | (va & (size - 1));
	return true;
}

/* How far memory goes on in one piece, from the address on. */
static uint64_t run_length(const uint8_t *address, uint64_t length, paddr_t pa)
{
	uint64_t run = PAGE_SIZE - (pa & (PAGE_SIZE - 1));
	paddr_t next;

	while (run < length && translate(address + run, &next) && next == pa + run)
		run += PAGE_SIZE;
	return min(run, length);
}

/* A stack goes while the device still writes to it. */
static bool is_on_stack(const struct piece *p)
{
	uintptr_t stack = (uintptr_t)current()->stack, at = (uintptr_t)p->address;

	return !in_interrupt() && at < stack + KERNEL_STACK_SIZE && at + p->length > stack;
}

/* Can the device use it where it is? -EFAULT: it is nowhere, or on a stack. */
static int usable(const Banos_Dma *dma, const struct piece *p, bool *yes)
{
	paddr_t pa;

	*yes = true;
	if (is_on_stack(p))
		return -EFAULT;
	for (uint64_t done = 0, run; done < p->length; done += run) {
		if (!translate(p->address + done, &pa))
			return -EFAULT;
		run = run_length(p->address + done, p->length - done, pa);
		if (!in_reach(dma, pa, run) || pa & dma->align_mask)
			*yes = false;
	}
	return 0;
}

/* Segments of memory in one piece, as the limits cut it. */
struct output {
	Banos_Dma_Segment *out;
	uint32_t max;
	uint32_t count;
};

static int put(const Banos_Dma *dma, struct output *o, paddr_t pa, uint64_t length)
{
	while (length) {
		uint64_t n = min(length, dma->segment_max);

		if (dma->boundary)
			n = min(n, dma->boundary - (pa & (dma->boundary - 1)));
		if (o->count == o->max)
			return -ENOSPC;
		o->out[o->count++] = (Banos_Dma_Segment){.address = pa, .length = n};
		pa += n;
		length -= n;
	}
	return 0;
}

static int put_piece(const Banos_Dma *dma, struct output *o, const struct piece *p)
{
	paddr_t pa;
	int r = 0;

	if (p->copy)
		return put(dma, o, page_paddr(p->copy), p->length);
	for (uint64_t done = 0, run; done < p->length && !r; done += run) {
		if (!translate(p->address + done, &pa))
			return -EFAULT;
		run = run_length(p->address + done, p->length - done, pa);
		r = put(dma, o, pa, run);
	}
	return r;
}

/* --- mappings: their life --------------------------------------------------------------------- */

static void release_mapping(struct owner_object *object)
{
	Banos_Dma_Mapping *m = container_of(object, Banos_Dma_Mapping, object);

	device_stop(m->dma->device);
	banos_dma_unmap(m);
}

static const struct owner_class mapping_class = {.name = "mapping for transfers",
						 .release = release_mapping};

static void free_copies(Banos_Dma_Mapping *m)
{
	for (uint32_t i = 0; i < m->count; i++)
		if (m->pieces[i].copy)
			frame_free_range(m->pieces[i].copy, frames_of(m->pieces[i].length));
}

static int add_piece(Banos_Dma_Mapping *m, const Banos_Segment *s)
{
	struct piece *p = &m->pieces[m->count];
	uint64_t end;
	bool yes;
	int r;

	if (!s->length || s->length > FRAMES_AT_ONCE * PAGE_SIZE ||
	    add_overflow((uint64_t)(uintptr_t)s->address, s->length, &end))
		return -EINVAL;
	*p = (struct piece){.address = s->address, .length = s->length};
	r = usable(m->dma, p, &yes);
	if (r)
		return r;
	if (!yes) {
		p->copy = frames_in_reach(m->dma, frames_of(p->length));
		if (!p->copy)
			return -ENOMEM;
	}
	m->count++;
	return 0;
}

static int fill(Banos_Dma_Mapping *m, const Banos_Dma_Map *map, struct output *o)
{
	int r = 0;

	for (uint64_t i = 0; i < map->count && !r; i++) {
		r = add_piece(m, &map->segments[i]);
		if (!r)
			r = put_piece(m->dma, o, &m->pieces[i]);
	}
	return r;
}

int32_t banos_dma_map(Banos_Dma *dma, const Banos_Dma_Map *given, Banos_Dma_Segment *out,
		      uint32_t max, Banos_Dma_Mapping **mapping)
{
	struct output o = {.out = out, .max = max};
	Banos_Dma_Mapping *m;
	Banos_Dma_Map map;
	int r = BANOS_STRUCT_GET(dma ? dma->object.owner : NULL, Banos_Dma_Map, &map, given);

	if (mapping)
		*mapping = NULL;
	if (r)
		return r;
	if (!dma || !out || !mapping || !map.segments || !map.count ||
	    map.count > DMA_SEGMENTS_MAX || !map.flags || (map.flags & ~DMA_DIRECTIONS))
		return -EINVAL;
	m = kzalloc(sizeof(*m) + map.count * sizeof(m->pieces[0]));
	if (!m)
		return -ENOMEM;
	m->dma = dma;
	m->direction = map.flags;
	r = fill(m, &map, &o);
	if (r) {
		free_copies(m);
		kfree(m);
		return r;
	}
	__atomic_add_fetch(&dma->users, 1, __ATOMIC_RELAXED);
	m->object.scope = dma->device;
	owner_add(dma->object.owner, &m->object, &mapping_class);
	*mapping = m;
	/* Of both directions, too: what the device leaves alone comes back as it was. */
	banos_dma_sync(m, BANOS_DMA_TO_DEVICE);
	return (int32_t)o.count;
}
BANOS_EXPORT(banos_dma_map);

int32_t banos_dma_sync(Banos_Dma_Mapping *m, uint32_t direction)
{
	if (!m || (direction != BANOS_DMA_TO_DEVICE && direction != BANOS_DMA_FROM_DEVICE))
		return -EINVAL;
	for (uint32_t i = 0; i < m->count; i++) {
		const struct piece *p = &m->pieces[i];

		if (!p->copy)
			continue;
		if (direction == BANOS_DMA_TO_DEVICE)
			memcpy(page_address(p->copy), p->address, p->length);
		else if (m->direction & BANOS_DMA_FROM_DEVICE)
			memcpy(p->address, page_address(p->copy), p->length);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}
BANOS_EXPORT(banos_dma_sync);

void banos_dma_unmap(Banos_Dma_Mapping *m)
{
	if (!m)
		return;
	banos_dma_sync(m, BANOS_DMA_FROM_DEVICE);
	owner_remove(&m->object);
	free_copies(m);
	__atomic_sub_fetch(&m->dma->users, 1, __ATOMIC_RELEASE);
	kfree(m);
}
BANOS_EXPORT(banos_dma_unmap);
