/* SPDX-License-Identifier: BSD-2-Clause */
/* Simulated devices, most of them on PCI: what the files about them share. */
#ifndef HOST_PCI_H
#define HOST_PCI_H

#include <banos-host/model.h>
#include <banos/pci.h>
#include <bus/device.h>
#include "irq.h"

#define PCI_BARS    BANOS_MODEL_BARS
#define CONFIG_SIZE 256
#define VECTORS_MAX 64
#define PORTS_MAX   4

#define NO_LINE UINT32_MAX

/* Its states for its driver are those of kernel/bus/device.c. */
struct Banos_Model_Device {
	Banos_Device device;
	struct list link;	  /* in all */
	char name[32];		  /* as the script calls it */
	Banos_Model own;	  /* what it is */
	const Banos_Model *model; /* that */
	void *state;		  /* the model's */
	uint8_t config[CONFIG_SIZE];
	uint32_t msi, msix, express; /* where these capabilities are, or 0 */
	uint64_t bases[PCI_BARS];
	uint32_t enabled; /* BANOS_PCI_* */
	/* Its interrupts: */
	uint32_t kind; /* BANOS_PCI_MSIX, _MSI, _LINE; 0: none is allocated */
	struct irq_source sources[VECTORS_MAX];
	uint32_t source_count, irqs;
	bool wants_line; /* the model asserts it */
	/* Of a legacy device: */
	struct {
		uint32_t bar, first, count;
	} ports[PORTS_MAX];
	uint32_t port_count;
	uint32_t line; /* its line, or NO_LINE */
	bool shares;   /* it asserts that */
	/* What the script does to it: */
	bool mute; /* its interrupts are lost */
	bool dead; /* it answers nothing, and does nothing */
};

/* The simulated device, if its driver may use it, else NULL. */
struct Banos_Model_Device *pci_of_driver(Banos_Device *device);
/* The same, for messages. */
static inline struct Banos_Model_Device *pci_of(Banos_Device *device)
{
	return container_of(device, struct Banos_Model_Device, device);
}

/* Register accesses, which go to the model if the device is there and enabled. */
uint64_t pci_bar_read(struct Banos_Model_Device *d, uint32_t bar, uint64_t offset, uint32_t width);
void pci_bar_write(struct Banos_Model_Device *d, uint32_t bar, uint64_t offset, uint32_t width,
		   uint64_t value);
/* pci_abi.c: what the model raises. */
void pci_interrupt(struct Banos_Model_Device *d, uint32_t vector, uint32_t on);
void pci_spurious(struct Banos_Model_Device *d);
/* Whether it asks for attention by a line of the machine may have changed. */
void pci_update_line(struct Banos_Model_Device *d);
static inline bool pci_is_legacy(const struct Banos_Model_Device *d)
{
	return d->model->flags & BANOS_MODEL_LEGACY;
}

/* dma.c: memory as the device reaches it. 0 or -EFAULT. */
int32_t dma_access(struct Banos_Model_Device *d, uint64_t address, void *bytes, uint64_t size,
		   bool write);

/* The legacy device that has these ports, with which BAR and where in it; or NULL. */
struct Banos_Model_Device *pci_legacy_at(uint32_t first, uint32_t count, uint32_t *bar,
					 uint32_t *offset);

/* Ports of a device, for registers.c. */
struct Banos_Ports;
int32_t ports_create(struct owner *owner, struct Banos_Model_Device *d, uint32_t bar,
		     uint32_t offset, uint32_t first, uint32_t count, struct Banos_Ports **out);

/* The device goes: nobody answers at ports that were claimed of it. */
void ports_orphan(struct Banos_Model_Device *d);

/* --- for scripts ------------------------------------------------------------------------------ */

/* A device of the model in that file. NULL, with a sentence in *why. */
struct Banos_Model_Device *pci_plug(const char *path, const char *name, const char *options,
				    const char **why);
/* It is gone at once; its driver is told. */
void pci_unplug(struct Banos_Model_Device *d);
struct Banos_Model_Device *pci_find(const char *name);
/* Its own kind of fault; "none": none. False: it has no such fault. */
bool pci_fault(struct Banos_Model_Device *d, const char *word);
/* Once: who keeps the models' time. */
void pci_begin(void);

#endif
