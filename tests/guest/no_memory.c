/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Without memory: each allocation that a call makes fails once. The call says so or does its work
 * all the same, has no effect in the first case, and nothing leaks. Kernels for tests let us choose
 * the allocation (/proc/sys/debug); elsewhere, on Linux too, every operation just runs.
 */
#include "guest.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/xattr.h>
#include <time.h>

#define ROUNDS	12
#define BATCHES 5
#define NTH_MAX 2000
#define PAGE	4096
#define NOT_HIT 99 /* of an exec'd program: its start made fewer allocations */
#define KNOB	"/proc/sys/debug/fail-nth"
#define KNOB_FD 100

static bool injecting;
static char *const no_environment[] = {NULL};

/* --- choosing the allocation --------------------------------------------------------------- */

static bool armed;

static bool turned_off(void)
{
	char text[16] = "";

	if (!injecting)
		return false;
	if (pwrite(KNOB_FD, "0", 1, 0) != 1) {
		pwrite(KNOB_FD, "0", 1, 0);
		return false; /* it was this write's own */
	}
	if (pread(KNOB_FD, text, sizeof(text) - 1, 0) <= 0)
		_exit(51);
	return atoi(text) == 0;
}

static void arm(unsigned nth)
{
	char text[12];
	int n = snprintf(text, sizeof(text), "%u", nth);

	armed = true;
	if (injecting && pwrite(KNOB_FD, text, (size_t)n, 0) != n)
		_exit(50);
}

/* True if an allocation has failed since arm(). Operations call it before they clean up. */
static bool disarm(void)
{
	static bool hit;

	if (armed)
		hit = turned_off();
	armed = false;
	return hit;
}

static long objects(void)
{
	struct timespec moment = {.tv_nsec = 20000000};
	char text[24] = "0";
	int fd = open("/proc/sys/debug/objects", O_RDONLY);

	if (fd < 0)
		return 0;
	nanosleep(&moment, NULL); /* what ends on other processors, and the search for rings */
	if (read(fd, text, sizeof(text) - 1) < 0)
		_exit(52);
	close(fd);
	return atol(text);
}

static unsigned exec_nth; /* for the child that execs */

/* --- operations: 0 or errno; they leave nothing behind --------------------------------------- */

#define TRY(call)                       \
	do {                            \
		if ((long)(call) < 0) { \
			r = errno;      \
			goto out;       \
		}                       \
	} while (0)

static void shut(int *fds, size_t n)
{
	disarm();
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status;
}

static int op_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	return wait_for(pid) ? EIO : 0;
}

static int op_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return errno;
	return wait_for(pid) ? EIO : 0;
}

static void *thread_main(void *arg)
{
	return arg;
}

static int op_thread(void)
{
	pthread_t t;
	void *result;
	int r = pthread_create(&t, NULL, thread_main, &exec_nth);

	if (r)
		return r;
	r = pthread_join(t, &result);
	return r ? r : result == &exec_nth ? 0 : EIO;
}

/* In a child, because it does not come back; armed there, too. */
static int op_exec(void)
{
	char *arguments[] = {"/proc/self/exe", "started", NULL};
	pid_t pid;
	int status;

	pid = fork();
	if (pid == 0) {
		close(2); /* the C library's complaints */
		arm(exec_nth);
		execve(arguments[0], arguments, no_environment);
		status = errno;
		_exit(disarm() ? status : NOT_HIT);
	}
	if (pid < 0)
		return errno;
	status = wait_for(pid);
	/* The C library of the new program may die of a failure at its start. */
	if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 127))
		return ENOMEM;
	return WEXITSTATUS(status);
}

