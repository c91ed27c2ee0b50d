/* SPDX-License-Identifier: MIT */
/* What programs know of the mailbox driver. */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <banos/ioctl.h> /* for programs as well */

#define MAILBOX_COUNT BANOS_IOCTL_R('M', 1, uint32_t) /* how many bytes are in it */
#define MAILBOX_EMPTY BANOS_IOCTL('M', 2)

/* In the page that mmap gives. */
struct mailbox_counters {
	uint64_t written; /* bytes, ever */
	uint64_t read;
};

#endif
