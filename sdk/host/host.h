/* SPDX-License-Identifier: BSD-2-Clause */
/* banos-host: what its parts share. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <base/types.h>
#include <lib/compiler.h>

/* What is wrong so far: broken rules, failed expectations, things forgotten. */
extern unsigned host_failures;

/* A rule is broken, or an expectation: a line on stderr, counted. */
void host_complain(const char *format, ...) __printf_like(1, 2);
/* A line on stderr. */
void host_say(const char *format, ...) __printf_like(1, 2);
/* Nothing can go on: the run ends here. */
_Noreturn void host_end(void);
/* There is no memory for banos-host itself. */
void *host_alloc(size_t size);
char *host_strdup(const char *text);

/*
 * Is this the allocation that is to fail? Asked once for whatever a driver asks memory for.
 * host_alloc_hit: it was met.
 */
bool host_fails(void);
extern uint64_t host_fail_at;	 /* 0: none fails */
extern uint64_t host_fail_count; /* asked so far */
static inline bool host_fail_met(void)
{
	return host_fail_at && host_fail_count >= host_fail_at;
}

/* --- images (images.c) ------------------------------------------------------------------------ */

#define WHERE_SIZE 128

/* The file whose image is allocated next. The bytes stay. */
void images_next(const char *name, const void *bytes, size_t size);
/* The name of the driver in whose image the address lies, or NULL. */
const char *images_name(uintptr_t address);
/* "driver NAME, FUNCTION+0x12", or the bare address. */
const char *images_where(uintptr_t address, char room[WHERE_SIZE]);
bool images_contain(uintptr_t image, uintptr_t address);
/*
 * The next thing is the driver's init: it has a name now, and what the compiler wants done before
 * is done, which is that the sanitizer gets to know its variables.
 */
void images_begin(uintptr_t address, const char *name);
/* Code: read and execute. */
bool images_is_code(uintptr_t address);

/* --- rules ------------------------------------------------------------------------------------ */

/* Faults of drivers, and what only a kernel may execute: trap.c. */
void trap_begin(unsigned seconds);
/* Memory and locks that an image has left behind when it goes: memory.c, sync.c. */
void memory_check_left(uintptr_t image, const char *name);
void sync_check_left(uintptr_t image, const char *name);
/* Memory that goes with locks in it: sync.c. */
void sync_check_freed(const void *memory, size_t size);
/* Of the lock that is taken next: order.c. */
unsigned order_class(const char *name);
const char *order_name(unsigned class);
struct task;
void order_check(const struct task *t, unsigned class);

/* --- the ABI ---------------------------------------------------------------------------------- */

/* Where a call of the ABI came from that the current task is in. */
uintptr_t api_caller(void);
const char *api_name(void);
/* What runs in the background. Called once. */
void timer_begin(void);
void epoch_begin(void);
void work_begin(void);
/* How many processors there are: before a driver asks. */
void cpu_begin(uint32_t count);

#endif