static int op_futex(void)
{
	static uint32_t word;
	struct {
		uint64_t value, address;
		uint32_t flags, reserved;
	} waits[2] = {{1, (uintptr_t)&word, 2, 0}, {1, (uintptr_t)&word, 2, 0}};
	int r = 0;

	word = 0;
	TRY(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	if (syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0) >= 0 || errno != EAGAIN)
		return EIO;
	if (syscall(SYS_futex_waitv, waits, 2, 0, NULL, 0) >= 0)
		return EIO;
	r = errno == EAGAIN || errno == ENOSYS ? 0 : errno;
out:
	disarm();
	/* The word is what it was, or ours. */
	if (word)
		syscall(SYS_futex, &word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	return r;
}

static int op_inotify(void)
{
	int fds[2] = {-1, -1}, r = 0;
	char events[512];

	TRY(fds[0] = inotify_init1(IN_NONBLOCK));
	TRY(inotify_add_watch(fds[0], ".", IN_ALL_EVENTS));
	TRY(fds[1] = open("watched", O_RDWR | O_CREAT, 0600));
	TRY(write(fds[1], "x", 1));
	TRY(read(fds[0], events, sizeof(events)));
out:
	shut(fds, 2);
	unlink("watched");
	return r;
}

static int op_locks(void)
{
	struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
	int fds[2] = {-1, -1}, r = 0;

	TRY(fds[0] = open("locked", O_RDWR | O_CREAT, 0600));
	TRY(fds[1] = open("locked", O_RDWR));
	TRY(fcntl(fds[0], F_SETLK, &l));
	l.l_start = 12;
	l.l_len = 2;
	l.l_type = F_UNLCK;
	TRY(fcntl(fds[0], F_SETLK, &l));
	l.l_type = F_RDLCK;
	l.l_start = 30;
	TRY(fcntl(fds[0], F_OFD_SETLK, &l));
	TRY(flock(fds[0], LOCK_EX));
	TRY(flock(fds[0], LOCK_SH));
	TRY(flock(fds[1], LOCK_SH));
	/* Letting go of everything needs nothing. */
	if (fcntl(fds[0], F_SETLK, &whole) < 0)
		r = EIO;
out:
	shut(fds, 2);
	unlink("locked");
	return r;
}

static int op_splice(void)
{
	int p[2] = {-1, -1}, q[2] = {-1, -1}, file = -1, r = 0;
	struct iovec v = {"vector", 6};
	loff_t at = 0;

	TRY(file = open("spliced", O_RDWR | O_CREAT, 0600));
	TRY(pwrite(file, "some text", 9, 5000));
	TRY(pipe(p));
	TRY(pipe(q));
	TRY(splice(file, &at, p[1], NULL, 6000, 0));
	TRY(tee(p[0], q[1], 6000, 0));
	TRY(splice(q[0], NULL, p[1], NULL, 100, 0));
	TRY(vmsplice(q[1], &v, 1, 0));
	at = 20000;
	TRY(splice(p[0], NULL, file, &at, 6000, 0));
	TRY(fcntl(p[0], F_SETPIPE_SZ, 65536 * 2));
out:
	shut(p, 2);
	shut(q, 2);
	shut(&file, 1);
	unlink("spliced");
	return r;
}

static int send_files(int to, int *files, size_t n)
{
	char room[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct iovec v = {"x", 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), files, n * sizeof(int));
	return (int)sendmsg(to, &m, MSG_DONTWAIT);
}

/* What could not be installed is dropped, and said so. */
static int receive_files(int from, int flags, int *files, size_t n)
{
	char room[CMSG_SPACE(4 * sizeof(int))], c;
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	struct cmsghdr *h;
	int r = (int)recvmsg(from, &m, flags | MSG_DONTWAIT);

	if (r < 0)
		return r;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(files, CMSG_DATA(h), h->cmsg_len - CMSG_LEN(0));
	if (files[n - 1] < 0) {
		errno = m.msg_flags & MSG_CTRUNC ? ENOMEM : EIO;
		return -1;
	}
	return r;
}

static int op_rights(void)
{
	int s[2] = {-1, -1}, t[2] = {-1, -1}, got[2] = {-1, -1}, seen[2] = {-1, -1}, r = 0;

	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	TRY(socketpair(AF_UNIX, SOCK_DGRAM, 0, t));
	TRY(send_files(s[0], t, 2));
	TRY(receive_files(s[1], MSG_PEEK, seen, 2));
	TRY(receive_files(s[1], 0, got, 2));
	TRY(send_files(t[0], s, 2));
	/* Left in the queue; and a ring, which the collector finds. */
	TRY(send_files(s[0], s, 2));
out:
	shut(s, 2);
	shut(t, 2);
	shut(got, 2);
	shut(seen, 2);
	return r;
}

static int op_pty(void)
{
	int fds[3] = {-1, -1, -1}, off = 0, r = 0;
	char name[32], text[8];

	TRY(fds[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY));
	TRY(ioctl(fds[0], TIOCSPTLCK, &off));
	TRY(ptsname_r(fds[0], name, sizeof(name)) ? -1 : 0);
	TRY(fds[1] = open(name, O_RDWR | O_NOCTTY));
	TRY(fds[2] = ioctl(fds[0], 0x5441 /* TIOCGPTPEER */, O_RDWR | O_NOCTTY));
	TRY(write(fds[0], "line\n", 5));
	TRY(read(fds[1], text, sizeof(text)));
	TRY(write(fds[2], "back", 4));
	TRY(read(fds[0], text, sizeof(text)));
out:
	shut(fds, 3);
	return r;
}

static int op_map(void)
{
	char *m = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved = MAP_FAILED, *shared;
	int r = 0, fd = -1;

	if (m == MAP_FAILED)
		return errno;
	shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TRY(shared == MAP_FAILED ? -1 : 0);
	m[0] = m[5 * PAGE] = shared[PAGE] = 'x';
	TRY(fd = memfd_create("m", 0));
	TRY(ftruncate(fd, 3 * PAGE));
	TRY(mmap(m + 8 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE) == MAP_FAILED
		    ? -1
		    : 0);
	TRY(mprotect(m + PAGE, PAGE, PROT_READ));
	TRY(madvise(m + 3 * PAGE, PAGE, MADV_DONTFORK));
	TRY(mlock(m + 5 * PAGE, PAGE));
	moved = mremap(m, PAGE, 600 * PAGE, MREMAP_MAYMOVE);
	TRY(moved == MAP_FAILED ? -1 : 0);
	if (moved[0] != 'x' || m[5 * PAGE] != 'x' || shared[PAGE] != 'x')
		r = EIO;
	TRY(munmap(m + 6 * PAGE, PAGE));
out:
	disarm();
	if (moved != MAP_FAILED)
		munmap(moved, 600 * PAGE);
	if (shared != MAP_FAILED)
		munmap(shared, 4 * PAGE);
	munmap(m, 16 * PAGE);
	shut(&fd, 1);
	return r;
}

static int op_timers(void)
{
	struct itimerspec soon = {.it_value.tv_nsec = 1}, far = {.it_value.tv_sec = 1000};
	struct sigevent e = {.sigev_notify = SIGEV_NONE};
	int ids[2] = {-1, -1}, fd = -1, r = 0;
	uint64_t n;

	TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &ids[0]));
	TRY(syscall(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, NULL, &ids[1]));
	TRY(syscall(SYS_timer_settime, ids[1], 0, &far, NULL));
	TRY(fd = timerfd_create(CLOCK_REALTIME, 0));
	TRY(timerfd_settime(fd, 0, &soon, NULL));
	TRY(read(fd, &n, 8));
