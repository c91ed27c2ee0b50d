/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a system call does to shared memory, counted (build/count).
 *
 * That kernel is compiled as for the thread sanitizer: the compiler puts a call before each load
 * and store, and makes a call of every atomic operation, whatever source or header it stands in.
 * This file is what is called. It carries the atomics out and, while one thread is being counted,
 * keeps four sums for that thread. So nothing that is written in C can be missed; what is written
 * in assembly is found from the other side: tests/vm/operations.sh looks through the linked kernel
 * for locked instructions outside this file and lets pass only those it knows.
 *
 * Private, and not counted as shared, are the stack of the running thread and the structure of its
 * processor. All other kernel memory is shared: the heap too, though what was just allocated is
 * seen by nobody else, so that the sums err on the safe side only. Interrupt handlers are left out.
 *
 * A call may do more than its path needs, once (a cache to refill, a table to grow), so the least
 * of all calls of one number is kept. Sums and table belong to the one thread that is counted: only
 * it writes them, and it reads them by a file of /proc itself.
 *
 * Rejected: macros in the place of the builtins, which miss plain stores, those to shared cache
 * lines above all; and a plug-in of the emulator, which Debian's QEMU has no header for.
 */
#include "count.h"

#if CONFIG_COUNT

#include <base/percpu.h>
#include <lib/compiler.h>

static struct thread *counted; /* [a] NULL: nobody */
static struct counts now;      /* of the counted thread; never goes back */
static bool starting;	       /* the call that began to count is not counted itself */
static struct {
	struct counts least;
	uint32_t times;
} table[COUNT_EVENTS]; /* of the counted thread */

static bool counting(void)
{
	return unlikely(counted) && current() == counted && !in_interrupt();
}

static bool is_private(const volatile void *p)
{
	uintptr_t a = (uintptr_t)p, stack = (uintptr_t)__builtin_frame_address(0);
	const struct cpu *c = this_cpu();

	return (a >= stack && a < c->kernel_stack) || (a >= (uintptr_t)c && a < (uintptr_t)(c + 1));
}

static void wrote(const volatile void *p)
{
	if (counting() && !is_private(p))
		now.writes++;
}

static void locked(const volatile void *p)
{
	if (!counting())
		return;
	now.locked++;
	if (p && !is_private(p)) {
		now.shared++;
		now.writes++;
	}
}

void count_spinlock(void)
{
	if (counting())
		now.spins++;
}

void count_thread(struct thread *t)
{
	__atomic_store_n(&counted, NULL, __ATOMIC_SEQ_CST);
	if (!t)
		return;
	starting = true;
	for (unsigned i = 0; i < COUNT_EVENTS; i++)
		table[i].times = 0;
	__atomic_store_n(&counted, t, __ATOMIC_SEQ_CST);
}

struct counts count_begin(void)
{
	return now;
}

static uint32_t least(uint32_t a, uint32_t b, bool first)
{
	return first ? b : min(a, b);
}

void count_end(struct counts began, unsigned event)
{
	struct counts *l = &table[event].least;
	bool first;

	if (event >= COUNT_EVENTS || !counting())
		return;
	if (starting) {
		starting = false;
		return;
	}
	first = table[event].times++ == 0;
	l->locked = least(l->locked, now.locked - began.locked, first);
	l->shared = least(l->shared, now.shared - began.shared, first);
	l->writes = least(l->writes, now.writes - began.writes, first);
	l->spins = least(l->spins, now.spins - began.spins, first);
}

bool count_least(unsigned event, struct counts *out, uint32_t *times)
{
	*out = table[event].least;
	*times = table[event].times;
	return *times != 0;
}

/* --- what the compiler calls: names and types are those of its run-time library ------------ */

/* clang-format off */
#define ACCESS(n)                                                                     \
	void __tsan_read##n(void *p); void __tsan_read##n(void *p) { }                \
	void __tsan_write##n(void *p); void __tsan_write##n(void *p) { wrote(p); }    \
	void __tsan_unaligned_read##n(void *p);                                       \
	void __tsan_unaligned_read##n(void *p) { }                                    \
	void __tsan_unaligned_write##n(void *p);                                      \
	void __tsan_unaligned_write##n(void *p) { wrote(p); }

ACCESS(1) ACCESS(2) ACCESS(4) ACCESS(8) ACCESS(16)

void __tsan_read_range(void *p, size_t n);
void __tsan_read_range(void *p, size_t n) { }
void __tsan_write_range(void *p, size_t n);
void __tsan_write_range(void *p, size_t n) { wrote(p); }
void __tsan_init(void);
void __tsan_init(void) { }

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	if (order == __ATOMIC_SEQ_CST)
		locked(NULL);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

#define MODIFY(bits, type, name)                                                            \
	type __tsan_atomic##bits##_##name(volatile type *p, type v, int order);             \
	type __tsan_atomic##bits##_##name(volatile type *p, type v, int order)              \
	{                                                                                   \
		locked(p);                                                                  \
		return __atomic_##name(p, v, __ATOMIC_SEQ_CST);                             \
	}

#define COMPARE(bits, type, kind)                                                           \
	bool __tsan_atomic##bits##_compare_exchange_##kind(volatile type *p, type *was,     \
							   type v, int order, int fail);    \
	bool __tsan_atomic##bits##_compare_exchange_##kind(volatile type *p, type *was,     \
							   type v, int order, int fail)     \
	{                                                                                   \
		locked(p);                                                                  \
		return __atomic_compare_exchange_n(p, was, v, false, __ATOMIC_SEQ_CST,      \
						   __ATOMIC_SEQ_CST);                       \
	}

#define ATOMICS(bits, type)                                                                 \
	type __tsan_atomic##bits##_load(const volatile type *p, int order);                 \
	type __tsan_atomic##bits##_load(const volatile type *p, int order)                  \
	{                                                                                   \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                \
	}                                                                                   \
	void __tsan_atomic##bits##_store(volatile type *p, type v, int order);              \
	void __tsan_atomic##bits##_store(volatile type *p, type v, int order)               \
	{                                                                                   \
		if (order == __ATOMIC_SEQ_CST) {                                            \
			locked(p);                                                          \
			__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                           \
		} else {                                                                    \
			wrote(p);                                                           \
			__atomic_store_n(p, v, __ATOMIC_RELEASE);                           \
		}                                                                           \
	}                                                                                   \
	type __tsan_atomic##bits##_exchange(volatile type *p, type v, int order);           \
	type __tsan_atomic##bits##_exchange(volatile type *p, type v, int order)            \
	{                                                                                   \
		locked(p);                                                                  \
		return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                         \
	}                                                                                   \
	MODIFY(bits, type, fetch_add) MODIFY(bits, type, fetch_sub)                         \
	MODIFY(bits, type, fetch_and) MODIFY(bits, type, fetch_or)                          \
	MODIFY(bits, type, fetch_xor)                                                       \
	COMPARE(bits, type, strong) COMPARE(bits, type, weak)

ATOMICS(8, uint8_t) ATOMICS(16, uint16_t) ATOMICS(32, uint32_t) ATOMICS(64, uint64_t)
/* clang-format on */

#endif
