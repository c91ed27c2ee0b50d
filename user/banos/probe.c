/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * banos probe: installs what the present devices need, from the objects in a folder.
 *
 * Each device that nobody drives is compared with the match records of all objects, by the kernel's
 * own function (kernel/bus/match.c). The one that names most is installed, after the drivers that
 * it depends on; if it is there already it did not want the device, and the next is tried. Drivers
 * of buses bring new devices, so all begins anew until nothing was installed. Each object is tried
 * once.
 *
 * Drivers that need each other cannot be installed. If one of them does without the next, it goes
 * first, and the others have their turn again.
 */
#include "devices.h"
#include "file.h"

#include <bus/match.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "/lib/banos"
#define SUFFIX ".banos"

static struct file *files; /* in order of their names */
static unsigned installed;
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

static bool is_installed(const char *name)
{
	bool failed;

	for (struct driver *d = drivers_read(&failed); d; d = d->next)
		if (driver_is(d, name))
			return true;
	return false;
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
		uint32_t score = f->state == FILE_NEW ? score_of(f, d) : 0;

		if (score > best_score) {
			best = f;
			best_score = score;
		}
	}
	return best;
}

/* --- what a driver needs ---------------------------------------------------------------------- */

enum outcome {
	INSTALLED,
	FAILED, /* somebody has said why */
	LATER,	/* it needs one that does without it, and that goes first */
};

static bool version_fits(const struct file *f, const Banos_Dependency *d)
{
	uint32_t version = f->contents.record->version;

	return version >= d->minimum && (!d->maximum || version <= d->maximum);
}

/* The object for a dependency, or NULL; *unfit: one whose version will not do. */
static struct file *file_for(const Banos_Dependency *d, struct file **unfit)
{
	struct file *found = NULL;

	*unfit = NULL;
	for (struct file *f = files; f; f = f->next) {
		if (strcmp(f->name, d->name) != 0)
			continue;
		if (!version_fits(f, d))
			*unfit = f;
		else if (!found || found->state == FILE_OVER)
			found = f;
	}
	return found;
}

#define V(version)                                                          \
	BANOS_VERSION_GET_MAJOR(version), BANOS_VERSION_GET_MINOR(version), \
		BANOS_VERSION_GET_PATCH(version)

static enum outcome refuse_version(const struct file *f, const Banos_Dependency *d,
				   const struct file *unfit)
{
	bool old = unfit->contents.record->version < d->minimum;
	uint32_t limit = old ? d->minimum : d->maximum;

	fprintf(stderr,
		"banos: %s: driver %s needs driver %s %u.%u.%u or %s, but %s is %u.%u.%u: put %s "
		"one into the folder\n",
		f->path, f->name, d->name, V(limit), old ? "newer" : "older", unfit->path,
		V(unfit->contents.record->version), old ? "a newer" : "an older");
	return FAILED;
}

/* "a -> b -> c": who has wanted whom, from one down to another. */
static void show_way(const struct file *from, const struct file *to)
{
	if (to != from)
		show_way(from, to->wanted_by);
	fprintf(stderr, "%s -> ", to->name);
}

/* f needs `first`, and was wanted for it. */
static enum outcome close_circle(struct file *first, struct file *f)
{
	for (struct file *i = f; i != first; i = i->wanted_by)
		if (i->optional)
			return LATER;
	fprintf(stderr,
		"banos: %s: these drivers need each other, so none of them can be "
		"installed: ",
		first->path);
	show_way(first, f);
	fprintf(stderr, "%s; make one of the dependencies optional\n", first->name);
	for (struct file *i = f; i != first; i = i->wanted_by)
		i->told = true;
	first->told = true;
	return FAILED;
}

static enum outcome install(struct file *f, const char *reason);

static enum outcome install_dependency(struct file *f, const Banos_Dependency *d)
{
	bool optional = d->flags & BANOS_DEPENDENCY_OPTIONAL;
	struct file *unfit, *other = file_for(d, &unfit);
	enum outcome outcome;

	if (!other) /* if there is no such driver at all, the kernel will say so */
		return unfit && !optional ? refuse_version(f, d, unfit) : INSTALLED;
	if (other->state == FILE_BEGUN) {
		outcome = optional ? INSTALLED : close_circle(other, f);
	} else {
		other->wanted_by = f;
		other->optional = optional;
		outcome = install(other, f->name);
	}
	if (optional)
		return INSTALLED;
	if (outcome == FAILED && !f->told)
		fprintf(stderr,
			"banos: %s: driver %s needs driver %s, which could not be installed\n",
			f->path, f->name, d->name);
	return outcome;
}

static enum outcome install_dependencies(struct file *f)
{
	for (uint32_t i = 0; i < f->contents.meta.dependencies.count; i++) {
		enum outcome outcome = INSTALLED;
		Banos_Dependency d;

		file_dependency(f, i, &d);
		if (!is_installed(d.name))
			outcome = install_dependency(f, &d);
		if (outcome != INSTALLED)
			return outcome;
	}
	return INSTALLED;
}

/* --- installing ------------------------------------------------------------------------------- */

/* "edu.banos: installed as instance 1 for pci 0000:00:01.0, pci 0000:01:00.0" */
static void tell(const struct file *f, long instance, const char *reason)
{
	unsigned n = 0;

	printf("%s: installed as instance %ld", f->path, instance);
	if (devices_read())
		for (size_t i = 0; i < device_count; i++)
			if (strcmp(devices[i].driver, f->name) == 0)
				printf("%s%s %s", n++ ? ", " : " for ", devices[i].bus,
				       devices[i].name);
	printf(n ? "\n" : " for %s\n", reason);
	fflush(stdout);
}

static enum outcome install(struct file *f, const char *reason)
{
	enum outcome outcome;
	long instance;

	if (f->state == FILE_OVER)
		return FAILED;
	f->state = FILE_BEGUN;
	outcome = install_dependencies(f);
	f->state = outcome == LATER ? FILE_NEW : FILE_OVER;
	if (outcome == FAILED)
		status = EXIT_FAILURE;
	if (outcome != INSTALLED)
		return outcome;
	instance = install_image(&f->image, NULL);
	if (instance < 0) {
		status = complain(f->path, errno);
		return FAILED;
	}
	installed++;
	tell(f, instance, reason);
	return INSTALLED;
}

/* One driver for one device, if there is one to do. */
static void install_next(void)
{
	for (size_t i = 0; i < device_count; i++) {
		char reason[160];
		struct file *f;

		if (devices[i].driver[0])
			continue;
		while ((f = best_file(&devices[i])) != NULL) {
			if (is_installed(f->name)) {
				f->state = FILE_OVER;
				continue;
			}
			snprintf(reason, sizeof(reason), "%s %s, which it does not take",
				 devices[i].bus, devices[i].name);
			if (install(f, reason) == INSTALLED)
				return;
		}
	}
}

int command_probe(int argc, char **argv)
{
	unsigned before;

	status = EXIT_SUCCESS;
	if (!read_files(argc ? argv[0] : FOLDER))
		return EXIT_FAILURE;
	do {
		before = installed;
		if (!devices_read())
			return EXIT_FAILURE;
		install_next();
	} while (installed != before);
	return status;
}
