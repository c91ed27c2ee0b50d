/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * banos probe: installs what the present devices need, from the objects in a folder.
 *
 * Each device that nobody drives is compared with the match records of all objects, by the kernel's
 * own function (kernel/bus/match.c). The one that names most is installed, after the drivers that
 * it depends on; if it is there already it did not want the device, and the next is tried. Drivers
 * of buses bring new devices, so all begins anew until nothing was installed. Each object is tried
 * once.
 */
#include "file.h"

#include <bus/match.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER	    "/lib/banos"
#define SUFFIX	    ".banos"
#define DEVICES	    "/proc/banos/devices"
#define DEPTH_MAX   32
#define DEVICES_MAX 4096

struct device {
	char bus[32], name[64], compatible[64];
	Banos_Device_Info info;
	char driver[64]; /* or empty */
};

static struct file *files; /* in order of their names */
static struct device *devices;
static size_t device_count;
static int status; /* of the command */

/* --- objects ---------------------------------------------------------------------------------- */

static int is_object(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name), m = strlen(SUFFIX);

	return n > m && strcmp(entry->d_name + n - m, SUFFIX) == 0;
}

/* False: the folder cannot be read. Objects that are no drivers are named and left out. */
static bool read_files(const char *folder)
{
	struct file **end = &files;
	struct dirent **entries;
	int n = scandir(folder, &entries, is_object, alphasort);

	if (n < 0) {
		fprintf(stderr, "banos: %s: %s\n", folder, strerror(errno));
		return false;
	}
	for (int i = 0; i < n; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
			return false;
		*end = file_read(path);
		if (*end)
			end = &(*end)->next;
		else
			status = EXIT_FAILURE;
	}
	return true;
}

static struct file *file_of(const char *name)
{
	struct file *f = files;

	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

static bool is_installed(const char *name)
{
	bool failed;

	for (struct driver *d = drivers_read(&failed); d; d = d->next)
		if (driver_is(d, name))
			return true;
	return false;
}

/* --- devices ---------------------------------------------------------------------------------- */

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

static bool read_devices(void)
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

/* --- who drives what -------------------------------------------------------------------------- */

static uint32_t score_of(const struct file *f, const struct device *d)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < f->contents.meta.matches.count; i++) {
		Banos_Match match;
		uint32_t score;

		file_match(f, i, &match);
		score = match_one(&match, &d->info);
		best = score > best ? score : best;
	}
	return best;
}

/* The object that names most of the device, of those that were not tried, or NULL. */
static struct file *best_file(const struct device *d)
{
	struct file *best = NULL;
	uint32_t best_score = 0;

	for (struct file *f = files; f; f = f->next) {
		uint32_t score = f->tried ? 0 : score_of(f, d);

		if (score > best_score) {
			best = f;
			best_score = score;
		}
	}
	return best;
}

/* "edu.banos: installed as instance 1 for pci 0000:00:01.0, pci 0000:01:00.0" */
static void tell(const struct file *f, long instance, const char *reason)
{
	unsigned n = 0;

	printf("%s: installed as instance %ld", f->path, instance);
	if (read_devices())
		for (size_t i = 0; i < device_count; i++)
			if (strcmp(devices[i].driver, f->name) == 0)
				printf("%s%s %s", n++ ? ", " : " for ", devices[i].bus,
				       devices[i].name);
	printf(n ? "\n" : " for %s\n", reason);
	fflush(stdout);
}

static bool install(struct file *f, const char *reason, unsigned depth);

/* Those that it depends on; what is not there the kernel will say, or the driver does without. */
static bool install_dependencies(const struct file *f, unsigned depth)
{
	for (uint32_t i = 0; i < f->contents.meta.dependencies.count; i++) {
		Banos_Dependency d;
		struct file *other;

		file_dependency(f, i, &d);
		other = file_of(d.name);
		if (!other || is_installed(d.name))
			continue;
		if (!install(other, f->name, depth + 1) && !(d.flags & BANOS_DEPENDENCY_OPTIONAL))
			return false;
	}
	return true;
}

/* An object in a circle of dependencies has been tried when the circle closes. */
static bool install(struct file *f, const char *reason, unsigned depth)
{
	long instance;

	if (f->tried || depth > DEPTH_MAX)
		return false;
	f->tried = true;
	if (!install_dependencies(f, depth))
		return false;
	instance = install_image(&f->image, NULL);
	if (instance < 0) {
		status = complain(f->path, errno);
		return false;
	}
	tell(f, instance, reason);
	return true;
}

/* One driver for one device. False: there is nothing more to do. */
static bool install_next(void)
{
	for (size_t i = 0; i < device_count; i++) {
		char reason[160];
		struct file *f;

		if (devices[i].driver[0])
			continue;
		while ((f = best_file(&devices[i])) != NULL) {
			if (is_installed(f->name)) {
				f->tried = true;
				continue;
			}
			snprintf(reason, sizeof(reason), "%s %s, which it does not take",
				 devices[i].bus, devices[i].name);
			if (install(f, reason, 0))
				return true;
		}
	}
	return false;
}

int command_probe(int argc, char **argv)
{
	status = EXIT_SUCCESS;
	if (!read_files(argc ? argv[0] : FOLDER))
		return EXIT_FAILURE;
	do {
		if (!read_devices())
			return EXIT_FAILURE;
	} while (install_next());
	return status;
}