out:
	disarm();
	for (int i = 0; i < 2; i++)
		if (ids[i] >= 0)
			syscall(SYS_timer_delete, ids[i]);
	shut(&fd, 1);
	return r;
}

static int op_signals(void)
{
	struct timespec none = {0};
	struct signalfd_siginfo info;
	sigset_t set, was;
	int fd = -1, r = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, &was);
	TRY(fd = signalfd(-1, &set, SFD_NONBLOCK));
	TRY(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 1}));
	TRY(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 2}));
	TRY(read(fd, &info, sizeof(info)));
out:
	disarm();
	while (sigtimedwait(&set, NULL, &none) > 0)
		continue;
	sigprocmask(SIG_SETMASK, &was, NULL);
	shut(&fd, 1);
	return r;
}

static int op_events(void)
{
	int fds[3] = {-1, -1, -1}, p[2] = {-1, -1}, r = 0;
	struct epoll_event e = {.events = EPOLLIN};
	struct pollfd many[200];

	TRY(fds[0] = epoll_create1(0));
	TRY(fds[1] = eventfd(1, 0));
	TRY(pipe(p));
	TRY(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &e));
	TRY(epoll_ctl(fds[0], EPOLL_CTL_ADD, p[0], &e));
	TRY(fds[2] = epoll_create1(0));
	TRY(epoll_ctl(fds[2], EPOLL_CTL_ADD, fds[0], &e));
	TRY(epoll_wait(fds[2], &e, 1, 0));
	for (int i = 0; i < 200; i++)
		many[i] = (struct pollfd){.fd = p[0], .events = POLLIN};
	TRY(poll(many, 200, 1));
out:
	shut(fds, 3);
	shut(p, 2);
	return r;
}

