/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver_changing CORPUS DRIVER: asks the kernel to install images that another thread changes
 * meanwhile. Each call is refused as a malformed image is, or installs the driver.
 *
 *	pairs	 two images of the corpus, whose bytes change from those of one to the other's and
 *		 back. Each is the good image with something wrong, so that on the way it is that
 *		 one, which is refused for another reason: it needs an interface of 1.0
 *	driver	 a byte of a good driver is right and wrong in turn
 *	gone	 a part of its pages is there, is protected, or is not there
 *	cut	 the file behind the pages is shorter and longer in turn
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYS_BANOS_INSTALL 45056
#define SYS_BANOS_REMOVE  45057
#define PAGE		  4096ul
#define FILES_MAX	  2000
#define PAIRS		  200
#define TRIES		  20  /* of a pair */
#define CALLS		  300 /* of the others */
#define ERRNO_MAX	  134

struct file {
	char name[64];
	unsigned char *bytes;
	size_t size;
};

static struct file files[FILES_MAX], driver;
static size_t file_count;
static unsigned installed, faults, refused, wrong;
static unsigned by_errno[ERRNO_MAX]; /* refusals */
static int good_error;		     /* why the good image is refused */
static unsigned as_good;	     /* refused so, while each of the pair alone is not */

/* What the other thread changes. */
static unsigned char *volatile image;
static size_t image_size;
static int fd;
static const struct file *first, *second;
static atomic_int stop;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- the other thread --------------------------------------------------------------------------*/

static void *change_pair(void *arg)
{
	volatile unsigned char *bytes = image;

	(void)arg;
	while (!stop) {
		for (size_t i = 0; i < image_size; i++)
			if (first->bytes[i] != second->bytes[i])
				bytes[i] = second->bytes[i];
		for (size_t i = 0; i < image_size; i++)
			if (first->bytes[i] != second->bytes[i])
				bytes[i] = first->bytes[i];
	}
	return NULL;
}

/* Sometimes shorter, sometimes longer. */
static void pause_for(unsigned n)
{
	for (volatile unsigned i = 0; i < n * 37 % 4000; i++)
		continue;
}

/* Bytes of the header without which nothing is loaded: magic, class, type, machine, e_shentsize. */
static void *change_byte(void *arg)
{
	static const size_t places[] = {0, 4, 5, 16, 18, 58};
	volatile unsigned char *bytes = image;

	(void)arg;
	for (unsigned n = 0; !stop; n++) {
		size_t at = places[n % (sizeof(places) / sizeof(places[0]))];

		bytes[at] ^= 0x55;
		pause_for(n);
		bytes[at] ^= 0x55;
		pause_for(n + 17);
	}
	return NULL;
}

