/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls with pointers, lengths, descriptors and numbers that no honest program passes. The error
 * must be Linux's, and no call may do more than fail.
 */
#include "guest.h"
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#define PAGE   4096l
#define KERNEL ((long)0xffff800000000000)
#define HOLE   ((long)0x8000000000000000)
#define TOP    0x7ffffffff000l

#define CALL(name, ...) SHOW(syscall(SYS_##name, ##__VA_ARGS__))

static char *page; /* two pages; the second cannot be touched */

/* Pointers that lead nowhere, into the kernel, out of the address space, or over its edge. */
static void pointers(void)
{
	const long at[] = {8, KERNEL, HOLE, TOP - 4, -8, (long)page + PAGE - 4};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		long p = at[i];

		printf("pointer %zu\n", i);
		CALL(uname, p);
		CALL(getrlimit, 0l, p);
		CALL(setrlimit, 0l, p);
		CALL(prlimit64, 0l, 0l, p, 0l);
		CALL(prlimit64, 0l, 0l, 0l, p);
		CALL(getrusage, 0l, p);
		CALL(sysinfo, p);
		CALL(times, p);
		CALL(gettimeofday, p, 0l);
		CALL(settimeofday, p, 0l);
		CALL(clock_gettime, 0l, p);
		CALL(clock_getres, 0l, p);
		CALL(clock_settime, 0l, p);
		CALL(nanosleep, p, 0l);
		CALL(clock_nanosleep, 0l, 0l, p, 0l);
		CALL(getitimer, 0l, p);
		CALL(setitimer, 0l, p, 0l);
		CALL(time, p);
		CALL(getresuid, p, p, p);
		CALL(getresgid, p, p, p);
		CALL(setgroups, 4l, p);
		CALL(capget, p, p);
		CALL(capset, p, p);
		CALL(rt_sigaction, 10l, p, 0l, 8l);
		CALL(rt_sigaction, 10l, 0l, p, 8l);
		CALL(rt_sigprocmask, 0l, p, 0l, 8l);
		CALL(rt_sigprocmask, 0l, 0l, p, 8l);
		CALL(rt_sigpending, p, 8l);
		CALL(rt_sigsuspend, p, 8l);
		CALL(rt_sigtimedwait, p, 0l, 0l, 8l);
		CALL(rt_sigqueueinfo, 1l, 10l, p);
		CALL(rt_tgsigqueueinfo, 1l, 1l, 10l, p);
		CALL(sigaltstack, p, 0l);
		CALL(sigaltstack, 0l, p);
		CALL(sched_setaffinity, 0l, 8l, p);
		CALL(getcpu, p, p, 0l);
		CALL(prctl, 15l, p, 0l, 0l, 0l);
		CALL(prctl, 16l, p, 0l, 0l, 0l);
		CALL(arch_prctl, 0x1003l, p);
		CALL(sethostname, p, 8l);
		CALL(getrandom, p, 8l, 0l);
		/* Or what it wrote may hold an end of string, and paths that begin there end. */
		memset(page + PAGE - 4, 'x', 4);
		CALL(execve, p, 0l, 0l);
		CALL(execve, "/bin/true", p, 0l);
		CALL(execve, "/bin/true", 0l, p);
		CALL(open, p, 0l, 0l);
		CALL(stat, p, page);
		CALL(stat, "/", p);
		CALL(getcwd, p, 4096l);
		CALL(pipe, p);
		CALL(poll, p, 1l, 0l);
	}
}

