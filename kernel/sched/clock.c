/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <arch/cpu.h>
#include <arch/timer.h>
#include <lib/compiler.h>
#include <sched/clock_page.h>

/* Wall time minus monotonic time. [a]; 0 until the battery clock has been read. */
static uint64_t wall_offset;
static struct clock_page *shared; /* [I] after boot; its wall_offset is [a] */

nsec_t clock_mono_ns(void)
{
	return arch_clock_ns();
}

nsec_t clock_wall_ns(void)
{
	uint64_t offset = READ_ONCE(wall_offset);

	if (!offset) {
		uint64_t none = 0;

		offset = arch_wall_seconds() * NSEC_PER_SEC - clock_mono_ns();
		if (!__atomic_compare_exchange_n(&wall_offset, &none, offset, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			offset = none;
	}
	return offset + clock_mono_ns();
}

void clock_wall_set(nsec_t now)
{
	uint64_t offset = now - clock_mono_ns();

	WRITE_ONCE(wall_offset, offset);
	if (shared)
		WRITE_ONCE(shared->wall_offset, offset);
}

void clock_share(struct clock_page *page)
{
	arch_clock_page(page);
	clock_wall_ns(); /* the offset is known from here on */
	page->wall_offset = READ_ONCE(wall_offset);
	shared = page;
}

const char *clock_source_name(void)
{
	return arch_clock_name();
}

void clock_delay_ns(nsec_t ns)
{
	nsec_t end = clock_mono_ns() + ns;

	while (clock_mono_ns() < end)
		cpu_relax();
}
