/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hardware counter behind the clocks, and the one-shot timer.
 *
 * In order of preference: the TSC, if its rate is constant (or the hypervisor is known to make
 * it so); the HPET's main counter; the ACPI PM timer. The command line's clock=tsc|hpet|acpi_pm
 * overrides. Each is read as counts and scaled by a 32.32 fixed-point factor.
 * The PM timer is only 24 bits wide: it is widened by software (`pm_last`), which works as long as
 * somebody reads it every 4.6 s; a timer of ours does (clocksource_start).
 *
 * TSC and local APIC timer are calibrated in one go against the HPET, or the PM timer.
 */
#include "arch.h"

#include "boot/bootinfo.h"

#include <arch/io.h>
#include <arch/timer.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <mem/kva.h>
#include <sched/clock_page.h>
#include <sched/timer.h>

#define PM_HZ	       3579545
#define CALIBRATION_NS (10 * NSEC_PER_MSEC)
/* HPET registers, as indices of 32-bit words. */
#define HPET_CONFIG  4
#define HPET_COUNTER 60

enum source { SOURCE_NONE, SOURCE_TSC, SOURCE_HPET, SOURCE_PM };
static const char *const source_names[] = {"none", "tsc", "hpet", "acpi_pm"};

static enum source source;
static uint64_t base;	    /* counter value at time 0 */
static uint64_t scale;	    /* ns per count, 32.32 */
static uint64_t apic_scale; /* APIC timer counts per ns, 32.32 */

static volatile uint32_t *hpet; /* in halves: not every bridge, and no QEMU, takes 64 bits */
static uint64_t hpet_femto;	/* femtoseconds per count */
static uint16_t pm_port;
static uint64_t pm_mask;
static uint64_t pm_last; /* [a] widened counter, only grows */

void hpet_init(paddr_t pa)
{
	volatile uint32_t *h = kva_map_device(pa, 1024, KCACHE_DEVICE);

	if (!h)
		return;
	/* Only the 64-bit counter: a 32-bit one wraps in minutes. Period at most 100 ns, by
	 * specification. */
	if (!(h[0] >> 13 & 1) || !h[1] || h[1] > 100000000)
		return;
	hpet = h;
	hpet_femto = h[1];
	/* Counter on; legacy replacement off, or it takes the PIT's interrupt line at 18 Hz. */
	hpet[HPET_CONFIG] = (hpet[HPET_CONFIG] & ~3u) | 1;
}

static uint64_t hpet_read_counter(void)
{
	uint32_t high = hpet[HPET_COUNTER + 1], low, again;

	for (;; high = again) {
		low = hpet[HPET_COUNTER];
		again = hpet[HPET_COUNTER + 1];
		if (again == high)
			return (uint64_t)high << 32 | low;
	}
}

void pm_timer_init(uint16_t port, bool is32)
{
	pm_port = port;
	pm_mask = is32 ? UINT32_MAX : 0xffffff;
}

