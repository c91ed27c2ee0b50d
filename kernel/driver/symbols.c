/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that drivers can use. The kernel's own are the table that BANOS_EXPORT fills and the linker
 * collects; it is sorted once, and searched by halves. Those of drivers are in a hash table, with
 * a node for each that the publishing instance brings. Lock: names_lock (DRIVER_LIST).
 */
#include "symbols.h"

#include <banos/version.h>
#include <base/panic.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <mem/slab.h>

#define BUCKETS 256

/* What the kernel exports by BANOS_EXPORT: the linker script collects it. */
extern const Banos_Export __banos_export_start[], __banos_export_end[];

static const Banos_Export **kernel_names; /* [I] after boot: by name */
static size_t kernel_count;		  /* [I] */

struct driver_name {
	struct hlist_node link;	     /* [names_lock] */
	const Banos_Export *export;  /* [I] */
	struct driver_exports *from; /* [I] */
};

static struct hlist_head buckets[BUCKETS]; /* [names_lock] */
static struct spinlock names_lock = SPINLOCK_INIT(LOCK_DRIVER_LIST);

void driver_symbols_init(void)
{
	kernel_count = (size_t)(__banos_export_end - __banos_export_start);
	kernel_names = kcalloc(kernel_count, sizeof(*kernel_names));
	if (!kernel_names)
		panic("out of memory for the names that drivers can use");
	/* Insertion: a few hundred, once. */
	for (size_t i = 0; i < kernel_count; i++) {
		size_t at = i;

		while (at && strcmp(kernel_names[at - 1]->name, __banos_export_start[i].name) > 0) {
			kernel_names[at] = kernel_names[at - 1];
			at--;
		}
		kernel_names[at] = &__banos_export_start[i];
	}
}

static void *find_kernel(const char *name)
{
	size_t low = 0, high = kernel_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, kernel_names[middle]->name);

		if (order == 0)
			return kernel_names[middle]->address;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static struct hlist_head *bucket_of(const char *name)
{
	return &buckets[hash_bytes(name, strlen(name), 0) % BUCKETS];
}

/* names_lock held. */
static struct driver_name *find_locked(const char *name)
{
	struct driver_name *n;

	hlist_for_each_entry(n, bucket_of(name), link) {
		if (strcmp(n->export->name, name) == 0)
			return n;
	}
	return NULL;
}

void *driver_symbol_find(const char *name, struct driver_exports **from)
{
	void *address = find_kernel(name);
	struct driver_name *n;

	*from = NULL;
	if (address)
		return address;
	spin_lock(&names_lock);
	n = find_locked(name);
	if (n) {
		address = n->export->address;
		*from = n->from;
	}
	spin_unlock(&names_lock);
	return address;
}

int driver_symbols_publish(struct driver_exports *e, const char **taken)
{
	struct driver_name *names = kcalloc(e->count, sizeof(*names));
	size_t i;
	int r = 0;

	if (!names)
		return -ENOMEM;
	spin_lock(&names_lock);
	for (i = 0; i < e->count; i++) {
		*taken = e->entries[i].name;
		if (find_kernel(*taken) || find_locked(*taken)) {
			r = -EEXIST;
			break;
		}
		names[i].export = &e->entries[i];
		names[i].from = e;
		hlist_add_head(&names[i].link, bucket_of(*taken));
	}
	while (r && i > 0)
		hlist_del(&names[--i].link);
	spin_unlock(&names_lock);
	if (r)
		kfree(names);
	else
		e->names = names;
	return r;
}

void driver_symbols_withdraw(struct driver_exports *e)
{
	if (!e->names)
		return;
	spin_lock(&names_lock);
	for (size_t i = 0; i < e->count; i++)
		hlist_del(&e->names[i].link);
	spin_unlock(&names_lock);
	kfree(e->names);
	e->names = NULL;
}

/* --- the ABI --------------------------------------------------------------------------------- */

void *banos_lookup_symbol(const char *name)
{
	struct driver_exports *from;

	return name ? driver_symbol_find(name, &from) : NULL;
}
BANOS_EXPORT(banos_lookup_symbol);

uint32_t banos_version(void)
{
	return BANOS_VERSION;
}
BANOS_EXPORT(banos_version);
