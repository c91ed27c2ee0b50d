/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracing of one thread: stops, registers, memory, signals, system calls, events. */
#include "guest.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#define PT(request, addr, data) \
	syscall(SYS_ptrace, (long)(request), (long)child, (long)(addr), (long)(data))

static pid_t child;
static volatile long shared_word = 1234;
static volatile int handled;

/* The next stop or end of the child, in words. */
static int next(const char *what)
{
	int status = -1;
	pid_t got = waitpid(child, &status, __WALL);

	if (got != child)
		printf("%s: wait -> %s\n", what, strerrorname_np(errno));
	else if (WIFSTOPPED(status) && status >> 16)
		printf("%s: stopped by %s, event %d\n", what, sigabbrev_np(WSTOPSIG(status) & 0x7f),
		       status >> 16);
	else if (WIFSTOPPED(status) && WSTOPSIG(status) & 0x80)
		printf("%s: stopped at a system call\n", what);
	else
		show_status(what, status);
	fflush(stdout);
	return status;
}

static void start(void (*function)(void))
{
	fflush(stdout);
	child = fork();
	if (!child) {
		if (syscall(SYS_ptrace, (long)PTRACE_TRACEME, 0L, 0L, 0L))
			_exit(99);
		if (syscall(SYS_ptrace, (long)PTRACE_TRACEME, 0L, 0L, 0L) != -1 || errno != EPERM)
			_exit(98);
		raise(SIGSTOP);
		function();
		_exit(7);
	}
	next("start");
}

static void end(void)
{
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("end");
	SHOW(PT(PTRACE_CONT, 0, 0));
}

static void does_nothing(void)
{
}

static void basics(void)
{
	siginfo_t si;
	long v = 0;

	start(does_nothing);
	SHOW(PT(PTRACE_GETSIGINFO, 0, &si));
	printf("signal %d code %d own %d\n", si.si_signo, si.si_code, si.si_pid == child);
	SHOW(PT(PTRACE_PEEKDATA, &shared_word, &v));
	printf("peek %ld\n", v);
	SHOW(PT(PTRACE_POKEDATA, &shared_word, 77));
	SHOW(PT(PTRACE_PEEKTEXT, &shared_word, &v));
	printf("peek %ld, mine %ld\n", v, shared_word);
	SHOW(PT(PTRACE_PEEKDATA, 8, &v));
	SHOW(PT(PTRACE_POKEDATA, 8, 1));
	SHOW(PT(PTRACE_PEEKDATA, -1L, &v));
	SHOW(PT(PTRACE_PEEKDATA, &shared_word, bad));
	/* Program text, which the program itself may not write. */
	SHOW(PT(PTRACE_PEEKTEXT, does_nothing, &v));
	SHOW(PT(PTRACE_POKETEXT, does_nothing, v));
	SHOW(PT(12345, 0, 0));
	SHOW(PT(PTRACE_CONT, 0, 65));
	SHOW(PT(PTRACE_SETOPTIONS, 0, 1 << 30));
	SHOW(PT(PTRACE_INTERRUPT, 0, 0));
	SHOW(PT(PTRACE_LISTEN, 0, 0));
	end();
}

/* --- registers --- */

static void traps(void)
{
	register long r12 __asm__("r12") = 0x1234;

	__asm__ volatile("int3" : "+r"(r12));
	_exit(r12 == 0x4321 ? 21 : 22);
}

