/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing with bad pointers and random registers, and against the clock: tracees and tracers are
 * killed, execute, end, at any moment. What is printed does not depend on who is faster.
 */
#include "guest.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#define PT(request, tid, addr, data) \
	syscall(SYS_ptrace, (long)(request), (long)(tid), (long)(addr), (long)(data))

static volatile int *shared;
static uint64_t seed = 12345;

static uint64_t random64(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed ^ seed >> 29;
}

static pid_t start(void (*function)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		PT(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		function();
		_exit(0);
	}
	waitpid(pid, NULL, __WALL);
	return pid;
}

static void waits(void)
{
	for (;;)
		pause();
}

/* --- pointers --- */

static void pointers(void)
{
	pid_t pid = start(waits);
	struct iovec iov = {bad, 64};
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(edge + 4096, 4096);
	SHOW(PT(PTRACE_GETREGS, pid, 0, bad));
	SHOW(PT(PTRACE_SETREGS, pid, 0, bad));
	SHOW(PT(PTRACE_GETFPREGS, pid, 0, bad));
	SHOW(PT(PTRACE_SETFPREGS, pid, 0, bad));
	SHOW(PT(PTRACE_GETREGS, pid, 0, edge + 4096 - 64));
	SHOW(PT(PTRACE_GETREGSET, pid, 1, bad));
	SHOW(PT(PTRACE_GETREGSET, pid, 1, &iov));
	SHOW(PT(PTRACE_SETREGSET, pid, 1, &iov));
	iov.iov_base = (void *)(1UL << 63);
	iov.iov_len = -8UL;
	SHOW(PT(PTRACE_GETREGSET, pid, 1, &iov));
	SHOW(PT(PTRACE_GETREGSET, pid, -1L, &iov));
	SHOW(PT(PTRACE_GETSIGINFO, pid, 0, bad));
	SHOW(PT(PTRACE_SETSIGINFO, pid, 0, bad));
	SHOW(PT(PTRACE_GETSIGINFO, pid, 0, edge + 4096 - 64));
	SHOW(PT(PTRACE_PEEKSIGINFO, pid, bad, bad));
	SHOW(PT(PTRACE_GETSIGMASK, pid, 8, bad));
	SHOW(PT(PTRACE_SETSIGMASK, pid, 8, bad));
	SHOW(PT(PTRACE_GETSIGMASK, pid, -1L, bad));
	SHOW(PT(PTRACE_GETEVENTMSG, pid, 0, bad));
	SHOW(PT(PTRACE_GET_SYSCALL_INFO, pid, 80, bad));
	SHOW(PT(PTRACE_GET_SYSCALL_INFO, pid, 0, bad));
	SHOW(PT(PTRACE_GET_SYSCALL_INFO, pid, -1L, bad));
	SHOW(PT(PTRACE_PEEKDATA, pid, edge + 4096 - 4, &seed));
	SHOW(PT(PTRACE_PEEKDATA, pid, 0x7fffffffeffcL, &seed));
	SHOW(PT(PTRACE_PEEKDATA, pid, 1UL << 47, &seed));
	SHOW(PT(PTRACE_PEEKDATA, pid, 0xffff888000000000UL, &seed));
	SHOW(PT(PTRACE_POKEDATA, pid, 0xffffffff81000000UL, 0));
	SHOW(PT(PTRACE_CONT, pid, 0, -1L));
	SHOW(PT(PTRACE_SETOPTIONS, pid, 0, -1L));
	SHOW(PT(-1L, pid, 0, 0));
	SHOW(PT(1L << 32 | PTRACE_CONT, pid, 0, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
}

/* --- registers --- */

static void breaks(void)
{
	for (;;)
		__asm__ volatile("int3");
}

static uint64_t nasty(void)
{
	static const uint64_t values[] = {0,
					  -1ULL,
					  1ULL << 63,
					  1ULL << 47,
					  (1ULL << 47) - 1,
					  0xffff800000000000,
					  0xffffffff80000000,
					  0x7fffffffe000,
					  8,
					  0x246};
	uint64_t r = random64();

	return r % 3 ? values[r / 3 % (sizeof(values) / sizeof(values[0]))] : random64();
}

static void scramble(pid_t pid)
{
	struct user_fpregs_struct fp;
	struct user_regs_struct r;
	uint64_t *w = (uint64_t *)&r;

	PT(PTRACE_GETREGS, pid, 0, &r);
	for (int i = 0; i < 6; i++)
		w[random64() % (sizeof(r) / 8)] = nasty();
	PT(PTRACE_SETREGS, pid, 0, &r);
	for (int i = 0; i < 20; i++)
		PT(PTRACE_POKEUSER, pid, random64() % 120 * 8, nasty());
	for (size_t i = 0; i < sizeof(fp) / 8; i++)
		((uint64_t *)&fp)[i] = random64();
	fp.mxcsr &= 0xffff;
	PT(PTRACE_SETFPREGS, pid, 0, &fp);
}

static void registers(void)
{
	int ends = 0;

	for (int round = 0; round < 50; round++) {
		pid_t pid = start(breaks);
		int status = 0;

		PT(PTRACE_CONT, pid, 0, 0);
		waitpid(pid, &status, __WALL);
		for (int i = 0; i < 5 && WIFSTOPPED(status); i++) {
			scramble(pid);
			PT(i & 1   ? PTRACE_SINGLESTEP
			   : i & 2 ? PTRACE_SYSCALL
				   : PTRACE_CONT,
			   pid, 0, i == 3 ? SIGTRAP : 0);
			/* It may now sleep in some call for ever. */
			for (int n = 0; n < 20 && !waitpid(pid, &status, __WALL | WNOHANG); n++)
				usleep(500);
		}
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
			continue;
		ends += WIFSIGNALED(status) || WIFEXITED(status);
	}
	printf("random registers: %d ends\n", ends);
}

/* --- kills --- */

static void calls(void)
{
	for (;;)
		syscall(SYS_getppid);
}

static void kills(void)
{
	int killed = 0;

	for (int round = 0; round < 40; round++) {
		pid_t pid = start(calls), killer;
		struct user_regs_struct r;
		int status = 0;

		fflush(stdout);
		killer = fork();
		if (!killer) {
			usleep((useconds_t)(round * 50));
			kill(pid, SIGKILL);
			_exit(0);
		}
		do {
			PT(PTRACE_GETREGS, pid, 0, &r);
			PT(PTRACE_SETREGS, pid, 0, &r);
			PT(round & 1 ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, pid, 0, 0);
			if (waitpid(pid, &status, __WALL) != pid)
				break;
		} while (WIFSTOPPED(status));
		killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		waitpid(killer, NULL, 0);
	}
	printf("killed: %d\n", killed);
}

/* --- threads that end, execute and are traced --- */

static void *spins(void *arg)
{
	for (int i = 0; i < 30; i++)
		syscall(SYS_getppid);
	if (arg)
		syscall(SYS_exit_group, 3);
	return NULL;
}

static void *executes(void *arg)
{
	execl("/proc/self/exe", "ptrace_hostile", "quiet", NULL);
	return NULL;
}

static void many(void)
{
	pthread_t t[4];

	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, shared[3] && i == 2 ? executes : spins,
			       i == 3 ? (void *)1 : NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void threads(void)
{
	int ends = 0;

	for (int round = 0; round < 16; round++) {
		pid_t pid, got;
		int status;

		shared[3] = round & 1;
		pid = start(many);
		PT(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD |
			   (round & 2 ? PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT : 0));
		PT(PTRACE_SYSCALL, pid, 0, 0);
		while ((got = waitpid(-1, &status, __WALL)) > 0) {
			if (WIFSTOPPED(status))
				PT(round & 4 ? PTRACE_CONT : PTRACE_SYSCALL, got, 0, 0);
			else if (got == pid)
				ends++;
		}
	}
	printf("processes with threads: %d ends\n", ends);
}

/* --- tracers that are killed --- */

static void tracer_of_shared(void)
{
	pid_t pid = shared[0];
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (PT(PTRACE_SEIZE, pid, 0, shared[1]))
		_exit(1);
	shared[2] = 1;
	for (;;) {
		PT(PTRACE_INTERRUPT, pid, 0, 0);
		if (waitpid(pid, &status, __WALL) != pid)
			_exit(2);
		PT(PTRACE_SYSCALL, pid, 0, 0);
	}
}

static void tracers(void)
{
	int left = 0, gone = 0;

	for (int round = 0; round < 20; round++) {
		pid_t pid, tracer;
		int status = 0;

		fflush(stdout);
		pid = fork();
		if (!pid)
			calls();
		shared[0] = pid;
		shared[1] = round & 1 ? PTRACE_O_EXITKILL : 0;
		shared[2] = 0;
		tracer = fork();
		if (!tracer)
			tracer_of_shared();
		while (!shared[2])
			usleep(100);
		usleep((useconds_t)(round * 50));
		kill(tracer, SIGKILL);
		waitpid(tracer, NULL, 0);
		if (!(round & 1))
			left += waitpid(pid, &status, WNOHANG) == 0;
		if (!(round & 1))
			kill(pid, SIGTERM);
		waitpid(pid, &status, 0);
		gone += WIFSIGNALED(status) && WTERMSIG(status) == (round & 1 ? SIGKILL : SIGTERM);
	}
	/* On Linux a tracee may be lost to the signal of a stop that its tracer no longer takes. */
	printf("without a tracer: most go on %d, most end as told %d\n", left >= 7, gone >= 16);
}

/* --- one tracer at a time --- */

static void *attaches(void *arg)
{
	return (void *)(long)(PT(PTRACE_SEIZE, *(pid_t *)arg, 0, 0) == 0);
}

static void rivals(void)
{
	int total = 0;

	for (int round = 0; round < 20; round++) {
		pthread_t t[3];
		void *won;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (!pid)
			waits();
		for (int i = 0; i < 3; i++)
			pthread_create(&t[i], NULL, attaches, &pid);
		won = NULL;
		for (int i = 0; i < 3; i++) {
			void *one;

			pthread_join(t[i], &one);
			won = (void *)((long)won + (long)one);
		}
		/* A thread that has ended traces no more, so later ones may win again. */
		total += (long)won >= 1;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("rivals: somebody won %d times\n", total);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 5;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(55);
	pointers();
	registers();
	kills();
	threads();
	tracers();
	rivals();
	return 0;
}
