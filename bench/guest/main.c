/* SPDX-License-Identifier: BSD-2-Clause */
/* Start, measuring, end: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS 7

double boot_ns, used_bytes;
static uint64_t target_ns = 1000000; /* of one run */

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

_Noreturn void fail(const char *what)
{
	printf("failed %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

double time_of(op_fn op, long n, long arg)
{
	uint64_t start = now_ns();

	op(n, arg);
	return (double)(now_ns() - start);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double measure_from(long n, op_fn op, long arg)
{
	double t[RUNS];

	for (;;) {
		double once = time_of(op, n, arg);

		if (once * 2 >= (double)target_ns)
			break;
		n *= once * 16 < (double)target_ns ? 8 : 2;
	}
	for (int i = 0; i < RUNS; i++)
		t[i] = time_of(op, n, arg) / (double)n;
	qsort(t, RUNS, sizeof(t[0]), compare);
	return t[RUNS / 2];
}

double measure(op_fn op, long arg)
{
	return measure_from(16, op, arg);
}

double median_of(double (*fn)(long arg), long arg)
{
	double t[RUNS];

	for (int i = 0; i < RUNS; i++)
		t[i] = fn(arg);
	qsort(t, RUNS, sizeof(t[0]), compare);
	return t[RUNS / 2];
}

/* --- the machine ------------------------------------------------------------------------- */

static void prepare(void)
{
	int fd;

	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/tmp", 01777);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
	}
	if (chdir("/tmp"))
		fail("chdir /tmp");
}

/* The runner's words: lines of NAME=VALUE. */
static void read_words(void)
{
	FILE *f = fopen("/bench.words", "r");
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		putenv(strdup(line));
	}
	if (f)
		fclose(f);
}

static void machine_state(uint64_t cycles)
{
	struct sysinfo info;
	const char *size = getenv("MEMORY_BYTES");

	/* With -icount the counter runs at 1 GHz from the machine's first instruction. */
	boot_ns = (double)cycles;
	if (size && !sysinfo(&info))
		used_bytes = atof(size) - (double)info.freeram * info.mem_unit;
}

/* Each row has a process of its own, so that none disturbs the next. */
static void run_row(const struct row *r)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		double v;

		alarm(600);
		v = r->run(r->arg);
		printf("row %s %c %.6g\n", r->name, r->kind, v);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		printf("why %s no process: %s\n", r->name, strerror(errno));
	else if (WIFSIGNALED(status))
		printf("why %s ended by signal %d\n", r->name, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf("why %s failed\n", r->name);
	/* What it left behind is given back in the background. */
	sync();
	usleep(20000);
}

/* Does the row mean anything in this run? */
static bool fits(const struct row *r, bool several, bool virtual)
{
	switch (r->when) {
	case ONE:
		return !several;
	case SEVERAL:
		return several;
	case SEVERAL_WALL:
		return several && !virtual;
	case ONE_VIRTUAL:
		return !several && virtual;
	}
	return false;
}

static bool wanted(const char *words, const char *name)
{
	size_t n = strlen(name);

	if (!words || !*words)
		return true;
	for (const char *p = words; (p = strstr(p, name)) != NULL; p += n)
		if ((p == words || p[-1] == ',') && (p[n] == 0 || p[n] == ','))
			return true;
	return false;
}

int main(void)
{
	static const struct row *const groups[] = {call_rows, memory_rows,   process_rows, ipc_rows,
						   file_rows, parallel_rows, driver_rows};
	uint64_t cycles = __builtin_ia32_rdtsc();
	const char *words, *target;
	bool several, virtual;

	prepare();
	read_words();
	words = getenv("ROWS");
	target = getenv("TARGET_US");
	if (target)
		target_ns = strtoull(target, NULL, 10) * 1000;
	several = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	virtual = getenv("VIRTUAL") != NULL;
	printf("\nbench begins\n");
	sleep(3); /* the kernel's own late work */
	machine_state(cycles);
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (const struct row *r = groups[g]; r->name; r++)
			if (fits(r, several, virtual) && wanted(words, r->name))
				run_row(r);
	printf("bench ends\n");
	fflush(stdout);
	usleep(100000); /* the line is sent */
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
