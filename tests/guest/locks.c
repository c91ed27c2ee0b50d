/* SPDX-License-Identifier: BSD-2-Clause */
/* flock, POSIX record locks, locks of open file descriptions: conflicts, splits, waits, deadlock.
 */
#include "guest.h"
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>

/* What the processes of one test agree on. */
static struct shared {
	volatile int step;
	volatile int counter;
} * shared;

static void wait_step(int step)
{
	for (int i = 0; i < 30000 && __atomic_load_n(&shared->step, __ATOMIC_ACQUIRE) < step; i++)
		usleep(1000);
}

static void next_step(int step)
{
	__atomic_store_n(&shared->step, step, __ATOMIC_RELEASE);
}

static int lock(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = {
		.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	return fcntl(fd, cmd, &l);
}

static void show_get(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = {
		.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	int r = fcntl(fd, cmd, &l);

	if (r)
		printf("get: %s\n", strerrorname_np(errno));
	else if (l.l_type == F_UNLCK)
		printf("get: free\n");
	else
		printf("get: %s %ld+%ld, pid %s\n", l.l_type == F_RDLCK ? "read" : "write",
		       (long)l.l_start, (long)l.l_len,
		       l.l_pid == getppid() ? "parent"
		       : l.l_pid == -1	    ? "-1"
					    : "other");
	fflush(stdout);
}

static int file;

/* What is locked in bytes 0 to 19, as another process sees it. */
static void look(void)
{
	char line[21] = "";

	for (int i = 0; i < 20; i++) {
		struct flock l = {.l_type = F_WRLCK, .l_start = i, .l_len = 1};

		fcntl(file, F_GETLK, &l);
		line[i] = l.l_type == F_UNLCK ? '.' : l.l_type == F_RDLCK ? 'r' : 'w';
	}
	printf("%s\n", line);
}

static void show_map(void)
{
	in_child(look);
}

static void ranges(void)
{
	static const struct {
		int type, start, len;
	} steps[] = {
		{F_WRLCK, 2, 10}, {F_UNLCK, 5, 2},  {F_RDLCK, 3, 8},  {F_WRLCK, 5, 2},
		{F_WRLCK, 0, 5},  {F_RDLCK, 7, 1},  {F_UNLCK, 4, 4},  {F_WRLCK, 4, 4},
		{F_RDLCK, 0, 20}, {F_UNLCK, 19, 0}, {F_WRLCK, 18, 1}, {F_UNLCK, 0, 1},
		{F_RDLCK, 10, 0}, {F_UNLCK, 12, 1}, {F_WRLCK, 12, 1}, {F_UNLCK, 0, 0},
	};
	unsigned state = 1;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		SHOW(lock(file, F_SETLK, steps[i].type, steps[i].start, steps[i].len));
		show_map();
	}
	/* At random. */
	for (int i = 0; i < 200; i++) {
		state = state * 1103515245 + 12345;
		lock(file, F_SETLK,
		     state >> 16 & 1   ? F_WRLCK
		     : state >> 17 & 1 ? F_RDLCK
				       : F_UNLCK,
		     state >> 18 & 15, (state >> 22 & 7) + 1);
		if (i % 5 == 0)
			show_map();
	}
	lock(file, F_SETLK, F_UNLCK, 0, 0);
}

static void conflicts_child(void)
{
	int again = open("file", O_RDWR);

	SHOW(lock(file, F_SETLK, F_RDLCK, 0, 5));
	SHOW(lock(file, F_SETLK, F_RDLCK, 5, 10));
	SHOW(lock(file, F_SETLK, F_RDLCK, 9, 2));
	SHOW(lock(file, F_SETLK, F_WRLCK, 15, 1));
	SHOW(lock(file, F_SETLK, F_WRLCK, 30, 0));
	show_get(file, F_GETLK, F_RDLCK, 0, 0);
	show_get(file, F_GETLK, F_WRLCK, 0, 5);
	show_get(file, F_GETLK, F_RDLCK, 15, 0);
	show_get(file, F_GETLK, F_WRLCK, 16, 0);
	show_get(file, F_GETLK, F_WRLCK, 22, 1);
	/* Any descriptor's close lets all go. */
	SHOW(lock(file, F_SETLK, F_UNLCK, 0, 5));
	SHOW(close(again));
}

static void conflicts(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -5, .l_len = 3};
	int read_only = open("file", O_RDONLY), write_only = open("file", O_WRONLY);
	int place = open("file", O_PATH), status;

	SHOW(lock(file, F_SETLK, F_WRLCK, 10, 5));
	SHOW(lock(file, F_SETLK, F_RDLCK, 15, 10));
	status = in_child(conflicts_child);
	show_status("child", status);
	SHOW(lock(read_only, F_SETLK, F_WRLCK, 0, 1));
	SHOW(lock(write_only, F_SETLK, F_RDLCK, 0, 1));
	SHOW(lock(place, F_SETLK, F_RDLCK, 0, 1));
	SHOW(lock(1000, F_SETLK, F_RDLCK, 0, 1));
	SHOW(lock(file, F_SETLK, 3, 0, 1));
	SHOW(lock(file, F_GETLK, F_UNLCK, 0, 1));
	SHOW(lock(file, F_SETLK, F_RDLCK, -1, 1));
	SHOW(lock(file, F_SETLK, F_RDLCK, 0, -1));
	SHOW(lock(file, F_SETLK, F_RDLCK, 5, -5));
	SHOW(lock(file, F_SETLK, F_RDLCK, INT64_MAX, 1));
	SHOW(lock(file, F_SETLK, F_RDLCK, INT64_MAX, 2));
	SHOW(lock(file, F_SETLK, F_RDLCK, 1, INT64_MAX));
	SHOW(lock(file, F_SETLK, F_RDLCK, 2, INT64_MAX));
	SHOW(fcntl(file, F_SETLK, bad));
	SHOW(fcntl(file, F_GETLK, bad));
	lseek(file, 100, SEEK_SET);
	SHOW(fcntl(file, F_SETLK, &l));
	l.l_start = -101;
	SHOW(fcntl(file, F_SETLK, &l));
	l.l_start = INT64_MAX;
	SHOW(fcntl(file, F_SETLK, &l));
	l.l_whence = 3;
	SHOW(fcntl(file, F_SETLK, &l));
	SHOW(lock(file, F_SETLK, F_UNLCK, 0, 0));
	SHOW(fcntl(file, F_GETLEASE));
	close(read_only);
	close(write_only);
	close(place);
}