static void registers(void)
{
	struct user_regs_struct r, r2;
	struct user_fpregs_struct fp;
	struct iovec iov = {&r2, sizeof(r2)};
	siginfo_t si;
	long v = 0;

	start(traps);
	SHOW(PT(PTRACE_GETREGS, 0, &r));
	printf("cs %llx ss %llx ds %llx orig_rax %lld rax %lld\n", r.cs, r.ss, r.ds, r.orig_rax,
	       r.rax);
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("breakpoint");
	SHOW(PT(PTRACE_GETSIGINFO, 0, &si));
	printf("code %d addr %p\n", si.si_code, si.si_addr);
	SHOW(PT(PTRACE_GETREGS, 0, &r));
	printf("r12 %llx orig_rax %lld behind int3 %d\n", r.r12, (long long)r.orig_rax,
	       (PT(PTRACE_PEEKTEXT, r.rip - 1, &v), (v & 0xff) == 0xcc));
	SHOW(PT(PTRACE_GETREGSET, 1, &iov));
	printf("same %d size %zu\n", !memcmp(&r, &r2, sizeof(r)), iov.iov_len);
	iov.iov_len = 64;
	memset(&r2, 0, sizeof(r2));
	SHOW(PT(PTRACE_GETREGSET, 1, &iov));
	printf("size %zu rest %llx\n", iov.iov_len, r2.rip);
	iov.iov_len = 63;
	SHOW(PT(PTRACE_GETREGSET, 1, &iov));
	SHOW(PT(PTRACE_GETREGSET, 0x7777, &iov));
	SHOW(PT(PTRACE_GETREGSET, 1, bad));
	SHOW(PT(PTRACE_PEEKUSER, offsetof(struct user_regs_struct, r12), &v));
	printf("r12 %lx\n", v);
	SHOW(PT(PTRACE_PEEKUSER, offsetof(struct user_regs_struct, cs), &v));
	printf("cs %lx\n", v);
	SHOW(PT(PTRACE_PEEKUSER, 4, &v));
	SHOW(PT(PTRACE_PEEKUSER, 4096, &v));
	SHOW(PT(PTRACE_PEEKUSER, -8L, &v));
	SHOW(PT(PTRACE_PEEKUSER, offsetof(struct user, u_debugreg[7]), &v));
	SHOW(PT(PTRACE_POKEUSER, offsetof(struct user, u_debugreg[7]), 0));
	SHOW(PT(PTRACE_POKEUSER, offsetof(struct user, u_tsize), 1));
	SHOW(PT(PTRACE_POKEUSER, offsetof(struct user_regs_struct, cs), 0));
	SHOW(PT(PTRACE_POKEUSER, offsetof(struct user_regs_struct, cs), 8));
	SHOW(PT(PTRACE_POKEUSER, offsetof(struct user_regs_struct, fs_base), 1UL << 63));
	SHOW(PT(PTRACE_POKEUSER, offsetof(struct user_regs_struct, r12), 0x4321));
	SHOW(PT(PTRACE_GETFPREGS, 0, &fp));
	printf("mxcsr %x fcw %x\n", fp.mxcsr, fp.cwd);
	fp.xmm_space[0] = 42;
	SHOW(PT(PTRACE_SETFPREGS, 0, &fp));
	memset(&fp, 0, sizeof(fp));
	SHOW(PT(PTRACE_GETFPREGS, 0, &fp));
	printf("xmm0 %d\n", fp.xmm_space[0]);
	fp.mxcsr = ~0U;
	SHOW(PT(PTRACE_SETFPREGS, 0, &fp));
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("end");
}

/* --- vector registers by the set --- */

static void xstate(void)
{
	static uint64_t area[2048];
	struct iovec iov = {area, sizeof(area)};
	size_t size;

	start(does_nothing);
	SHOW_OK(PT(PTRACE_GETREGSET, 0x202, &iov));
	size = iov.iov_len;
	printf("x87 and SSE there: %d\n", (area[464 / 8] & 3) == 3);
	SHOW(PT(PTRACE_SETREGSET, 0x202, &iov));
	area[520 / 8] = 1; /* compaction, which nobody has asked for */
	SHOW(PT(PTRACE_SETREGSET, 0x202, &iov));
	area[520 / 8] = 0;
	area[512 / 8] |= 1UL << 62;
	SHOW(PT(PTRACE_SETREGSET, 0x202, &iov));
	area[512 / 8] &= ~(1UL << 62);
	iov.iov_len = size - 8;
	SHOW(PT(PTRACE_SETREGSET, 0x202, &iov));
	end();
}

/* --- signals --- */

static void on_signal(int sig, siginfo_t *si, void *context)
{
	handled = sig * 100 + si->si_value.sival_int;
}

static void gets_signals(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	signal(SIGHUP, SIG_IGN);
	handled = 0;
	raise(SIGUSR1); /* swallowed */
	if (handled)
		_exit(1);
	raise(SIGUSR1); /* becomes another */
	if (handled / 100 != SIGUSR2)
		_exit(2);
	raise(SIGUSR1); /* with another siginfo */
	if (handled != SIGUSR1 * 100 + 5)
		_exit(3);
	raise(SIGHUP); /* ignored, but seen */
	raise(SIGTERM);
	_exit(4);
}