static void numbers(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct rlimit upside = {2, 1};
	struct timespec times[] = {{-1, 0}, {0, -1}, {0, 1000000000}, {-1, -1}};
	struct itimerval it = {{0, 0}, {0, 1000000}};
	siginfo_t info = {.si_code = SI_TKILL};
	unsigned long set = 0;

	CALL(capget, &h, NULL);
	CALL(prlimit64, 0l, 0l, &upside, NULL);
	CALL(prlimit64, 0l, 16l, NULL, &upside);
	CALL(prlimit64, 0l, -1l, NULL, &upside);
	CALL(prlimit64, -1l, 0l, NULL, &upside);
	CALL(getrlimit, 16l, 8l);
	CALL(getrlimit, 0l, NULL);
	CALL(setrlimit, 16l, &upside);
	CALL(setrlimit, 0l, NULL);
	CALL(getrusage, 2l, page);
	CALL(getrusage, -2l, page);
	for (int i = 0; i < 4; i++) {
		CALL(nanosleep, &times[i], NULL);
		CALL(clock_nanosleep, 1l, 1l, &times[i], NULL);
		CALL(rt_sigtimedwait, &set, NULL, &times[i], 8l);
		CALL(clock_settime, 0l, &times[i]);
	}
	CALL(clock_settime, 1l, &times[0]);
	CALL(clock_gettime, 100l, page);
	CALL(clock_getres, -1l, NULL);
	CALL(setitimer, 0l, &it, NULL);
	CALL(setitimer, 3l, &it, NULL);
	CALL(getitimer, -1l, page);
	CALL(kill, (long)getpid(), -1l);
	CALL(kill, (long)getpid(), 65l);
	CALL(kill, 0x400000l, 65l);
	CALL(kill, (long)INT_MIN, 0l);
	CALL(tgkill, 0l, 0l, 0l);
	CALL(tgkill, (long)getpid(), (long)getpid(), 65l);
	CALL(tgkill, (long)getpid(), 0x400000l, 65l);
	CALL(tgkill, (long)getpid() + 1, (long)getpid(), 0l);
	CALL(tkill, -1l, 0l);
	CALL(rt_sigqueueinfo, 1l, 10l, &info);
	CALL(rt_sigqueueinfo, -1l, 10l, &info);
	CALL(rt_sigqueueinfo, (long)getpid(), 65l, &info);
	CALL(rt_tgsigqueueinfo, 0l, 0l, 10l, &info);
	CALL(rt_sigaction, 0l, NULL, NULL, 8l);
	CALL(rt_sigaction, 65l, NULL, NULL, 8l);
	CALL(rt_sigaction, 9l, page, NULL, 8l);
	CALL(rt_sigaction, 10l, NULL, NULL, 4l);
	CALL(rt_sigprocmask, 3l, &set, NULL, 8l);
	CALL(rt_sigprocmask, 3l, NULL, NULL, 8l);
	CALL(rt_sigprocmask, 0l, &set, NULL, 16l);
	CALL(rt_sigpending, page, 9l);
	CALL(rt_sigsuspend, &set, 7l);
	CALL(wait4, -1l, NULL, 0x100l, NULL);
	CALL(wait4, -1l, NULL, 0l, NULL);
	CALL(wait4, (long)INT_MIN, NULL, 0l, NULL);
	CALL(waitid, 0l, 0l, NULL, 0l, NULL);
	CALL(waitid, 1l, 0l, NULL, 4l, NULL);
	CALL(waitid, 9l, 0l, NULL, 4l, NULL);
	CALL(waitid, 2l, -1l, NULL, 4l, NULL);
	CALL(setpgid, -1l, 0l);
	CALL(setpgid, 0l, -1l);
	CALL(setpgid, 0x400000l, 0l);
	CALL(setpgid, 0l, 0x3fffffl);
	CALL(getpgid, -1l);
	CALL(getsid, 0x400000l);
	CALL(getpriority, 3l, 0l);
	CALL(getpriority, 0l, 0x400000l);
	CALL(setpriority, -1l, 0l, 0l);
	CALL(setpriority, 0l, 0x400000l, 0l);
	CALL(sched_getaffinity, 0l, 7l, page);
	CALL(sched_setaffinity, 0l, 0l, page);
	CALL(sched_getaffinity, 0x400000l, 128l, page);
	CALL(setgroups, -1l, page);
	CALL(setgroups, 65537l, page);
	CALL(getgroups, -1l, page);
	CALL(setuid, -1l);
	CALL(setgid, -1l);
	CALL(sethostname, page, -1l);
	CALL(sethostname, page, 65l);
	CALL(prctl, -1l, 0l, 0l, 0l, 0l);
	CALL(prctl, 4l, 3l, 0l, 0l, 0l);
	CALL(arch_prctl, 0x1002l, KERNEL);
	CALL(arch_prctl, 0x1001l, HOLE);
	CALL(arch_prctl, 1l, 0l);
	CALL(getrandom, page, 8l, 8l);
	CALL(getrandom, 8l, 0l, 0l);
	CALL(set_robust_list, page, 23l);
	CALL(clone, (long)CLONE_SIGHAND, 0l, 0l, 0l, 0l);
	CALL(clone, (long)CLONE_THREAD, 0l, 0l, 0l, 0l);
	CALL(clone, (long)(CLONE_SETTLS | SIGCHLD), 0l, 0l, 0l, KERNEL);
	CALL(reboot, 1l, 2l, 3l, 0l);
}

