/* SPDX-License-Identifier: MIT */
/*
 * Requests: how a driver reaches the memory of the program that called it.
 * Interface "banos.chardev".
 *
 * A driver never sees a user pointer that it could follow itself. It gets a Banos_Io, which knows
 * whose memory is meant, and copies through it; a bad address is an error, not a fault. The same
 * works when the request comes from the kernel or from a test.
 *
 * A request is over when the callback that got it returns; unless it returns BANOS_IO_PENDING: then
 * when the driver calls banos_io_complete(), from wherever it likes. Until then the Banos_Io stays,
 * and copies may be made from any thread.
 */
#ifndef BANOS_IO_H
#define BANOS_IO_H

#include <banos/types.h>

typedef struct Banos_Io Banos_Io;

/* The result will come by banos_io_complete(). */
#define BANOS_IO_PENDING INT64_MAX

/*
 * How the file was opened: banos_io_flags, and what the open of a character device gets. Later
 * versions may add bits: ignore those that you do not know.
 */
#define BANOS_IO_NONBLOCK 1u /* do not wait; return -EAGAIN */
#define BANOS_IO_READ	  2u /* the program may read; since 0.10: before that it is never set */
#define BANOS_IO_WRITE	  4u /* it may write; both are 0 where it asked for neither; since 0.10 */

/* Who asks. Callers fill in size, and 0 as flags. */
typedef struct Banos_Credentials {
	uint32_t size;
	uint32_t flags;
	uint32_t uid; /* effective, as are the others */
	uint32_t gid;
	int32_t process;    /* its number, which another has when it is gone: no identity */
	uint32_t superuser; /* 1 or 0 */
} Banos_Credentials;

BANOS_SIZE(Banos_Credentials, 24);
BANOS_OFFSET(Banos_Credentials, uid, 8);
BANOS_OFFSET(Banos_Credentials, gid, 12);
BANOS_OFFSET(Banos_Credentials, process, 16);
BANOS_OFFSET(Banos_Credentials, superuser, 20);

/* The program whose thread runs the callback. Callers fill in size, and 0 as flags. Since 0.10. */
typedef struct Banos_Caller {
	uint32_t size;
	uint32_t flags;
	uint32_t uid; /* effective, as are the others */
	uint32_t gid;
	int32_t process;       /* its number; both are used again when it is gone: no identity */
	int32_t thread;	       /* that of the thread */
	uint32_t superuser;    /* 1 or 0 */
	uint32_t zero;	       /* 0 */
	uint64_t capabilities; /* effective ones: bit N is CAP number N of capabilities(7) */
	uint8_t name[16];      /* of the thread, a text with its end: for messages only */
} Banos_Caller;

BANOS_SIZE(Banos_Caller, 56);
BANOS_OFFSET(Banos_Caller, uid, 8);
BANOS_OFFSET(Banos_Caller, gid, 12);
BANOS_OFFSET(Banos_Caller, process, 16);
BANOS_OFFSET(Banos_Caller, thread, 20);
BANOS_OFFSET(Banos_Caller, superuser, 24);
BANOS_OFFSET(Banos_Caller, zero, 28);
BANOS_OFFSET(Banos_Caller, capabilities, 32);
BANOS_OFFSET(Banos_Caller, name, 40);

BANOS_API_BEGIN

/* How many bytes of memory the request has. Context: any. Since 0.9. */
uint64_t banos_io_length(Banos_Io *io);
/* BANOS_IO_*. Context: any. Since 0.9. */
uint32_t banos_io_flags(Banos_Io *io);
/* What a ctl was called with: a number, or an address for the functions below; 0 in what is no ctl.
 * Context: any. Since 0.9. */
uint64_t banos_io_argument(Banos_Io *io);

/*
 * Copy `size` bytes of the request's memory, from `offset` on, into the driver's; or the other way
 * round. 0; -EINVAL beyond the request's length; -EFAULT when the program's memory is not there.
 * Context: may sleep; no spinlock held. Since 0.9.
 */
int32_t banos_io_copy_in(Banos_Io *io, uint64_t offset, void *to, uint64_t size);
int32_t banos_io_copy_out(Banos_Io *io, uint64_t offset, const void *from, uint64_t size);
/*
 * The same at an address of the program's own, as found in what was copied in. 0; -EFAULT when the
 * program has no such memory, or may not use it so. Context: may sleep; no spinlock held. Since
 * 0.9.
 */
int32_t banos_io_user_copy_in(Banos_Io *io, uint64_t address, void *to, uint64_t size);
int32_t banos_io_user_copy_out(Banos_Io *io, uint64_t address, const void *from, uint64_t size);

/* Who asks, into *credentials, whose size and flags are set. 0 or -EINVAL. Context: may sleep.
 * Since 0.9. */
int32_t banos_io_credentials(Banos_Io *io, Banos_Credentials *credentials);
/*
 * Which program calls, in a callback that runs in its thread: open, map, read, write, ctl, show,
 * store, and a driver's init. What is known is filled in, and size says how much that is. 0;
 * -EINVAL; -ESRCH where no program is: in an interrupt, a timer, a work item or a thread of the
 * kernel or a driver. A close may come in any of these, or in the thread of whoever closed last.
 * What a program may do with an open file was settled when it was opened: ask in open, and again
 * only for what needs more. Context: any. Since 0.10.
 */
int32_t banos_caller_get(Banos_Caller *caller);

/*
 * End a request that is pending, once: `result` is what the callback would have returned. The
 * Banos_Io is gone afterwards, but for a cancel that has begun: there it stays until that returns.
 * Context: any. Since 0.9.
 */
void banos_io_complete(Banos_Io *io, int64_t result);

BANOS_API_END

#endif
