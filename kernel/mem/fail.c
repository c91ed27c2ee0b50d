/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault injection into the allocators: one thread at a time, which is all that tests need. */
#include "fail.h"

#include "slab.h"

struct thread *alloc_fail_thread; /* written by the thread itself */
static unsigned left;		  /* likewise */

unsigned alloc_fail_nth(unsigned n)
{
	unsigned was = left;

	left = n;
	WRITE_ONCE(alloc_fail_thread, n ? current() : NULL);
	return was;
}

bool alloc_count_down(void)
{
	if (READ_ONCE(alloc_fail_thread) != current() || in_interrupt() || !left)
		return false;
	return --left == 0;
}
