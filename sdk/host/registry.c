/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of installed drivers, and why something was refused. The rest of a driver's life is the
 * kernel's own code: load.c, install.c, remove.c, uses.c, params.c, symbols.c, interfaces.c of
 * kernel/driver.
 */
#include "registry.h"
#include "host.h"
#include <driver/instance.h>
#include <driver/registry.h>
#include <lib/format.h>
#include <lib/string.h>

struct mutex install_lock;
struct spinlock instances_lock;
struct list instances = LIST_INIT(instances);

static char refusal[IMAGE_ERROR_SIZE];

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
	i->state = state;
}

void instance_list(struct instance *i)
{
	list_add_tail(&i->link, &instances);
	images_begin(i->image.address, i->name);
}

void instance_unlist(struct instance *i)
{
	list_del(&i->link);
}

int registry_newest(void)
{
	struct instance *i;
	int newest = -1;

	list_for_each_entry(i, &instances, link)
		newest = i->number;
	return newest;
}

bool registry_can_go(int number)
{
	struct instance *i = instance_find(number);

	return i && i->image.contents.record->uninit;
}

int driver_refuse(struct driver_message *m, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_v(m->text, sizeof(m->text), fmt, ap);
	va_end(ap);
	return error;
}

void driver_message_tell(const struct driver_message *m)
{
	strlcpy(refusal, m->text, sizeof(refusal));
}

const char *registry_refusal(void)
{
	return refusal;
}
