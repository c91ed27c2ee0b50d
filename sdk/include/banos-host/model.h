/* SPDX-License-Identifier: MIT */
/*
 * Models: simulated PCI devices for banos-host, which tests a driver against them. A model is a
 * shared object of an ordinary process:
 *
 *	gcc -shared -fPIC -I SDK/include -o mine.so mine.c
 *	banos-host --device mine.so mine.banos
 *
 * It describes its device in a Banos_Model, and is called for accesses to the device's registers
 *and when points in time come that it has asked for. Whatever it does to the driver goes through
 * Banos_Model_Host: interrupts, and memory that the driver has given to the device. banos-host does
 * the rest: configuration space, masking, faults (see banos-host(1)).
 *
 * Calls come one at a time. Time is virtual.
 */
#ifndef BANOS_HOST_MODEL_H
#define BANOS_HOST_MODEL_H

#include <stdint.h>

#define BANOS_MODEL_BARS 6

/* The device that a model belongs to, for the functions of Banos_Model_Host. */
typedef struct Banos_Model_Device Banos_Model_Device;

/* What models can call. A newer banos-host has more at its end. */
typedef struct Banos_Model_Host {
	uint32_t size;
	uint32_t flags;
	/*
	 * The device asks for attention, or (on: 0) no more. As a line this is a level: it stays
	 * until it is taken away. As a message each call with on: 1 sends one. vector: of MSI-X;
	 * else 0.
	 */
	void (*interrupt)(Banos_Model_Device *device, uint32_t vector, uint32_t on);
	/* Memory as the device reaches it, by the addresses that the driver has told it. 0, or
	 * -EFAULT: it is not the device's to reach, which is told as a fault of the driver. */
	int32_t (*read)(Banos_Model_Device *device, uint64_t address, void *to, uint64_t size);
	int32_t (*write)(Banos_Model_Device *device, uint64_t address, const void *from,
			 uint64_t size);
	/* Call due(state, what) in so many nanoseconds. */
	void (*after)(Banos_Model_Device *device, uint64_t ns, uint64_t what);
	/* A line of the log. */
	void (*log)(Banos_Model_Device *device, const char *text);
	/* By chance, of the seed; below `limit`. */
	uint64_t (*random)(uint64_t limit);
} Banos_Model_Host;

typedef struct Banos_Model {
	uint32_t size;	  /* of this structure */
	uint32_t flags;	  /* 0 */
	const char *name; /* as scripts call it */
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class_code; /* class, subclass, programming interface: 24 bits */
	uint32_t revision;
	struct {
		uint64_t length; /* a power of two from 16 on; 0: there is none */
		uint32_t flags;	 /* BANOS_PCI_BAR_* of <banos/pci.h> */
		uint32_t zero;
	} bars[BANOS_MODEL_BARS];
	uint32_t msix;	/* how many vectors; 0: it has no MSI-X */
	uint32_t msi;	/* 1: it has MSI */
	uint32_t line;	/* 1: it has a line */
	uint32_t reset; /* 1: it can be reset */

	/* A device comes; options: the word behind its file, or "". NULL: it cannot. */
	void *(*create)(Banos_Model_Device *device, const char *options);
	void (*destroy)(void *state);
	/* As after power-on. */
	void (*restart)(void *state);
	/* An access of 1, 2, 4 or 8 bytes to a BAR, aligned and inside. */
	uint64_t (*read)(void *state, uint32_t bar, uint64_t offset, uint32_t width);
	void (*write)(void *state, uint32_t bar, uint64_t offset, uint32_t width, uint64_t value);
	/* A time that after() was told has come. */
	void (*due)(void *state, uint64_t what);
} Banos_Model;

/* Each model has it. `host` stays. */
const Banos_Model *banos_model(const Banos_Model_Host *host);

#endif
