/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX message queues: names, priorities, waiting, notification, limits, bad arguments. */
#include "guest.h"
#include <limits.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

/* The calls themselves: the library looks at names and times first. */
static int raw_open(const char *name, int flags, unsigned mode, const struct mq_attr *attr)
{
	return (int)syscall(SYS_mq_open, name, flags, mode, attr);
}

static long raw_send(int fd, const void *buf, size_t n, unsigned prio, const void *timeout)
{
	return syscall(SYS_mq_timedsend, fd, buf, n, prio, timeout);
}

static long raw_receive(int fd, void *buf, size_t n, void *prio, const void *timeout)
{
	return syscall(SYS_mq_timedreceive, fd, buf, n, prio, timeout);
}

static long raw_notify(int fd, const void *event)
{
	return syscall(SYS_mq_notify, fd, event);
}

static int make(long messages, long size, int flags)
{
	struct mq_attr attr = {.mq_maxmsg = messages, .mq_msgsize = size};
	int fd = raw_open("test", O_CREAT | O_EXCL | O_RDWR | flags, 0600, &attr);

	if (fd < 0)
		printf("mq_open: %s\n", strerrorname_np(errno));
	return fd;
}

static void finish(int fd)
{
	close(fd);
	syscall(SYS_mq_unlink, "test");
}

static void get(int fd)
{
	char buf[8200];
	unsigned prio = 77;
	long n = raw_receive(fd, buf, sizeof(buf), &prio, NULL);

	if (n < 0)
		printf("get: %s\n", strerrorname_np(errno));
	else
		printf("get: %ld bytes of priority %u \"%.*s\"\n", n, prio, (int)n, buf);
	fflush(stdout);
}

static long put(int fd, const char *text, unsigned prio)
{
	return raw_send(fd, text, strlen(text), prio, NULL);
}

static void show_attr(int fd)
{
	struct mq_attr a;

	if (mq_getattr(fd, &a))
		printf("attributes: %s\n", strerrorname_np(errno));
	else
		printf("attributes: flags %#lx, %ld of %ld messages, of %ld bytes\n", a.mq_flags,
		       a.mq_curmsgs, a.mq_maxmsg, a.mq_msgsize);
	fflush(stdout);
}

static void names(void)
{
	char name[300];
	int fd, other;

	SHOW(raw_open("test", O_RDWR, 0, NULL));
	SHOW_OK(fd = raw_open("test", O_RDWR | O_CREAT | O_EXCL, 0640, NULL));
	SHOW(fcntl(fd, F_GETFD));
	SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	show_attr(fd);
	SHOW(raw_open("test", O_RDWR | O_CREAT | O_EXCL, 0640, NULL));
	SHOW_OK(other = raw_open("test", O_RDONLY | O_CREAT | O_NONBLOCK, 0640, NULL));
	show_attr(other);
	SHOW(put(other, "x", 0));
	close(other);
	SHOW_OK(other = raw_open("test", O_WRONLY, 0, NULL));
	SHOW(raw_receive(other, name, 8192, NULL, NULL));
	close(other);
	SHOW(raw_open("test", O_ACCMODE, 0, NULL));
	SHOW(raw_open("", O_RDWR | O_CREAT, 0600, NULL));
	SHOW(raw_open("/test", O_RDWR | O_CREAT, 0600, NULL));
	SHOW(raw_open("a/b", O_RDWR | O_CREAT, 0600, NULL));
	SHOW(raw_open(".", O_RDWR | O_CREAT, 0600, NULL));
	SHOW(raw_open("..", O_RDWR | O_CREAT, 0600, NULL));
	SHOW(raw_open(bad, O_RDWR, 0600, NULL));
	SHOW(raw_open("test", O_RDWR, 0600, bad));
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	SHOW(raw_open(name, O_RDWR | O_CREAT, 0600, NULL));
	SHOW(syscall(SYS_mq_unlink, name));
	name[255] = 0;
	SHOW_OK(other = raw_open(name, O_RDWR | O_CREAT, 0600, NULL));
	close(other);
	SHOW(syscall(SYS_mq_unlink, name));
	SHOW(syscall(SYS_mq_unlink, name));
	SHOW(syscall(SYS_mq_unlink, "."));
	SHOW(syscall(SYS_mq_unlink, ""));
	SHOW(syscall(SYS_mq_unlink, "/x"));
	SHOW(syscall(SYS_mq_unlink, bad));
	/* Without a name it works on. */
	SHOW(syscall(SYS_mq_unlink, "test"));
	SHOW(put(fd, "x", 0));
	get(fd);
	SHOW(raw_open("test", O_RDWR, 0, NULL));
	close(fd);
	SHOW(mq_open("no slash", O_RDWR));
	SHOW_OK(fd = mq_open("/by the library", O_RDWR | O_CREAT, 0600, NULL));
	SHOW(mq_unlink("/by the library"));
	SHOW(mq_close(fd));
}

