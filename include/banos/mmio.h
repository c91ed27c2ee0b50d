/* SPDX-License-Identifier: MIT */
/*
 * Registers of devices in memory. Interface "banos.mmio".
 *
 * Accesses are made in the order of the calls, each once and in its width. An access that is not
 * wholly inside the mapping, or not aligned to its width, is a mistake of the driver's: it is named
 * in the log, reads give all ones, writes do nothing. Numbers are little-endian, as those of PCI
 * devices are.
 */
#ifndef BANOS_MMIO_H
#define BANOS_MMIO_H

#include <banos/device.h>

typedef struct Banos_Mmio Banos_Mmio;

/* For memory without effects (frame buffers): writes may be joined and delayed until a barrier. */
#define BANOS_MMIO_WRITE_COMBINING 1u
/* banos_mmio_address() gives the address. */
#define BANOS_MMIO_DIRECT 2u

BANOS_API_BEGIN

/*
 * `length` bytes from `offset` of a device's BAR in *mmio (length 0: all that follow). flags:
 * BANOS_MMIO_*. 0; -ENXIO: the firmware has set no address, or one that cannot be; -EINVAL:
 * outside, or no BAR of memory; -ENODEV: not the driver's device; -ENOMEM. The device answers after
 * banos_pci_enable(BANOS_PCI_MEMORY). Context: may sleep. Since 0.9.
 */
int32_t banos_mmio_map(Banos_Device *device, uint32_t bar, uint64_t offset, uint64_t length,
		       uint32_t flags, Banos_Mmio **mmio);
/* No access is in progress. NULL is allowed. Context: may sleep. Since 0.9. */
void banos_mmio_unmap(Banos_Mmio *mmio);
/* How many bytes are mapped. Context: any. Since 0.9. */
uint64_t banos_mmio_length(Banos_Mmio *mmio);

/* One access of that width, at a multiple of it. What is not wholly inside is a mistake of the
 * driver's: see above. Context: any. Since 0.9. */
uint8_t banos_mmio_r8(Banos_Mmio *mmio, uint64_t offset);
uint16_t banos_mmio_r16(Banos_Mmio *mmio, uint64_t offset);
uint32_t banos_mmio_r32(Banos_Mmio *mmio, uint64_t offset);
uint64_t banos_mmio_r64(Banos_Mmio *mmio, uint64_t offset);
void banos_mmio_w8(Banos_Mmio *mmio, uint64_t offset, uint8_t value);
void banos_mmio_w16(Banos_Mmio *mmio, uint64_t offset, uint16_t value);
void banos_mmio_w32(Banos_Mmio *mmio, uint64_t offset, uint32_t value);
void banos_mmio_w64(Banos_Mmio *mmio, uint64_t offset, uint64_t value);

/* `count` accesses of `width` bytes (1, 2, 4 or 8) to one and the same register, from or to the
 * buffer. 0; -EINVAL: another width, or outside. Context: any. Since 0.9. */
int32_t banos_mmio_read(Banos_Mmio *mmio, uint64_t offset, uint32_t width, void *buffer,
			uint64_t count);
int32_t banos_mmio_write(Banos_Mmio *mmio, uint64_t offset, uint32_t width, const void *buffer,
			 uint64_t count);

/* What was written before it, to devices and to memory, is seen before what comes after it.
 * Context: any. Since 0.9. */
void banos_mmio_barrier(void);
/* Where the mapping is, if it was asked for (BANOS_MMIO_DIRECT), else NULL. Context: any. Since
 * 0.9.
 */
void *banos_mmio_address(Banos_Mmio *mmio);

BANOS_API_END

#endif
