/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of PCI devices: messages (MSI: PCI Local Bus 3.0, 6.8.1; MSI-X: 6.8.2) and lines.
 *
 * A device has none of its interrupts in use, or some of one kind: struct pci_irqs. What was handed
 * out is given back one by one; with the last the device's messages, or its line, are turned off.
 *
 * A message is written by the device to an address that says which processor and vector. It is
 * turned on with an address that is valid already, since a device may send at once. The table of
 * MSI-X lies in one of the device's BARs; what the device says of it is checked against the BAR.
 *
 * Locks: p->lock around all that is turned on and off; the sources' own locks around masking and
 * moving, which may happen in any context.
 */
#include "banos_irq.h"
#include "pci.h"
#include <banos/export.h>
#include <banos/pci.h>
#include <base/banos_refuse.h>
#include <base/log.h>
#include <lib/errno.h>
#include <mem/kva.h>
#include <mem/slab.h>

#define KINDS	    (BANOS_PCI_MSIX | BANOS_PCI_MSI | BANOS_PCI_LINE)
#define MSIX_MAX    2048
#define MSI_MESSAGE 1

/* One that was handed out. */
struct pci_irq {
	struct irq_source source; /* of a message */
	struct pci_irqs *all;	  /* [I] */
	uint32_t index;		  /* [I] of the message */
};

struct pci_irqs {
	struct pci_device *pci;	  /* [I] */
	uint32_t kind;		  /* [I] one of BANOS_PCI_* */
	uint32_t users;		  /* [pci->lock] handed out */
	struct irq_line *line;	  /* [I] of a line */
	volatile uint32_t *table; /* [I] of MSI-X */
	struct pci_irq irqs[];
};

static struct pci_irq *of_source(struct irq_source *s)
{
	return container_of(s, struct pci_irq, source);
}

/* --- MSI-X: source->lock held ----------------------------------------------------------------- */

static volatile uint32_t *entry_of(const struct pci_irq *i)
{
	return i->all->table + i->index * (PCI_MSIX_ENTRY_SIZE / 4);
}

static void msix_set_mask(struct irq_source *s, bool masked)
{
	volatile uint32_t *entry = entry_of(of_source(s));

	entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] = masked ? PCI_MSIX_ENTRY_CTRL_MASKBIT : 0;
	/* It is so once this has been read. */
	(void)entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4];
}

static void msix_route(struct irq_source *s, const struct cpu *c)
{
	volatile uint32_t *entry = entry_of(of_source(s));
	uint64_t address;
	uint32_t data;

	irq_message(&s->vector, c, &address, &data);
	msix_set_mask(s, true);
	entry[PCI_MSIX_ENTRY_LOWER_ADDR / 4] = (uint32_t)address;
	entry[PCI_MSIX_ENTRY_UPPER_ADDR / 4] = (uint32_t)(address >> 32);
	entry[PCI_MSIX_ENTRY_DATA / 4] = data;
}

static const struct irq_source_ops msix_ops = {
	.kind = "PCI-MSIX", .set_mask = msix_set_mask, .route = msix_route};

/* --- MSI: source->lock held ------------------------------------------------------------------- */

static void msi_set_mask(struct irq_source *s, bool masked)
{
	const struct pci_device *p = of_source(s)->all->pci;
	uint32_t reg = p->msi_wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32;

	pci_write(p, p->msi + reg, 4, masked);
	pci_read(p, p->msi + reg, 4);
}

/* The data are the vector's number and stay; the one write of the address moves it. */
static void msi_route(struct irq_source *s, const struct cpu *c)
{
	const struct pci_device *p = of_source(s)->all->pci;
	bool wide = p->msi_wide;
	uint64_t address;
	uint32_t data;

	irq_message(&s->vector, c, &address, &data);
	pci_write(p, p->msi + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, data);
	if (wide)
		pci_write(p, p->msi + PCI_MSI_ADDRESS_HI, 4, (uint32_t)(address >> 32));
	pci_write(p, p->msi + PCI_MSI_ADDRESS_LO, 4, (uint32_t)address);
}

