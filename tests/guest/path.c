/* SPDX-License-Identifier: BSD-2-Clause */
/* Names: folders, links, rename, stat, permissions' bits, getcwd, getdents. */
#include "guest.h"
#include <dirent.h>
#include <limits.h>
#include <sys/mman.h>

static void show_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		return;
	}
	printf("%s: mode %o", path, st.st_mode);
	if (!S_ISDIR(st.st_mode))
		printf(" links %ld size %ld", (long)st.st_nlink, (long)st.st_size);
	printf("\n");
	fflush(stdout);
}

/* Without the start of the path, which differs. */
static void show_cwd(const char *start)
{
	char buf[PATH_MAX];

	if (!getcwd(buf, sizeof(buf)))
		printf("getcwd: %s\n", strerrorname_np(errno));
	else
		printf("cwd [%s]\n",
		       strncmp(buf, start, strlen(start)) ? buf : buf + strlen(start));
}

static void folders(const char *start)
{
	char tiny[2];

	SHOW(mkdir("a", 0750));
	SHOW(mkdir("a", 0750));
	SHOW(mkdir("a/b", 01777));
	SHOW(mkdir("x/y", 0755));
	SHOW(mkdir("a/b/", 0755));
	SHOW(mkdir("slash/", 0700));
	show_stat("a");
	show_stat("a/b");
	show_stat("a/b/../../a/./b");
	SHOW(chdir("a/b"));
	show_cwd(start);
	SHOW(chdir(".."));
	show_cwd(start);
	SHOW(chdir("../.."));
	SHOW(chdir(start));
	SHOW((long)getcwd(tiny, sizeof(tiny)));
	SHOW(rmdir("a"));
	SHOW(rmdir("slash/"));
	SHOW(rmdir("a/b/."));
	SHOW(rmdir("a/b/.."));
	SHOW(unlink("a"));
	SHOW(chdir("a/b"));
	SHOW(rmdir("../b"));
	SHOW((long)getcwd(tiny, sizeof(tiny)));
	SHOW_OK(open("new", O_CREAT | O_WRONLY, 0644));
	SHOW(chdir(".."));
	show_cwd(start);
	SHOW(chdir(start));
	SHOW(rmdir("a"));
}

static void symbolic_links(void)
{
	char buf[32] = "", long_target[PATH_MAX + 1];

	write_file("target", "content");
	SHOW(symlink("target", "link"));
	SHOW(symlink("target", "link"));
	SHOW(symlink("", "empty"));
	show_stat("link");
	show_file("link");
	SHOW(readlink("link", buf, sizeof(buf)));
	printf("%s\n", buf);
	SHOW(readlink("link", buf, 3));
	SHOW(readlink("link", buf, 0));
	SHOW(readlink("target", buf, sizeof(buf)));
	SHOW_OK(open("link", O_RDONLY | O_NOFOLLOW));
	SHOW(symlink("loop2", "loop1"));
	SHOW(symlink("loop1", "loop2"));
	SHOW_OK(open("loop1", O_RDONLY));
	SHOW(symlink("absent", "dangling"));
	SHOW_OK(open("dangling", O_RDONLY));
	SHOW_OK(open("dangling", O_RDONLY | O_CREAT | O_EXCL, 0644));
	SHOW_OK(open("dangling", O_RDONLY | O_CREAT, 0644));
	show_stat("absent");
	SHOW(mkdir("folder", 0755));
	SHOW(symlink("../target", "folder/up"));
	show_file("folder/up");
	SHOW(symlink("folder", "to-folder"));
	show_file("to-folder/up");
	SHOW(rmdir("to-folder"));
	SHOW(unlink("to-folder/"));
	SHOW(unlink("to-folder"));
	memset(long_target, 'x', sizeof(long_target) - 1);
	long_target[PATH_MAX] = '\0';
	SHOW(symlink(long_target, "long"));
	long_target[PATH_MAX - 1] = '\0';
	SHOW(symlink(long_target, "long"));
	long_target[256] = '\0';
	SHOW_OK(open(long_target, O_CREAT | O_WRONLY, 0644));
	long_target[255] = '\0';
	SHOW_OK(open(long_target, O_CREAT | O_WRONLY, 0644));
	SHOW(unlink(long_target));
	/* A chain of 40 is allowed, one of 41 is not. */
	for (int i = 0; i < 42; i++) {
		char from[16], to[16];

		snprintf(from, sizeof(from), "chain%d", i + 1);
		snprintf(to, sizeof(to), i ? "chain%d" : "target", i);
		if (symlink(to, from) < 0)
			printf("symlink: %s\n", strerrorname_np(errno));
	}
	show_file("chain40");
	show_file("chain41");
}

static void hard_links(void)
{
	write_file("one", "1");
	SHOW(link("one", "two"));
	show_stat("one");
	SHOW(link("one", "two"));
	SHOW(link("absent", "three"));
	SHOW(link("folder", "three"));
	SHOW(link("link", "link2"));
	show_stat("link2");
	SHOW(unlink("one"));
	show_stat("two");
	show_file("two");
	SHOW(unlink("one"));
}

