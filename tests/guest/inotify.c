/* SPDX-License-Identifier: BSD-2-Clause */
/* inotify: what each call tells, to a directory and to the file; removal, one shot, overflow. */
#include "guest.h"
#include <poll.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

static int in;
static uint32_t cookies[8];
static int cookie_count;

static void show_mask(uint32_t mask)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{IN_ACCESS, "ACCESS"},	     {IN_MODIFY, "MODIFY"},
		{IN_ATTRIB, "ATTRIB"},	     {IN_CLOSE_WRITE, "CLOSE_WRITE"},
		{IN_OPEN, "OPEN"},	     {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"},
		{IN_MOVED_FROM, "FROM"},     {IN_MOVED_TO, "TO"},
		{IN_CREATE, "CREATE"},	     {IN_DELETE, "DELETE"},
		{IN_DELETE_SELF, "GONE"},    {IN_MOVE_SELF, "MOVED"},
		{IN_IGNORED, "IGNORED"},     {IN_ISDIR, "ISDIR"},
		{IN_Q_OVERFLOW, "OVERFLOW"}, {IN_UNMOUNT, "UNMOUNT"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (mask & names[i].bit)
			printf(" %s", names[i].name);
	}
}

/* Cookies differ from run to run: the how manyth it is. */
static int cookie_number(uint32_t cookie)
{
	for (int i = 0; i < cookie_count; i++) {
		if (cookies[i] == cookie)
			return i + 1;
	}
	cookies[cookie_count++ % 8] = cookie;
	return cookie_count;
}

static void show_events(const char *what)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n, at = 0;

	cookie_count = 0;
	printf("-- %s\n", what);
	while ((n = read(in, buf, sizeof(buf))) > 0) {
		for (at = 0; at < n;) {
			struct inotify_event *e = (struct inotify_event *)(buf + at);

			printf("  %d:", e->wd);
			show_mask(e->mask);
			if (e->cookie)
				printf(" cookie %d", cookie_number(e->cookie));
			if (e->len)
				printf(" '%s' in %u", e->name, e->len);
			printf("\n");
			at += (ssize_t)sizeof(*e) + e->len;
		}
	}
	fflush(stdout);
}

static void contents(void)
{
	char buf[16];
	int fd;

	SHOW(inotify_add_watch(in, "dir", IN_ALL_EVENTS));
	fd = open("dir/file", O_RDWR | O_CREAT, 0644);
	show_events("create and open");
	SHOW(inotify_add_watch(in, "dir/file", IN_ALL_EVENTS));
	SHOW(write(fd, "hello", 5));
	SHOW(write(fd, "hello", 5));
	show_events("two writes are one event");
	SHOW(pread(fd, buf, 16, 0));
	SHOW(pread(fd, buf, 16, 100));
	SHOW(pwrite(fd, buf, 1, 0));
	SHOW(pread(fd, buf, 16, 0));
	show_events("reads and a write");
	SHOW(ftruncate(fd, 2));
	show_events("ftruncate");
	fchmod(fd, 0600);
	SHOW(fchown(fd, 0, 0));
	show_events("chmod, chown");
	futimens(fd, NULL);
	show_events("times");
	close(fd);
	show_events("close");
	fd = open("dir/file", O_RDONLY);
	close(fd);
	show_events("open and close");
	fd = open("dir/file", O_WRONLY | O_TRUNC);
	close(fd);
	show_events("O_TRUNC");
	SHOW(truncate("dir/file", 10));
	show_events("truncate");
	fd = open("dir/file", O_PATH);
	close(fd);
	fd = open("dir/none", O_RDONLY);
	show_events("nothing");
}

static void names(void)
{
	SHOW(mkdir("dir/sub", 0755));
	show_events("mkdir");
	SHOW(symlink("x", "dir/link"));
	show_events("symlink");
	SHOW(link("dir/file", "dir/second"));
	show_events("link");
	SHOW(mkfifo("dir/fifo", 0644));
	show_events("mkfifo");
	SHOW(rename("dir/second", "dir/third"));
	show_events("rename");
	SHOW(rename("dir/third", "outside"));
	show_events("rename out");
	SHOW(rename("outside", "dir/back"));
	show_events("rename in");
	SHOW(inotify_add_watch(in, "dir/fifo", IN_ALL_EVENTS));
	SHOW(rename("dir/back", "dir/fifo"));
	show_events("rename over");
	SHOW(mkfifo("dir/fifo2", 0600));
	SHOW(inotify_add_watch(in, "dir/fifo2", IN_ALL_EVENTS));
	SHOW(unlink("dir/fifo2"));
	show_events("unlink a watched one");
	SHOW(unlink("dir/fifo"));
	show_events("unlink");
	SHOW(unlink("dir/link"));
	show_events("unlink a link");
	SHOW(inotify_add_watch(in, "dir/sub", IN_ALL_EVENTS));
	SHOW(rename("dir/sub", "dir/sub2"));
	show_events("rename a directory");
	SHOW(rmdir("dir/sub2"));
	show_events("rmdir");
	SHOW(syscall(SYS_mkdirat, AT_FDCWD, "dir/a", 0755) | mkdir("dir/b", 0700));
	show_events("two");
	SHOW(renameat2(AT_FDCWD, "dir/a", AT_FDCWD, "dir/b", RENAME_EXCHANGE));
	show_events("exchange");
	SHOW(rmdir("dir/a") | rmdir("dir/b"));
	show_events("gone");
}

