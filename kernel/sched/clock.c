/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <arch/cpu.h>
#include <arch/timer.h>
#include <base/spinlock.h>
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

static struct spinlock watch_lock = SPINLOCK_INIT(LOCK_CLOCK_WATCH);
static struct list watchers = LIST_INIT(watchers); /* [watch_lock] */

void clock_wall_set(nsec_t now)
{
	struct clock_watcher *w;
	uint64_t irq = spin_lock_irq(&watch_lock), offset = now - clock_mono_ns();

	WRITE_ONCE(wall_offset, offset);
	if (shared)
		WRITE_ONCE(shared->wall_offset, offset);
	list_for_each_entry(w, &watchers, link)
		w->changed(w);
	spin_unlock_irq(&watch_lock, irq);
}

void clock_share(struct clock_page *page)
{
	arch_clock_page(page);
	clock_wall_ns(); /* the offset is known from here on */
	page->wall_offset = READ_ONCE(wall_offset);
	shared = page;
}

void clock_watch(struct clock_watcher *w)
{
	uint64_t irq = spin_lock_irq(&watch_lock);

	list_add_tail(&w->link, &watchers);
	w->changed(w);
	spin_unlock_irq(&watch_lock, irq);
}

void clock_unwatch(struct clock_watcher *w)
{
	uint64_t irq = spin_lock_irq(&watch_lock);

	list_del(&w->link);
	spin_unlock_irq(&watch_lock, irq);
}

nsec_t clock_wall_deadline(nsec_t at)
{
	int64_t ahead;

	if (at == NEVER)
		return NEVER;
	/* The difference of two wall times that are both far from the ends of the range. */
	ahead = (int64_t)min(at, (nsec_t)INT64_MAX) - (int64_t)clock_wall_ns();
	return ahead > 0 ? clock_mono_ns() + (nsec_t)ahead : 0;
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
