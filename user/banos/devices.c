/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices that are there, and who drives them. */
#include "devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES "/proc/banos/devices"

struct device *devices;
size_t device_count;

/* The value of "KEY=" in a line, cut; empty if there is none. A driver's name ends the line. */
static void get(const char *line, const char *key, char *out, size_t size)
{
	const char *at = strstr(line, key);
	size_t n = at ? strcspn(at + strlen(key), strcmp(key, " driver=") ? " \n" : "\n") : 0;

	snprintf(out, size, "%.*s", (int)n, at ? at + strlen(key) : "");
}

static uint32_t get_number(const char *line, const char *key)
{
	char text[16];

	get(line, key, text, sizeof(text));
	return *text && *text != '*' ? (uint32_t)strtoul(text, NULL, 16) : BANOS_MATCH_ANY;
}

static bool parse(const char *line, struct device *d)
{
	if (sscanf(line, "%31s %63s", d->bus, d->name) != 2)
		return false;
	get(line, " compatible=", d->compatible, sizeof(d->compatible));
	get(line, " driver=", d->driver, sizeof(d->driver));
	d->info = (Banos_Device_Info){
		.size = sizeof(d->info),
		.bus = d->bus,
		.name = d->name,
		.compatible = d->compatible,
		.vendor = get_number(line, " vendor="),
		.device = get_number(line, " device="),
		.subvendor = get_number(line, " subvendor="),
		.subdevice = get_number(line, " subdevice="),
		.class_code = get_number(line, " class="),
		.revision = get_number(line, " revision="),
	};
	return true;
}

bool devices_read(void)
{
	FILE *from = fopen(DEVICES, "re");
	char line[512];

	if (!from) {
		fprintf(stderr, "banos: " DEVICES ": %s; is this Banos?\n", strerror(errno));
		return false;
	}
	if (!devices)
		devices = calloc(DEVICES_MAX, sizeof(*devices));
	device_count = 0;
	while (devices && device_count < DEVICES_MAX && fgets(line, sizeof(line), from))
		device_count += parse(line, &devices[device_count]);
	fclose(from);
	return devices != NULL;
}