static void renames(void)
{
	SHOW(mkdir("from", 0755));
	SHOW(mkdir("from/sub", 0755));
	SHOW(mkdir("full", 0755));
	write_file("full/file", "x");
	write_file("plain", "plain");
	SHOW(rename("two", "three"));
	SHOW(rename("two", "three"));
	SHOW(rename("plain", "three"));
	show_file("three");
	SHOW(rename("three", "three"));
	SHOW(rename("from", "from/sub/inside"));
	SHOW(rename("from", "three"));
	SHOW(rename("three", "from"));
	SHOW(rename("from", "full"));
	SHOW(mkdir("void", 0755));
	SHOW(rename("from", "void"));
	show_stat("from");
	show_stat("void/sub");
	SHOW(rename("void", "full/void"));
	SHOW(chdir("full/void"));
	show_stat("../file");
	SHOW(chdir("../.."));
	SHOW(rename("full/.", "x"));
	SHOW(renameat2(AT_FDCWD, "link", AT_FDCWD, "target", RENAME_NOREPLACE));
}

static void attributes(void)
{
	struct stat st;
	struct timespec times[2] = {{1000, 5}, {2000, 7}};

	write_file("attributes", "12345");
	SHOW(chmod("attributes", 04751));
	show_stat("attributes");
	SHOW(fchmodat(AT_FDCWD, "absent-file", 0644, 0));
	SHOW(access("attributes", F_OK));
	SHOW(access("absent-file", F_OK));
	SHOW(utimensat(AT_FDCWD, "attributes", times, 0));
	SHOW(stat("attributes", &st));
	printf("times %ld.%ld %ld.%ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	       (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	printf("block size %d, blocks %d\n", st.st_blksize > 0, st.st_blocks > 0);
	SHOW(stat("attributes/x", &st));
	SHOW(stat("", &st));
	SHOW(stat("attributes", bad));
	SHOW(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	printf("a folder: %d\n", S_ISDIR(st.st_mode));
	SHOW(umask(027));
	SHOW_OK(open("masked", O_CREAT | O_WRONLY, 0666));
	show_stat("masked");
	SHOW(umask(022));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void listing(void)
{
	enum { COUNT = 300 };
	char name[300], *names[COUNT + 2];
	int count = 0, wrong = 0;
	struct dirent *entry;
	DIR *folder;

	SHOW(mkdir("many", 0755));
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "many/%0*d", 1 + i % 200, i);
		write_file(name, "");
	}
	folder = opendir("many");
	while ((entry = readdir(folder)) && count < COUNT + 2) {
		bool dots = entry->d_name[0] == '.';

		wrong += entry->d_type != (dots ? DT_DIR : DT_REG) || !entry->d_ino;
		names[count++] = strdup(entry->d_name);
	}
	qsort(names, (size_t)count, sizeof(names[0]), by_name);
	for (int i = 1; i < count; i++)
		wrong += !strcmp(names[i - 1], names[i]);
	printf("%d names from %s %s to %s, %d wrong\n", count, names[0], names[1], names[count - 1],
	       wrong);
	rewinddir(folder);
	/* Removing while reading must neither skip nor repeat what stays. */
	count = 0;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (unlinkat(dirfd(folder), entry->d_name, 0) < 0)
			printf("unlinkat: %s\n", strerrorname_np(errno));
	}
	closedir(folder);
	printf("%d removed\n", count);
	SHOW(rmdir("many"));
}

/* Paths that end where memory ends, and at the limit of their length; at every alignment. */
static void edges(void)
{
	char *pages =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = pages + 2 * 4096;
	int found = 0, longer = 0, faults = 0;

	mprotect(end, 4096, PROT_NONE);
	mkdir("edge", 0755);
	for (int n = 5; n < 64; n++) {
		/* "edge" and slashes: n characters and the NUL, the last byte of the page. */
		char *path = end - n - 1;

		memset(path, '/', (size_t)n);
		memcpy(path, "edge", 4);
		path[n] = 0;
		found += access(path, F_OK) == 0;
		path[n - 1] = 'x'; /* no such file, whatever its end is */
		longer += access(path, F_OK) == -1 && errno == ENOENT;
		path[n] = '/'; /* goes on where there is nothing */
		faults += access(path, F_OK) == -1 && errno == EFAULT;
	}
	printf("at the end of memory: %d found, %d not found, %d faults\n", found, longer, faults);
	found = longer = faults = 0;
	for (int at = 0; at < 16; at++)
		for (int n = PATH_MAX - 9; n < PATH_MAX + 9; n++) {
			char *path = pages + at;

			memset(path, '/', (size_t)n);
			path[n] = 0;
			found += access(path, F_OK) == 0;
			longer += access(path, F_OK) == -1 && errno == ENAMETOOLONG;
		}
	printf("long: %d found, %d too long\n", found, longer);
	SHOW(rmdir("edge"));
	munmap(pages, 3 * 4096);
}

int main(void)
{
	char start[PATH_MAX];

	umask(022);
	if (!getcwd(start, sizeof(start)))
		return 1;
	folders(start);
	symbolic_links();
	hard_links();
	renames();
	attributes();
	listing();
	edges();
	return 0;
}
