/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes: set, get, list, remove; namespaces, permissions, sizes, wrong calls. */
#include "guest.h"
#include <sys/xattr.h>

#define BIG 70000

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order of names: filesystems differ. */
static void show_list(const char *path)
{
	char buf[4096], *names[64];
	ssize_t n = listxattr(path, buf, sizeof(buf));
	size_t count = 0;

	printf("%s: %zd", path, n);
	for (ssize_t at = 0; at < n && count < 64; at += (ssize_t)strlen(buf + at) + 1)
		names[count++] = buf + at;
	qsort(names, count, sizeof(names[0]), compare);
	for (size_t i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static void show_value(const char *path, const char *name)
{
	char buf[64] = "";
	ssize_t n = getxattr(path, name, buf, sizeof(buf));

	if (n < 0)
		printf("%s %s: %s\n", path, name, strerrorname_np(errno));
	else
		printf("%s %s: \"%.*s\"\n", path, name, (int)n, buf);
}

static void plain(void)
{
	char buf[16];
	int fd = open("file", O_RDWR);

	show_list("file");
	SHOW(setxattr("file", "user.one", "first", 5, 0));
	SHOW(setxattr("file", "user.one", "again", 5, XATTR_CREATE));
	SHOW(setxattr("file", "user.two", "x", 1, XATTR_REPLACE));
	SHOW(setxattr("file", "user.two", "second", 6, XATTR_CREATE));
	SHOW(setxattr("file", "user.one", "1", 1, XATTR_REPLACE));
	SHOW(fsetxattr(fd, "user.empty", NULL, 0, 0));
	show_list("file");
	show_value("file", "user.one");
	show_value("file", "user.two");
	show_value("file", "user.empty");
	show_value("file", "user.none");
	SHOW(getxattr("file", "user.two", NULL, 0));
	SHOW(getxattr("file", "user.two", buf, 5));
	SHOW(fgetxattr(fd, "user.two", buf, 6));
	SHOW(listxattr("file", NULL, 0));
	SHOW(listxattr("file", buf, 16));
	SHOW(removexattr("file", "user.none"));
	SHOW(removexattr("file", "user.one"));
	SHOW(fremovexattr(fd, "user.empty"));
	show_list("file");
	close(fd);
}

static void kinds(void)
{
	SHOW(setxattr("file", "trusted.t", "t", 1, 0));
	SHOW(setxattr("file", "security.s", "s", 1, 0));
	SHOW(setxattr("file", "system.s", "s", 1, 0));
	SHOW(getxattr("file", "system.s", NULL, 0));
	SHOW(removexattr("file", "system.s"));
	SHOW(setxattr("file", "other.s", "s", 1, 0));
	SHOW(getxattr("file", "other.s", NULL, 0));
	SHOW(setxattr("file", "user.", "s", 1, 0));
	SHOW(setxattr("file", "user", "s", 1, 0));
	SHOW(setxattr("dir", "user.d", "d", 1, 0));
	SHOW(lsetxattr("link", "user.l", "l", 1, 0));
	SHOW(lgetxattr("link", "user.l", NULL, 0));
	SHOW(lsetxattr("link", "trusted.l", "l", 1, 0));
	SHOW(lgetxattr("link", "trusted.l", NULL, 0));
	SHOW(setxattr("link", "user.l", "through", 7, 0));
	show_value("file", "user.l");
	SHOW(llistxattr("link", NULL, 0));
	SHOW(lremovexattr("link", "trusted.l"));
	SHOW(setxattr("fifo", "user.f", "f", 1, 0));
	SHOW(getxattr("fifo", "user.f", NULL, 0));
	SHOW(setxattr("fifo", "trusted.f", "f", 1, 0));
	show_list("file");
	show_list("dir");
	show_list("fifo");
}

static void as_user(void)
{
	if (setgid(1000) || setuid(1000))
		printf("cannot become a user\n");
	SHOW(setxattr("file", "user.u", "u", 1, 0));
	SHOW(getxattr("file", "user.two", NULL, 0));
	SHOW(getxattr("file", "trusted.t", NULL, 0));
	SHOW(getxattr("file", "security.s", NULL, 0));
	SHOW(setxattr("file", "trusted.t", "u", 1, 0));
	SHOW(setxattr("file", "security.s", "u", 1, 0));
	SHOW(removexattr("file", "trusted.t"));
	SHOW(setxattr("mine", "user.u", "u", 1, 0));
	SHOW(setxattr("mine", "trusted.u", "u", 1, 0));
	SHOW(setxattr("sticky", "user.u", "u", 1, 0));
	SHOW(getxattr("secret", "user.x", NULL, 0));
	SHOW(setxattr("none/x", "user.x", "x", 1, 0));
	show_list("file");
}

static void sizes(void)
{
	char *big = calloc(1, BIG), name[300], small[8];
	int fd = open("file", O_PATH);

	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = 0;
	SHOW(setxattr("file", name, "x", 1, 0));
	SHOW(getxattr("file", name, NULL, 0));
	name[255] = 0;
	SHOW(setxattr("mine", name, "x", 1, 0));
	SHOW(getxattr("mine", name, NULL, 0));
	SHOW(removexattr("mine", name));
	SHOW(setxattr("file", "", "x", 1, 0));
	SHOW(getxattr("file", "", NULL, 0));
	SHOW(setxattr("file", "user.big", big, 65537, 0));
	SHOW(setxattr("file", "user.big", big, (size_t)-1, 0));
	SHOW(setxattr("mine", "user.big", big, 2000, 0));
	SHOW(getxattr("mine", "user.big", big, BIG));
	SHOW(getxattr("mine", "user.big", small, 8));
	SHOW(getxattr("mine", "user.big", bad, BIG));
	SHOW(setxattr("mine", "user.big", bad, 8, 0));
	SHOW(setxattr("mine", bad, "x", 1, 0));
	SHOW(setxattr(bad, "user.x", "x", 1, 0));
	SHOW(setxattr("mine", "user.x", "x", 1, 4));
	SHOW(setxattr("mine", "user.new", "x", 1, XATTR_CREATE | XATTR_REPLACE));
	SHOW(listxattr("mine", bad, 100));
	SHOW(listxattr("none", NULL, 0));
	SHOW(getxattr("none", "user.x", NULL, 0));
	SHOW(fsetxattr(1000, "user.x", "x", 1, 0));
	SHOW(fgetxattr(1000, "user.x", NULL, 0));
	SHOW(fsetxattr(fd, "user.x", "x", 1, 0));
	SHOW(flistxattr(fd, NULL, 0));
	close(fd);
	free(big);
}

/* Many, and what becomes of them. */
static void many(void)
{
	char name[32], value[32];
	int found = 0;

	write_file("many", "");
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "user.%d", i * 7 % 30);
		snprintf(value, sizeof(value), "value %d", i * 7 % 30);
		if (setxattr("many", name, value, strlen(value), XATTR_CREATE))
			printf("%s: %s\n", name, strerrorname_np(errno));
	}
	for (int i = 0; i < 30; i += 3) {
		snprintf(name, sizeof(name), "user.%d", i);
		found += removexattr("many", name) == 0;
	}
	printf("%d removed\n", found);
	show_list("many");
	show_value("many", "user.29");
	SHOW(link("many", "second"));
	show_value("second", "user.28");
	unlink("many");
	unlink("second");
}

int main(void)
{
	write_file("file", "x");
	write_file("mine", "x");
	write_file("secret", "x");
	if (chown("mine", 1000, 1000) || chmod("secret", 0600) || mkdir("dir", 0755) ||
	    mkdir("sticky", 0755) || chmod("sticky", 01777) || chmod(".", 0755) ||
	    symlink("file", "link") || mkfifo("fifo", 0644))
		printf("cannot prepare\n");
	plain();
	kinds();
	show_status("user", in_child(as_user));
	sizes();
	many();
	return 0;
}