/* The child waits for what the parent holds; the parent closes. */
static void waiting_child(void)
{
	int fd = open("file", O_RDWR);

	next_step(1);
	SHOW(lock(fd, F_SETLKW, F_WRLCK, 5, 1));
	printf("after the parent: %d\n", shared->counter);
	fflush(stdout);
}

static void waiting(void)
{
	int fd = open("file", O_RDWR), status;
	pid_t pid;

	SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	shared->step = shared->counter = 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		waiting_child();
		_exit(0);
	}
	wait_step(1);
	usleep(30000);
	/* A part that it does not wait for, then its own. */
	SHOW(lock(fd, F_SETLK, F_UNLCK, 0, 5));
	usleep(10000);
	shared->counter = 1;
	close(fd);
	waitpid(pid, &status, 0);
	show_status("waiter", status);
}

static void nothing(int sig)
{
	(void)sig;
}

static void interrupted_child(void)
{
	struct sigaction action = {.sa_handler = nothing};
	int fd = open("file", O_RDWR);

	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	SHOW(lock(fd, F_SETLKW, F_WRLCK, 5, 1));
	alarm(1);
	SHOW(lock(fd, F_OFD_SETLKW, F_RDLCK, 5, 1));
	alarm(1);
	SHOW(flock(fd, LOCK_SH));
}

static void interrupted(void)
{
	int fd = open("file", O_RDWR);

	SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	SHOW(flock(fd, LOCK_EX));
	show_status("interrupted", in_child(interrupted_child));
	close(fd);
}

/* Three processes in a circle: exactly one of them is told. */
static void deadlock(void)
{
	int told = 0, status;

	shared->step = 0;
	shared->counter = 0;
	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		int fd, r;

		if (fork())
			continue;
		fd = open("file", O_RDWR);
		r = lock(fd, F_SETLK, F_WRLCK, i * 10, 5);
		__atomic_fetch_add(&shared->counter, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(&shared->counter, __ATOMIC_ACQUIRE) < 3)
			usleep(1000);
		if (!r)
			r = lock(fd, F_SETLKW, F_RDLCK, (i + 1) % 3 * 10 + 4, 1);
		_exit(r == 0 ? 0 : errno == EDEADLK ? 1 : 2);
	}
	for (int i = 0; i < 3; i++) {
		wait(&status);
		told += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
	}
	printf("told of the deadlock: %d\n", told);
}

static void whole_files(void)
{
	int a = open("file", O_RDWR), b = open("file", O_RDONLY), c = dup(a);
	int place = open("file", O_PATH);

	SHOW(flock(a, LOCK_SH));
	SHOW(flock(b, LOCK_SH | LOCK_NB));
	SHOW(flock(a, LOCK_EX | LOCK_NB));
	/* The failed change has let the shared lock go. */
	SHOW(flock(b, LOCK_EX | LOCK_NB));
	SHOW(flock(a, LOCK_SH | LOCK_NB));
	SHOW(flock(c, LOCK_EX | LOCK_NB));
	SHOW(flock(b, LOCK_UN));
	SHOW(flock(c, LOCK_EX | LOCK_NB));
	SHOW(flock(a, LOCK_EX | LOCK_NB));
	SHOW(flock(b, LOCK_SH | LOCK_NB));
	close(a);
	SHOW(flock(b, LOCK_SH | LOCK_NB));
	close(c);
	SHOW(flock(b, LOCK_SH | LOCK_NB));
	/* They do not see each other. */
	SHOW(lock(file, F_SETLK, F_WRLCK, 0, 0));
	SHOW(flock(b, LOCK_EX | LOCK_NB));
	SHOW(lock(file, F_SETLK, F_UNLCK, 0, 0));
	SHOW(flock(place, LOCK_SH));
	SHOW(flock(1000, LOCK_SH));
	SHOW(flock(b, 0));
	SHOW(flock(b, LOCK_SH | LOCK_EX));
	SHOW(flock(1000, 77));
	close(b);
	close(place);
}