static const struct irq_source_ops msi_ops = {.kind = "PCI-MSI", .route = msi_route};
static const struct irq_source_ops msi_maskable_ops = {
	.kind = "PCI-MSI", .set_mask = msi_set_mask, .route = msi_route};

/* --- turning on and off: p->lock held --------------------------------------------------------- */

static void enable_messages(const struct pci_device *p, uint32_t kind, bool on)
{
	bool x = kind == BANOS_PCI_MSIX;
	uint32_t reg = x ? p->msix + PCI_MSIX_FLAGS : p->msi + PCI_MSI_FLAGS;
	uint16_t flags = (uint16_t)pci_read(p, reg, 2);

	if (x)
		flags &= (uint16_t) ~(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	else
		flags &= (uint16_t) ~(PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	if (on)
		flags |= x ? PCI_MSIX_FLAGS_ENABLE : PCI_MSI_FLAGS_ENABLE;
	pci_write(p, reg, 2, flags);
}

/* The table, all of it masked. */
static int map_table(struct pci_irqs *all, uint32_t entries)
{
	const struct pci_device *p = all->pci;
	uint32_t where = pci_read(p, p->msix + PCI_MSIX_TABLE, 4);
	uint32_t index = where & PCI_MSIX_TABLE_BIR, offset = where & PCI_MSIX_TABLE_OFFSET;
	uint64_t size = (uint64_t)entries * PCI_MSIX_ENTRY_SIZE;
	const struct pci_bar *bar = &p->bars[index % PCI_BARS];

	if (index >= PCI_BARS || bar->io || !bar->base || offset > bar->size ||
	    size > bar->size - offset || !pci_memory_is_free(bar->base + offset, size)) {
		log_warn("pci: device %s: its table of messages is nowhere: MSI-X is not used",
			 p->device.name);
		return -ENOSPC;
	}
	all->table = kva_map_device(bar->base + offset, size, KCACHE_DEVICE);
	if (!all->table)
		return -ENOMEM;
	pci_command(p, PCI_COMMAND_MEMORY, 0);
	for (uint32_t i = 0; i < entries; i++)
		all->table[i * (PCI_MSIX_ENTRY_SIZE / 4) + PCI_MSIX_ENTRY_VECTOR_CTRL / 4] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
	return 0;
}

static void turn_off(struct pci_irqs *all)
{
	struct pci_device *p = all->pci;

	pci_command(p, PCI_COMMAND_INTX_DISABLE, 0);
	if (all->kind != BANOS_PCI_LINE)
		enable_messages(p, all->kind, false);
	if (all->table)
		kva_unmap_device((void *)all->table);
	if (all->line)
		irq_line_put(all->line);
	p->irqs = NULL;
	kfree(all);
}

static void give_back(void *priv)
{
	struct pci_irq *i = priv;
	struct pci_irqs *all = i->all;
	struct pci_device *p = all->pci;

	mutex_lock(&p->lock);
	if (all->kind != BANOS_PCI_LINE)
		irq_source_fini(&i->source);
	if (--all->users == 0)
		turn_off(all);
	mutex_unlock(&p->lock);
}

/* --- handing out: p->lock held ---------------------------------------------------------------- */

/* How many of a kind the device has. */
static uint32_t available(const struct pci_device *p, uint32_t kind)
{
	struct irq_mode mode;

	switch (kind) {
	case BANOS_PCI_MSIX:
		return p->msix ? (pci_read(p, p->msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) +
					 1
			       : 0;
	case BANOS_PCI_MSI:
		return p->msi ? MSI_MESSAGE : 0;
	default:
		return pci_route(p, &mode) ? 1 : 0;
	}
}

static const struct irq_source_ops *ops_of(const struct pci_irqs *all)
{
	if (all->kind == BANOS_PCI_MSIX)
		return &msix_ops;
	return all->pci->msi_maskable ? &msi_maskable_ops : &msi_ops;
}

/* One more, as the owner's interrupt. */
static int hand_out(struct pci_irqs *all, struct owner *owner, uint32_t index, Banos_Irq **out)
{
	struct pci_irq *i = &all->irqs[index];
	bool line = all->kind == BANOS_PCI_LINE;
	struct irq_source *s = line ? irq_line_source(all->line) : &i->source;
	int r = 0;

	i->all = all;
	i->index = index;
	if (!line) {
		r = irq_source_init(s, ops_of(all), index, false);
		if (r)
			return r;
		/* It has no handler: what arrives is ignored. */
		s->ops->route(s, cpu_by_index(0));
	}
	r = banos_irq_create(owner, &all->pci->device, s, give_back, i, out);
	if (r && !line)
		irq_source_fini(s);
	if (!r)
		all->users++;
	return r;
}

static int prepare(struct pci_irqs *all, uint32_t entries)
{
	struct irq_mode mode;

	switch (all->kind) {
	case BANOS_PCI_MSIX:
		return map_table(all, entries);
	case BANOS_PCI_LINE:
		return pci_route(all->pci, &mode) ? irq_line_get(&mode, true, &all->line) : -ENOSPC;
	default:
		return 0;
	}
}

/* `min` at least, of one kind; those in out[] are the driver's, also when this fails. *got. */
static int allocate(struct pci_device *p, struct owner *owner, uint32_t kind, uint32_t min,
		    uint32_t max, Banos_Irq **out, uint32_t *got)
{
	uint32_t entries = available(p, kind), n = min(entries, max);
	struct pci_irqs *all;
	int r;

	*got = 0;
	if (n < min)
		return -ENOSPC;
	all = kzalloc(sizeof(*all) + n * sizeof(all->irqs[0]));
	if (!all)
		return -ENOMEM;
	all->pci = p;
	all->kind = kind;
	r = prepare(all, entries);
	if (r) {
		kfree(all);
		return r;
	}
	p->irqs = all;
	while (*got < n && !r) {
		r = hand_out(all, owner, *got, &out[*got]);
		*got += !r;
	}
	if (!*got) {
		turn_off(all);
	} else if (*got >= min) {
		r = 0;
		if (kind == BANOS_PCI_LINE)
			pci_command(p, 0, PCI_COMMAND_INTX_DISABLE);
		else
			enable_messages(p, kind, true);
	}
	return r;
}

int32_t banos_pci_irq_alloc(Banos_Device *device, uint32_t min, uint32_t max, uint32_t flags,
			    Banos_Irq **irqs)
{
	static const uint32_t kinds[] = {BANOS_PCI_MSIX, BANOS_PCI_MSI, BANOS_PCI_LINE};
	struct pci_device *p = pci_of_driver(device);
	uint32_t got = 0;
	int r = -ENOSPC;

	if (!irqs)
		return -EINVAL;
	if (!min || min > max || max > MSIX_MAX)
		return BANOS_REFUSE(
			p ? device_owner(device) : NULL, -EINVAL,
			"min %u and max %u: they must be 1 to 2048, and min not above max", min,
			max);
	if (flags & ~KINDS)
		return BANOS_REFUSE(
			p ? device_owner(device) : NULL, -EINVAL,
			"flags has a bit that is none of BANOS_PCI_MSIX, _MSI, _LINE: %#x",
			flags & ~KINDS);
	for (uint32_t i = 0; i < max; i++)
		irqs[i] = NULL;
	if (!p)
		return -ENODEV;
	for (unsigned k = 0; k < ARRAY_SIZE(kinds) && r == -ENOSPC; k++) {
		if (flags && !(flags & kinds[k]))
			continue;
		mutex_lock(&p->lock);
		r = p->irqs ? -EBUSY
			    : allocate(p, device_owner(device), kinds[k], min, max, irqs, &got);
		mutex_unlock(&p->lock);
		/* Not enough of this kind: none of it. */
		for (; r && got; irqs[got] = NULL)
			banos_irq_free(irqs[--got]);
	}
	return r ? r : (int32_t)got;
}
BANOS_EXPORT(banos_pci_irq_alloc);
