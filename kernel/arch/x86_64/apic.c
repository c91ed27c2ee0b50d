/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC in xAPIC mode (Intel SDM volume 3, chapter 11). */
#include "arch.h"

#include <arch/io.h>
#include <base/panic.h>
#include <mem/kva.h>

#define REG_ID		  0x20
#define REG_TPR		  0x80
#define REG_EOI		  0xb0
#define REG_SPURIOUS	  0xf0
#define REG_ICR_LOW	  0x300
#define REG_ICR_HIGH	  0x310
#define REG_LVT_TIMER	  0x320
#define REG_LVT_LINT0	  0x350
#define REG_LVT_LINT1	  0x360
#define REG_LVT_ERROR	  0x370
#define REG_TIMER_INITIAL 0x380
#define REG_TIMER_CURRENT 0x390
#define REG_TIMER_DIVIDE  0x3e0

#define LVT_MASKED  0x10000
#define LVT_NMI	    0x400
#define ICR_PENDING 0x1000
#define ICR_INIT    0x500
#define ICR_STARTUP 0x600
#define ICR_NMI	    0x400
#define ICR_ASSERT  0x4000
#define ICR_LEVEL   0x8000
#define ICR_OTHERS  0xc0000

static volatile uint32_t *regs;

static uint32_t read(unsigned r)
{
	return regs[r / 4];
}
static void write(unsigned r, uint32_t v)
{
	regs[r / 4] = v;
}

void apic_init(paddr_t base)
{
	regs = kva_map_device(base, 4096, KCACHE_DEVICE);
	if (!regs)
		panic("boot: out of memory for the local APIC's mapping");
	pic_disable();
	apic_enable_local();
}

void apic_enable_local(void)
{
	msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | 0x800);
	write(REG_TPR, 0);
	write(REG_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	write(REG_LVT_LINT0, LVT_MASKED);
	write(REG_LVT_LINT1, LVT_NMI);
	write(REG_LVT_ERROR, LVT_MASKED);
	write(REG_TIMER_DIVIDE, 0x3); /* by 16 */
	write(REG_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
}

uint32_t apic_id(void)
{
	return read(REG_ID) >> 24;
}

void apic_eoi(void)
{
	write(REG_EOI, 0);
}

/* The two halves of the command must not be separated by an interrupt that sends as well. */
static void send(uint32_t id, uint32_t command)
{
	uint64_t flags = irq_save();

	while (read(REG_ICR_LOW) & ICR_PENDING)
		cpu_relax();
	write(REG_ICR_HIGH, id << 24);
	write(REG_ICR_LOW, command);
	irq_restore(flags);
}

void apic_send_ipi(uint32_t id, uint8_t vector)
{
	send(id, ICR_ASSERT | vector);
}

void apic_send_others(uint8_t vector)
{
	send(0, ICR_OTHERS | ICR_ASSERT | vector);
}

void apic_send_nmi_others(void)
{
	if (regs)
		send(0, ICR_OTHERS | ICR_ASSERT | ICR_NMI);
}

void apic_send_init(uint32_t id)
{
	send(id, ICR_LEVEL | ICR_ASSERT | ICR_INIT);
	send(id, ICR_LEVEL | ICR_INIT);
}

void apic_send_startup(uint32_t id, uint8_t page)
{
	send(id, ICR_ASSERT | ICR_STARTUP | page);
}

void apic_timer_start(uint64_t counts)
{
	write(REG_LVT_TIMER, VECTOR_TIMER); /* one-shot */
	write(REG_TIMER_INITIAL, counts > UINT32_MAX ? UINT32_MAX : (uint32_t)counts);
}

void apic_timer_stop(void)
{
	write(REG_TIMER_INITIAL, 0);
}

uint32_t apic_timer_count(void)
{
	return read(REG_TIMER_CURRENT);
}

/* The two 8259s: moved away from the exception vectors and masked; the I/O APIC serves. */
void pic_disable(void)
{
	io_write8(0x20, 0x11);
	io_write8(0xa0, 0x11);
	io_write8(0x21, 0x20);
	io_write8(0xa1, 0x28);
	io_write8(0x21, 4);
	io_write8(0xa1, 2);
	io_write8(0x21, 1);
	io_write8(0xa1, 1);
	io_write8(0x21, 0xff);
	io_write8(0xa1, 0xff);
}