static void descriptions(void)
{
	int a = open("file", O_RDWR), b = open("file", O_RDWR), c = dup(a);
	struct flock l = {.l_type = F_WRLCK, .l_pid = 1};

	SHOW(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	SHOW(lock(c, F_OFD_SETLK, F_RDLCK, 5, 2));
	SHOW(lock(b, F_OFD_SETLK, F_RDLCK, 5, 3));
	SHOW(lock(b, F_OFD_SETLK, F_RDLCK, 5, 2));
	/* And POSIX's own see them, in one process even. */
	SHOW(lock(b, F_SETLK, F_WRLCK, 0, 1));
	show_get(b, F_GETLK, F_WRLCK, 0, 1);
	show_get(b, F_OFD_GETLK, F_RDLCK, 0, 1);
	show_get(a, F_OFD_GETLK, F_WRLCK, 0, 20);
	SHOW(fcntl(a, F_OFD_SETLK, &l));
	SHOW(fcntl(a, F_OFD_GETLK, &l));
	close(a);
	SHOW(lock(b, F_OFD_SETLK, F_WRLCK, 0, 1));
	close(c);
	SHOW(lock(b, F_OFD_SETLK, F_WRLCK, 0, 1));
	close(b);
}

/* Locks stay over exec, and are not inherited by fork. */
static void over_exec(char *self)
{
	int fd = open("file", O_RDWR), status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		lock(fd, F_SETLK, F_WRLCK, 40, 1);
		execl(self, self, "hold", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	show_status("exec", status);
	close(fd);
}

static void holder_child(void)
{
	show_get(open("file", O_RDWR), F_GETLK, F_WRLCK, 40, 1);
}

/* A counter that every process changes under a lock. */
static void counting(int kind)
{
	enum { PROCESSES = 4, ROUNDS = 100 };
	int status, bad_ends = 0;

	shared->counter = 0;
	fflush(stdout);
	for (int i = 0; i < PROCESSES; i++) {
		int fd;

		if (fork())
			continue;
		fd = open("file", O_RDWR);
		for (int k = 0; k < ROUNDS; k++) {
			int r = kind == 0   ? flock(fd, LOCK_EX)
				: kind == 1 ? lock(fd, F_SETLKW, F_WRLCK, 100, 1)
					    : lock(fd, F_OFD_SETLKW, F_WRLCK, 90 + i, 20);
			int was = shared->counter;

			if (r)
				_exit(1);
			if (k % 8 == 0)
				usleep(100);
			shared->counter = was + 1;
			if (kind == 0)
				flock(fd, LOCK_UN);
			else
				lock(fd, kind == 1 ? F_SETLK : F_OFD_SETLK, F_UNLCK, 0, 0);
		}
		_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		wait(&status);
		bad_ends += status != 0;
	}
	printf("kind %d: counted %d, %d bad ends\n", kind, shared->counter, bad_ends);
}

/* What /proc/locks says of our file. */
static void show_proc(void)
{
	char line[256], want[32];
	struct stat st;
	FILE *f = fopen("/proc/locks", "r");

	fstat(file, &st);
	snprintf(want, sizeof(want), ":%lu ", (unsigned long)st.st_ino);
	while (f && fgets(line, sizeof(line), f)) {
		char kind[16], advisory[16], type[16], start[32], end[32], where[64];
		int pid;

		if (!strstr(line, want) ||
		    sscanf(line, "%*d: %15s %15s %15s %d %63s %31s %31s", kind, advisory, type,
			   &pid, where, start, end) != 7)
			continue;
		printf("%s %s %s %s %s %s\n", kind, advisory, type,
		       pid == getpid() ? "me"
		       : pid == -1     ? "-1"
				       : "other",
		       start, end);
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		in_child(holder_child);
		return 0;
	}
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file = open("file", O_RDWR | O_CREAT, 0644);
	ranges();
	conflicts();
	waiting();
	interrupted();
	deadlock();
	whole_files();
	descriptions();
	over_exec(argv[0]);
	for (int kind = 0; kind < 3; kind++)
		counting(kind);
	SHOW(lock(file, F_SETLK, F_WRLCK, 5, 5));
	show_proc();
	return 0;
}
