/* SPDX-License-Identifier: MIT */
/* The kernel log, with levels. Formatting is the driver's: the ABI takes text and length. */
#ifndef BANOS_LOG_H
#define BANOS_LOG_H

#include <banos/types.h>

/* Linux's numbers. Others are refused. */
#define BANOS_LOG_ERROR	  3u
#define BANOS_LOG_WARNING 4u
#define BANOS_LOG_NOTICE  5u
#define BANOS_LOG_INFO	  6u
#define BANOS_LOG_DEBUG	  7u

BANOS_API_BEGIN

/*
 * Append `length` bytes (no terminator needed) to the kernel log, one record for each line in
 * them; what is beyond 500 bytes of a line is cut, control characters become '?'. 0, or -EINVAL
 * for an unknown level. Context: any. Since 0.9.
 */
int32_t banos_log(uint32_t level, const char *text, uint32_t length);

BANOS_API_END

#endif
