/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/dma.h>. Devices have addresses of their own, which mean something only as long as a buffer
 * or mapping is there: a device that reaches elsewhere is told, as an IOMMU does.
 *
 * A mapping is always a copy, filled when it is made and read back when it ends or is synchronised:
 * what works here works where the device cannot reach the memory itself. Buffers are given
 * addresses that follow the limits, from the bottom of what the device reaches.
 */
#include "host.h"
#include "pci.h"
#include "task.h"
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <lib/string.h>
#include <bus/dma_limits.h>
#include <stdlib.h>
#include <lib/errno.h>

#define PAGE	  4096ull
#define FIRST	  0x4000ull /* the lowest address that is given out */
#define PIECE_MAX (4ull << 20)

typedef struct Banos_Model_Device Device;

/* Memory at an address that a device sees. */
struct window {
	struct list link; /* in windows, by address */
	Banos_Device *device;
	uint64_t address, size; /* whole pages */
	uint64_t length;	/* that may be reached */
	uint8_t *memory;
	uint32_t rights; /* BANOS_DMA_* */
};

struct Banos_Dma {
	struct owner_object object;
	Banos_Device *device;
	uint64_t last; /* the highest address that it reaches */
	uint64_t boundary, segment_max;
	uint32_t users;
};

struct Banos_Dma_Buffer {
	struct owner_object object;
	Banos_Dma *dma;
	struct window *window;
};

struct piece {
	uint8_t *address; /* the driver's */
	struct window *window;
};

struct Banos_Dma_Mapping {
	struct owner_object object;
	Banos_Dma *dma;
	uint32_t direction;
	uint32_t count;
	struct piece pieces[];
};

static struct list windows = LIST_INIT(windows);

/* Who reaches the memory: a child of a bus does so by way of what it hangs on. */
static Banos_Device *master_of(Banos_Device *device)
{
	while (device->parent)
		device = device->parent;
	return device;
}

/* --- windows ---------------------------------------------------------------------------------- */

/* The first gap of that size, which crosses no boundary if it need not. 0: there is none. */
static uint64_t find_gap(const Banos_Dma *dma, uint64_t size, struct list **before)
{
	uint64_t at = FIRST;
	struct window *w;

	*before = &windows;
	list_for_each_entry(w, &windows, link) {
		if (at + size <= w->address) {
			*before = &w->link;
			break;
		}
		at = w->address + w->size;
	}
	return at <= dma->last && size - 1 <= dma->last - at ? at : 0;
}

static struct window *window_new(const Banos_Dma *dma, uint64_t length, uint32_t rights)
{
	uint64_t size = ALIGN_UP(length, PAGE), address;
	struct list *before;
	struct window *w;
	void *memory;

	address = find_gap(dma, size, &before);
	/* Exactly as long as it may be, so that the sanitizer sees what lies behind. */
	if (!address || posix_memalign(&memory, PAGE, length))
		return NULL;
	w = host_alloc(sizeof(*w));
	*w = (struct window){.device = master_of(dma->device),
			     .address = address,
			     .size = size,
			     .length = length,
			     .memory = memset(memory, 0, length),
			     .rights = rights};
	list_add_tail(&w->link, before);
	return w;
}

static void window_free(struct window *w)
{
	list_del(&w->link);
	free(w->memory);
	free(w);
}

static struct window *window_at(const Device *d, uint64_t address, uint64_t size)
{
	struct window *w;

	list_for_each_entry(w, &windows, link)
		if (w->device == &d->device && address >= w->address &&
		    address - w->address <= w->length && size <= w->length - (address - w->address))
			return w;
	return NULL;
}

int32_t dma_access(Device *d, uint64_t address, void *bytes, uint64_t size, bool write)
{
	struct window *w = window_at(d, address, size);
	const char *why = NULL;

	if (d->dead)
		return -EFAULT;
	if (!(d->enabled & BANOS_PCI_MASTER))
		why = "BANOS_PCI_MASTER is not enabled";
	else if (!w)
		why = "the driver has not given it to the device";
	else if (!(w->rights & (write ? BANOS_DMA_FROM_DEVICE : BANOS_DMA_TO_DEVICE)))
		why = "the driver has mapped it for the other direction";
	if (why) {
		host_complain("device %s %s %llu bytes at 0x%llx, but %s", d->name,
			      write ? "writes" : "reads", (unsigned long long)size,
			      (unsigned long long)address, why);
		return -EFAULT;
	}
	if (write)
		memcpy(w->memory + (address - w->address), bytes, size);
	else
		memcpy(bytes, w->memory + (address - w->address), size);
	return 0;
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
	if (host_fails())
		return -ENOMEM;
	dma = host_alloc(sizeof(*dma));
	dma->device = device;
	dma->last =
		l.address_bits && l.address_bits < 64 ? (1ull << l.address_bits) - 1 : UINT64_MAX;
	dma->boundary = l.boundary;
	dma->segment_max = l.segment_max ? l.segment_max : UINT64_MAX;
	dma->object.scope = device;
	owner_add(owner, &dma->object, &dma_class);
	*out = dma;
	return 0;
}

int32_t banos_dma_destroy(Banos_Dma *dma)
{
	if (!dma)
		return 0;
	if (dma->users)
		return -EBUSY;
	owner_remove(&dma->object);
	free(dma);
	return 0;
}

static void stop_device(Banos_Dma *dma)
{
	device_stop(dma->device);
}

/* --- buffers ---------------------------------------------------------------------------------- */

static void release_buffer(struct owner_object *object)
{
	Banos_Dma_Buffer *b = container_of(object, Banos_Dma_Buffer, object);

	stop_device(b->dma);
	banos_dma_free(b);
}

