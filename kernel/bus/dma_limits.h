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

static inline int dma_limits_are_possible(const Banos_Dma_Limits *l)
{
	return !l->flags &&
	       (!l->address_bits || (l->address_bits >= DMA_BITS_MIN && l->address_bits <= 64)) &&
	       (!l->align || (dma_is_power_of_two(l->align) && l->align <= DMA_PAGE)) &&
	       (!l->boundary || (dma_is_power_of_two(l->boundary) && l->boundary >= DMA_PAGE)) &&
	       l->segment_max % DMA_PAGE == 0;
}

#endif
