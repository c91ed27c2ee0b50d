/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/memory.h> and <banos/cpu.h>: the process's heap, so that the address sanitizer sees each
 * block, and a table of what is out, by who has asked for it. A pool keeps nothing that has come
 * back, for the same reason.
 */
#include "host.h"
#include "task.h"
#include <banos/cpu.h>
#include <banos/memory.h>
#include <base/log.h>
#include <base/owner.h>
#include <base/panic.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include "pages.h"

#define PAGE	   4096u
#define ALIGN	   16u
#define ALLOC_MAX  (1ull << 30)
#define OBJECT_MAX 65536
#define PAGES_MAX  1024
#define PERCPU_MAX 65536
#define LINE	   64u
#define BUCKETS	   4096
#define NEW_BYTES  0xa5 /* what fresh memory holds */

/* --- blocks ---------------------------------------------------------------------------------- */

struct block {
	struct block *next;
	void *memory;
	uint64_t size;
	uintptr_t from; /* who has asked for it */
	uint64_t number;
};

static struct block *buckets[BUCKETS];
static uint64_t last_number;

static struct block **bucket_of(const void *memory)
{
	return &buckets[((uintptr_t)memory >> 4) * 0x9e3779b97f4a7c15ull >> 52];
}

static void *block_new(uint64_t size, uint32_t align, uint32_t flags)
{
	struct block *b;
	void *memory;

	if (size == 0 || size > ALLOC_MAX || align > PAGE || (align & (align - 1)) ||
	    (flags & ~BANOS_ALLOC_ZERO) || host_fails())
		return NULL;
	if (posix_memalign(&memory, max(align, ALIGN), size))
		return NULL;
	memset(memory, flags & BANOS_ALLOC_ZERO ? 0 : NEW_BYTES, size);
	b = host_alloc(sizeof(*b));
	*b = (struct block){.next = *bucket_of(memory),
			    .memory = memory,
			    .size = size,
			    .from = api_caller(),
			    .number = ++last_number};
	*bucket_of(memory) = b;
	return memory;
}

/* What was not given is told by the sanitizer, which knows more of it. */
static void block_free(void *memory)
{
	struct block **at, *b;

	for (at = bucket_of(memory); (b = *at) != NULL; at = &b->next)
		if (b->memory == memory)
			break;
	if (b) {
		sync_check_freed(memory, b->size);
		*at = b->next;
		free(b);
	}
	free(memory);
}

void memory_check_left(uintptr_t image, const char *name)
{
	uint64_t count = 0, bytes = 0;
	const struct block *newest = NULL;
	char where[WHERE_SIZE];

	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct block **at = &buckets[i], *b = *at; b; b = *at) {
			if (!images_contain(image, b->from)) {
				at = &b->next;
				continue;
			}
			count++;
			bytes += b->size;
			if (!newest || b->number > newest->number)
				newest = b;
			*at = b->next; /* told once; the memory stays */
		}
	if (newest)
		host_complain("driver %s: it left %llu block%s of memory behind, %llu bytes; the "
			      "newest, of %llu, was allocated at %s",
			      name, (unsigned long long)count, count == 1 ? "" : "s",
			      (unsigned long long)bytes, (unsigned long long)newest->size,
			      images_where(newest->from, where));
}

void *banos_alloc(uint64_t size, uint32_t align, uint32_t flags)
{
	return block_new(size, align, flags);
}

void banos_free(void *memory)
{
	if (memory)
		block_free(memory);
}

/* --- pools ----------------------------------------------------------------------------------- */

struct Banos_Pool {
	struct owner_object object;
	char name[32];
	uint64_t size;
	uint32_t align;
	uint32_t flags;
	uint64_t out;
};

static void pool_release(struct owner_object *object)
{
	banos_pool_destroy(container_of(object, Banos_Pool, object));
}

static const struct owner_class pool_class = {.name = "pool", .release = pool_release};

int32_t banos_pool_create(Banos_Driver *driver, const char *name, uint64_t size, uint32_t align,
			  uint32_t flags, Banos_Pool **pool)
{
	struct owner *owner = owner_find(driver);
	Banos_Pool *p;

	if (pool)
		*pool = NULL;
	if (!owner || !name || !pool || !size || size > OBJECT_MAX || align > PAGE ||
	    (align & (align - 1)) || (flags & ~BANOS_ALLOC_ZERO))
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	p = host_alloc(sizeof(*p));
	strlcpy(p->name, name, sizeof(p->name));
	p->size = size;
	p->align = align;
	p->flags = flags;
	owner_add(owner, &p->object, &pool_class);
	*pool = p;
	return 0;
}

