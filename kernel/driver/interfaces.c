/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interfaces by name. Several majors of one may stand side by side; within one, a higher minor only
 * adds. Major 0 is what has not been frozen yet.
 */
#include "interfaces.h"

#include "image.h"
#include "instance.h"
#include <lib/errno.h>
#include <lib/string.h>

static const struct {
	const char *name;
	uint32_t major, minor;
} interfaces[] = {
	{"banos.core", 0, 9},	{"banos.chardev", 0, 10}, {"banos.text", 0, 9},
	{"banos.port", 0, 9},	{"banos.irq", 0, 9},	  {"banos.device", 0, 9},
	{"banos.pci", 0, 9},	{"banos.mmio", 0, 9},	  {"banos.dma", 0, 9},
	{"banos.x_tty", 0, 10}, {"banos.x_block", 0, 1},
};

static int check(const Banos_Need *need, const char *driver, struct driver_message *m)
{
	const char *why = "this kernel does not have it";

	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++) {
		if (strcmp(interfaces[i].name, need->name) != 0)
			continue;
		if (interfaces[i].major == need->major && interfaces[i].minor >= need->minor)
			return 0;
		why = "this kernel has other versions of it";
	}
	return driver_refuse(m, -EOPNOTSUPP,
			     "driver %s needs the interface %s %u.%u, but %s: use a newer kernel",
			     driver, need->name, need->major, need->minor, why);
}

int interfaces_check(const Banos_Meta *meta, const char *driver, struct driver_message *m)
{
	for (uint32_t i = 0; i < meta->needs.count; i++) {
		Banos_Need need;
		int r;

		image_list_get(&meta->needs, i, &need, sizeof(need));
		r = check(&need, driver, m);
		if (r)
			return r;
	}
	return 0;
}
