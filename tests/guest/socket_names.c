/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of sockets: paths and their inodes, abstract names, automatic ones, permissions, limits. */
#include "socket.h"

static int stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static void paths(void)
{
	int s = stream(), t = stream(), c = stream();
	struct stat st;

	umask(027);
	SHOW(bind_to(s, "sock"));
	umask(0);
	SHOW(stat("sock", &st));
	printf("mode %o, size %ld, links %d\n", st.st_mode, (long)st.st_size, (int)st.st_nlink);
	show_name("bound", s, false);
	show_name("peer", s, true);
	SHOW(bind_to(t, "sock"));
	SHOW(bind_to(s, "another"));
	SHOW(bind_to(s, "sock"));
	SHOW(bind_to(s, "@another"));
	SHOW(access("another", F_OK));
	SHOW(open("sock", O_RDWR));
	SHOW(bind_to(t, "missing/sock"));
	SHOW(bind_to(t, ""));
	write_file("file", "x");
	SHOW(bind_to(t, "file/sock"));
	SHOW(bind_to(t, "file"));
	SHOW(connect_to(c, "file"));
	SHOW(connect_to(c, "."));
	/* A name of the inode is a name of the socket. */
	SHOW(listen(s, 5));
	SHOW(link("sock", "second"));
	SHOW(symlink("second", "pointer"));
	SHOW(rename("sock", "moved"));
	SHOW(connect_to(c, "pointer"));
	show_name("peer", c, true);
	SHOW(symlink("nowhere", "dangling"));
	SHOW(bind_to(t, "dangling"));
	close(c);
	c = stream();
	close(s);
	SHOW(connect_to(c, "moved"));
	SHOW(bind_to(t, "moved"));
	SHOW(unlink("moved"));
	SHOW(bind_to(t, "moved"));
	close(t);
	close(c);
	/* The mode of the socket's own inode counts. */
	s = stream();
	SHOW(fchmod(s, 0640));
	SHOW(bind_to(s, "private"));
	SHOW(stat("private", &st));
	printf("mode %o\n", st.st_mode);
	close(s);
	unlink("private");
	unlink("moved");
	unlink("second");
	unlink("pointer");
	unlink("dangling");
	unlink("file");
}

/* A path of all 108 bytes needs no NUL. */
static void long_path(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct {
		struct sockaddr_un a;
		char more[20];
	} got;
	socklen_t len = sizeof(got);
	int s = stream();

	memset(a.sun_path, 'p', sizeof(a.sun_path));
	SHOW(bind(s, (struct sockaddr *)&a, sizeof(a) + 1));
	SHOW(bind(s, (struct sockaddr *)&a, sizeof(a)));
	SHOW(getsockname(s, (struct sockaddr *)&got, &len));
	printf("length %d\n", (int)len);
	SHOW(listen(s, 1));
	int c = stream();
	SHOW(connect(c, (struct sockaddr *)&a, sizeof(a)));
	close(c);
	close(s);
	char path[109] = "";
	memcpy(path, a.sun_path, 108);
	SHOW(unlink(path));
	/* What follows the NUL is no part of it. */
	memset(a.sun_path, 0, sizeof(a.sun_path));
	strcpy(a.sun_path, "short");
	strcpy(a.sun_path + 10, "tail");
	s = stream();
	SHOW(bind(s, (struct sockaddr *)&a, sizeof(a)));
	show_name("short", s, false);
	close(s);
	SHOW(unlink("short"));
}

