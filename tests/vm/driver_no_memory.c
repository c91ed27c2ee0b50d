/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver_no_memory DRIVER ... : installs and removes each driver with every allocation on the way
 * failing once (test kernels, /proc/sys/debug). An installation is refused with ENOMEM, and then
 * nothing is left of it; or works all the same, and then a removal does. Nothing leaks. "+DRIVER"
 * is installed for those behind it; "DRIVER WORDS" has parameters.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SYS_BANOS_INSTALL 45056
#define SYS_BANOS_REMOVE  45057
#define NTH_MAX		  2000
#define TRACE_SIZE	  65536
#define WARM_UP_STEP	  4
#define TIMES_MAX	  4
#define LOST_MAX_KB	  40 /* and one for each allocation; a page for each is more */
#define WARM_UP		  300

static int wrong, knob;

struct driver {
	const char *name;
	char *parameters;
	void *bytes;
	size_t size;
};

/* --- what there is ---------------------------------------------------------------------------- */

static size_t add_file(char *to, size_t used, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	while (used < TRACE_SIZE - 1 && (n = read(fd, to + used, TRACE_SIZE - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	return used;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static size_t add_names(char *to, size_t used, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, by_name);

	for (int i = 0; i < n; i++) {
		char below[600];

		used += (size_t)snprintf(to + used, TRACE_SIZE - used, "%s/%s\n", path,
					 entries[i]->d_name);
		snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_type == DT_DIR && entries[i]->d_name[0] != '.')
			used = add_names(to, used, below);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return used;
}

/* Everything that shows drivers. */
static void look(char *to)
{
	size_t used = add_file(to, 0, "/proc/banos/drivers");

	used = add_file(to, used, "/proc/banos/devices");
	used = add_names(to, used, "/dev");
	used = add_names(to, used, "/proc/driver");
	to[used] = '\0';
}

static char before[TRACE_SIZE], after[TRACE_SIZE];

static void expect_no_trace(const struct driver *d, unsigned nth, const char *what)
{
	look(after);
	if (strcmp(before, after) == 0)
		return;
	wrong++;
	printf("%s, allocation %u: %s has left a trace:\n%s\ninstead of\n%s\n", d->name, nth, what,
	       after, before);
}

static long number_in(const char *path, const char *format)
{
	char line[200];
	FILE *f = fopen(path, "r");
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* --- the calls -------------------------------------------------------------------------------- */

static void arm(unsigned nth)
{
	char text[12];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(knob, text, (size_t)n, 0) != n)
		exit(2);
}

/* True if an allocation has failed since arm(). */
static int disarm(void)
{
	char text[16] = "";

	/* The first may be hit itself. */
	if (pwrite(knob, "0", 1, 0) != 1) {
		pwrite(knob, "0", 1, 0);
		return 0;
	}
	return pread(knob, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
}

static int install(const struct driver *d)
{
	return (int)syscall(SYS_BANOS_INSTALL, d->bytes, d->size, d->parameters, 0);
}

static int remove_now(int instance)
{
	return syscall(SYS_BANOS_REMOVE, instance, 0) < 0 ? errno : 0;
}

/* It may be in use a little longer. */
static void remove_surely(const struct driver *d, int instance)
{
	struct timespec moment = {.tv_nsec = 1000000};
	int error;

	for (int i = 0; i < 2000; i++) {
		error = remove_now(instance);
		if (error != EBUSY)
			break;
		nanosleep(&moment, NULL);
	}
	if (error) {
		printf("%s cannot be removed: %s\n", d->name, strerrorname_np(error));
		exit(1);
	}
}

/* Every `step`th allocation fails. Returns how many there are. */
static unsigned fail_install(const struct driver *d, unsigned step, unsigned *refused)
{
	unsigned nth = 1 - step;
	int hit = 1;

	*refused = 0;
	while (hit && nth < NTH_MAX) {
		int instance, error;

		arm(nth += step);
		instance = install(d);
		error = errno;
		hit = disarm();
		if (instance >= 0) {
			remove_surely(d, instance);
		} else {
			++*refused;
			if (error != ENOMEM || !hit) {
				wrong++;
				printf("%s, allocation %u: %s\n", d->name, nth,
				       strerrorname_np(error));
			}
		}
		expect_no_trace(d, nth, instance < 0 ? "what was refused" : "what was removed");
	}
	return nth - 1;
}

/* The same for removals; *tried counts those that did not come too early (EBUSY). */
static unsigned fail_remove(const struct driver *d, unsigned *tried)
{
	unsigned nth = 0;
	int hit = 1;

	*tried = 0;
	while (hit && nth < NTH_MAX) {
		int instance = install(d), error;

		if (instance < 0) {
			wrong++;
			printf("%s, removal, allocation %u: cannot be installed: %s\n", d->name,
			       nth + 1, strerrorname_np(errno));
			break;
		}
		arm(++nth);
		error = remove_now(instance);
		hit = disarm();
		*tried += error != EBUSY;
		if (error && error != ENOMEM && error != EBUSY) {
			wrong++;
			printf("%s, removal, allocation %u: %s\n", d->name, nth,
			       strerrorname_np(error));
		}
		if (error)
			remove_surely(d, instance);
		expect_no_trace(d, nth, "what was removed");
	}
	return nth - !hit;
}

static void read_driver(struct driver *d, char *word)
{
	struct stat st;
	int fd;

	d->name = word;
	d->parameters = strchr(word, ' ');
	if (d->parameters)
		*d->parameters++ = '\0';
	fd = open(word, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0 || !(d->bytes = malloc((size_t)st.st_size)) ||
	    read(fd, d->bytes, (size_t)st.st_size) != st.st_size) {
		perror(word);
		exit(2);
	}
	d->size = (size_t)st.st_size;
	close(fd);
	d->name = strrchr(word, '/') ? strrchr(word, '/') + 1 : word;
}

struct counts {
	unsigned points, refused, removal, removals;
	long objects, kb; /* lost */
};

static struct counts fail_all(const struct driver *d)
{
	long objects = number_in("/proc/sys/debug/objects", "%ld");
	long kb = number_in("/proc/meminfo", "MemFree: %ld");
	struct counts c;

	c.points = fail_install(d, 1, &c.refused);
	c.removal = fail_remove(d, &c.removals);
	c.objects = number_in("/proc/sys/debug/objects", "%ld") - objects;
	c.kb = kb - number_in("/proc/meminfo", "MemFree: %ld");
	return c;
}

/* Caches fill at first. What leaks, leaks each time. */
static void try(const struct driver *d)
{
	struct counts c;
	int again = 0;

	look(before);
	fail_install(d, WARM_UP_STEP, &c.refused);
	do
		c = fail_all(d);
	while ((c.objects > 0 || c.kb > LOST_MAX_KB + (long)c.points) && ++again < TIMES_MAX);
	if (again == TIMES_MAX) {
		wrong++;
		printf("%s: %ld blocks and %ld KiB are lost\n", d->name, c.objects, c.kb);
	}
	if (c.points < 10 || c.points >= NTH_MAX || c.refused == 0 || c.removals == 0) {
		wrong++;
		printf("%s: that is not how many there should be\n", d->name);
	}
	printf("%s: %u allocations, %u refused, %u in removal, %u removals tried\n", d->name,
	       c.points, c.refused, c.removal, c.removals);
}

/* Images lie at random places of a window, whose page tables are made when one first lies there. */
static void warm_up(const struct driver *d)
{
	for (int i = 0; i < WARM_UP; i++) {
		int instance = install(d);

		if (instance >= 0)
			remove_surely(d, instance);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	knob = open("/proc/sys/debug/fail-nth", O_RDWR);
	if (knob < 0)
		return 2;
	for (int i = 1; i < argc; i++) {
		int keep = argv[i][0] == '+';
		struct driver d;

		read_driver(&d, argv[i] + keep);
		if (keep && install(&d) < 0) {
			perror(argv[i]);
			return 2;
		}
		if (i == 1)
			warm_up(&d);
		if (!keep)
			try(&d);
		free(d.bytes);
	}
	printf("driver_no_memory: %d wrong\n", wrong);
	return wrong != 0;
}