static int op_files(void)
{
	char text[256];
	int fds[2] = {-1, -1}, r = 0;

	TRY(mkdir("folder", 0700));
	TRY(fds[0] = open("folder/file", O_RDWR | O_CREAT, 0600));
	TRY(setxattr("folder/file", "user.name", "value", 5, 0));
	TRY(getxattr("folder/file", "user.name", text, sizeof(text)));
	TRY(listxattr("folder/file", text, sizeof(text)));
	TRY(symlink("file", "folder/link"));
	TRY(readlink("/proc/self/cwd", text, sizeof(text)));
	TRY(fds[1] = open("/proc/self/maps", O_RDONLY));
	TRY(read(fds[1], text, sizeof(text)));
	TRY(rename("folder/file", "folder/other"));
	TRY(dup2(fds[0], 500));
out:
	shut(fds, 2);
	close(500);
	unlink("folder/file");
	unlink("folder/other");
	unlink("folder/link");
	rmdir("folder");
	return r;
}

static int op_process(void)
{
	gid_t groups[64] = {1};
	int fd = -1, r = 0;

	TRY(syscall(SYS_setgroups, 64, groups));
	TRY(syscall(SYS_setresuid, 0, 5, 0));
	TRY(syscall(SYS_setresuid, 0, 0, 0));
	TRY(fd = (int)syscall(SYS_pidfd_open, getpid(), 0));
	TRY(syscall(SYS_unshare, CLONE_FILES | CLONE_FS));
out:
	disarm();
	syscall(SYS_setresuid, 0, 0, 0);
	shut(&fd, 1);
	return r;
}

static const struct {
	const char *name;
	int (*act)(void);
} operations[] = {
	{"fork", op_fork},	 {"vfork", op_vfork},	{"thread", op_thread},
	{"exec", op_exec},	 {"futex", op_futex},	{"inotify", op_inotify},
	{"locks", op_locks},	 {"splice", op_splice}, {"rights", op_rights},
	{"pty", op_pty},	 {"map", op_map},	{"timers", op_timers},
	{"signals", op_signals}, {"events", op_events}, {"files", op_files},
	{"process", op_process},
};

/* --- each allocation ----------------------------------------------------------------------- */

static bool allowed(int error)
{
	return error == ENOMEM || error == EAGAIN || error == ENOBUFS || error == ENOLCK;
}

/* The result of one try; *hit: the allocation was reached. */
static int one(size_t i, unsigned nth, bool *hit)
{
	bool is_exec = operations[i].act == op_exec;
	int r;

	exec_nth = nth;
	if (!is_exec)
		arm(nth);
	r = operations[i].act();
	if (!is_exec)
		*hit = disarm();
	else
		*hit = injecting && r != NOT_HIT;
	return r == NOT_HIT ? 0 : r;
}

static bool all_nths(size_t i)
{
	bool hit = true;
	unsigned nth;
	int r, lowest = dup(0);

	close(lowest);
	for (nth = 1; hit && nth < NTH_MAX; nth++) {
		int now;

		r = one(i, nth, &hit);
		if (r && !(hit && allowed(r))) {
			printf("%s, allocation %u: %s\n", operations[i].name, nth,
			       strerrorname_np(r) ? strerrorname_np(r) : "strange result");
			return false;
		}
		now = dup(0);
		close(now);
		if (now != lowest) {
			printf("%s, allocation %u: a descriptor stayed open\n", operations[i].name,
			       nth);
			return false;
		}
	}
	if (nth == NTH_MAX)
		printf("%s: no end\n", operations[i].name);
	return nth < NTH_MAX;
}

/* By how many objects a number of rounds grew what is allocated. */
static long growth(size_t i, bool *good)
{
	long before = objects();

	for (int round = 0; *good && round < ROUNDS; round++)
		*good = all_nths(i);
	return objects() - before;
}

/* Caches fill up, and what ended on another processor may go late; a leak grows every time. */
static void exercise(size_t i)
{
	bool good = all_nths(i);
	long grown = ROUNDS;

	for (int batch = 0; good && injecting && grown >= ROUNDS && batch < BATCHES; batch++)
		grown = growth(i, &good);
	if (good && injecting && grown >= ROUNDS) {
		printf("%s leaks %ld objects\n", operations[i].name, grown);
		good = false;
	}
	printf("%s: %s\n", operations[i].name, good ? "ok" : "failed");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	/* Started by op_exec. */
	if (argc > 1 && strcmp(argv[1], "started") == 0) {
		injecting = armed = fcntl(KNOB_FD, F_GETFD) >= 0;
		return disarm() ? 0 : NOT_HIT;
	}
	int fd = open(KNOB, O_RDWR);
	if (fd >= 0) {
		injecting = true;
		dup2(fd, KNOB_FD);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (argc < 2 || strcmp(argv[1], operations[i].name) == 0)
			exercise(i);
	return 0;
}