static void bad_addresses(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "x"};
	int s = stream();

	SHOW(bind(s, (struct sockaddr *)&a, 0));
	SHOW(bind(s, (struct sockaddr *)&a, 1));
	SHOW(bind(s, (struct sockaddr *)&a, (socklen_t)-1));
	SHOW(bind(s, (struct sockaddr *)&a, 129));
	SHOW(bind(s, (struct sockaddr *)bad, 10));
	SHOW(connect(s, (struct sockaddr *)&a, 0));
	SHOW(connect(s, (struct sockaddr *)&a, 2));
	SHOW(connect(s, (struct sockaddr *)bad, 10));
	a.sun_family = AF_INET;
	SHOW(bind(s, (struct sockaddr *)&a, 10));
	SHOW(bind(s, (struct sockaddr *)&a, 2));
	SHOW(connect(s, (struct sockaddr *)&a, 10));
	SHOW(bind(1, (struct sockaddr *)&a, 10));
	SHOW(bind(77, (struct sockaddr *)&a, 10));
	close(s);
}

static void abstract(void)
{
	int s = stream(), t = stream(), d = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	SHOW(bind_to(s, "@name"));
	show_name("abstract", s, false);
	SHOW(bind_to(t, "@name"));
	/* Types have names of their own. */
	SHOW(bind_to(d, "@name"));
	SHOW(connect_to(t, "@name"));
	SHOW(connect_to(t, "@nam"));
	SHOW(connect_to(t, "name"));
	/* Bytes count, all of them, NULs too. */
	memcpy(a.sun_path, "\0name\0", 6);
	SHOW(connect(t, (struct sockaddr *)&a, PATH_AT + 6));
	SHOW(bind(t, (struct sockaddr *)&a, PATH_AT + 6));
	show_name("with a NUL", t, false);
	close(t);
	t = stream();
	SHOW(listen(s, 1));
	SHOW(connect_to(t, "@name"));
	close(s);
	s = stream();
	/* The name goes with its socket. */
	SHOW(bind_to(s, "@name"));
	close(s);
	close(t);
	close(d);
	s = stream();
	SHOW(bind(s, (struct sockaddr *)&a, PATH_AT + 1));
	show_name("one NUL", s, false);
	close(s);
}

static void automatic(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX}, b;
	int s = stream(), t = stream(), digits = 0;
	socklen_t len = sizeof(a);

	SHOW(bind(s, (struct sockaddr *)&a, 2));
	SHOW(getsockname(s, (struct sockaddr *)&a, &len));
	for (int i = 1; i < 6; i++)
		digits += a.sun_path[i] && strchr("0123456789abcdef", a.sun_path[i]) != NULL;
	printf("length %d, first byte %d, %d digits\n", (int)len, a.sun_path[0], digits);
	b.sun_family = AF_UNIX;
	SHOW(bind(s, (struct sockaddr *)&b, 2));
	SHOW(bind(t, (struct sockaddr *)&b, 2));
	len = sizeof(b);
	SHOW(getsockname(t, (struct sockaddr *)&b, &len));
	printf("different: %d\n", memcmp(&a, &b, len) != 0);
	SHOW(listen(s, 1));
	close(t);
	t = stream();
	SHOW(connect(t, (struct sockaddr *)&a, 8));
	close(s);
	close(t);
}

/* getsockname and its kin with little room. */
static void short_buffers(void)
{
	int s = stream();
	struct sockaddr_un a;
	socklen_t len = 4;

	SHOW(bind_to(s, "@short-buffer"));
	memset(&a, 'x', sizeof(a));
	SHOW(getsockname(s, (struct sockaddr *)&a, &len));
	printf("length %d, %c%c\n", (int)len, a.sun_path[1], a.sun_path[2]);
	len = 0;
	SHOW(getsockname(s, (struct sockaddr *)&a, &len));
	printf("length %d\n", (int)len);
	len = (socklen_t)-1;
	SHOW(getsockname(s, (struct sockaddr *)&a, &len));
	len = 100;
	SHOW(getsockname(s, bad, &len));
	SHOW(getsockname(s, (struct sockaddr *)&a, bad));
	SHOW(getpeername(s, (struct sockaddr *)&a, &len));
	SHOW(getsockname(1, (struct sockaddr *)&a, &len));
	SHOW(getsockname(77, (struct sockaddr *)&a, &len));
	close(s);
}

