/* SPDX-License-Identifier: MIT */
/*
 * Ports: the input and output space of x86 processors (Intel SDM volume 1, chapter 19). Interface
 * "banos.port".
 *
 * A driver claims a range and then reads and writes inside it. No two own the same port, and ports
 * that the kernel itself uses belong to nobody. The ports of a PCI device are claimed by
 * <banos/pci.h>. A machine without such a space refuses every claim.
 *
 * Offsets count from the first port of the range. An access that is not wholly inside it is a
 * mistake of the driver's: it is named in the log, reads give all ones, writes do nothing.
 */
#ifndef BANOS_PORT_H
#define BANOS_PORT_H

#include <banos/driver.h>

typedef struct Banos_Ports Banos_Ports;

BANOS_API_BEGIN

/*
 * Ports `first` to `first + count - 1` in *ports. flags: 0. 0; -EBUSY: somebody has one of them
 * (/proc/ioports shows who); -EINVAL: no driver, no ports, or not below 65,536; -ENOMEM;
 * -EOPNOTSUPP: the machine has no ports. The range is the driver's until it is released.
 * Context: may sleep. Since 0.9.
 */
int32_t banos_ports_claim(Banos_Driver *driver, uint32_t first, uint32_t count, uint32_t flags,
			  Banos_Ports **ports);
/* No access is in progress. NULL is allowed. Context: may sleep. Since 0.9. */
void banos_ports_release(Banos_Ports *ports);

/* One access, `offset` from the first port of the range. Context: any. Since 0.9. */
uint8_t banos_port_r8(Banos_Ports *ports, uint32_t offset);
uint16_t banos_port_r16(Banos_Ports *ports, uint32_t offset);
uint32_t banos_port_r32(Banos_Ports *ports, uint32_t offset);
void banos_port_w8(Banos_Ports *ports, uint32_t offset, uint8_t value);
void banos_port_w16(Banos_Ports *ports, uint32_t offset, uint16_t value);
void banos_port_w32(Banos_Ports *ports, uint32_t offset, uint32_t value);

/*
 * `count` accesses of `width` bytes (1, 2 or 4) to the same port, from or to the buffer, in order:
 * for data registers with a FIFO behind them. 0; -EINVAL: another width, or outside the range.
 * Context: any. Since 0.9.
 */
int32_t banos_port_read(Banos_Ports *ports, uint32_t offset, uint32_t width, void *buffer,
			uint64_t count);
int32_t banos_port_write(Banos_Ports *ports, uint32_t offset, uint32_t width, const void *buffer,
			 uint64_t count);

BANOS_API_END

#endif
