/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be asked for by <banos/dma.h>: the same in the kernel and in banos-host. */
#ifndef BUS_DMA_LIMITS_H
#define BUS_DMA_LIMITS_H

#include <banos/dma.h>

#define DMA_PAGE	 4096u
#define DMA_BUFFER_MAX	 (4ul << 20)
#define DMA_SEGMENTS_MAX 1024
#define DMA_BITS_MIN	 16
#define DMA_DIRECTIONS	 (BANOS_DMA_TO_DEVICE | BANOS_DMA_FROM_DEVICE)

static inline int dma_is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* What is wrong with them, and how to mend it: a sentence, or NULL. */
static inline const char *dma_limits_wrong(const Banos_Dma_Limits *l)
{
	if (l->flags)
		return "limits.flags must be 0";
	if (l->address_bits && (l->address_bits < DMA_BITS_MIN || l->address_bits > 64))
		return "limits.address_bits must be 0, or 16 to 64";
	if (l->align && (!dma_is_power_of_two(l->align) || l->align > DMA_PAGE))
		return "limits.align must be 0, or a power of two up to a page";
	if (l->boundary && (!dma_is_power_of_two(l->boundary) || l->boundary < DMA_PAGE))
		return "limits.boundary must be 0, or a power of two from a page on";
	if (l->segment_max % DMA_PAGE)
		return "limits.segment_max must be a multiple of a page";
	return NULL;
}

#endif
