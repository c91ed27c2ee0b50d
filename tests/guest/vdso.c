/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vDSO: found as the C library finds it, its clocks agree with the kernel's, its processor
 * number with the thread's, and its pages cannot be written.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <elf.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static int (*vdso_gettime)(int, struct timespec *);
static int (*vdso_gettimeofday)(struct timeval *, struct timezone *);
static time_t (*vdso_time)(time_t *);
static long (*vdso_getcpu)(unsigned *, unsigned *, void *);

static const char *image;

/* A function by name and version, through the dynamic table. */
static void *lookup(const char *name)
{
	const Elf64_Ehdr *e = (const void *)image;
	const Elf64_Phdr *ph = (const void *)(image + e->e_phoff);
	const Elf64_Dyn *dynamic = NULL;
	const Elf64_Sym *symbols = NULL;
	const Elf64_Half *versions = NULL;
	const char *strings = NULL;
	const Elf64_Word *hash = NULL;

	for (int i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)(image + ph[i].p_vaddr);
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
		const void *at = image + dynamic->d_un.d_ptr;

		if (dynamic->d_tag == DT_SYMTAB)
			symbols = at;
		else if (dynamic->d_tag == DT_STRTAB)
			strings = at;
		else if (dynamic->d_tag == DT_HASH)
			hash = at;
		else if (dynamic->d_tag == DT_VERSYM)
			versions = at;
	}
	if (!symbols || !strings || !hash || !versions)
		return NULL;
	for (Elf64_Word i = 0; i < hash[1]; i++)
		if (!strcmp(strings + symbols[i].st_name, name) && symbols[i].st_shndx &&
		    (versions[i] & 0x7fff) > 1)
			return (void *)(uintptr_t)(image + symbols[i].st_value);
	return NULL;
}

static long long ns_of(const struct timespec *t)
{
	return t->tv_sec * 1000000000ll + t->tv_nsec;
}

/* The vDSO's reading lies between two of the kernel's, many times. */
static int agrees(int clock)
{
	for (int i = 0; i < 1000; i++) {
		struct timespec before, now, after;

		if (syscall(SYS_clock_gettime, clock, &before) || vdso_gettime(clock, &now) ||
		    syscall(SYS_clock_gettime, clock, &after))
			return 0;
		if (ns_of(&now) < ns_of(&before) || ns_of(&now) > ns_of(&after) ||
		    now.tv_nsec < 0 || now.tv_nsec > 999999999)
			return 0;
	}
	return 1;
}

/* A coarse clock may lag by a tick of the kernel, and is never ahead. */
static int coarse_agrees(int clock, int fine)
{
	struct timespec lag, now;

	if (vdso_gettime(clock, &lag) || vdso_gettime(fine, &now))
		return 0;
	return ns_of(&lag) <= ns_of(&now) && ns_of(&now) - ns_of(&lag) < 1000000000;
}

static int cpu_agrees(void)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all))
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		unsigned number = ~0u, node = ~0u;

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one) || vdso_getcpu(&number, &node, NULL) ||
		    number != (unsigned)cpu || vdso_getcpu(NULL, NULL, NULL))
			return 0;
	}
	return !sched_setaffinity(0, sizeof(all), &all);
}

/* Monotonic over processors, too: one hops about while it reads. */
static int never_back(void)
{
	struct timespec last = {0}, now;
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < 400; i++) {
		int cpu = i % CPU_COUNT(&all);

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (CPU_ISSET(cpu, &all))
			sched_setaffinity(0, sizeof(one), &one);
		for (int j = 0; j < 20; j++, last = now) {
			vdso_gettime(CLOCK_MONOTONIC, &now);
			if (ns_of(&now) < ns_of(&last))
				return 0;
		}
	}
	return !sched_setaffinity(0, sizeof(all), &all);
}

static int writing_kills(char *at)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		*(volatile char *)at = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

int main(void)
{
	struct timeval tv, then;
	struct timespec real;
	time_t t, again;

	image = (const char *)getauxval(AT_SYSINFO_EHDR);
	SHOW(image != NULL && !memcmp(image, ELFMAG, SELFMAG));
	vdso_gettime = lookup("__vdso_clock_gettime");
	vdso_gettimeofday = lookup("__vdso_gettimeofday");
	vdso_time = lookup("__vdso_time");
	vdso_getcpu = lookup("__vdso_getcpu");
	SHOW(vdso_gettime && vdso_gettimeofday && vdso_time && vdso_getcpu);
	SHOW(lookup("__vdso_nothing") == NULL);
	SHOW(agrees(CLOCK_REALTIME));
	SHOW(agrees(CLOCK_MONOTONIC));
	SHOW(agrees(CLOCK_MONOTONIC_RAW));
	SHOW(agrees(CLOCK_BOOTTIME));
	SHOW(agrees(CLOCK_PROCESS_CPUTIME_ID));
	SHOW(coarse_agrees(CLOCK_REALTIME_COARSE, CLOCK_REALTIME));
	SHOW(coarse_agrees(CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC));
	SHOW(vdso_gettime(12345, &real) < 0);
	vdso_gettimeofday(&then, NULL);
	vdso_gettime(CLOCK_REALTIME, &real);
	vdso_gettimeofday(&tv, NULL);
	SHOW((real.tv_sec - then.tv_sec) * 1000000 + real.tv_nsec / 1000 - then.tv_usec >= 0);
	SHOW((tv.tv_sec - real.tv_sec) * 1000000 + tv.tv_usec - real.tv_nsec / 1000 >= 0);
	SHOW(vdso_gettimeofday(NULL, NULL));
	again = vdso_time(&t);
	SHOW(again == t && t >= real.tv_sec - 1 && t <= real.tv_sec + 60);
	SHOW(vdso_time(NULL) >= t);
	SHOW(cpu_agrees());
	SHOW(never_back());
	SHOW(writing_kills((char *)(uintptr_t)image));
	SHOW(writing_kills((char *)(uintptr_t)image - 4096));
	SHOW(mprotect((char *)(uintptr_t)image - 4096, 4096, PROT_READ | PROT_WRITE) < 0 ||
	     writing_kills((char *)(uintptr_t)image - 4096));
	return 0;
}
