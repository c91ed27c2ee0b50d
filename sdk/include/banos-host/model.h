/* SPDX-License-Identifier: MIT */
/*
 * Models: simulated devices for banos-host, which tests a driver against them. A model is a
 * shared object of an ordinary process:
 *
 *	gcc -shared -fPIC -I SDK/include -o mine.so mine.c
 *	banos-host --device mine.so mine.banos
 *
 * It describes its device in a Banos_Model, and is called for accesses to the device's registers
 * and when points in time come that it has asked for. Whatever it does to the driver goes through
 * Banos_Model_Host: interrupts, and memory that the driver has given to the device. banos-host does
 * the rest: configuration space, masking, faults (see banos-host(1)).
 *
 * Calls come one at a time. Time is virtual.
 */
#ifndef BANOS_HOST_MODEL_H
#define BANOS_HOST_MODEL_H

#include <stdint.h>

#define BANOS_MODEL_BARS	 6
#define BANOS_MODEL_CAPABILITIES 8

/* Flags of models: it is no PCI device, but at the places that create() says by ports() and line().
 */
#define BANOS_MODEL_LEGACY 1u

typedef struct Banos_Model Banos_Model;

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
	/* The driver has done what the device does not stand for: a line, and the run has failed.
	 */
	void (*complain)(Banos_Model_Device *device, const char *text);
	/*
	 * For create() alone. This device is described by `own`, which the model keeps as long as
	 * the device, instead of what banos_model() gave: kinds and numbers of interrupts by
	 * option, say.
	 */
	void (*describe)(Banos_Model_Device *device, const Banos_Model *own);
	/* Of a legacy device: `count` ports from `first` on are its BAR `bar`, as offsets from
	 * `first`; its interrupts are those of a line of the machine. */
	void (*ports)(Banos_Model_Device *device, uint32_t bar, uint32_t first, uint32_t count);
	void (*line)(Banos_Model_Device *device, uint32_t number);
} Banos_Model_Host;

struct Banos_Model {
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

	/* The rest, which scripts ask for, may be NULL. */
	/* Capabilities of its own, in order: id, then a byte that banos-host fills in, then the
	 * others. */
	struct {
		const uint8_t *bytes;
		uint32_t length; /* 0: none */
		uint32_t zero;
	} capabilities[BANOS_MODEL_CAPABILITIES];
	/* `fault NAME WORD`: from now on it is broken in that way. "none": in no way. 0; else it
	 * knows no such fault. */
	int32_t (*fault)(void *state, const char *word);
	/* `send NAME BYTES`: they come to the device from outside. How many it takes. */
	uint64_t (*send)(void *state, const uint8_t *bytes, uint64_t length);
	/* `sent NAME`: up to `length` bytes that the device has given to the outside, which it
	 * forgets. How many. */
	uint64_t (*sent)(void *state, uint8_t *bytes, uint64_t length);
	/* `peek NAME`, `poke NAME`: what it holds. NULL: nothing. */
	uint8_t *(*medium)(void *state, uint64_t *size);
};

/* Each model has it. `host` stays. */
const Banos_Model *banos_model(const Banos_Model_Host *host);

#endif
