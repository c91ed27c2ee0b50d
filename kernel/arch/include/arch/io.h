/* SPDX-License-Identifier: BSD-2-Clause */
/* Port input and output. */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ports that this folder uses. */
struct io_ports {
	uint16_t first, count;
	const char *name;
};
/* The i-th range, from 0; false: there are no more. After arch_init_devices(). Context: any. */
bool arch_io_ports_used(unsigned i, struct io_ports *out);

static inline uint8_t io_read8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline uint16_t io_read16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline uint32_t io_read32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline void io_write8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static inline void io_write16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}
static inline void io_write32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

/* `count` accesses of 1, 2 or 4 bytes to one port, from or to memory. */
static inline void io_read_rep(uint16_t port, unsigned width, void *buffer, size_t count)
{
	if (width == 1)
		__asm__ volatile("rep insb" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
	else if (width == 2)
		__asm__ volatile("rep insw" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep insl" : "+D"(buffer), "+c"(count) : "d"(port) : "memory");
}
static inline void io_write_rep(uint16_t port, unsigned width, const void *buffer, size_t count)
{
	if (width == 1)
		__asm__ volatile("rep outsb" : "+S"(buffer), "+c"(count) : "d"(port) : "memory");
	else if (width == 2)
		__asm__ volatile("rep outsw" : "+S"(buffer), "+c"(count) : "d"(port) : "memory");
	else
		__asm__ volatile("rep outsl" : "+S"(buffer), "+c"(count) : "d"(port) : "memory");
}

#endif