static void as_nobody(void)
{
	int s = stream(), c = stream();

	if (setgid(65534) || setuid(65534))
		_exit(1);
	SHOW(connect_to(c, "/tmp/socket_names.d/open"));
	close(c);
	c = stream();
	SHOW(connect_to(c, "/tmp/socket_names.d/closed"));
	SHOW(bind_to(s, "/tmp/socket_names.d/mine"));
	SHOW(bind_to(s, "/tmp/socket_names.d/open"));
	SHOW(bind_to(s, "@free"));
	close(s);
	close(c);
}

static void permissions(void)
{
	int open_one = stream(), closed = stream();

	SHOW(mkdir("/tmp/socket_names.d", 0755));
	umask(0);
	SHOW(bind_to(open_one, "/tmp/socket_names.d/open"));
	umask(0222);
	SHOW(bind_to(closed, "/tmp/socket_names.d/closed"));
	umask(0);
	SHOW(listen(open_one, 1));
	SHOW(listen(closed, 1));
	show_status("nobody", in_child(as_nobody));
	close(open_one);
	close(closed);
	unlink("/tmp/socket_names.d/open");
	unlink("/tmp/socket_names.d/closed");
	SHOW(rmdir("/tmp/socket_names.d"));
}

/* The table in /proc shows a bound socket once. */
static void table(void)
{
	int s = stream(), found = 0;
	char line[400];
	FILE *f;

	SHOW(bind_to(s, "@in-the-table"));
	SHOW(listen(s, 1));
	f = fopen("/proc/net/unix", "r");
	if (!f) {
		printf("no table\n");
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		unsigned refs, protocol, flags, type, state;
		unsigned long ino;
		char name[200];

		if (sscanf(line, "%*x: %x %x %x %x %x %lu %199s", &refs, &protocol, &flags, &type,
			   &state, &ino, name) == 7 &&
		    strcmp(name, "@in-the-table") == 0) {
			struct stat st;

			found++;
			fstat(s, &st);
			printf("refs %u protocol %u flags %x type %u state %u inode %s\n", refs,
			       protocol, flags, type, state, st.st_ino == ino ? "same" : "other");
		}
	}
	fclose(f);
	printf("found %d\n", found);
	close(s);
}

/* Each thread of the race binds the same names; one wins each. */
static void race(void)
{
	enum { CHILDREN = 4, NAMES = 100 };
	int ready[2], won[2], total = 0, status;

	SHOW(pipe(ready));
	SHOW(pipe(won));
	for (int i = 0; i < CHILDREN; i++) {
		if (fork())
			continue;
		int fds[NAMES], n = 0;
		char c, name[32];

		close(ready[1]);
		if (read(ready[0], &c, 1) != 0)
			_exit(1);
		for (int j = 0; j < NAMES; j++) {
			fds[j] = stream();
			snprintf(name, sizeof(name), j & 1 ? "race-%d" : "@race-%d", j);
			if (bind_to(fds[j], name) == 0)
				n++;
			else if (errno != EADDRINUSE)
				_exit(2);
		}
		if (write(won[1], &n, sizeof(n)) != sizeof(n))
			_exit(3);
		close(won[1]);
		/* The names are held until all are done. */
		while (read(won[0], &c, 0) < 0)
			continue;
		pause();
	}
	close(ready[0]);
	close(ready[1]);
	for (int i = 0, n; i < CHILDREN; i++)
		if (read(won[0], &n, sizeof(n)) == sizeof(n))
			total += n;
	printf("%d names bound\n", total);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(&status) > 0)
		if (!WIFSIGNALED(status))
			show_status("child", status);
	close(won[0]);
	close(won[1]);
	for (int j = 1; j < NAMES; j += 2) {
		char name[32];

		snprintf(name, sizeof(name), "race-%d", j);
		unlink(name);
	}
}

int main(void)
{
	setpgid(0, 0);
	paths();
	long_path();
	bad_addresses();
	abstract();
	automatic();
	short_buffers();
	permissions();
	table();
	race();
	return 0;
}