static void attributes(void)
{
	static const long sizes[][2] = {{0, 1},	    {1, 0},	{-1, 1},       {1, -1},
					{11, 1},    {10, 8193}, {LONG_MAX, 1}, {1, LONG_MAX},
					{10, 8192}, {65537, 1}, {1, 1}};
	struct mq_attr a = {0};
	int fd;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		a.mq_maxmsg = sizes[i][0];
		a.mq_msgsize = sizes[i][1];
		a.mq_curmsgs = 99;
		fd = raw_open("test", O_CREAT | O_EXCL | O_RDWR, 0600, &a);
		printf("%ld of %ld: %s\n", sizes[i][0], sizes[i][1],
		       fd < 0 ? strerrorname_np(errno) : "made");
		if (fd >= 0)
			finish(fd);
	}
	fd = make(3, 10, 0);
	a = (struct mq_attr){.mq_flags = O_NONBLOCK, .mq_maxmsg = 1};
	SHOW(mq_setattr(fd, &a, NULL));
	show_attr(fd);
	get(fd);
	a.mq_flags = O_NONBLOCK | O_RDWR;
	SHOW(mq_setattr(fd, &a, NULL));
	a.mq_flags = 0;
	SHOW(syscall(SYS_mq_getsetattr, fd, &a, bad));
	show_attr(fd);
	SHOW(syscall(SYS_mq_getsetattr, fd, bad, &a));
	SHOW(syscall(SYS_mq_getsetattr, -1, &a, &a));
	SHOW(syscall(SYS_mq_getsetattr, 1, &a, &a));
	SHOW(syscall(SYS_mq_getsetattr, fd, NULL, NULL));
	finish(fd);
}

