/* SPDX-License-Identifier: MIT */
/*
 * Grace periods: read without a lock, free later. Interface "banos.core".
 *
 * A reader is between enter and exit; it does not sleep there. Who takes something away makes it
 * unreachable first, then defers its end (or waits): by then every reader that may have seen it is
 * gone. Sections nest, and cost no shared cache line.
 */
#ifndef BANOS_EPOCH_H
#define BANOS_EPOCH_H

#include <banos/driver.h>

/* Part of what is to be freed, not to be touched while a call is deferred. */
typedef struct Banos_Epoch_Head {
	uint64_t storage[6];
} Banos_Epoch_Head;

BANOS_SIZE(Banos_Epoch_Head, 48);

typedef void (*Banos_Epoch_Function)(void *ctx, Banos_Epoch_Head *head);

BANOS_API_BEGIN

/* Begin a section and end it, in the same thread, or in one interrupt. Nothing in between sleeps.
 * Context: any. Since 0.9. */
void banos_epoch_enter(void);
void banos_epoch_exit(void);
/*
 * Call function(ctx, head) when every section that has begun by now is over. It is called in a
 * thread that serves everybody: it must not sleep, but may free memory, submit work and set events.
 * The driver is not removed before; `head` is the kernel's until the call. 0; -EINVAL: not a
 * driver, or no function. Context: any. Since 0.9.
 */
int32_t banos_epoch_defer(Banos_Driver *driver, Banos_Epoch_Function function, void *ctx,
			  Banos_Epoch_Head *head);
/* Until every section that has begun by now is over. Context: may sleep. Since 0.9. */
void banos_epoch_wait(void);
/* Until everything that was deferred by now has been called: before what it uses is destroyed.
 * Context: may sleep; not from a deferred function. Since 0.9. */
void banos_epoch_barrier(void);

BANOS_API_END

#endif
