/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Installed drivers: the list of instances, and the way onto it.
 *
 * An instance is one loaded image. Its states:
 *
 *	loading		driver_install: image checked, linked, protected; not visible to anyone
 *	starting	its exports are published and it is on the list; its init runs
 *	live		init has returned success
 *	(undone)	init failed: exports withdrawn, off the list, what it forgot is taken back,
 *a grace period, unmapped
 *
 * Exported names belong to the first instance of a driver; further instances of the same driver (by
 * its name) bring their own copies of the functions, which nobody finds. A different driver with
 * a name that is taken is refused.
 *
 * Locks: install_lock (DRIVER_REGISTRY, a mutex) is held over a whole installation, init
 * included, so that installations happen one after the other. instances_lock (DRIVER_LIST) protects
 *the list for readers that must not wait for a slow init. A driver's init runs with the mutex held
 *and may call everything the ABI has, since none of it installs.
 */
#include "registry.h"
#include "symbols.h"
#include <base/cred.h>
#include <base/log.h>
#include <base/percpu.h>
#include <base/spinlock.h>
#include <base/stats.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/banos_timer.h>
#include <sched/epoch.h>
#include <sched/mutex.h>
#include <sched/thread.h>

#define NAME_SHOWN 64
#define LOG_PIECE  400 /* bytes of a message in one line of the log */

struct instance {
	struct list link;	       /* [instances_lock] */
	int number;		       /* [I] never used twice */
	char name[NAME_SHOWN];	       /* [I] the record's, cut and fit for the log */
	uint32_t version;	       /* [I] the record's */
	bool live;		       /* [instances_lock] init has succeeded */
	bool owns_exports;	       /* [install_lock] published */
	struct driver_image image;     /* [I] */
	struct driver_exports exports; /* [I], and published by symbols.c */
};

static struct mutex install_lock;
static struct spinlock instances_lock = SPINLOCK_INIT(LOCK_DRIVER_LIST);
static struct list instances = LIST_INIT(instances); /* [instances_lock to change] */
static int next_number;				     /* [install_lock] */

/* --- an instance
 * ---------------------------------------------------------------------------------- */

static struct instance *instance_create(const void *bytes, size_t size, char *error, int *result)
{
	struct instance *i = kzalloc(sizeof(*i));

