/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames for devices that reach less than all memory. */
#ifndef MEM_FRAME_LOW_H
#define MEM_FRAME_LOW_H

#include <mem/frame.h>

/*
 * frame_alloc_range(), with no byte above `last`, which is below 4 GiB. Slower, as free blocks are
 * looked through. Freed by frame_free_range(). Context: any.
 */
struct page *frame_alloc_range_below(size_t n, unsigned flags, paddr_t last);

#endif
