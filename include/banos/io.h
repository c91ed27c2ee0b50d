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

/* banos_io_flags: do not wait; return -EAGAIN. */
#define BANOS_IO_NONBLOCK 1u

/* Who asks. Callers fill in size, and 0 as flags. */
typedef struct Banos_Credentials {
	uint32_t size;
	uint32_t flags;
	uint32_t uid; /* effective, as are the others */
	uint32_t gid;
	int32_t process;    /* its number */
	uint32_t superuser; /* 1 or 0 */
} Banos_Credentials;

BANOS_SIZE(Banos_Credentials, 24);
BANOS_OFFSET(Banos_Credentials, uid, 8);
BANOS_OFFSET(Banos_Credentials, gid, 12);
BANOS_OFFSET(Banos_Credentials, process, 16);
BANOS_OFFSET(Banos_Credentials, superuser, 20);

BANOS_API_BEGIN

/* How many bytes of memory the request has. Context: any. Since 0.9. */
uint64_t banos_io_length(Banos_Io *io);
/* BANOS_IO_*. Context: any. Since 0.9. */
uint32_t banos_io_flags(Banos_Io *io);
/* What a ctl was called with: a number, or an address for the functions below. Context: any. */
uint64_t banos_io_argument(Banos_Io *io);

/*
 * Copy `size` bytes of the request's memory, from `offset` on, into the driver's; or the other way
 * round. 0; -EINVAL beyond the request's length; -EFAULT when the program's memory is not there.
 * Context: may sleep; no spinlock held. Since 0.9.
 */
int32_t banos_io_copy_in(Banos_Io *io, uint64_t offset, void *to, uint64_t size);
int32_t banos_io_copy_out(Banos_Io *io, uint64_t offset, const void *from, uint64_t size);
/* The same at an address of the program's own, as found in what was copied in: 0 or -EFAULT. */
int32_t banos_io_user_copy_in(Banos_Io *io, uint64_t address, void *to, uint64_t size);
int32_t banos_io_user_copy_out(Banos_Io *io, uint64_t address, const void *from, uint64_t size);

/* Who asks. 0 or -EINVAL. Context: may sleep. Since 0.9. */
int32_t banos_io_credentials(Banos_Io *io, Banos_Credentials *credentials);

/*
 * End a request that is pending, once: `result` is what the callback would have returned. The
 * Banos_Io is gone afterwards. Context: any. Since 0.9.
 */
void banos_io_complete(Banos_Io *io, int64_t result);

BANOS_API_END

#endif