static void *change_mapping(void *arg)
{
	(void)arg;
	for (unsigned n = 0; !stop; n++) {
		size_t from = n % (image_size / PAGE) * PAGE, left = image_size - from;

		if (n % 3 == 0)
			munmap(image + from, left);
		else if (n % 3 == 1)
			mprotect(image + from, left, PROT_NONE);
		else
			mmap(image + from, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			     -1, 0);
		mmap(image, image_size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
		pause_for(n);
	}
	return NULL;
}

static void *change_length(void *arg)
{
	(void)arg;
	for (unsigned n = 0; !stop; n++) {
		if (ftruncate(fd, (off_t)(n * 64 % image_size)) ||
		    pwrite(fd, first->bytes, first->size, 0) < 0)
			die("length");
	}
	return NULL;
}

/* --- the calls ---------------------------------------------------------------------------------*/

static void ask(const char *what, size_t size)
{
	long r = syscall(SYS_BANOS_INSTALL, image, size, NULL, 0);

	if (r < 0)
		by_errno[errno]++;
	if (r >= 0) {
		installed++;
		if (syscall(SYS_BANOS_REMOVE, (int)r, 0) == 0)
			return;
	} else if (errno == EFAULT) {
		faults++;
		return;
	} else if (errno == ENOEXEC || errno == EINVAL || errno == ENOENT || errno == E2BIG ||
		   errno == EEXIST || errno == EOPNOTSUPP) {
		refused++;
		return;
	}
	wrong++;
	printf("%s: %s\n", what, strerrorname_np(errno));
}

static void during(void *(*change)(void *), const char *what, size_t size, int calls)
{
	pthread_t other;

	stop = 0;
	if (pthread_create(&other, NULL, change, NULL))
		die(what);
	for (int i = 0; i < calls; i++)
		ask(what, size);
	stop = 1;
	pthread_join(other, NULL);
}

static void say(const char *what)
{
	printf("%s: %u installed, %u refused, %u not there\n", what, installed, refused, faults);
	installed = refused = faults = 0;
}

/* --- images ------------------------------------------------------------------------------------*/

static int read_file(struct file *f, const char *path)
{
	int from = open(path, O_RDONLY);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return -1;
	f->size = (size_t)st.st_size;
	f->bytes = malloc(f->size + 1);
	if (!f->bytes || read(from, f->bytes, f->size) != (ssize_t)f->size)
		return -1;
	return close(from);
}

static void read_corpus(const char *folder)
{
	char path[200], line[1200];
	FILE *list;

	snprintf(path, sizeof(path), "%s/list", folder);
	list = fopen(path, "r");
	while (list && file_count < FILES_MAX && fgets(line, sizeof(line), list)) {
		struct file *f = &files[file_count++];

		line[strcspn(line, " ")] = '\0';
		snprintf(f->name, sizeof(f->name), "%.60s", line);
		snprintf(path, sizeof(path), "%s/%s", folder, f->name);
		if (read_file(f, path))
			die(path);
	}
	if (file_count < 2)
		die(folder);
}

/* In a file of its own, so that pages can go and come back with what they held. */
static void map_image(const struct file *f)
{
	image_size = (f->size + PAGE - 1) & ~(PAGE - 1);
	fd = memfd_create("image", 0);
	if (fd < 0 || ftruncate(fd, (off_t)image_size) ||
	    pwrite(fd, f->bytes, f->size, 0) != (ssize_t)f->size)
		die("memfd");
	image = mmap(NULL, image_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED)
		die("mmap");
}

static void unmap_image(void)
{
	munmap(image, image_size);
	close(fd);
}

/* Why it is refused while nobody changes it. */
static int alone(const struct file *f)
{
	long r = syscall(SYS_BANOS_INSTALL, f->bytes, f->size, NULL, 0);

	if (r < 0)
		return errno;
	wrong++;
	printf("%s: installed\n", f->name);
	syscall(SYS_BANOS_REMOVE, (int)r, 0);
	return 0;
}

static void try_pair(unsigned n)
{
	unsigned before = by_errno[good_error];
	char what[140];

	first = &files[n * 7919 % file_count];
	second = &files[(n * 104729 + 1) % file_count];
	if (!first->size || first->size != second->size || first == second)
		return;
	map_image(first);
	image_size = first->size;
	snprintf(what, sizeof(what), "%s and %s", first->name, second->name);
	during(change_pair, what, first->size, TRIES);
	unmap_image();
	if (alone(first) != good_error && alone(second) != good_error)
		as_good += by_errno[good_error] - before;
}

static void try_pairs(const char *folder)
{
	struct file good;
	char path[200];

	snprintf(path, sizeof(path), "%s/good.banos", folder);
	if (read_file(&good, path))
		die(path);
	snprintf(good.name, sizeof(good.name), "good.banos");
	good_error = alone(&good);
	for (unsigned n = 0; n < PAIRS; n++)
		try_pair(n);
	printf("pairs, refusals:");
	for (int i = 0; i < ERRNO_MAX; i++)
		if (by_errno[i])
			printf(" %u %s", by_errno[i], strerrorname_np(i));
	printf("; %u as the good image: %s\n", as_good, strerrorname_np(good_error));
	free(good.bytes);
}

static const struct file *largest(void)
{
	const struct file *found = &files[0];

	for (size_t i = 1; i < file_count; i++)
		if (files[i].size > found->size)
			found = &files[i];
	return found;
}

int main(int argc, char **argv)
{
	if (argc != 3 || read_file(&driver, argv[2]))
		die("usage");
	read_corpus(argv[1]);
	try_pairs(argv[1]);
	say("pairs");
	map_image(&driver);
	during(change_byte, "driver", driver.size, CALLS);
	unmap_image();
	say("driver");
	map_image(&driver);
	during(change_mapping, "gone", driver.size, CALLS);
	unmap_image();
	say("gone");
	first = largest();
	map_image(first);
	during(change_length, "cut", first->size, CALLS);
	unmap_image();
	say("cut");
	printf("driver_changing: %u wrong\n", wrong);
	return wrong != 0;
}
