/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that drivers can use. Few and rarely asked for: lists, searched from the front. */
#include "symbols.h"
#include <banos/version.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/string.h>

/* What the kernel exports by BANOS_EXPORT: the linker script collects it. */
extern const Banos_Export __banos_export_start[], __banos_export_end[];

static struct list published = LIST_INIT(published);
static struct spinlock published_lock = SPINLOCK_INIT(LOCK_DRIVER_LIST);

static void *find_among(const Banos_Export *e, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(e[i].name, name) == 0)
			return e[i].address;
	return NULL;
}

/* published_lock held. */
static void *find_locked(const char *name)
{
	struct driver_exports *e;
	void *address =
		find_among(__banos_export_start, __banos_export_end - __banos_export_start, name);

	if (address)
		return address;
	list_for_each_entry(e, &published, link) {
		address = find_among(e->entries, e->count, name);
		if (address)
			return address;
	}
	return NULL;
}

void *driver_symbol_find(const char *name)
{
	void *address;

	spin_lock(&published_lock);
	address = find_locked(name);
	spin_unlock(&published_lock);
	return address;
}

int driver_symbols_publish(struct driver_exports *e, const char **taken)
{
	int r = 0;

	spin_lock(&published_lock);
	for (size_t i = 0; i < e->count && !r; i++) {
		*taken = e->entries[i].name;
		if (find_locked(*taken) || find_among(e->entries, i, *taken))
			r = -EEXIST;
	}
	if (!r)
		list_add_tail(&e->link, &published);
	spin_unlock(&published_lock);
	return r;
}

void driver_symbols_withdraw(struct driver_exports *e)
{
	spin_lock(&published_lock);
	list_del(&e->link);
	spin_unlock(&published_lock);
}

/* --- the ABI ------------------------------------------------------------------------------------
 */

void *banos_lookup_symbol(const char *name)
{
	return name ? driver_symbol_find(name) : NULL;
}
BANOS_EXPORT(banos_lookup_symbol);

uint32_t banos_version(void)
{
	return BANOS_VERSION;
}
BANOS_EXPORT(banos_version);
