/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refused FOLDER: asks the kernel to install every file of FOLDER/list, whose lines are "FILE ERRNO
 * MESSAGE", and checks that it is refused with this errno and this message in the log. Then the
 * calls that are wrong whatever the file is. At last the whole list again, to see that no memory is
 * lost. Prints what is not as expected, then a summary.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYS_BANOS_INSTALL 45056
#define LINE		  1200
#define LOST_MAX_KB	  600 /* with one page for each refusal it would be thousands */

static int wrong, asked;
static int log_fd;

static long install(const void *bytes, size_t size, unsigned flags)
{
	return syscall(SYS_BANOS_INSTALL, bytes, size, NULL, flags) < 0 ? errno : 0;
}

/* Everything that the log has got since the last call. */
static const char *log_news(void)
{
	static char text[16384];
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(text) - 4096 &&
	       (n = read(log_fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	return text;
}

static void expect(const char *what, long got, const char *name, const char *message)
{
	const char *news = log_news();

	asked++;
	if (got && strcmp(strerrorname_np((int)got), name) == 0 && strstr(news, message))
		return;
	wrong++;
	printf("%s: %s, not %s; the log has not \"%s\" but:\n%s", what,
	       got ? strerrorname_np((int)got) : "installed", name, message, news);
}

static void *read_file(const char *folder, const char *name, size_t *size)
{
	char path[4096];
	struct stat st;
	void *bytes;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	*size = (size_t)st.st_size;
	bytes = malloc(*size + 1);
	if (!bytes || read(fd, bytes, *size) != (ssize_t)*size)
		return NULL;
	close(fd);
	return bytes;
}

static int ask_all(const char *folder)
{
	char line[LINE], *save, *file, *name;
	FILE *list;
	size_t size;

	snprintf(line, sizeof(line), "%s/list", folder);
	list = fopen(line, "r");
	if (!list)
		return -1;
	while (fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		file = strtok_r(line, " ", &save);
		name = strtok_r(NULL, " ", &save);
		void *bytes = file && name ? read_file(folder, file, &size) : NULL;

		if (!bytes)
			return -1;
		expect(file, install(bytes, size, 0), name, save);
		free(bytes);
	}
	return fclose(list);
}

/* Sizes, pointers and flags that are wrong. */
static void ask_badly(void)
{
	size_t page = 4096;
	char *two =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(two + page, page);
	expect("beyond the mapping", install(two, page + 1, 0), "EFAULT", "");
	expect("far beyond", install(two, 1 << 20, 0), "EFAULT", "");
	expect("NULL", install(NULL, page, 0), "EFAULT", "");
	expect("kernel address", install((void *)(-1ul << 31), page, 0), "EFAULT", "");
	expect("wrapping", install((void *)(-1ul << 12), page * 2, 0), "EFAULT", "");
	expect("nothing", install(two, 0, 0), "ENOEXEC", "");
	expect("zeroes", install(two, page, 0), "ENOEXEC", "not an ELF file");
	expect("too much", install(two, (64ul << 20) + 1, 0), "E2BIG", "");
	expect("everything", install(two, ~0ul, 0), "E2BIG", "");
	expect("flags", install(two, page, 1), "EINVAL", "");
	munmap(two, page);
}

static long free_kb(void)
{
	char line[200];
	FILE *f = fopen("/proc/meminfo", "r");
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

int main(int argc, char **argv)
{
	long before, after;

	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (argc != 2 || log_fd < 0 || lseek(log_fd, 0, SEEK_END) < 0)
		return 2;
	if (ask_all(argv[1]) < 0)
		return 3;
	ask_badly();
	before = free_kb();
	if (ask_all(argv[1]) < 0)
		return 3;
	after = free_kb();
	if (before - after > LOST_MAX_KB) {
		wrong++;
		printf("memory lost: %ld KiB\n", before - after);
	}
	printf("%d asked, %d wrong\n", asked, wrong);
	return wrong != 0;
}