static void watches(void)
{
	int fd, wd;

	fd = open("dir/file", O_RDWR);
	show_events("open");
	SHOW(unlink("dir/file"));
	show_events("unlinked while open");
	SHOW(write(fd, "x", 1));
	show_events("written after that");
	close(fd);
	show_events("closed: now it goes");
	SHOW(inotify_rm_watch(in, 2));
	SHOW(inotify_rm_watch(in, 1));
	show_events("removed");
	write_file("dir/file", "x");
	show_events("not watched");
	wd = inotify_add_watch(in, "dir/file", IN_OPEN | IN_ONESHOT);
	printf("%d\n", wd);
	show_file("dir/file");
	show_file("dir/file");
	show_events("one shot");
	SHOW(inotify_rm_watch(in, wd));
	wd = inotify_add_watch(in, "dir/file", IN_OPEN);
	SHOW(inotify_add_watch(in, "dir/file", IN_CLOSE | IN_MASK_ADD) == wd);
	show_file("dir/file");
	show_events("both");
	SHOW(inotify_add_watch(in, "dir/file", IN_CLOSE) == wd);
	show_file("dir/file");
	show_events("one");
	SHOW(inotify_add_watch(in, "dir/file", IN_OPEN | IN_MASK_CREATE));
	SHOW(inotify_rm_watch(in, wd));
	show_events("ignored");
	wd = inotify_add_watch(in, "dir", IN_ALL_EVENTS | IN_EXCL_UNLINK);
	fd = open("dir/file", O_RDWR);
	unlink("dir/file");
	show_events("unlink");
	SHOW(write(fd, "x", 1));
	close(fd);
	show_events("excluded");
	SHOW(inotify_rm_watch(in, wd));
	show_events("ignored");
}

static void wrong_calls(void)
{
	int other = inotify_init1(IN_CLOEXEC), plain = open("dir", O_RDONLY);
	char buf[16];

	SHOW(fcntl(other, F_GETFD));
	SHOW(fcntl(other, F_GETFL));
	SHOW(inotify_init1(1));
	SHOW(inotify_add_watch(other, "dir", 0));
	SHOW(inotify_add_watch(1000, "dir", IN_OPEN));
	SHOW(inotify_add_watch(plain, "dir", IN_OPEN));
	SHOW(inotify_add_watch(other, bad, IN_OPEN));
	SHOW(inotify_add_watch(other, "none", IN_OPEN));
	SHOW(inotify_add_watch(other, "dir/file", IN_OPEN | IN_ONLYDIR));
	SHOW(inotify_add_watch(other, "dir", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
	SHOW(inotify_rm_watch(other, 5));
	SHOW(inotify_rm_watch(1000, 5));
	SHOW(inotify_rm_watch(plain, 5));
	SHOW(inotify_add_watch(other, "dir", IN_OPEN));
	show_file("dir/x");
	SHOW(read(in, buf, 16));
	open("dir", O_RDONLY);
	SHOW(read(other, buf, 15));
	SHOW(read(other, bad, 64));
	SHOW(write(other, buf, 16));
	SHOW(lseek(other, 0, SEEK_SET));
	close(other);
	close(plain);
}

static void queue(void)
{
	struct pollfd p = {in, POLLIN | POLLOUT, 0};
	int left = -1, wd = inotify_add_watch(in, "dir", IN_CREATE | IN_DELETE);

	SHOW(poll(&p, 1, 0));
	for (int i = 0; i < 3; i++) {
		write_file("dir/some", "");
		unlink("dir/some");
	}
	SHOW(poll(&p, 1, 0));
	printf("%#x\n", (unsigned)p.revents);
	SHOW(ioctl(in, FIONREAD, &left));
	printf("%d\n", left);
	show_events("all");
	/* A directory with many names, each of its own length. */
	for (int i = 1; i < 60; i += 7) {
		char path[100] = "dir/";

		memset(path + 4, 'n', (size_t)i);
		write_file(path, "");
		unlink(path);
	}
	show_events("lengths");
	/* More than the queue holds: the last event says so. */
	for (int i = 0; i < 8300; i++) {
		write_file("dir/some", "");
		unlink("dir/some");
	}
	char buf[4096] __attribute__((aligned(8)));
	int total = 0, overflows = 0;
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			struct inotify_event *e = (struct inotify_event *)(buf + at);

			total++;
			if (e->mask & IN_Q_OVERFLOW)
				overflows += e->wd == -1;
			at += (ssize_t)sizeof(*e) + e->len;
		}
	}
	printf("%d events, %d overflows\n", total, overflows);
	SHOW(inotify_rm_watch(in, wd));
	show_events("end");
}

/* A reader that waits, and a child that makes events. */
static void waiting(void)
{
	char buf[256] __attribute__((aligned(8)));
	int fd = inotify_init(), status;

	SHOW(inotify_add_watch(fd, "dir", IN_CREATE));
	fflush(stdout);
	if (fork() == 0) {
		usleep(30000);
		write_file("dir/new", "");
		_exit(0);
	}
	SHOW(read(fd, buf, sizeof(buf)));
	wait(&status);
	unlink("dir/new");
	close(fd);
}

int main(void)
{
	in = inotify_init1(IN_NONBLOCK);
	mkdir("dir", 0755);
	contents();
	names();
	watches();
	wrong_calls();
	queue();
	waiting();
	return 0;
}