	*result = -ENOMEM;
	if (!i) {
		strlcpy(error, "out of memory", IMAGE_ERROR_SIZE);
		return NULL;
	}
	*result = driver_image_load(&i->image, bytes, size, error);
	if (*result) {
		kfree(i);
		return NULL;
	}
	/* The record is the driver's to write from its init on: what lists show is copied. */
	strlcpy(i->name, i->image.record->name, sizeof(i->name));
	for (char *c = i->name; *c; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
	i->version = i->image.record->version;
	i->exports.entries = i->image.exports;
	i->exports.count = i->image.export_count;
	return i;
}

/* Its exports are withdrawn and it is off the list. */
static void instance_destroy(struct instance *i)
{
	unsigned timers = banos_timers_release(i->image.address, i->image.size);

	if (timers)
		log_warn("driver %s: %u timers left behind, destroyed", i->name, timers);
	/* An address found through a lookup may still be in use for a moment. */
	epoch_wait();
	driver_image_free(&i->image);
	kfree(i);
}

/* An instance of the same driver that publishes its exports, if there is one. install_lock held. */
static bool sibling_owns_exports(const struct instance *i)
{
	struct instance *other;

	list_for_each_entry(other, &instances, link) {
		if (other->owns_exports && strcmp(other->name, i->name) == 0)
			return true;
	}
	return false;
}

static int publish(struct instance *i)
{
	const char *taken;
	int r;

	if (!i->exports.count || sibling_owns_exports(i))
		return 0;
	r = driver_symbols_publish(&i->exports, &taken);
	if (r)
		log_error("driver %s: exports %.100s, which already exists; not installed", i->name,
			  taken);
	else
		i->owns_exports = true;
	return r;
}

static void withdraw(struct instance *i)
{
	if (i->owns_exports)
		driver_symbols_withdraw(&i->exports);
	i->owns_exports = false;
}

static void list_instance(struct instance *i)
{
	spin_lock(&instances_lock);
	list_add_tail(&i->link, &instances);
	spin_unlock(&instances_lock);
}

static void unlist_instance(struct instance *i)
{
	spin_lock(&instances_lock);
	list_del(&i->link);
	spin_unlock(&instances_lock);
}

/*
 * Call init, and look at the state it leaves the processor in: a driver that keeps interrupts off
 * or preemption disabled would otherwise show up much later, far from here.
 */
static int start(struct instance *i)
{
	unsigned preempt = preempt_count();
	int r = i->image.record->init(i->image.record);

	if (!irq_enabled()) {
		irq_enable();
		log_error("driver %s: init returned with interrupts disabled", i->name);
		r = r < 0 ? r : -EINVAL;
	}
	if (preempt_count() != preempt) {
		log_error("driver %s: init returned holding a spinlock", i->name);
		while (preempt_count() > preempt)
			preempt_enable();
		r = r < 0 ? r : -EINVAL;
	}
	if (r < -MAX_ERRNO)
		r = -EIO;
	return r < 0 ? r : 0;
}

/* One line of the log does not hold every message: lists of names can be long. */
static void log_refusal(const char *error)
{
	size_t left = strlen(error), n;

	while (left > LOG_PIECE) {
		for (n = LOG_PIECE; n > 0 && error[n] != ' '; n--)
			;
		n = n ? n : LOG_PIECE;
		log_error("driver image refused: %.*s", (int)n, error);
		error += n;
		left -= n;
	}
	log_error("driver image refused: %s", error);
}

/* --- installing
 * ------------------------------------------------------------------------------------- */

/* No driver can declare parameters yet: any that is given is one too many. */
static int check_parameters(const struct instance *i, const char *parameters)
{
	size_t n = 0;

	while (parameters && *parameters == ' ')
		parameters++;
	if (!parameters || !*parameters)
		return 0;
	while (parameters[n] && parameters[n] != '=' && parameters[n] != ' ')
		n++;
	log_error("driver %s: it has no parameter %.*s; not installed", i->name,
		  (int)min(n, (size_t)NAME_SHOWN), parameters);
	return -EINVAL;
}

static int install_instance(struct instance *i, const char *parameters)
{
	int r = check_parameters(i, parameters);

	if (!r)
		r = publish(i);
	if (r)
		goto out_destroy;
	i->number = next_number++;
	list_instance(i);
	r = start(i);
	if (r) {
		log_error("driver %s: init failed: %s; not installed", i->name, errno_name(r));
		goto out_unlist;
	}
	spin_lock(&instances_lock);
	i->live = true;
	spin_unlock(&instances_lock);
	log_info("driver %s %u.%u.%u: instance %d", i->name, BANOS_VERSION_GET_MAJOR(i->version),
		 BANOS_VERSION_GET_MINOR(i->version), BANOS_VERSION_GET_PATCH(i->version),
		 i->number);
	return i->number;

out_unlist:
	unlist_instance(i);
	withdraw(i);
out_destroy:
	instance_destroy(i);
	return r;
}

int driver_install(const void *bytes, size_t size, const char *parameters)
{
	char *error = kmalloc(IMAGE_ERROR_SIZE);
	struct instance *i;
	int r;

	if (!error)
		return -ENOMEM;
	mutex_lock(&install_lock);
	i = instance_create(bytes, size, error, &r);
	if (i)
		r = install_instance(i, parameters);
	else
		log_refusal(error);
	mutex_unlock(&install_lock);
	kfree(error);
	return r;
}

/* --- looking
 * --------------------------------------------------------------------------------------- */

bool driver_image_of(int number, struct driver_image *out)
{
	struct instance *i;
	bool found = false;

	spin_lock(&instances_lock);
	list_for_each_entry(i, &instances, link) {
		if (i->number == number) {
			*out = i->image;
			found = true;
		}
	}
	spin_unlock(&instances_lock);
	return found;
}

/* The format of Linux: name, size, references, users, state, address (hidden from users). */
static void show_modules(struct stats_node *n, struct text *out)
{
	bool root = current()->cred && cred_superuser(current()->cred);
	struct instance *i;

	spin_lock(&instances_lock);
	list_for_each_entry(i, &instances, link) {
		for (const char *c = i->name; *c; c++)
			text_write(out, *c == ' ' ? "_" : c, 1);
		text_printf(out, " %lu 0 - %s 0x%016lx\n", i->image.size,
			    i->live ? "Live" : "Loading", root ? i->image.address : 0);
	}
	spin_unlock(&instances_lock);
}

static struct stats_node modules_node = {.path = "modules", .show = show_modules};

/*
 * For backtraces: "driver NAME+offset". It may be called when no lock can be taken (a panic), so it
 * reads the list as it is; instances are freed after a grace period, and a panic ends all else.
 */
static bool name_driver_address(char *buf, size_t size, uintptr_t addr)
{
	struct instance *i;

	list_for_each_entry(i, &instances, link)
		if (addr - i->image.address < i->image.size) {
			format(buf, size, "driver %s (instance %d)+%#lx", i->name, i->number,
			       (unsigned long)(addr - i->image.address));
			return true;
		}
	return false;
}

int driver_init(void)
{
	symbol_driver_hook = name_driver_address;
	mutex_init(&install_lock, LOCK_DRIVER_REGISTRY);
	stats_add(&modules_node);
	return 0;
}
