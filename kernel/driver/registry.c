/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of installed drivers, and what shows it: /proc/modules in Linux's format for lsmod, and
 * /proc/banos/drivers with all there is to say, which `banos` reads. See instance.h.
 */
#include "registry.h"

#include "instance.h"
#include "params.h"
#include <banos/export.h>
#include <base/cred.h>
#include <base/panic.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <sched/thread.h>

struct mutex install_lock;
struct spinlock instances_lock = SPINLOCK_INIT(LOCK_DRIVER_LIST);
struct list instances = LIST_INIT(instances);

struct instance *instance_find(int number)
{
	struct instance *i;

	list_for_each_entry(i, &instances, link)
		if (i->number == number)
			return i;
	return NULL;
}

struct instance *instance_find_name(const char *name)
{
	struct instance *i;

	list_for_each_entry(i, &instances, link)
		if (i->state == INSTANCE_LIVE && strcmp(i->name, name) == 0)
			return i;
	return NULL;
}

void instance_set_state(struct instance *i, enum instance_state state)
{
	spin_lock(&instances_lock);
	i->state = state;
	spin_unlock(&instances_lock);
}

void instance_list(struct instance *i)
{
	spin_lock(&instances_lock);
	/* Who walks without the lock finds its links set. */
	i->link.prev = instances.prev;
	i->link.next = &instances;
	__atomic_store_n(&instances.prev->next, &i->link, __ATOMIC_RELEASE);
	instances.prev = &i->link;
	spin_unlock(&instances_lock);
}

/* Not list_del, which leaves it as a ring: who stands on it without the lock would go round it. */
void instance_unlist(struct instance *i)
{
	spin_lock(&instances_lock);
	WRITE_ONCE(i->link.prev->next, i->link.next);
	i->link.next->prev = i->link.prev;
	spin_unlock(&instances_lock);
}

bool driver_image_of(int number, struct driver_image *out)
{
	struct instance *i;

	spin_lock(&instances_lock);
	i = instance_find(number);
	if (i)
		*out = i->image;
	spin_unlock(&instances_lock);
	return i != NULL;
}

/* --- showing ------------------------------------------------------------------------------- */

static unsigned users_of(struct instance *i)
{
	return __atomic_load_n(&i->owner.users, __ATOMIC_RELAXED);
}

/* The format of Linux: name, size, users, who they are, state, address (hidden from users). */
static void show_module(struct instance *i, struct text *out, bool root)
{
	static const char *const states[] = {"Loading", "Live", "Unloading"};

	for (const char *c = i->name; *c; c++)
		text_write(out, *c == ' ' ? "_" : c, 1);
	text_printf(out, " %lu %u - %s 0x%016lx\n", i->image.size, users_of(i), states[i->state],
		    root ? i->image.address : 0);
}

static void show_modules(struct stats_node *n, struct text *out)
{
	bool root = current()->cred && cred_superuser(current()->cred);
	struct instance *i;

	spin_lock(&instances_lock);
	list_for_each_entry(i, &instances, link)
		show_module(i, out, root);
	spin_unlock(&instances_lock);
}

static struct stats_node modules_node = {.path = "modules", .show = show_modules};

/* A text of the driver's, on one line. */
static void show_text(struct text *out, const char *key, const char *text)
{
	if (!text)
		return;
	text_printf(out, "%s: ", key);
	for (; *text; text++)
		text_write(out, (uint8_t)*text < 0x20 || *text == 0x7f ? "?" : text, 1);
	text_write(out, "\n", 1);
}

/* What it has made that has a name of its own: "device: blink". */
static void show_objects(struct instance *i, struct text *out)
{
	uint64_t irq = spin_lock_irq(&i->owner.lock);
	struct owner_object *object;

	list_for_each_entry(object, &i->owner.objects, link) {
		if (object->class->label)
			show_text(out, object->class->name, object->class->label(object));
	}
	spin_unlock_irq(&i->owner.lock, irq);
}

static void show_relations(struct instance *i, struct text *out)
{
	if (i->exports.names) {
		text_printf(out, "exports:");
		for (size_t k = 0; k < i->exports.count; k++)
			text_printf(out, " %s", i->exports.entries[k].name);
		text_printf(out, "\n");
	}
	if (i->uses.count) {
		text_printf(out, "uses:");
		for (uint32_t k = 0; k < i->uses.count; k++)
			text_printf(out, " %s:%d", i->uses.on[k]->name, i->uses.on[k]->number);
		text_printf(out, "\n");
	}
}

static void show_driver(struct instance *i, struct text *out)
{
	static const char *const states[] = {"starting", "live", "leaving"};
	const Banos_Meta *meta = &i->image.contents.meta;

	text_printf(out, "instance: %d\n", i->number);
	show_text(out, "name", i->name);
	text_printf(out, "version: %u.%u.%u\nstate: %s\nusers: %u\nsize: %lu\n",
		    BANOS_VERSION_GET_MAJOR(i->version), BANOS_VERSION_GET_MINOR(i->version),
		    BANOS_VERSION_GET_PATCH(i->version), states[i->state], users_of(i),
		    i->image.size);
	show_text(out, "description", meta->description);
	show_text(out, "author", meta->author);
	show_text(out, "license", i->license);
	if (i->value_count) {
		text_printf(out, "parameters:");
		params_show(i, out);
		text_printf(out, "\n");
	}
	show_relations(i, out);
	show_objects(i, out);
	if (i->owner.complaints)
		text_printf(out, "rules broken: %u\n", i->owner.complaints);
	text_printf(out, "\n");
}

/*
 * install_lock is not taken: what is shown of an instance is set before it is listed and goes after
 * it is unlisted, both under instances_lock.
 */
static void show_drivers(struct stats_node *n, struct text *out)
{
	struct instance *i;

	spin_lock(&instances_lock);
	list_for_each_entry(i, &instances, link)
		show_driver(i, out);
	spin_unlock(&instances_lock);
}

static struct stats_node drivers_node = {.path = "banos/drivers", .show = show_drivers};

/*
 * For backtraces: "driver NAME (instance N): function+offset". It may be called when no lock can be
 * taken (a panic), so it reads the list as it is. An instance that goes still leads on to the rest
 * (instance_unlist), and is freed after a grace period; a panic ends all else.
 */
static bool name_driver_address(char *buf, size_t size, uintptr_t addr)
{
	struct instance *i;

	list_for_each_entry(i, &instances, link) {
		uint64_t offset = addr - i->image.address;
		const char *function;

		if (offset >= i->image.size)
			continue;
		function = image_names_find(&i->image.names, offset, &offset);
		format(buf, size, "driver %s (instance %d)%s%s+%#lx", i->name, i->number,
		       function ? ": " : "", function ? function : "", (unsigned long)offset);
		return true;
	}
	return false;
}

int driver_init(void)
{
	symbol_driver_hook = name_driver_address;
	mutex_init(&install_lock, LOCK_DRIVER_REGISTRY);
	driver_symbols_init();
	stats_add(&modules_node);
	stats_add(&drivers_node);
	return 0;
}