static void memory(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	CALL(mmap, 0l, 0l, 3l, (long)flags, -1l, 0l);
	CALL(mmap, 0l, PAGE, 3l, (long)MAP_ANONYMOUS, -1l, 0l);
	CALL(mmap, 0l, PAGE, 3l, (long)flags, -1l, 1l);
	CALL(mmap, 0l, PAGE, 3l, (long)MAP_PRIVATE, -1l, 0l);
	CALL(mmap, 0l, LONG_MAX, 3l, (long)flags, -1l, 0l);
	CALL(mmap, 0l, -1l, 3l, (long)flags, -1l, 0l);
	CALL(mmap, 0l, -PAGE, 3l, (long)flags, -1l, 0l);
	CALL(mmap, 0l, TOP + PAGE, 0l, (long)flags | MAP_NORESERVE, -1l, 0l);
	CALL(mmap, page + 1, PAGE, 3l, (long)flags | MAP_FIXED, -1l, 0l);
	CALL(mmap, TOP, PAGE, 3l, (long)flags | MAP_FIXED, -1l, 0l);
	CALL(mmap, KERNEL, PAGE, 3l, (long)flags | MAP_FIXED, -1l, 0l);
	CALL(mmap, -PAGE, PAGE, 3l, (long)flags | MAP_FIXED, -1l, 0l);
	CALL(mmap, page, PAGE, 3l, (long)flags | MAP_FIXED_NOREPLACE, -1l, 0l);
	CALL(munmap, page + 1, PAGE);
	CALL(munmap, page, 0l);
	CALL(munmap, page, -1l);
	CALL(munmap, page, HOLE);
	CALL(munmap, KERNEL, PAGE);
	CALL(munmap, -PAGE, PAGE);
	CALL(munmap, TOP, PAGE);
	CALL(mprotect, page + 1, PAGE, 1l);
	CALL(mprotect, page, -1l, 1l);
	CALL(mprotect, KERNEL, PAGE, 1l);
	CALL(mprotect, page, PAGE, 0x100l);
	CALL(mprotect, 0l, PAGE, 3l);
	CALL(mprotect, -PAGE, PAGE, 3l);
	CALL(madvise, page + 1, PAGE, 4l);
	CALL(madvise, page, -1l, 4l);
	CALL(madvise, page, -PAGE, 4l);
	CALL(madvise, KERNEL, PAGE, 4l);
	CALL(madvise, 0l, PAGE, 4l);
	CALL(madvise, page, PAGE, -1l);
	CALL(madvise, page, 0l, 4l);
	CALL(msync, page + 1, PAGE, 4l);
	CALL(msync, page, -1l, 4l);
	CALL(msync, page, PAGE, 5l);
	CALL(msync, page, PAGE, 8l);
	CALL(msync, 0l, PAGE, 4l);
	CALL(msync, KERNEL, PAGE, 4l);
	SHOW(syscall(SYS_brk, -1l) == syscall(SYS_brk, 0l));
	SHOW(syscall(SYS_brk, KERNEL) == syscall(SYS_brk, 0l));
	SHOW(syscall(SYS_brk, page) == syscall(SYS_brk, 0l));
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(page + PAGE, PAGE, PROT_NONE);
	show_status("pointers", in_child(pointers));
	show_status("numbers", in_child(numbers));
	show_status("memory", in_child(memory));
	return 0;
}