static void transfer(void)
{
	char buf[8192], *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec past = {0}, wrong = {0, -1}, soon;
	int fd = make(5, 100, 0), wrong_bytes = 0;

	munmap(page + 4096, 4096);
	SHOW(put(fd, "low", 1));
	SHOW(put(fd, "high", 32767));
	SHOW(put(fd, "low too", 1));
	SHOW(put(fd, "", 5));
	SHOW(put(fd, "high too", 32767));
	SHOW(raw_send(fd, "x", 1, 0, &past));
	show_attr(fd);
	for (int i = 0; i < 5; i++)
		get(fd);
	SHOW(raw_receive(fd, buf, 100, NULL, &past));
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 5000000;
	if (soon.tv_nsec >= 1000000000)
		soon.tv_sec++, soon.tv_nsec -= 1000000000;
	SHOW(raw_receive(fd, buf, 100, NULL, &soon));
	SHOW(raw_receive(fd, buf, 100, NULL, &wrong));
	SHOW(raw_receive(-1, buf, 100, NULL, &wrong));
	SHOW(raw_receive(-1, buf, 100, NULL, bad));
	SHOW(raw_receive(-1, buf, 100, NULL, NULL));
	SHOW(raw_receive(1, buf, 100, NULL, NULL));
	SHOW(raw_receive(fd, buf, 99, NULL, NULL));
	SHOW(raw_send(fd, "x", 1, 32768, NULL));
	SHOW(raw_send(fd, "x", 1, UINT_MAX, NULL));
	SHOW(raw_send(-1, "x", 1, 32768, NULL));
	SHOW(raw_send(-1, "x", 1, 0, NULL));
	SHOW(raw_send(fd, buf, 101, 0, NULL));
	SHOW(raw_send(fd, buf, SIZE_MAX, 0, NULL));
	SHOW(raw_send(fd, bad, 5, 0, NULL));
	SHOW(raw_send(fd, page + 4090, 10, 0, NULL));
	SHOW(raw_send(fd, bad, 0, 0, NULL));
	get(fd);
	SHOW(raw_send(fd, "12345", 5, 0, bad));
	SHOW(raw_send(fd, "12345", 5, 0, NULL));
	SHOW(raw_receive(fd, page + 4096 - 3, 100, NULL, NULL));
	SHOW(raw_send(fd, "12345", 5, 0, NULL));
	SHOW(raw_receive(fd, buf, 100, bad, NULL));
	SHOW(raw_send(fd, "12345", 5, 0, NULL));
	SHOW(raw_receive(fd, page + 4096 - 5, 100, NULL, NULL));
	show_attr(fd);
	finish(fd);
	/* Many priorities, in order; large ones whole. */
	fd = make(10, 8192, 0);
	for (unsigned i = 0; i < 10; i++) {
		memset(buf, (int)i, sizeof(buf));
		raw_send(fd, buf, 8192 - i, i * 7 % 10, NULL);
	}
	for (int i = 9; i >= 0; i--) {
		unsigned prio;
		long n = raw_receive(fd, buf, 8192, &prio, NULL);

		for (long k = 0; k < n; k++)
			wrong_bytes += buf[k] != 8192 - n;
		wrong_bytes += prio != (unsigned)i || (unsigned)(8192 - n) * 7 % 10 != prio;
	}
	printf("in order: %d wrong\n", wrong_bytes);
	munmap(page, 4096);
	finish(fd);
}

/* --- files -------------------------------------------------------------------------------- */

static int ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void files(void)
{
	int fd = make(2, 10, 0), other;
	char buf[200];
	struct stat st;

	SHOW(ready(fd));
	put(fd, "12345", 0);
	SHOW(ready(fd));
	put(fd, "1234567890", 3);
	SHOW(ready(fd));
	buf[pread(fd, buf, sizeof(buf) - 1, 0)] = 0;
	printf("%s", buf);
	SHOW(write(fd, "x", 1));
	SHOW(read(fd, buf, 6));
	printf("%.6s\n", buf);
	SHOW(read(fd, bad, 6));
	SHOW(lseek(fd, 1000, SEEK_SET));
	SHOW(read(fd, buf, 6));
	fstat(fd, &st);
	printf("mode %#o size %ld links %ld\n", st.st_mode, (long)st.st_size, (long)st.st_nlink);
	SHOW((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	/* The directory. */
	mkdir("mq", 0700);
	SHOW(mount("none", "mq", "mqueue", 0, NULL));
	stat("mq", &st);
	printf("mode %#o\n", st.st_mode);
	SHOW(access("mq/test", F_OK));
	SHOW(rename("mq/test", "mq/x"));
	SHOW(mkdir("mq/d", 0700));
	SHOW(symlink("test", "mq/s"));
	SHOW(link("mq/test", "mq/l"));
	SHOW_OK(other = open("mq/test", O_RDONLY));
	buf[read(other, buf, sizeof(buf) - 1)] = 0;
	printf("%s", buf);
	get(other);
	SHOW(put(other, "x", 0));
	close(other);
	SHOW_OK(other = open("mq/new", O_RDWR | O_CREAT, 0600));
	show_attr(other);
	close(other);
	SHOW_OK(other = raw_open("new", O_RDWR, 0, NULL));
	close(other);
	SHOW(unlink("mq/new"));
	SHOW(unlink("mq/new"));
	SHOW(raw_open("new", O_RDWR, 0, NULL));
	SHOW(chmod("mq/test", 0604));
	SHOW(umount("mq"));
	SHOW(rmdir("mq"));
	fstat(fd, &st);
	printf("mode %#o\n", st.st_mode);
	finish(fd);
}

/* --- children that wait ------------------------------------------------------------------- */

/* A child sleeps in the call: its state says so, and goes on saying so. */
static void await_sleep(pid_t pid)
{
	char path[40], line[200];
	int seen = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (seen < 5) {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, line, sizeof(line) - 1);
		const char *at;

		close(fd);
		if (n <= 0)
			return;
		line[n] = 0;
		at = strrchr(line, ')');
		seen = at && at[2] == 'S' ? seen + 1 : 0;
		usleep(1000);
	}
}

static pid_t sender(int fd, const char *text, unsigned prio)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(put(fd, text, prio) ? errno : 0);
	await_sleep(pid);
	return pid;
}

