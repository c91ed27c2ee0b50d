/* SPDX-License-Identifier: MIT */
/*
 * Numbers of ioctl(2) requests, as programs make them by _IO, _IOR, _IOW and _IOWR of <sys/ioctl.h>
 * (Linux: asm-generic/ioctl.h): direction, size of the argument, the driver's letter, a number.
 */
#ifndef BANOS_IOCTL_H
#define BANOS_IOCTL_H

#include <banos/types.h>

#define BANOS_IOCTL_NUMBER(direction_, letter_, number_, size_) \
	((direction_) << 30 | (uint32_t)(size_) << 16 | (uint32_t)(letter_) << 8 | (number_))
/* _IO('x', 1): no memory, the argument is a number. */
#define BANOS_IOCTL(letter_, number_) BANOS_IOCTL_NUMBER(0u, letter_, number_, 0)
/* _IOW: the driver reads the argument. */
#define BANOS_IOCTL_W(letter_, number_, type_) \
	BANOS_IOCTL_NUMBER(1u, letter_, number_, sizeof(type_))
/* _IOR: the driver writes it. */
#define BANOS_IOCTL_R(letter_, number_, type_) \
	BANOS_IOCTL_NUMBER(2u, letter_, number_, sizeof(type_))
/* _IOWR: both. */
#define BANOS_IOCTL_WR(letter_, number_, type_) \
	BANOS_IOCTL_NUMBER(3u, letter_, number_, sizeof(type_))

#endif