uint32_t banos_pool_get(Banos_Pool *p, void **objects, uint32_t count)
{
	uint32_t n;

	for (n = 0; n < count; n++) {
		objects[n] = block_new(p->size, p->align, p->flags);
		if (!objects[n])
			break;
	}
	p->out += n;
	return n;
}

void banos_pool_put(Banos_Pool *p, void *const *objects, uint32_t count)
{
	p->out -= count;
	for (uint32_t i = 0; i < count; i++)
		banos_free(objects[i]);
}

void banos_pool_destroy(Banos_Pool *p)
{
	if (!p)
		return;
	if (p->out)
		log_warn("driver %s: pool %s is destroyed with %lu objects still out",
			 p->object.owner->name, p->name, p->out);
	owner_remove(&p->object);
	free(p);
}

/* --- pages ----------------------------------------------------------------------------------- */

static void pages_release(struct owner_object *object)
{
	banos_pages_destroy(container_of(object, Banos_Pages, object));
}

static const struct owner_class pages_class = {.name = "block of pages", .release = pages_release};

int32_t banos_pages_create(Banos_Driver *driver, uint32_t count, uint32_t flags,
			   Banos_Pages **pages)
{
	struct owner *owner = owner_find(driver);
	Banos_Pages *p;
	void *memory;

	if (pages)
		*pages = NULL;
	if (!owner || !pages || !count || count > PAGES_MAX || (flags & ~BANOS_ALLOC_ZERO))
		return -EINVAL;
	if (host_fails() || posix_memalign(&memory, PAGE, (size_t)count * PAGE))
		return -ENOMEM;
	p = host_alloc(sizeof(*p));
	p->memory = memset(memory, 0, (size_t)count * PAGE);
	p->count = count;
	p->refs = 1;
	owner_add(owner, &p->object, &pages_class);
	*pages = p;
	return 0;
}

void *banos_pages_address(Banos_Pages *p)
{
	return p->memory;
}

void pages_put(Banos_Pages *p)
{
	if (--p->refs)
		return;
	free(p->memory);
	free(p);
}

void banos_pages_destroy(Banos_Pages *p)
{
	if (!p)
		return;
	owner_remove(&p->object);
	pages_put(p);
}

/* --- processors ------------------------------------------------------------------------------ */

struct Banos_Percpu {
	struct owner_object object;
	uint8_t *blocks[]; /* one for each processor */
};

static uint32_t cpus = 1;

void cpu_begin(uint32_t count)
{
	cpus = count;
}

uint32_t banos_cpu_count(void)
{
	return cpus;
}

uint32_t banos_cpu_self(void)
{
	return task_self()->cpu;
}

static void percpu_release(struct owner_object *object)
{
	banos_percpu_destroy(container_of(object, Banos_Percpu, object));
}

static const struct owner_class percpu_class = {.name = "per-processor block",
						.release = percpu_release};

int32_t banos_percpu_create(Banos_Driver *driver, uint64_t size, Banos_Percpu **percpu)
{
	struct owner *owner = owner_find(driver);
	Banos_Percpu *p;
	void *block;

	if (percpu)
		*percpu = NULL;
	if (!owner || !percpu || !size || size > PERCPU_MAX)
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	p = host_alloc(sizeof(*p) + cpus * sizeof(p->blocks[0]));
	/* Blocks of their own, so that one that is left is noticed. */
	for (uint32_t i = 0; i < cpus; i++) {
		if (posix_memalign(&block, LINE, size))
			panic("out of memory");
		p->blocks[i] = memset(block, 0, size);
	}
	owner_add(owner, &p->object, &percpu_class);
	*percpu = p;
	return 0;
}

void *banos_percpu_get(Banos_Percpu *p, uint32_t cpu)
{
	return cpu < cpus ? p->blocks[cpu] : NULL;
}

void banos_percpu_destroy(Banos_Percpu *p)
{
	if (!p)
		return;
	owner_remove(&p->object);
	for (uint32_t i = 0; i < cpus; i++)
		free(p->blocks[i]);
	free(p);
}