static const struct owner_class buffer_class = {.name = "buffer for transfers",
						.release = release_buffer};

int32_t banos_dma_alloc(Banos_Dma *dma, uint64_t size, uint32_t flags, Banos_Dma_Buffer **out)
{
	Banos_Dma_Buffer *b;
	struct window *w;

	if (out)
		*out = NULL;
	if (!dma || !out || !size || size > DMA_BUFFER_MAX || flags)
		return -EINVAL;
	w = host_fails() ? NULL : window_new(dma, size, DMA_DIRECTIONS);
	if (!w)
		return -ENOMEM;
	if (size > dma->segment_max ||
	    (dma->boundary && (w->address ^ (w->address + size - 1)) >= dma->boundary)) {
		window_free(w);
		return -EOPNOTSUPP;
	}
	b = host_alloc(sizeof(*b));
	b->dma = dma;
	b->window = w;
	dma->users++;
	b->object.scope = dma->device;
	owner_add(dma->object.owner, &b->object, &buffer_class);
	*out = b;
	return 0;
}

void *banos_dma_address(Banos_Dma_Buffer *b)
{
	return b->window->memory;
}

uint64_t banos_dma_device_address(Banos_Dma_Buffer *b)
{
	return b->window->address;
}

void banos_dma_free(Banos_Dma_Buffer *b)
{
	if (!b)
		return;
	owner_remove(&b->object);
	window_free(b->window);
	b->dma->users--;
	free(b);
}

/* --- mappings --------------------------------------------------------------------------------- */

static void release_mapping(struct owner_object *object)
{
	Banos_Dma_Mapping *m = container_of(object, Banos_Dma_Mapping, object);

	stop_device(m->dma);
	banos_dma_unmap(m);
}

static const struct owner_class mapping_class = {.name = "mapping for transfers",
						 .release = release_mapping};

static void mapping_free(Banos_Dma_Mapping *m)
{
	for (uint32_t i = 0; i < m->count; i++)
		window_free(m->pieces[i].window);
	free(m);
}

/* The segments of a piece, cut where the limits demand it. -ENOSPC: more than there is room for. */
static int put_segments(const Banos_Dma *dma, const struct window *w, Banos_Dma_Segment *out,
			uint32_t max, uint32_t *count)
{
	uint64_t at = w->address, left = w->length;

	while (left) {
		uint64_t n = min(left, dma->segment_max);

		if (dma->boundary)
			n = min(n, dma->boundary - (at & (dma->boundary - 1)));
		if (*count == max)
			return -ENOSPC;
		out[(*count)++] = (Banos_Dma_Segment){.address = at, .length = n};
		at += n;
		left -= n;
	}
	return 0;
}

static int add_piece(Banos_Dma_Mapping *m, const Banos_Segment *s)
{
	struct piece *p = &m->pieces[m->count];
	uint64_t end;

	if (!s->length || s->length > PIECE_MAX ||
	    add_overflow((uint64_t)(uintptr_t)s->address, s->length, &end))
		return -EINVAL;
	p->address = s->address;
	p->window = window_new(m->dma, s->length, m->direction);
	if (!p->window)
		return -ENOMEM;
	m->count++;
	return 0;
}

int32_t banos_dma_map(Banos_Dma *dma, const Banos_Dma_Map *given, Banos_Dma_Segment *out,
		      uint32_t max, Banos_Dma_Mapping **mapping)
{
	Banos_Dma_Mapping *m;
	Banos_Dma_Map map;
	uint32_t count = 0;
	int r = BANOS_STRUCT_GET(dma ? dma->object.owner : NULL, Banos_Dma_Map, &map, given);

	if (mapping)
		*mapping = NULL;
	if (r)
		return r;
	if (!dma || !out || !mapping || !map.segments || !map.count ||
	    map.count > DMA_SEGMENTS_MAX || !map.flags || (map.flags & ~DMA_DIRECTIONS))
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	m = host_alloc(sizeof(*m) + map.count * sizeof(m->pieces[0]));
	m->dma = dma;
	m->direction = map.flags;
	for (uint64_t i = 0; i < map.count && !r; i++) {
		r = add_piece(m, &map.segments[i]);
		if (!r)
			r = put_segments(dma, m->pieces[i].window, out, max, &count);
	}
	if (r) {
		mapping_free(m);
		return r;
	}
	dma->users++;
	m->object.scope = dma->device;
	owner_add(dma->object.owner, &m->object, &mapping_class);
	*mapping = m;
	/* Of both directions, too: what the device leaves alone comes back as it was. */
	banos_dma_sync(m, BANOS_DMA_TO_DEVICE);
	return (int32_t)count;
}

int32_t banos_dma_sync(Banos_Dma_Mapping *m, uint32_t direction)
{
	if (!m || (direction != BANOS_DMA_TO_DEVICE && direction != BANOS_DMA_FROM_DEVICE))
		return -EINVAL;
	for (uint32_t i = 0; i < m->count; i++) {
		const struct piece *p = &m->pieces[i];

		if (direction == BANOS_DMA_TO_DEVICE)
			memcpy(p->window->memory, p->address, p->window->length);
		else if (m->direction & BANOS_DMA_FROM_DEVICE)
			memcpy(p->address, p->window->memory, p->window->length);
	}
	return 0;
}

void banos_dma_unmap(Banos_Dma_Mapping *m)
{
	if (!m)
		return;
	banos_dma_sync(m, BANOS_DMA_FROM_DEVICE);
	owner_remove(&m->object);
	m->dma->users--;
	mapping_free(m);
}
