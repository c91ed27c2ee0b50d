/* SPDX-License-Identifier: MIT */
/* What programs know of the guard driver. */
#ifndef GUARD_H
#define GUARD_H

#include <linux/ioctl.h>
#include <stdint.h>

#define GUARD_OPENER _IOR('G', 1, char[56]) /* Banos_Caller: who opened it */
#define GUARD_FLAGS  _IO('G', 2)	    /* open's flags, and from bit 8 on those of this call */
#define GUARD_ASKED  _IO('G', 3) /* the last mapping: access; from bit 8 on may; 16: flags */
#define GUARD_EINTR  _IO('G', 4) /* that error, without a signal */
#define GUARD_COPY   _IO('G', 5) /* the argument is a struct guard_copy's address */
#define GUARD_ASKER  _IOR('G', 6, char[24]) /* Banos_Credentials: who asks now */

/* `size` bytes from one place of the program's to another. */
struct guard_copy {
	uint64_t from, to, size;
};
#define GUARD_COPY_MAX 64

#define GUARD_PAGES	4
#define GUARD_FORBIDDEN 1 /* this page is mapped for nobody */

#endif