static void signals(void)
{
	siginfo_t si;
	uint64_t mask = 0;

	start(gets_signals);
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("first");
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("second");
	SHOW(PT(PTRACE_CONT, 0, SIGUSR2));
	next("third");
	memset(&si, 0, sizeof(si));
	si.si_signo = SIGUSR1;
	si.si_code = SI_QUEUE;
	si.si_value.sival_int = 5;
	SHOW(PT(PTRACE_SETSIGINFO, 0, &si));
	memset(&si, 0, sizeof(si));
	SHOW(PT(PTRACE_GETSIGINFO, 0, &si));
	printf("code %d value %d\n", si.si_code, si.si_value.sival_int);
	SHOW(PT(PTRACE_GETSIGMASK, 8, &mask));
	printf("mask %llx\n", (unsigned long long)mask);
	SHOW(PT(PTRACE_GETSIGMASK, 4, &mask));
	mask = ~0ULL;
	SHOW(PT(PTRACE_SETSIGMASK, 8, &mask));
	SHOW(PT(PTRACE_GETSIGMASK, 8, &mask));
	printf("without KILL and STOP: %d\n", mask == ~((1ULL << 8) | (1ULL << 18)));
	mask = 0;
	SHOW(PT(PTRACE_SETSIGMASK, 8, &mask));
	SHOW(PT(PTRACE_CONT, 0, SIGUSR1));
	next("ignored");
	SHOW(PT(PTRACE_CONT, 0, SIGHUP));
	next("last");
	SHOW(PT(PTRACE_CONT, 0, SIGTERM));
	next("end");
}

static void queue_and_wait(void)
{
	sigset_t s;

	sigfillset(&s);
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN + i, (union sigval){.sival_int = 10 + i});
	sigdelset(&s, SIGTRAP);
	sigprocmask(SIG_SETMASK, &s, NULL);
	__asm__ volatile("int3");
}

static void queues(void)
{
	struct __ptrace_peeksiginfo_args a = {.nr = 10, .flags = PTRACE_PEEKSIGINFO_SHARED};
	siginfo_t si[10];

	start(queue_and_wait);
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("queued");
	SHOW(PT(PTRACE_PEEKSIGINFO, &a, si));
	for (int i = 0; i < 3; i++)
		printf("%d: %d\n", si[i].si_signo - SIGRTMIN, si[i].si_value.sival_int);
	a.off = 2;
	SHOW(PT(PTRACE_PEEKSIGINFO, &a, si));
	printf("%d\n", si[0].si_value.sival_int);
	a.off = 0;
	a.nr = 1;
	SHOW(PT(PTRACE_PEEKSIGINFO, &a, si));
	a.flags = 0;
	SHOW(PT(PTRACE_PEEKSIGINFO, &a, si));
	a.flags = 8;
	SHOW(PT(PTRACE_PEEKSIGINFO, &a, si));
	a.flags = 0;
	a.nr = -1;
	SHOW(PT(PTRACE_PEEKSIGINFO, &a, si));
	SHOW(PT(PTRACE_KILL, 0, 0));
	next("killed");
}

/* --- system calls --- */

static void calls(void)
{
	long r;

	r = syscall(SYS_getppid);
	r = syscall(SYS_dup, 1000);
	r = syscall(SYS_getppid); /* becomes dup(1001) */
	if (r != -1 || errno != EBADF)
		_exit(1);
	r = syscall(SYS_getppid); /* left out */
	if (r != 4711)
		_exit(2);
	r = syscall(SYS_getppid); /* its result is changed */
	if (r != 4712)
		_exit(3);
	_exit(0);
}

static void show_call(void)
{
	struct __ptrace_syscall_info info;
	long size = PT(PTRACE_GET_SYSCALL_INFO, sizeof(info), &info);

	printf("size %ld op %d arch %x ", size, info.op, info.arch);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		printf("nr %llu arg %lld\n", (unsigned long long)info.entry.nr,
		       (long long)(info.entry.nr == SYS_dup ? info.entry.args[0] : 0));
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		printf("rval %lld error %d\n", info.exit.is_error ? (long long)info.exit.rval : 0,
		       info.exit.is_error);
	else
		printf("\n");
}

