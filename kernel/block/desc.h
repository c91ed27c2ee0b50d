/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver may say of its block device: the same in the kernel and in banos-host. */
#ifndef BLOCK_DESC_H
#define BLOCK_DESC_H

#include <banos/x_block.h>
#include <base/banos_name.h>
#include <base/banos_struct.h>

#define BLOCK_PAGE	       4096u
#define BLOCK_SHIFT_MAX	       12u
#define BLOCK_QUEUES_MAX       64
#define BLOCK_DEPTH_MAX	       1024
#define BLOCK_SEGMENTS_MAX     256
#define BLOCK_PRIVATE_MAX      4096
#define BLOCK_PHYSICAL_MAX     20
#define BLOCK_NAME_MAX	       20 /* leaves room for a number */
#define BLOCK_SEGMENT_SIZE_MAX (1u << 30)
#define BLOCK_DEPTH_USUAL      32
#define BLOCK_SEGMENTS_USUAL   32
#define BLOCK_TIMEOUT_USUAL    (30 * NSEC_PER_SEC)
#define BLOCK_TIMEOUT_MIN      NSEC_PER_MSEC
#define BLOCK_FEATURES                                                                            \
	(BANOS_X_BLOCK_FLUSH | BANOS_X_BLOCK_FUA | BANOS_X_BLOCK_DISCARD | BANOS_X_BLOCK_ZEROES | \
	 BANOS_X_BLOCK_READ_ONLY)

/* What 0 stands for. */
static inline void block_desc_fill_in(Banos_X_Block_Desc *d)
{
	d->mode = d->mode ?: 0600;
	d->physical_shift = d->physical_shift ?: d->logical_shift;
	d->queues = d->queues ?: 1;
	d->depth = d->depth ?: BLOCK_DEPTH_USUAL;
	d->max_segments = d->max_segments ?: BLOCK_SEGMENTS_USUAL;
	d->max_segment_size = d->max_segment_size ?: BLOCK_SEGMENT_SIZE_MAX;
	d->timeout_ns = d->timeout_ns ?: BLOCK_TIMEOUT_USUAL;
}

static inline bool block_name_ok(const char *name)
{
	return name && banos_name_valid(name, true) && !strchr(name, '/') &&
	       strlen(name) <= BLOCK_NAME_MAX;
}

static inline bool block_count_ok(uint64_t blocks, uint32_t shift)
{
	return blocks <= (uint64_t)INT64_MAX >> shift;
}

/* Of one that is filled in. */
static inline bool block_desc_ok(const Banos_X_Block_Desc *d)
{
	if (d->flags || !block_name_ok(d->name) || d->mode & ~0777u ||
	    d->features & ~BLOCK_FEATURES)
		return false;
	if (d->logical_shift < 9 || d->logical_shift > BLOCK_SHIFT_MAX ||
	    !block_count_ok(d->blocks, d->logical_shift) || d->physical_shift < d->logical_shift ||
	    d->physical_shift > BLOCK_PHYSICAL_MAX)
		return false;
	if (d->queues > BLOCK_QUEUES_MAX || d->depth > BLOCK_DEPTH_MAX ||
	    d->max_segments > BLOCK_SEGMENTS_MAX)
		return false;
	if (d->max_segment_size < BLOCK_PAGE || d->max_segment_size > BLOCK_SEGMENT_SIZE_MAX ||
	    (d->max_blocks && d->max_blocks < BLOCK_PAGE >> d->logical_shift))
		return false;
	return d->private_size <= BLOCK_PRIVATE_MAX && d->timeout_ns >= BLOCK_TIMEOUT_MIN &&
	       d->timeout_ns <= INT64_MAX / 2 &&
	       d->completion_stride >= sizeof(Banos_X_Block_Completion) &&
	       d->completion_stride % 8 == 0 && d->completion_stride <= BANOS_STRUCT_MAX;
}

#endif
