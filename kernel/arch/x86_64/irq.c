/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device interrupts: I/O APICs (Intel 82093AA), message interrupts, vectors.
 *
 * Vectors are handed out in turn, so that one that was given back rests for as long as possible:
 * an interrupt that is still on its way to it then finds nobody, and is dropped. The dispatcher
 * reads the table without a lock; irq.h says how long what is in it stays.
 *
 * IRQ_TABLE covers the table, and the registers of the I/O APICs, which are reached through an
 * index. Rejected: vectors of each processor's own; there would be more of them, but moving an
 * interrupt would leave two in use until the last one to the old processor has come.
 */
#include "arch.h"

#include <arch/irq.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <mem/kva.h>

#define IOAPICS_MAX 8
/* Behind those that the 8259s would raise if they were not masked. */
#define VECTOR_FIRST (VECTOR_IRQ_FIRST + 16)

#define MESSAGE_BASE 0xfee00000u

#define PIN_MASKED	0x10000u
#define PIN_LEVEL	0x8000u
#define PIN_ACTIVE_LOW	0x2000u
#define PIN_DESTINATION 24

static struct ioapic {
	volatile uint32_t *regs;
	uint32_t first, count;
} ioapics[IOAPICS_MAX];
static unsigned ioapic_count;

static struct irq_mode isa[16];
static bool isa_ready;

static struct spinlock lock = SPINLOCK_INIT(LOCK_IRQ_TABLE);
static struct irq_vector *vectors[VECTOR_IRQ_LAST + 1]; /* [lock to write; readers a] */
static unsigned next_vector = VECTOR_FIRST;		/* [lock] where the search begins */

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

bool irq_isa_line(unsigned irq, struct irq_mode *out)
{
	isa_defaults();
	if (irq >= 16)
		return false;
	*out = isa[irq];
	/* An override may put another line's interrupt there (2 is where 0 arrives). */
	for (unsigned i = 0; i < 16; i++)
		if (i != irq && isa[i].gsi == out->gsi && isa[irq].gsi == irq)
			return false;
	return irq_line_exists(out->gsi);
}

bool irq_line_exists(uint32_t gsi)
{
	return ioapic_of(gsi) != NULL;
}

void irq_line_route(const struct irq_mode *line, const struct irq_vector *v, const struct cpu *c)
{
	struct ioapic *io = ioapic_of(line->gsi);
	uint32_t pin = line->gsi - io->first;
	uint64_t flags = spin_lock_irq(&lock);

	ioapic_write(io, 0x10 + 2 * pin, PIN_MASKED);
	ioapic_write(io, 0x11 + 2 * pin, c->hw_id << PIN_DESTINATION);
	ioapic_write(io, 0x10 + 2 * pin,
		     PIN_MASKED | v->number | (line->active_low ? PIN_ACTIVE_LOW : 0) |
			     (line->level ? PIN_LEVEL : 0));
	spin_unlock_irq(&lock, flags);
}

void irq_line_mask(uint32_t gsi, bool masked)
{
	struct ioapic *io = ioapic_of(gsi);
	uint32_t reg = 0x10 + 2 * (gsi - io->first), v;
	uint64_t flags = spin_lock_irq(&lock);

	v = ioapic_read(io, reg);
	ioapic_write(io, reg, masked ? v | PIN_MASKED : v & ~PIN_MASKED);
	spin_unlock_irq(&lock, flags);
}

/* Intel SDM volume 3, 11.11: physical destination, fixed, edge. */
void irq_message(const struct irq_vector *v, const struct cpu *c, uint64_t *address, uint32_t *data)
{
	*address = MESSAGE_BASE | c->hw_id << 12;
	*data = v->number;
}

int irq_vector_alloc(struct irq_vector *v)
{
	uint64_t flags = spin_lock_irq(&lock);
	int r = -ENOSPC;

	for (unsigned i = VECTOR_FIRST; i <= VECTOR_IRQ_LAST && r; i++) {
		unsigned n = next_vector;

		next_vector = n == VECTOR_IRQ_LAST ? VECTOR_FIRST : n + 1;
		if (vectors[n])
			continue;
		v->number = n;
		__atomic_store_n(&vectors[n], v, __ATOMIC_RELEASE);
		r = 0;
	}
	spin_unlock_irq(&lock, flags);
	return r;
}

void irq_vector_free(struct irq_vector *v)
{
	uint64_t flags = spin_lock_irq(&lock);

	__atomic_store_n(&vectors[v->number], NULL, __ATOMIC_RELEASE);
	spin_unlock_irq(&lock, flags);
}

void irq_vector_raise(const struct irq_vector *v, const struct cpu *c)
{
	apic_send_ipi(c->hw_id, (uint8_t)v->number);
}

void irq_dispatch(unsigned vector)
{
	struct irq_vector *v = NULL;

	if (vector <= VECTOR_IRQ_LAST)
		v = __atomic_load_n(&vectors[vector], __ATOMIC_ACQUIRE);
	if (v)
		v->fn(v);
	apic_eoi();
}