static pid_t receiver(int fd)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		char buf[100];

		_exit(raw_receive(fd, buf, sizeof(buf), NULL, NULL) < 0 ? errno : (int)buf[0]);
	}
	await_sleep(pid);
	return pid;
}

static void reap(const char *what, pid_t pid)
{
	int st;

	waitpid(pid, &st, 0);
	if (WIFSIGNALED(st))
		printf("%s: killed\n", what);
	else
		printf("%s: %d\n", what, WEXITSTATUS(st));
	fflush(stdout);
}

/* --- notification ------------------------------------------------------------------------- */

static volatile int told, told_code, told_value, told_by;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	told = sig;
	told_code = info->si_code;
	told_value = info->si_value.sival_int;
	told_by = info->si_pid;
}

static void show_told(const char *what)
{
	printf("%s: told %d, code %s, value %d, by us %d\n", what, told != 0,
	       told_code == SI_MESGQ ? "SI_MESGQ" : "another", told_value, told_by == getpid());
	told = told_code = told_value = told_by = 0;
	fflush(stdout);
}

static void notification(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	int fd = make(3, 10, 0), other = raw_open("test", O_RDWR, 0, NULL), sock;
	char line[200];
	pid_t pid;

	sigaction(SIGUSR1, &sa, NULL);
	e.sigev_value.sival_int = 42;
	SHOW(raw_notify(fd, &e));
	SHOW(raw_notify(fd, &e));
	line[pread(fd, line, sizeof(line) - 1, 0)] = 0;
	printf("%.30s, by us %d\n", line, atoi(strstr(line, "PID:") + 4) == getpid());
	put(fd, "1", 0);
	show_told("the first");
	SHOW(raw_notify(fd, &e));
	put(fd, "2", 0);
	show_told("not empty");
	get(fd);
	get(fd);
	put(fd, "3", 0);
	show_told("empty again");
	get(fd);
	put(fd, "4", 0);
	show_told("only once");
	get(fd);
	SHOW(raw_notify(fd, &e));
	SHOW(raw_notify(fd, NULL));
	SHOW(raw_notify(fd, NULL));
	put(fd, "5", 0);
	show_told("taken back");
	get(fd);
	/* Closing any descriptor of the queue ends it. */
	SHOW(raw_notify(fd, &e));
	close(other);
	put(fd, "6", 0);
	show_told("closed");
	get(fd);
	/* A receiver that waits comes first, and the request stays. */
	SHOW(raw_notify(fd, &e));
	pid = receiver(fd);
	put(fd, "7", 0);
	reap("receiver", pid);
	show_told("a receiver");
	SHOW(raw_notify(fd, &e));
	raw_notify(fd, NULL);
	/* A child's end changes nothing of it. */
	SHOW(raw_notify(fd, &e));
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	put(fd, "8", 0);
	show_told("after a child");
	get(fd);
	pid = fork();
	if (pid == 0) {
		raw_notify(fd, &e);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	SHOW(raw_notify(fd, &e));
	/* Nothing, and others. */
	raw_notify(fd, NULL);
	e.sigev_notify = SIGEV_NONE;
	e.sigev_signo = 12345;
	SHOW(raw_notify(fd, &e));
	SHOW(raw_notify(fd, &e));
	put(fd, "9", 0);
	get(fd);
	SHOW(raw_notify(fd, &e));
	raw_notify(fd, NULL);
	e.sigev_notify = SIGEV_SIGNAL;
	SHOW(raw_notify(fd, &e));
	e.sigev_signo = -1;
	SHOW(raw_notify(fd, &e));
	e.sigev_signo = 65;
	SHOW(raw_notify(fd, &e));
	e.sigev_signo = 0;
	SHOW(raw_notify(fd, &e));
	put(fd, "10", 0);
	get(fd);
	e.sigev_notify = 99;
	SHOW(raw_notify(fd, &e));
	SHOW(raw_notify(-1, &e));
	SHOW(raw_notify(fd, bad));
	e.sigev_notify = SIGEV_NONE;
	SHOW(raw_notify(1, &e));
	SHOW(raw_notify(-1, &e));
	e.sigev_notify = SIGEV_THREAD;
	e.sigev_value.sival_ptr = bad;
	e.sigev_signo = fd;
	SHOW(raw_notify(fd, &e));
	e.sigev_value.sival_ptr = line;
	SHOW(raw_notify(fd, &e));
	e.sigev_signo = -1;
	SHOW(raw_notify(fd, &e));
	sock = socket(AF_UNIX, SOCK_STREAM, 0);
	e.sigev_signo = sock;
	SHOW(raw_notify(fd, &e));
	close(sock);
	finish(fd);
}

/* --- waiting ------------------------------------------------------------------------------ */

static void nothing(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	struct sigaction sa = {.sa_handler = nothing};
	int fd = make(1, 100, 0);
	pid_t a, b;

	sigaction(SIGUSR2, &sa, NULL);
	a = receiver(fd);
	b = receiver(fd);
	SHOW(put(fd, "A", 0));
	reap("the first receiver", a);
	SHOW(put(fd, "B", 0));
	reap("the second receiver", b);
	show_attr(fd);
	put(fd, "1", 5);
	a = sender(fd, "2", 1);
	b = sender(fd, "3", 9);
	show_attr(fd);
	get(fd);
	reap("the first sender", a);
	get(fd);
	reap("the second sender", b);
	get(fd);
	show_attr(fd);
	a = receiver(fd);
	kill(a, SIGUSR2);
	reap("interrupted", a);
	a = receiver(fd);
	kill(a, SIGKILL);
	reap("killed", a);
	put(fd, "x", 0);
	a = sender(fd, "y", 0);
	kill(a, SIGUSR2);
	reap("interrupted", a);
	get(fd);
	show_attr(fd);
	finish(fd);
}

/* --- limits ------------------------------------------------------------------------------- */

static void limited(void)
{
	struct rlimit r = {10000, 10000};
	struct mq_attr a = {.mq_maxmsg = 10, .mq_msgsize = 900};
	int fd;

	setrlimit(RLIMIT_MSGQUEUE, &r);
	SHOW(raw_open("test", O_CREAT | O_RDWR, 0600, NULL));
	SHOW_OK(fd = raw_open("test", O_CREAT | O_RDWR, 0600, &a));
	if (fd >= 0)
		finish(fd);
	a.mq_msgsize = 904; /* 10 * (904 + 48 + 48) */
	SHOW_OK(fd = raw_open("test", O_CREAT | O_RDWR, 0600, &a));
	SHOW(raw_open("another", O_CREAT | O_RDWR, 0600, &a));
	finish(fd);
	a.mq_msgsize = 905;
	SHOW(raw_open("test", O_CREAT | O_RDWR, 0600, &a));
}

static int theirs;

static void as_another(void)
{
	setgid(77);
	setuid(77);
	SHOW(raw_open("test", O_RDWR, 0, NULL));
	SHOW(raw_open("test", O_WRONLY, 0, NULL));
	SHOW_OK(raw_open("test", O_RDONLY, 0, NULL));
	SHOW(syscall(SYS_mq_unlink, "test"));
	SHOW_OK(raw_open("own", O_RDWR | O_CREAT, 0600, NULL));
	SHOW(syscall(SYS_mq_unlink, "own"));
}

static void full(void)
{
	int n = 0;
	char name[20];
	struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 1};

	for (; n < 1000; n++) {
		int fd;

		snprintf(name, sizeof(name), "q%d", n);
		fd = raw_open(name, O_RDWR | O_CREAT, 0600, &a);
		if (fd < 0)
			break;
		close(fd);
	}
	printf("%d queues: %s\n", n, strerrorname_np(errno));
	while (n--) {
		snprintf(name, sizeof(name), "q%d", n);
		syscall(SYS_mq_unlink, name);
	}
}

