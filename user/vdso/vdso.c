// SPDX-License-Identifier: BSD-2-Clause
/*
 * The vDSO: code that the kernel maps into every program, so that telling the time does not enter
 * the kernel. The C library finds it by AT_SYSINFO_EHDR and its functions by name and version
 * (vdso(7), "x86-64 functions"). It reads the clock page, which lies right before it (vdso.lds),
 * and falls back to the system call for all that the page does not answer.
 *
 * It runs on the program's stack and thread pointer: no library, no writable data, no relocations.
 */
#include <sched/clock_page.h>

#include <asm/unistd.h>
#include <linux/time.h>
#include <stddef.h>

#define NSEC_PER_SEC 1000000000ull

extern const struct clock_page clock_page __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int clock, struct timespec *out);
int __vdso_clock_getres(int clock, struct timespec *out);
int __vdso_gettimeofday(struct timeval *out, struct timezone *zone);
__kernel_old_time_t __vdso_time(__kernel_old_time_t *out);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static long call2(long number, long a, long b)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return r;
}

static unsigned long long monotonic(void)
{
	unsigned low, high;

	/* As in the kernel: the counter is not read before what came earlier in the program. */
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (unsigned long long)(((unsigned __int128)(((unsigned long long)high << 32 | low) -
							 clock_page.base) *
				     clock_page.scale) >>
				    32);
}

static unsigned long long wall(void)
{
	return __atomic_load_n(&clock_page.wall_offset, __ATOMIC_RELAXED) + monotonic();
}

int __vdso_clock_gettime(int clock, struct timespec *out)
{
	unsigned long long ns;

	if (clock_page.source != CLOCK_PAGE_TSC)
		return (int)call2(__NR_clock_gettime, clock, (long)out);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		ns = wall();
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		ns = monotonic();
		break;
	default:
		return (int)call2(__NR_clock_gettime, clock, (long)out);
	}
	out->tv_sec = (long)(ns / NSEC_PER_SEC);
	out->tv_nsec = (long)(ns % NSEC_PER_SEC);
	return 0;
}

int __vdso_clock_getres(int clock, struct timespec *out)
{
	return (int)call2(__NR_clock_getres, clock, (long)out);
}

int __vdso_gettimeofday(struct timeval *out, struct timezone *zone)
{
	unsigned long long ns;

	if (clock_page.source != CLOCK_PAGE_TSC || zone)
		return (int)call2(__NR_gettimeofday, (long)out, (long)zone);
	if (out) {
		ns = wall();
		out->tv_sec = (long)(ns / NSEC_PER_SEC);
		out->tv_usec = (long)(ns % NSEC_PER_SEC / 1000);
	}
	return 0;
}

__kernel_old_time_t __vdso_time(__kernel_old_time_t *out)
{
	__kernel_old_time_t now;

	if (clock_page.source != CLOCK_PAGE_TSC)
		return call2(__NR_time, (long)out, 0);
	now = (__kernel_old_time_t)(wall() / NSEC_PER_SEC);
	if (out)
		*out = now;
	return now;
}

long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	unsigned low, high, number;
	unsigned long wide;

	if (clock_page.cpu_number == CPU_NUMBER_RDPID) {
		__asm__ volatile("rdpid %0" : "=r"(wide));
		number = (unsigned)wide;
	} else if (clock_page.cpu_number == CPU_NUMBER_RDTSCP) {
		__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(number));
	} else {
		return call2(__NR_getcpu, (long)cpu, (long)node);
	}
	if (cpu)
		*cpu = number;
	if (node)
		*node = 0;
	return 0;
}

/* Both names are in use. */
int clock_gettime(int, struct timespec *) __attribute__((weak, alias("__vdso_clock_gettime")));
int clock_getres(int, struct timespec *) __attribute__((weak, alias("__vdso_clock_getres")));
int gettimeofday(struct timeval *, struct timezone *)
	__attribute__((weak, alias("__vdso_gettimeofday")));
__kernel_old_time_t time(__kernel_old_time_t *) __attribute__((weak, alias("__vdso_time")));
long getcpu(unsigned *, unsigned *, void *) __attribute__((weak, alias("__vdso_getcpu")));
