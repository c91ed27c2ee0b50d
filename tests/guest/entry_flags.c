/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor's flags across the boundary: whatever a program sets, the kernel works, and the
 * program finds them as they were. Direction, alignment check, single step; and frames that a
 * signal handler has spoilt.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define DF 0x400UL
#define AC 0x40000UL
#define TF 0x100UL

static volatile sig_atomic_t alarms, steps, handler_df;

static long call3(long nr, long a, long b, long c, unsigned long set, unsigned long *after)
{
	long r;

	__asm__ volatile("subq $128, %%rsp; pushfq; orq %[set], (%%rsp); popfq; syscall; pushfq; "
			 "popq %[after]; "
			 "pushfq; andq %[keep], (%%rsp); popfq; addq $128, %%rsp"
			 : "=&a"(r), [after] "=&r"(*after)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), [set] "r"(set), [keep] "r"(~set)
			 : "rcx", "r11", "memory", "cc");
	return r;
}

static void on_alarm(int sig)
{
	unsigned long flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	if (flags & DF)
		handler_df = 1;
	alarms++;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	if (++steps == 20)
		uc->uc_mcontext.gregs[REG_EFL] &= ~TF;
}

static void with_direction(void)
{
	static char text[] = "written with the direction flag set\n";
	struct itimerval it = {.it_interval = {0, 2000}, .it_value = {0, 2000}};
	unsigned long after;
	long n;

	fflush(stdout);
	n = call3(SYS_write, 1, (long)text, sizeof(text) - 1, DF, &after);
	printf("write %s, flag %s\n", n == sizeof(text) - 1 ? "whole" : "short",
	       after & DF ? "kept" : "lost");
	/* Interrupts and signals while it is set, in a loop without memory access. */
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &it, NULL);
	while (alarms < 20)
		__asm__ volatile("std; movl $100000, %%ecx; 1: decl %%ecx; jnz 1b; cld"
				 :
				 :
				 : "ecx", "cc");
	it.it_value.tv_usec = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	printf("signals came, the handler saw the flag %s\n", handler_df ? "set" : "clear");
}

static void with_alignment(void)
{
	unsigned long after;
	char buf[64];
	int fds[2];
	long n;

	if (pipe(fds))
		exit(1);
	n = call3(SYS_write, fds[1], (long)"abcdefg", 7, AC, &after);
	printf("write %ld, flag %s\n", n, after & AC ? "kept" : "lost");
	n = call3(SYS_read, fds[0], (long)(buf + 1), 63, AC, &after);
	printf("read %ld %.7s, flag %s\n", n, buf + 1, after & AC ? "kept" : "lost");
}

static void with_steps(void)
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	unsigned long after;

	sigaction(SIGTRAP, &sa, NULL);
	__asm__ volatile(
		"pushfq; orq $0x100, (%%rsp); popfq; movl $39, %%eax; syscall; .rept 40; nop; .endr"
		:
		:
		: "rax", "rcx", "r11", "memory", "cc");
	printf("single steps across a system call: %s\n", steps == 20 ? "20" : "wrong");
	after = (unsigned long)call3(SYS_getpid, 0, 0, 0, 0, &after);
	printf("and it goes on: %d\n", after == (unsigned long)getpid());
}

static int spoil;
static void on_usr1(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;

	switch (spoil) {
	case 0:
		r[REG_RIP] = 0x1234567890abcdefL; /* not canonical */
		break;
	case 1:
		r[REG_RIP] = (greg_t)0xffffffff80000000UL; /* the kernel's half */
		break;
	case 2:
		r[REG_RSP] = 0x1234567890abcdefL;
		break;
	case 3:
		r[REG_EFL] = -1; /* every flag there is but the step flag */
		r[REG_EFL] &= ~(TF | AC | DF);
		break;
	case 4:
		uc->uc_mcontext.fpregs = (void *)8;
		break;
	case 5:
		uc->uc_mcontext.fpregs = NULL;
		break;
	}
}

static void with_spoilt_frames(void)
{
	struct sigaction sa = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO};
	int status;

	sigaction(SIGUSR1, &sa, NULL);
	for (spoil = 0; spoil < 6; spoil++) {
		fflush(stdout);
		if (!fork()) {
			kill(getpid(), SIGUSR1);
			_exit(0);
		}
		wait(&status);
		/* A stack address that is not canonical: SIGBUS on hardware, SIGSEGV in QEMU's. */
		if (spoil == 2)
			printf("frame 2: killed %d\n", WIFSIGNALED(status));
		else if (WIFSIGNALED(status))
			printf("frame %d: signal %d\n", spoil, WTERMSIG(status));
		else
			printf("frame %d: exit %d\n", spoil, WEXITSTATUS(status));
	}
}

int main(void)
{
	with_direction();
	with_alignment();
	with_steps();
	with_spoilt_frames();
	return 0;
}
