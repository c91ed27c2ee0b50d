/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device interrupts: I/O APICs (Intel 82093AA), lines to vectors, handlers.
 *
 * A line gets a vector when its first handler is attached, is delivered to the first processor,
 * and is never detached (drivers' detachable interrupts come with their ABI). Handlers of a line
 * form a list that only grows; IRQ_TABLE orders its writers, the dispatcher reads it without a
 * lock, since an entry is complete before the release store that links it.
 */
#include "arch.h"

#include <arch/irq.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <mem/kva.h>
#include <mem/slab.h>

#define IOAPICS_MAX 8
#define LINES_MAX   256

struct handler {
	irq_fn fn;
	void *ctx;
	struct handler *next;
};

static struct ioapic {
	volatile uint32_t *regs;
	uint32_t first, count;
} ioapics[IOAPICS_MAX];
static unsigned ioapic_count;

static struct {
	uint32_t gsi;
	bool level, active_low;
} isa[16];
static bool isa_ready;

static struct spinlock lock = SPINLOCK_INIT(LOCK_IRQ_TABLE);
static struct handler *handlers[VECTOR_IRQ_LAST + 1]; /* [lock to write] by vector */
static uint8_t vector_of_gsi[LINES_MAX];	      /* [lock] 0: none */
static unsigned next_vector = VECTOR_IRQ_FIRST + 16;  /* [lock] */

static void isa_defaults(void)
{
	if (isa_ready)
		return;
	for (unsigned i = 0; i < 16; i++)
		isa[i].gsi = i;
	isa_ready = true;
}

void irq_isa_override(unsigned irq, uint32_t gsi, bool level, bool active_low)
{
	isa_defaults();
	if (irq >= 16)
		return;
	isa[irq].gsi = gsi;
	isa[irq].level = level;
	isa[irq].active_low = active_low;
}

static uint32_t ioapic_read(struct ioapic *io, uint32_t reg)
{
	io->regs[0] = reg;
	return io->regs[4];
}

static void ioapic_write(struct ioapic *io, uint32_t reg, uint32_t v)
{
	io->regs[0] = reg;
	io->regs[4] = v;
}

void ioapic_add(paddr_t base, uint32_t first)
{
	struct ioapic *io = &ioapics[ioapic_count];

	if (ioapic_count == IOAPICS_MAX) {
		log_warn("acpi: more than %d I/O APICs; the rest is not used", IOAPICS_MAX);
		return;
	}
	io->regs = kva_map_device(base, 4096, KCACHE_DEVICE);
	if (!io->regs)
		panic("boot: out of memory for an I/O APIC's mapping");
	io->first = first;
	io->count = (ioapic_read(io, 1) >> 16 & 255) + 1;
	for (uint32_t i = 0; i < io->count; i++)
		ioapic_write(io, 0x10 + 2 * i, 0x10000); /* masked */
	ioapic_count++;
}

static struct ioapic *ioapic_of(uint32_t gsi)
{
	for (unsigned i = 0; i < ioapic_count; i++)
		if (gsi >= ioapics[i].first && gsi - ioapics[i].first < ioapics[i].count)
			return &ioapics[i];
	return NULL;
}

int irq_attach_gsi(unsigned gsi, bool level, bool active_low, irq_fn fn, void *ctx)
{
	struct ioapic *io = ioapic_of(gsi);
	struct handler *h;
	uint64_t flags;
	unsigned vector;
	uint32_t pin;

	if (!io || gsi >= LINES_MAX)
		return -EINVAL;
	h = kzalloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->fn = fn;
	h->ctx = ctx;
	pin = gsi - io->first;

	flags = spin_lock_irq(&lock);
	vector = vector_of_gsi[gsi];
	if (!vector) {
		if (next_vector > VECTOR_IRQ_LAST) {
			spin_unlock_irq(&lock, flags);
			kfree(h);
			return -ENOSPC;
		}
		vector = next_vector++;
		vector_of_gsi[gsi] = (uint8_t)vector;
	}
	h->next = handlers[vector];
	__atomic_store_n(&handlers[vector], h, __ATOMIC_RELEASE);
	if (!h->next) {
		ioapic_write(io, 0x11 + 2 * pin, cpu_by_index(0)->hw_id << 24);
		ioapic_write(io, 0x10 + 2 * pin,
			     vector | (active_low ? 0x2000u : 0) | (level ? 0x8000u : 0));
	}
	spin_unlock_irq(&lock, flags);
	return 0;
}

int irq_attach_isa(unsigned irq, irq_fn fn, void *ctx)
{
	isa_defaults();
	if (irq >= 16)
		return -EINVAL;
	return irq_attach_gsi(isa[irq].gsi, isa[irq].level, isa[irq].active_low, fn, ctx);
}

void irq_dispatch(unsigned vector)
{
	struct handler *h = NULL;

	if (vector <= VECTOR_IRQ_LAST)
		h = __atomic_load_n(&handlers[vector], __ATOMIC_ACQUIRE);
	for (; h; h = h->next)
		h->fn(h->ctx);
	apic_eoi();
}
