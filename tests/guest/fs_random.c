/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random operations on a few names, so that they often meet: what each of them returns must be
 * what Linux's tmpfs returns. The sequence depends on nothing but the seed. Paths stay below the
 * directory that the program makes for itself, so no ".." and no absolute paths occur.
 */
#include "guest.h"

#include <dirent.h>
#include <sys/syscall.h>

#define OPERATIONS 2500
#define FILES	   24

static unsigned state;
static int files[FILES];
static char buffer[20000];

static unsigned rnd(unsigned n)
{
	state = state * 1103515245 + 12345;
	return (state >> 8) % n;
}

static char *random_path(char *path)
{
	static const char *const names[] = {"a", "b", "c", "d", "l1", "l2", ".", "e"};
	unsigned n = 1 + rnd(4);

	path[0] = 0;
	for (unsigned i = 0; i < n; i++) {
		if (i)
			strcat(path, rnd(12) ? "/" : "//");
		strcat(path, names[rnd(rnd(3) ? 6 : 8)]);
	}
	if (rnd(10) == 0)
		strcat(path, "/");
	if (rnd(200) == 0)
		path[0] = 0;
	return path;
}

static const char *error(long r)
{
	static char number[24];

	if (r == -1)
		return strerrorname_np(errno);
	snprintf(number, sizeof(number), "%ld", r);
	return number;
}

static unsigned checksum(const char *p, long n)
{
	unsigned h = 5381;

	while (n-- > 0)
		h = h * 33 + (unsigned char)*p++;
	return h;
}

static void show(const char *what, const char *a, const char *b, long r)
{
	printf("%s %s %s: %s\n", what, a, b, error(r));
}

static void show_stat(const char *what, const char *path, long r, const struct stat *st)
{
	show(what, path, "", r);
	if (r)
		return;
	printf("  %o links %lu\n", st->st_mode, (unsigned long)st->st_nlink);
	if (!S_ISDIR(st->st_mode))
		printf("  size %ld\n", (long)st->st_size);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
	char *names[64];
	struct dirent *e;
	DIR *d = opendir(path);
	size_t n = 0;

	show("list", path, "", d ? 0 : -1);
	if (!d)
		return;
	while (n < 64 && (e = readdir(d)))
		names[n++] = strdup(e->d_name);
	closedir(d);
	qsort(names, n, sizeof(names[0]), compare);
	for (size_t i = 0; i < n; i++) {
		printf("  %s\n", names[i]);
		free(names[i]);
	}
}

static void open_one(const char *path)
{
	static const int extra[] = {O_CREAT,  O_CREAT,	   O_CREAT | O_EXCL, O_TRUNC,
				    O_APPEND, O_DIRECTORY, O_NOFOLLOW,	     0};
	int flags = (int)rnd(3) | extra[rnd(8)] | extra[rnd(8)] | O_NONBLOCK;
	unsigned slot = rnd(FILES), mode = rnd(2) ? 0666 : rnd(01000);
	char text[24];

	if (files[slot] >= 0)
		close(files[slot]);
	files[slot] = open(path, flags, mode);
	snprintf(text, sizeof(text), "%o", flags);
	show("open", path, text, files[slot] < 0 ? -1 : 0);
}

static void transfer(void)
{
	int fd = files[rnd(FILES)];
	size_t n = rnd(9000);
	long at = rnd(30000), r;

	if (rnd(30) == 0)
		at = 0x7fffffffffffffffL - rnd(5000);
	if (fd < 0)
		return;
	switch (rnd(4)) {
	case 0:
		memset(buffer, (int)rnd(256), n);
		show("write", "", "", write(fd, buffer, n));
		break;
	case 1:
		memset(buffer, (int)rnd(256), n);
		show("pwrite", "", "", pwrite(fd, buffer, n, at));
		break;
	case 2:
		r = read(fd, buffer, n);
		show("read", "", "", r);
		printf("  %u\n", checksum(buffer, r));
		break;
	default:
		r = pread(fd, buffer, n, at);
		show("pread", "", "", r);
		printf("  %u\n", checksum(buffer, r));
	}
}

static void seek(void)
{
	int fd = files[rnd(FILES)];
	struct stat st;
	long offset = (long)rnd(40000) - 1000;
	int whence = (int)rnd(3);

	if (fd < 0 || fstat(fd, &st) || S_ISDIR(st.st_mode))
		return;
	show("lseek", "", "", lseek(fd, offset, whence));
}

static void operation(void)
{
	char p[64], q[64];
	unsigned mode = rnd(01000) | 0500;
	struct stat st;
	long r;

	random_path(p);
	random_path(q);
	switch (rnd(22)) {
	case 0:
	case 1:
		show("mkdir", p, "", mkdir(p, mode));
		break;
	case 2:
		show("rmdir", p, "", rmdir(p));
		break;
	case 3:
		show("unlink", p, "", unlink(p));
		break;
	case 4:
	case 5:
		show("rename", p, q, rename(p, q));
		break;
	case 6:
		show("exchange", p, q, renameat2(AT_FDCWD, p, AT_FDCWD, q, RENAME_EXCHANGE));
		break;
	case 7:
		show("noreplace", p, q, renameat2(AT_FDCWD, p, AT_FDCWD, q, RENAME_NOREPLACE));
		break;
	case 8:
		show("link", p, q, link(p, q));
		break;
	case 9:
		show("symlink", p, q, symlink(p, q));
		break;
	case 10:
		r = readlink(p, buffer, 1 + rnd(40));
		show("readlink", p, "", r);
		printf("  %.*s\n", r > 0 ? (int)r : 0, buffer);
		break;
	case 11:
		r = stat(p, &st);
		show_stat("stat", p, r, &st);
		break;
	case 12:
		r = lstat(p, &st);
		show_stat("lstat", p, r, &st);
		break;
	case 13:
	case 14:
	case 15:
		open_one(p);
		break;
	case 16:
	case 17:
		transfer();
		break;
	case 18:
		show("truncate", p, "", truncate(p, rnd(3) ? rnd(40000) : 0));
		break;
	case 19:
		seek();
		break;
	case 20:
		list(p);
		break;
	default:
		show("chmod", p, "", chmod(p, rnd(010000) | 0700));
	}
}

static void run(unsigned seed)
{
	state = seed;
	for (size_t i = 0; i < FILES; i++)
		files[i] = -1;
	printf("seed %u\n", seed);
	for (int i = 0; i < OPERATIONS; i++)
		operation();
	for (size_t i = 0; i < FILES; i++) {
		if (files[i] >= 0)
			close(files[i]);
	}
}

int main(void)
{
	char place[] = "/tmp/fs_randomXXXXXX", shm[] = "/dev/shm/fs_randomXXXXXX";
	char *at = mkdtemp(shm) ? shm : mkdtemp(place);
	char clean[64];

	umask(022);
	for (unsigned seed = 1; seed <= 4; seed++) {
		snprintf(clean, sizeof(clean), "%s/%u", at, seed);
		if (mkdir(clean, 0755) || chdir(clean)) {
			perror(clean);
			return 1;
		}
		run(seed);
	}
	if (chdir("/"))
		return 1;
	snprintf(clean, sizeof(clean), "rm -rf %s", at);
	return system(clean) != 0;
}
