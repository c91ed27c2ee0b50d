/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Installing a driver: image checked, linked and protected (load.c), parameters read, dependencies
 * held, exports published, listed, init called. Whatever fails undoes all that was done before it,
 * in reverse.
 *
 * Exported names belong to the first instance of a driver; further instances of the same driver (by
 * its name) bring their own copies of the functions, which nobody finds. A different driver with
 * a name that is taken is refused.
 */
#include "instance.h"
#include "interfaces.h"
#include "params.h"
#include "registry.h"
#include <base/banos_refuse.h>
#include <base/log.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <sched/gate.h>

static int next_number; /* [install_lock] */
static uint32_t locked; /* [a] by driver_lock() */

/* The record is the driver's to write from its init on: what lists show is copied. */
static void copy_text(char *to, size_t size, const char *from)
{
	strlcpy(to, from, size);
	for (char *c = to; *c; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
}

/* --- before anybody sees it ------------------------------------------------------------------ */

static int check_single(struct instance *i, struct driver_message *m)
{
	if (!(i->image.contents.meta.flags & BANOS_META_SINGLE) || !instance_find_name(i->name))
		return 0;
	return driver_refuse(
		m, -EEXIST,
		"driver %s allows one instance, which is there already: remove it first", i->name);
}

static struct instance *instance_build(const void *bytes, size_t size, const char *parameters,
				       struct driver_message *m, int *result)
{
	struct instance *i = kzalloc(sizeof(*i));

	if (!i) {
		*result = driver_refuse(m, -ENOMEM, "out of memory");
		return NULL;
	}
	*result = driver_image_load(&i->image, &i->uses, bytes, size, m);
	if (*result)
		goto out_free;
	copy_text(i->name, sizeof(i->name), i->image.contents.record->name);
	if (i->image.contents.record->license)
		copy_text(i->license, sizeof(i->license), i->image.contents.record->license);
	i->version = i->image.contents.record->version;
	i->exports.entries = i->image.contents.exports;
	i->exports.count = i->image.contents.export_count;
	*result = interfaces_check(&i->image.contents.meta, i->name, m);
	if (!*result)
		*result = check_single(i, m);
	if (!*result)
		*result = uses_add_declared(&i->uses, &i->image, m);
	if (!*result)
		*result = params_set(i, parameters, m);
	if (*result)
		goto out_unload;
	i->owner.matches = &i->image.contents.meta.matches;
	if (gate_init(&i->owner.gate) == 0)
		return i;
	*result = driver_refuse(m, -ENOMEM, "out of memory");
	params_free(i);
out_unload:
	driver_image_free(&i->image);
out_free:
	uses_drop(&i->uses);
	kfree(i);
	return NULL;
}

/* --- undoing --------------------------------------------------------------------------------- */

static void tell_forgotten(const struct owner_object *object)
{
	log_warn("driver %s: it left a %s behind, which is taken back", object->owner->name,
		 object->class->name);
}

int instance_undo(struct instance *i)
{
	const struct owner_object *kept;

	/* What it has deferred may use what it has made, may make more and may defer again. */
	do {
		epoch_barrier();
		kept = owner_take_back(&i->owner, NULL, tell_forgotten);
		if (kept) {
			log_error("driver %s: its %s cannot be taken back in this thread: it stays",
				  i->owner.name, kept->class->name);
			instance_set_state(i, INSTANCE_LEAVING);
			return -EBUSY;
		}
	} while (__atomic_load_n(&i->owner.deferred, __ATOMIC_ACQUIRE));
	/* If init has failed, programs may have waited for it, to open a device that it had made.
	 */
	owner_shut(&i->owner);
	instance_unlist(i);
	driver_symbols_withdraw(&i->exports);
	epoch_wait(); /* readers of the list, and of names */
	owner_withdraw(&i->owner);
	gate_fini(&i->owner.gate);
	uses_drop(&i->uses);
	driver_image_free(&i->image);
	params_free(i);
	kfree(i);
	return 0;
}

/* --- starting it ----------------------------------------------------------------------------- */

/* An instance of the same driver that publishes its exports, if there is one. */
static bool sibling_owns_exports(const struct instance *i)
{
	struct instance *other;

	list_for_each_entry(other, &instances, link) {
		if (other->exports.names && strcmp(other->name, i->name) == 0)
			return true;
	}
	return false;
}

static int publish(struct instance *i, struct driver_message *m)
{
	const char *taken;
	int r;

	if (!i->exports.count || sibling_owns_exports(i))
		return 0;
	r = driver_symbols_publish(&i->exports, &taken);
	if (r == -EEXIST)
		return driver_refuse(m, r,
				     "driver %s exports %.100s, which already exists: remove the "
				     "driver that has it, or rename it",
				     i->name, taken);
	return r ? driver_refuse(m, r, "out of memory") : 0;
}

/* init, which must not leave a broken rule behind: that would show up much later, far from here. */
static int start(struct instance *i, struct driver_message *m)
{
	Banos_Driver *record = i->image.contents.record;
	char refusal[OWNER_REFUSAL_SIZE];
	struct gate_call call;
	bool broken;
	int r;

	gate_call_begin(&call);
	r = record->init(record);
	broken = gate_call_end(&i->owner, &call, "init");
	if (r >= 0 && broken) {
		if (record->uninit)
			GATE_CALL(&i->owner, "uninit", record->uninit(record));
		return driver_refuse(
			m, -EINVAL,
			"driver %s: init broke a rule, which the line before names; not "
			"installed",
			i->name);
	}
	if (r >= 0)
		return 0;
	if (r < -DRIVER_MAX_ERRNO)
		r = -EIO;
	if (banos_refusal_of(&i->owner, r, refusal, sizeof(refusal)))
		return driver_refuse(m, r,
				     "driver %s: init failed with %s; not installed; last refused "
				     "so: %s",
				     i->name, errno_name(r), refusal);
	return driver_refuse(m, r, "driver %s: init failed with %s; not installed", i->name,
			     errno_name(r));
}

static int instance_start(struct instance *i, struct driver_message *m)
{
	int r = publish(i, m);

	i->number = next_number;
	owner_starts(&i->owner);
	owner_publish(&i->owner, i->image.contents.record, i->name);
	instance_list(i);
	if (!r)
		r = start(i, m);
	if (r) {
		owner_started(&i->owner, false);
		if (instance_undo(i))
			next_number++; /* it is there, and can be removed */
		return r;
	}
	next_number++;
	instance_set_state(i, INSTANCE_LIVE);
	owner_started(&i->owner, true);
	log_info("driver %s %u.%u.%u: instance %d", i->name, BANOS_VERSION_GET_MAJOR(i->version),
		 BANOS_VERSION_GET_MINOR(i->version), BANOS_VERSION_GET_PATCH(i->version),
		 i->number);
	return i->number;
}

int driver_install(const void *bytes, size_t size, const char *parameters)
{
	struct driver_message *m = kzalloc(sizeof(*m));
	struct instance *i;
	int r;

	if (!m)
		return -ENOMEM;
	mutex_lock(&install_lock);
	if (__atomic_load_n(&locked, __ATOMIC_ACQUIRE)) {
		r = driver_refuse(m, -EPERM, "drivers are locked until the next boot (banos lock)");
	} else {
		i = instance_build(bytes, size, parameters, m, &r);
		if (i)
			r = instance_start(i, m);
	}
	mutex_unlock(&install_lock);
	if (r < 0)
		driver_message_tell(m);
	kfree(m);
	return r;
}

void driver_lock(void)
{
	if (!__atomic_exchange_n(&locked, 1, __ATOMIC_ACQ_REL))
		log_info("drivers are locked: none is installed until the next boot");
}
