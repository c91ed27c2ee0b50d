/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Vector state of programs (x87, SSE, AVX). The kernel itself is compiled without vector
 * registers, so a program's values stay in the processor while the kernel runs. They are saved
 * when the thread is switched out and loaded, never by trap, on the way back to user mode:
 * a program that wakes only to wait again in the kernel moves nothing.
 */
#include "arch.h"

#include <arch/thread.h>
#include <arch/vector.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/thread.h>

#define FXSAVE_SIZE	     512
#define XSAVE_HEADER	     64
#define MXCSR_DEFAULT	     0x1f80
#define XFEATURE_X87_SSE_AVX 7

static struct slab_cache *cache;
static uint32_t mxcsr_mask = 0xffbf;

/* Choose components before cpu_setup_control() enables them, allocate the cache after. */
void fpu_init(void)
{
	struct cpu_features *f = &cpu_features;
	struct cpuid c;

	f->xsave_size = FXSAVE_SIZE;
	if (f->xsave) {
		c = cpuid(0xd, 0);
		f->xsave_mask = c.eax & XFEATURE_X87_SSE_AVX;
		/* Standard format: offsets are fixed; size up to the last component we use. */
		f->xsave_size = FXSAVE_SIZE + XSAVE_HEADER;
		if (f->xsave_mask & 4)
			f->xsave_size = cpuid(0xd, 2).ebx + cpuid(0xd, 2).eax;
	}
}

void vector_save(void *area)
{
	if (cpu_features.xsave)
		__asm__ volatile("xsave64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)cpu_features.xsave_mask), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void vector_load(const void *area)
{
	if (cpu_features.xsave)
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(area), "a"((uint32_t)cpu_features.xsave_mask), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

size_t vector_size(void)
{
	return cpu_features.xsave_size;
}

uint64_t vector_mask(void)
{
	return cpu_features.xsave_mask;
}

void vector_init_area(void *area)
{
	uint8_t *a = area;

	memset(a, 0, cpu_features.xsave_size);
	a[0] = 0x7f; /* FCW 0x037f: all x87 exceptions masked, extended precision */
	a[1] = 0x03;
	*(uint32_t *)(a + 24) = MXCSR_DEFAULT;
}

/* What a program wrote into a signal frame: nothing in it may fault xrstor. */
void vector_sanitize(void *area)
{
	uint8_t *a = area;

	*(uint32_t *)(a + 24) &= mxcsr_mask;
	if (cpu_features.xsave) {
		uint64_t *header = (uint64_t *)(a + FXSAVE_SIZE);

		header[0] &= cpu_features.xsave_mask;
		memset(&header[1], 0, XSAVE_HEADER - 8);
	}
}

void vector_export(const void *area, void *out)
{
	const uint64_t *header = (const uint64_t *)((const uint8_t *)area + FXSAVE_SIZE);
	uint8_t *o = out;

	memcpy(out, area, cpu_features.xsave_size);
	if (!cpu_features.xsave)
		return;
	if (!(header[0] & 1)) {
		memset(o, 0, 24);
		o[0] = 0x7f;
		o[1] = 0x03;
		memset(o + 32, 0, 128);
	}
	if (!(header[0] & 2))
		memset(o + 160, 0, 256);
	if (!(header[0] & 4))
		memset(o + FXSAVE_SIZE + XSAVE_HEADER, 0,
		       cpu_features.xsave_size - FXSAVE_SIZE - XSAVE_HEADER);
}

static int check_header(const uint64_t *header)
{
	if (header[0] & ~cpu_features.xsave_mask)
		return -EINVAL;
	for (unsigned i = 1; i < XSAVE_HEADER / 8; i++)
		if (header[i])
			return -EINVAL;
	return 0;
}

int vector_import(void *area, const void *in, size_t size)
{
	uint64_t *header = (uint64_t *)((uint8_t *)area + FXSAVE_SIZE);
	bool old = size == FXSAVE_SIZE;

	if (*(const uint32_t *)((const uint8_t *)in + 24) & ~mxcsr_mask)
		return -EINVAL;
	if (!old && check_header((const uint64_t *)((const uint8_t *)in + FXSAVE_SIZE)))
		return -EINVAL;
	memcpy(area, in, size);
	if (old && cpu_features.xsave)
		header[0] |= 3; /* x87 and SSE */
	return 0;
}

int arch_thread_alloc_user(struct thread *t, const struct thread *from)
{
	struct arch_thread *a = &t->arch;

	if (!cache) {
		uint32_t mask;

		cache = slab_cache_create("vector_state", cpu_features.xsave_size, 64);
		a->vector_state = slab_alloc(cache);
		if (a->vector_state) {
			memset(a->vector_state, 0, cpu_features.xsave_size);
			__asm__ volatile("fxsave64 (%0)" : : "r"(a->vector_state) : "memory");
			mask = *(uint32_t *)((uint8_t *)a->vector_state + 28);
			mxcsr_mask = mask ? mask : 0xffbf;
		}
	} else {
		a->vector_state = slab_alloc(cache);
	}
	if (!a->vector_state)
		return -ENOMEM;
	if (from) {
		vector_flush();
		memcpy(a->vector_state, from->arch.vector_state, cpu_features.xsave_size);
		a->fs_base = from->arch.fs_base;
		a->gs_base = from->arch.gs_base;
	} else {
		vector_init_area(a->vector_state);
	}
	a->vector_live = false;
	return 0;
}

void arch_thread_free_user(struct thread *t)
{
	slab_free(cache, t->arch.vector_state);
	t->arch.vector_state = NULL;
}

/* Bring the current thread's area up to date and let the registers go. */
void vector_flush(void)
{
	struct arch_thread *a = &current()->arch;
	uint64_t flags = irq_save();

	if (a->vector_live) {
		vector_save(a->vector_state);
		a->vector_live = false;
	}
	irq_restore(flags);
}

uint64_t arch_hwcap(void)
{
	return cpuid(1, 0).edx;
}

/* Registers and siginfo take less than 1 KiB; the vector state and its alignment come on top. */
uint64_t arch_signal_frame_size(void)
{
	return 1024 + 64 + 4 + cpu_features.xsave_size;
}
