/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers that come and go: driver_rounds FOLDER ROUNDS.
 *
 * First hello and mailbox, one after the other, ROUNDS times. Then four processes, on as many
 * processors as there are, which install, use and remove drivers that need each other; each
 * removes what it has installed. Memory in use comes back both times.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYS_BANOS_INSTALL 45056
#define SYS_BANOS_REMOVE  45057

/* A page for each round would be 4,000 KiB for a thousand of them. */
#define LOST_KIB_MAX 1000
#define WORKERS	     4

struct image {
	const char *name;
	void *bytes;
	size_t size;
};

static struct image hello = {"hello", 0, 0}, mailbox = {"mailbox", 0, 0},
		    exporter = {"exporter", 0, 0}, importer = {"importer", 0, 0};

static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" (%s)\n", strerror(errno));
	exit(1);
}

static void load(struct image *image, const char *folder)
{
	char path[256];
	struct stat s;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.banos", folder, image->name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &s))
		fail("%s", path);
	image->size = (size_t)s.st_size;
	image->bytes = malloc(image->size);
	if (read(fd, image->bytes, image->size) != s.st_size)
		fail("%s", path);
	close(fd);
}

static int install(const struct image *image)
{
	return (int)syscall(SYS_BANOS_INSTALL, image->bytes, image->size, "", 0u);
}

/* Somebody may be inside, or need it, for a moment. */
static void remove_soon(int instance, const char *name)
{
	for (int i = 0; i < 20000; i++) {
		if (syscall(SYS_BANOS_REMOVE, instance, 0u) == 0)
			return;
		if (errno != EBUSY)
			break;
		usleep(500);
	}
	fail("%s %d cannot be removed", name, instance);
}

static long free_kib(void)
{
	char line[128];
	long kib = 0;
	FILE *f;

	usleep(200000); /* what waits for a grace period */
	f = fopen("/proc/sys/vm/drop_caches", "w");
	if (f) {
		fputs("3", f);
		fclose(f);
	}
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void rounds(const struct image *image, int count)
{
	for (int i = 0; i < count; i++) {
		int instance = install(image);

		if (instance < 0)
			fail("%s: round %d", image->name, i);
		remove_soon(instance, image->name);
	}
}

/* Reads what others may be taking away at the time. */
static void look(void)
{
	static const char *const paths[] = {"/proc/banos/drivers", "/proc/modules",
					    "/proc/driver/mailbox", "/dev/mailbox0"};
	char bytes[4096];

	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_RDONLY | O_NONBLOCK);

		if (fd < 0)
			continue;
		while (read(fd, bytes, sizeof(bytes)) > 0)
			continue;
		close(fd);
	}
}

static void worker(unsigned number, int count)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (int i = 0; i < count; i++) {
		int a = install(number & 1 ? &exporter : &mailbox), b;

		if (a < 0)
			fail("worker %u, round %d", number, i);
		b = install(number & 1 ? &importer : &hello);
		/* The exporter whose names are known may be another's, and just be going. */
		if (b < 0 && !(number & 1 && errno == ENOENT))
			fail("worker %u, round %d", number, i);
		look();
		if (b >= 0)
			remove_soon(b, "the second");
		remove_soon(a, "the first");
	}
	exit(0);
}

static int storm(int count)
{
	int status, bad = 0;

	fflush(stdout);
	for (unsigned i = 0; i < WORKERS; i++)
		if (fork() == 0)
			worker(i, count);
	while (wait(&status) > 0)
		bad |= status;
	return bad;
}

static void same_memory(const char *what, long before)
{
	long lost = before - free_kib();

	if (lost > LOST_KIB_MAX)
		fail("%s: %ld KiB did not come back", what, lost);
	printf("%s: good\n", what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[2]) : 0;
	long before;

	if (count <= 0)
		return 2;
	load(&hello, argv[1]);
	load(&mailbox, argv[1]);
	load(&exporter, argv[1]);
	load(&importer, argv[1]);

	/* Images lie at random places: there come to be page tables for all of them, 2 MiB. */
	rounds(&hello, 1000);
	before = free_kib();
	rounds(&hello, count / 2);
	rounds(&mailbox, count - count / 2);
	same_memory("one after the other", before);

	if (storm(20))
		return 1;
	before = free_kib();
	if (storm(count / 10))
		return 1;
	same_memory("four at once", before);
	return 0;
}
