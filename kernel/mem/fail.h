/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault injection: see alloc_fail_nth in slab.h. */
#ifndef MEM_FAIL_H
#define MEM_FAIL_H

#include <base/percpu.h>

extern struct thread *alloc_fail_thread; /* whose allocation is to fail; NULL: nobody's */
bool alloc_count_down(void);

static inline bool alloc_should_fail(void)
{
	return CONFIG_TEST && unlikely(alloc_fail_thread != NULL) && alloc_count_down();
}

#endif