static uint64_t pm_read(void)
{
	uint64_t last = __atomic_load_n(&pm_last, __ATOMIC_RELAXED), now;

	do {
		now = (last & ~pm_mask) | (io_read32(pm_port) & pm_mask);
		if (now < last) {
			/* Wrapped, or somebody read later than we and was faster to store. */
			if (last - now < pm_mask / 2)
				return last;
			now += pm_mask + 1;
		}
	} while (!__atomic_compare_exchange_n(&pm_last, &last, now, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return now;
}

static uint64_t counter_read(enum source s)
{
	switch (s) {
	case SOURCE_TSC: {
		uint32_t lo, hi;

		/* lfence: the counter is not read before what came earlier in the program. */
		__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
		return (uint64_t)hi << 32 | lo;
	}
	case SOURCE_HPET:
		return hpet_read_counter();
	case SOURCE_PM:
		return pm_read();
	default:
		return 0;
	}
}

static uint64_t scaled(uint64_t counts, uint64_t factor)
{
	return (uint64_t)(((unsigned __int128)counts * factor) >> 32);
}

static uint64_t source_scale(enum source s)
{
	if (s == SOURCE_HPET)
		return (hpet_femto << 32) / 1000000; /* at most 27 bits before the shift */
	return (NSEC_PER_SEC << 32) / PM_HZ;
}

/* One reading of all three counters at, as nearly as can be, the same time. */
struct sample {
	uint64_t reference, tsc, width; /* width: TSC counts that the reading took */
	uint32_t apic;
};

/*
 * Under a hypervisor the processor may be taken away between two readings, so of several the one
 * that took the shortest time counts.
 */
static struct sample sample(enum source reference)
{
	struct sample best = {.width = UINT64_MAX};

	for (unsigned tries = 0; tries < 8; tries++) {
		uint64_t before = counter_read(SOURCE_TSC), after;
		struct sample s;

		s.reference = counter_read(reference);
		s.apic = apic_timer_count();
		after = counter_read(SOURCE_TSC);
		s.tsc = before + (after - before) / 2;
		s.width = after - before;
		if (s.width < best.width)
			best = s;
	}
	return best;
}

/* Count TSC and APIC timer over one stretch of the reference; returns the TSC's scale, or 0. */
static uint64_t calibrate(enum source reference)
{
	uint64_t factor = source_scale(reference), irq = irq_save(), ns, counts;
	struct sample from, to;

	apic_timer_start(UINT32_MAX);
	from = sample(reference);
	while (scaled(counter_read(reference) - from.reference, factor) < CALIBRATION_NS)
		cpu_relax();
	to = sample(reference);
	apic_timer_stop();
	irq_restore(irq);
	ns = scaled(to.reference - from.reference, factor);
	apic_scale = ((uint64_t)(from.apic - to.apic) << 32) / ns;
	if (!apic_scale)
		panic("boot: the local APIC timer does not count");
	if (to.tsc <= from.tsc)
		return 0;
	counts = to.tsc - from.tsc;
	for (; ns >> 32; ns /= 2) /* it took seconds: the shift must not lose bits */
		counts /= 2;
	return (ns << 32) / counts;
}

void clocksource_init(void)
{
	enum source reference = hpet ? SOURCE_HPET : pm_port ? SOURCE_PM : SOURCE_NONE;
	uint64_t tsc_scale;
	char word[16] = "";

	if (reference == SOURCE_NONE)
		panic("boot: neither HPET nor ACPI PM timer: nothing to measure time with");
	tsc_scale = calibrate(reference);
	source = cpu_features.tsc_constant_rate && tsc_scale ? SOURCE_TSC : reference;
	if (cmdline_get(boot_info.command_line, "clock", word, sizeof(word))) {
		if (!strcmp(word, "tsc") && tsc_scale)
			source = SOURCE_TSC;
		else if (!strcmp(word, "hpet") && hpet)
			source = SOURCE_HPET;
		else if (!strcmp(word, "acpi_pm") && pm_port)
			source = SOURCE_PM;
		else
			log_warn("clock=%s is not available here: it is tsc, hpet or acpi_pm",
				 word);
	}
	scale = source == SOURCE_TSC ? tsc_scale : source_scale(source);
	base = counter_read(source);
	log_info("clock: %s%s", source_names[source],
		 source == SOURCE_TSC && !cpu_features.invariant_tsc
			 ? " (constant by the word of the hypervisor)"
			 : "");
}

static struct timer keep_alive;

static void read_pm_timer(struct timer *t)
{
	timer_arm(t, arch_clock_ns() + 2 * NSEC_PER_SEC);
}

/* Once timers work. */
void clocksource_start(void)
{
	if (source != SOURCE_PM)
		return;
	timer_init(&keep_alive, read_pm_timer);
	read_pm_timer(&keep_alive);
}

nsec_t arch_clock_ns(void)
{
	return scaled(counter_read(source) - base, scale);
}

nsec_t arch_cycles_ns(uint64_t cycles)
{
	return source == SOURCE_TSC ? scaled(cycles, scale) : 0;
}

const char *arch_clock_name(void)
{
	return source_names[source];
}

void arch_clock_page(struct clock_page *page)
{
	page->source = source == SOURCE_TSC ? CLOCK_PAGE_TSC : CLOCK_PAGE_CALL;
	page->cpu_number = cpu_features.rdpid	 ? CPU_NUMBER_RDPID
			   : cpu_features.rdtscp ? CPU_NUMBER_RDTSCP
						 : CPU_NUMBER_CALL;
	page->base = base;
	page->scale = scale;
}

void arch_timer_arm(nsec_t deadline)
{
	nsec_t now, delta;
	uint64_t counts;

	if (deadline == NEVER) {
		apic_timer_stop();
		return;
	}
	now = arch_clock_ns();
	delta = deadline > now ? deadline - now : 0;
	/* An hour at most, so that the product fits; the handler finds nothing due and arms again.
	 */
	delta = min(delta, (nsec_t)3600 * NSEC_PER_SEC);
	counts = scaled(delta, apic_scale) + 1;
	apic_timer_start(counts);
}

static uint8_t cmos_read(uint8_t reg)
{
	io_write8(0x70, reg);
	return io_read8(0x71);
}

static unsigned from_bcd(uint8_t v, bool bcd)
{
	return bcd ? (v >> 4) * 10 + (v & 15) : v;
}

/* The battery clock (MC146818): read until two readings agree, since it may tick in between. */
uint64_t arch_wall_seconds(void)
{
	uint8_t now[6], last[6] = {0xff};
	static const uint8_t regs[6] = {0, 2, 4, 7, 8, 9};
	unsigned v[6];
	uint8_t mode;
	bool bcd;

	for (unsigned tries = 0; tries < 1000; tries++) {
		for (unsigned i = 0; i < 6; i++)
			now[i] = cmos_read(regs[i]);
		if (!(cmos_read(10) & 0x80) && !memcmp(now, last, 6))
			break;
		memcpy(last, now, 6);
	}
	mode = cmos_read(11);
	bcd = !(mode & 4);
	for (unsigned i = 0; i < 6; i++)
		v[i] = from_bcd(i == 2 ? now[i] & 0x7f : now[i], bcd);
	if (!(mode & 2))
		v[2] = v[2] % 12 + (now[2] & 0x80 ? 12 : 0);
	/* Days since 1970 of a civil date; years are counted from March so that the leap day is
	 * last. */
	{
		unsigned year = 2000 + v[5], month = v[4], y, days;

		y = month <= 2 ? year - 1 : year;
		days = 365 * y + y / 4 - y / 100 + y / 400 +
		       (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + v[3] - 1 - 719468;
		return ((days * 24ULL + v[2]) * 60 + v[1]) * 60 + v[0];
	}
}
