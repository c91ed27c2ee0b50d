/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dependencies between instances. They form no cycle: an instance needs only such as are live when
 * it is installed.
 */
#include "instance.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/gate.h>

int uses_add(struct driver_uses *uses, struct instance *on)
{
	struct instance **grown;

	for (uint32_t i = 0; i < uses->count; i++)
		if (uses->on[i] == on)
			return 0;
	grown = krealloc(uses->on, (uses->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	uses->on = grown;
	/* Gates close under the same lock that we hold. */
	if (!owner_hold(&on->owner))
		panic("driver %s is needed while it leaves", on->name);
	on->dependents++;
	uses->on[uses->count++] = on;
	return 0;
}

void uses_drop(struct driver_uses *uses)
{
	for (uint32_t i = 0; i < uses->count; i++) {
		uses->on[i]->dependents--;
		owner_drop(&uses->on[i]->owner);
	}
	kfree(uses->on);
	*uses = (struct driver_uses){0};
}

/* The oldest live instance of the driver whose version will do; *other: one whose does not. */
static struct instance *find(const Banos_Dependency *d, struct instance **other)
{
	struct instance *i;

	*other = NULL;
	list_for_each_entry(i, &instances, link) {
		if (i->state != INSTANCE_LIVE || strcmp(i->name, d->name) != 0)
			continue;
		if (i->version >= d->minimum && (!d->maximum || i->version <= d->maximum))
			return i;
		*other = i;
	}
	return NULL;
}

#define V(version)                                                          \
	BANOS_VERSION_GET_MAJOR(version), BANOS_VERSION_GET_MINOR(version), \
		BANOS_VERSION_GET_PATCH(version)

static int missing(const struct driver_image *image, const Banos_Dependency *d,
		   const struct instance *other, struct driver_message *m)
{
	const char *name = image->contents.record->name;

	if (!other)
		return driver_refuse(
			m, -ENOENT,
			"driver %s needs driver %s, which is not installed: install it "
			"first",
			name, d->name);
	if (other->version < d->minimum)
		return driver_refuse(m, -ENOENT,
				     "driver %s needs driver %s %u.%u.%u or newer, but %u.%u.%u is "
				     "installed: install a newer one",
				     name, d->name, V(d->minimum), V(other->version));
	return driver_refuse(
		m, -ENOENT,
		"driver %s needs driver %s %u.%u.%u or older, but %u.%u.%u is installed: "
		"install an older one, or a newer %s",
		name, d->name, V(d->maximum), V(other->version), name);
}

int uses_add_declared(struct driver_uses *uses, const struct driver_image *image,
		      struct driver_message *m)
{
	const Banos_List *list = &image->contents.meta.dependencies;

	for (uint32_t i = 0; i < list->count; i++) {
		struct instance *on, *other;
		Banos_Dependency d;
		int r;

		image_list_get(list, i, &d, sizeof(d));
		on = find(&d, &other);
		if (!on && (d.flags & BANOS_DEPENDENCY_OPTIONAL))
			continue;
		r = on ? uses_add(uses, on) : missing(image, &d, other, m);
		if (r)
			return r == -ENOMEM ? driver_refuse(m, r, "out of memory") : r;
	}
	return 0;
}