static void limits(void)
{
	show_status("limited", in_child(limited));
	theirs = make(1, 1, 0);
	fchmod(theirs, 0604);
	show_status("another user", in_child(as_another));
	finish(theirs);
	full();
	show_file("/proc/sys/fs/mqueue/queues_max");
	show_file("/proc/sys/fs/mqueue/msg_max");
	show_file("/proc/sys/fs/mqueue/msgsize_max");
	show_file("/proc/sys/fs/mqueue/msg_default");
	show_file("/proc/sys/fs/mqueue/msgsize_default");
}

/* Senders and receivers through little room; each message arrives once. */
static void races(void)
{
	int fd = make(3, 8, 0), st, wrong = 0;
	unsigned long *sums =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	fflush(stdout);
	for (int p = 0; p < 4; p++) {
		if (fork())
			continue;
		for (unsigned long i = 0; i < 1000; i++) {
			unsigned long v = i * 4 + (unsigned long)p + 1;

			if (p < 2 && raw_send(fd, &v, 8, (unsigned)i % 5, NULL))
				_exit(1);
			if (p >= 2 && raw_receive(fd, &v, 8, NULL, NULL) != 8)
				_exit(1);
			__atomic_fetch_add(&sums[p / 2], v, __ATOMIC_RELAXED);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		wait(&st);
		wrong += st != 0;
	}
	printf("failed %d, sent %lu, received the same: %d\n", wrong, sums[0], sums[0] == sums[1]);
	show_attr(fd);
	finish(fd);
	/* Names made and removed by several. */
	for (int p = 0; p < 3; p++) {
		if (fork())
			continue;
		for (int i = 0; i < 300; i++) {
			int q = raw_open("test", O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL);
			char buf[8192];

			if (q < 0)
				_exit(1);
			put(q, "text", (unsigned)p);
			if (i % 2)
				raw_receive(q, buf, sizeof(buf), NULL, NULL);
			close(q);
			syscall(SYS_mq_unlink, "test");
		}
		_exit(0);
	}
	for (int p = 0; p < 3; p++) {
		wait(&st);
		wrong += st != 0;
	}
	printf("names: %d wrong\n", wrong);
	SHOW(syscall(SYS_mq_unlink, "test"));
}

/* So that the limits hold here and there. */
static void drop_cap_sys_resource(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];

	syscall(SYS_capget, &h, d);
	d[0].effective &= ~(1U << CAP_SYS_RESOURCE);
	d[0].permitted &= ~(1U << CAP_SYS_RESOURCE);
	d[0].inheritable &= ~(1U << CAP_SYS_RESOURCE);
	if (syscall(SYS_capset, &h, d))
		printf("capset: %s\n", strerrorname_np(errno));
}

int main(void)
{
	/* Where there are namespaces, one without the queues of others. */
	unshare(CLONE_NEWIPC);
	drop_cap_sys_resource();
	umask(022);
	names();
	attributes();
	transfer();
	files();
	notification();
	waiting();
	limits();
	races();
	return 0;
}