static void system_calls(void)
{
	struct user_regs_struct r;
	unsigned long message;
	int n = 0;

	start(calls);
	SHOW(PT(PTRACE_SETOPTIONS, 0, PTRACE_O_TRACESYSGOOD));
	show_call();
	for (;;) {
		int status;

		PT(PTRACE_SYSCALL, 0, 0);
		status = next("call");
		if (!WIFSTOPPED(status))
			break;
		show_call();
		PT(PTRACE_GETEVENTMSG, 0, &message);
		PT(PTRACE_GETREGS, 0, &r);
		printf("message %lu orig %lld rax %d\n", message, r.orig_rax,
		       (int)r.rax == -ENOSYS);
		n++;
		if (n == 5) {
			r.orig_rax = SYS_dup;
			r.rdi = 1001;
		} else if (n == 7) {
			r.orig_rax = -1;
			r.rax = 4711;
		} else if (n == 10) {
			r.rax = 4712;
		}
		SHOW(PT(PTRACE_SETREGS, 0, &r));
	}
}

/* --- steps --- */

static void straight(void)
{
	__asm__ volatile("int3; nop; nop; nop; movl $39, %%eax; syscall; nop; nop; int3"
			 :
			 :
			 : "rax", "rcx", "r11", "memory");
}

static void steps(void)
{
	struct user_regs_struct r;
	unsigned long long first;
	siginfo_t si;

	start(straight);
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("int3");
	PT(PTRACE_GETREGS, 0, &r);
	first = r.rip;
	for (int i = 0; i < 8; i++) {
		SHOW(PT(PTRACE_SINGLESTEP, 0, 0));
		next("step");
		PT(PTRACE_GETREGS, 0, &r);
		PT(PTRACE_GETSIGINFO, 0, &si);
		printf("at %lld, TF %d, code %d, address right %d\n", r.rip - first,
		       !!(r.eflags & 0x100), si.si_code,
		       si.si_code != SI_KERNEL && si.si_addr == (void *)r.rip);
	}
	end();
}

static void steps_into_handler(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
}

static void step_handler(void)
{
	struct user_regs_struct r;

	start(steps_into_handler);
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("signal");
	SHOW(PT(PTRACE_SINGLESTEP, 0, SIGUSR1));
	next("in the handler");
	PT(PTRACE_GETREGS, 0, &r);
	printf("at its start %d\n", r.rip == (unsigned long long)on_signal);
	end();
}

/* --- events --- */

static void forks(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(31);
	waitpid(pid, NULL, 0);
	pid = vfork();
	if (!pid)
		_exit(32);
	waitpid(pid, NULL, 0);
	execl("/proc/self/exe", "ptrace", "quiet", NULL);
}

static void events(void)
{
	pid_t first, second;
	unsigned long message = 0;

	start(forks);
	first = child;
	SHOW(PT(PTRACE_SETOPTIONS, 0,
		PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |
			PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT));
	for (int i = 0; i < 2; i++) {
		SHOW(PT(PTRACE_CONT, 0, 0));
		next("fork");
		PT(PTRACE_GETEVENTMSG, 0, &message);
		second = child = (pid_t)message;
		next("child");
		SHOW(PT(PTRACE_CONT, 0, 0));
		next("its end begins");
		PT(PTRACE_GETEVENTMSG, 0, &message);
		printf("status %lx\n", message);
		SHOW(PT(PTRACE_CONT, 0, 0));
		next("its end");
		child = first;
		SHOW(PT(PTRACE_CONT, 0, 0));
		if (i) {
			next("vfork done");
			PT(PTRACE_GETEVENTMSG, 0, &message);
			printf("the child %d\n", (pid_t)message == second);
			SHOW(PT(PTRACE_CONT, 0, 0));
		}
		next("SIGCHLD");
	}
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("exec");
	PT(PTRACE_GETEVENTMSG, 0, &message);
	printf("its number %d\n", (pid_t)message == child);
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("exit");
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("end");
}

static void execs(void)
{
	execl("/proc/self/exe", "ptrace", "quiet", NULL);
}

static void old_exec(void)
{
	siginfo_t si;

	start(execs);
	SHOW(PT(PTRACE_CONT, 0, 0));
	next("exec");
	PT(PTRACE_GETSIGINFO, 0, &si);
	printf("code %d from itself %d\n", si.si_code, si.si_pid == child);
	end();
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 5;
	basics();
	registers();
	xstate();
	signals();
	queues();
	system_calls();
	steps();
	step_handler();
	events();
	old_exec();
	return 0;
}
