/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver may say of its block device: the same in the kernel and in banos-host. */
#ifndef BLOCK_DESC_H
#define BLOCK_DESC_H

#include <banos/x_block.h>
#include <base/banos_name.h>
#include <base/banos_struct.h>
#include <lib/string.h>

#define BLOCK_PAGE	       4096u
#define BLOCK_SHIFT_MAX	       12
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

/* A number in a sentence. */
#define BLOCK_TEXT(number)  BLOCK_TEXT_(number)
#define BLOCK_TEXT_(number) #number

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

#define BLOCK_SUBMIT_WRONG "ops.submit is NULL: a device needs it"

/* What is wrong with one that is filled in, and how to mend it: a sentence, or NULL. */
static inline const char *block_desc_wrong(const Banos_X_Block_Desc *d)
{
	uint32_t shift = d->logical_shift;

	if (!block_name_ok(d->name))
		return "desc.name must be 1 to " BLOCK_TEXT(
			BLOCK_NAME_MAX) " letters, digits, _ - and .; one %u stands for a number";
	if (d->flags)
		return "desc.flags must be 0";
	if (d->mode & ~0777u)
		return "desc.mode has more than permissions: 0777 at most, in octal";
	if (d->features & ~BLOCK_FEATURES)
		return "desc.features has a bit that this kernel does not know: leave it out";
	if (shift < 9 || shift > BLOCK_SHIFT_MAX)
		return "desc.logical_shift must be 9 (512 bytes) to " BLOCK_TEXT(BLOCK_SHIFT_MAX);
	if (!block_count_ok(d->blocks, shift))
		return "desc.blocks is beyond 2^63 bytes: give fewer";
	if (d->physical_shift < shift || d->physical_shift > BLOCK_PHYSICAL_MAX)
		return "desc.physical_shift must be 0, or desc.logical_shift to " BLOCK_TEXT(
			BLOCK_PHYSICAL_MAX);
	if (d->queues > BLOCK_QUEUES_MAX)
		return "desc.queues must be at most " BLOCK_TEXT(BLOCK_QUEUES_MAX);
	if (d->depth > BLOCK_DEPTH_MAX)
		return "desc.depth must be at most " BLOCK_TEXT(BLOCK_DEPTH_MAX);
	if (d->max_segments > BLOCK_SEGMENTS_MAX)
		return "desc.max_segments must be at most " BLOCK_TEXT(BLOCK_SEGMENTS_MAX);
	if (d->max_segment_size < BLOCK_PAGE || d->max_segment_size > BLOCK_SEGMENT_SIZE_MAX)
		return "desc.max_segment_size must be 0, or a page to 1 GiB";
	if (d->max_blocks && d->max_blocks < BLOCK_PAGE >> shift)
		return "desc.max_blocks must be 0, or a page at least";
	if (d->private_size > BLOCK_PRIVATE_MAX)
		return "desc.private_size must be at most " BLOCK_TEXT(BLOCK_PRIVATE_MAX);
	if (d->timeout_ns < BLOCK_TIMEOUT_MIN || d->timeout_ns > INT64_MAX / 2)
		return "desc.timeout_ns must be 0, or a millisecond at least";
	if (d->completion_stride < sizeof(Banos_X_Block_Completion) || d->completion_stride % 8 ||
	    d->completion_stride > BANOS_STRUCT_MAX)
		return "desc.completion_stride must be sizeof(Banos_X_Block_Completion)";
	return NULL;
}

#endif
