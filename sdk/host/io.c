/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/io.h>. A request is a block of its own, freed when it is over, so that the sanitizer sees
 * a driver that uses it too late. A program's memory is what is on a list: of a script's commands.
 */
#include "device.h"
#include "host.h"
#include "task.h"
#include <base/banos_struct.h>
#include <base/owner.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <sched/gate.h>

#define CAPABILITIES ((2ull << CAP_LAST_CAP) - 1)

#define PAST 64 /* bytes around a program's memory, which are not the program's */

struct Banos_Io {
	struct user_memory *memory;
	uint64_t length;
	uint64_t argument;
	uint32_t flags;
	struct user user;
	bool pending; /* the callback has returned */
	bool done;
	int64_t result;
};

static struct list memories = LIST_INIT(memories);

struct user_memory *user_memory_new(uint64_t size)
{
	struct user_memory *m = host_alloc(sizeof(*m));

	m->bytes = host_alloc(size + PAST);
	m->size = m->present = size;
	list_add_tail(&m->link, &memories);
	return m;
}

void user_memory_free(struct user_memory *m)
{
	if (!m)
		return;
	list_del(&m->link);
	free(m->bytes);
	free(m);
}

Banos_Io *io_begin(const struct request *q, uint32_t flags)
{
	Banos_Io *io = host_alloc(sizeof(*io));

	io->memory = q->memory;
	io->length = q->length;
	io->argument = q->argument;
	io->flags = flags;
	io->user = q->user;
	return io;
}

static bool is_done(const void *on)
{
	return ((const Banos_Io *)on)->done;
}

static int64_t wait_done(Banos_Io *io, struct owner *owner,
			 void (*cancel)(void *file, Banos_Io *io), void *file, const char *what)
{
	if (task_wait(is_done, io, NEVER, true, "driver %s to complete a %s", owner->name, what)) {
		if (cancel)
			GATE_CALL_VOID(owner, "cancel", cancel(file, io));
		task_wait(is_done, io, NEVER, false,
			  "driver %s to complete a %s after a signal has come", owner->name, what);
	}
	return io->result;
}

int64_t io_end(Banos_Io *io, int64_t returned, struct owner *owner,
	       void (*cancel)(void *file, Banos_Io *io), void *file, const char *what)
{
	if (returned == BANOS_IO_PENDING)
		returned = wait_done(io, owner, cancel, file, what);
	else if (io->done)
		host_complain("driver %s: %s has completed the request and returned another "
			      "result than BANOS_IO_PENDING",
			      owner->name, what);
	free(io);
	if (returned >= -MAX_ERRNO && returned != BANOS_IO_PENDING)
		return returned;
	host_complain("driver %s: %s results in %lld, which is no errno", owner->name, what,
		      (long long)returned);
	return -EIO;
}

/* --- the ABI --------------------------------------------------------------------------------- */

uint64_t banos_io_length(Banos_Io *io)
{
	return io->length;
}

uint32_t banos_io_flags(Banos_Io *io)
{
	return io->flags;
}

uint64_t banos_io_argument(Banos_Io *io)
{
	return io->argument;
}

/* Bytes of a program, as far as they are there; those before the first that is not are copied. */
static int32_t user_copy(uint64_t address, void *ours, uint64_t size, bool to_user)
{
	struct user_memory *m;
	uint64_t at, part;

	list_for_each_entry(m, &memories, link) {
		at = address - (uintptr_t)m->bytes;
		if (at >= m->size)
			continue;
		part = at < m->present ? min(size, m->present - at) : 0;
		if (to_user)
			memcpy(m->bytes + at, ours, part);
		else
			memcpy(ours, m->bytes + at, part);
		return part == size ? 0 : -EFAULT;
	}
	return size ? -EFAULT : 0;
}

static int32_t copy(Banos_Io *io, uint64_t offset, void *ours, uint64_t size, bool to_user)
{
	if (size > io->length || offset > io->length - size)
		return -EINVAL;
	if (!size)
		return 0;
	return io->memory ? user_copy((uintptr_t)io->memory->bytes + offset, ours, size, to_user)
			  : user_copy(io->argument + offset, ours, size, to_user);
}

int32_t banos_io_copy_in(Banos_Io *io, uint64_t offset, void *to, uint64_t size)
{
	return copy(io, offset, to, size, false);
}

int32_t banos_io_copy_out(Banos_Io *io, uint64_t offset, const void *from, uint64_t size)
{
	return copy(io, offset, (void *)(uintptr_t)from, size, true);
}

/* The request must still be there, as for all of these. */
int32_t banos_io_user_copy_in(Banos_Io *io, uint64_t address, void *to, uint64_t size)
{
	return banos_io_length(io) == UINT64_MAX ? -EFAULT : user_copy(address, to, size, false);
}

int32_t banos_io_user_copy_out(Banos_Io *io, uint64_t address, const void *from, uint64_t size)
{
	return banos_io_length(io) == UINT64_MAX
		       ? -EFAULT
		       : user_copy(address, (void *)(uintptr_t)from, size, true);
}

int32_t banos_io_credentials(Banos_Io *io, Banos_Credentials *out)
{
	Banos_Credentials c = {.uid = io->user.uid,
			       .gid = io->user.gid,
			       .process = io->user.process,
			       .superuser = io->user.uid == 0};

	if (BANOS_STRUCT_CHECK(NULL, Banos_Credentials, out) || out->flags)
		return -EINVAL;
	BANOS_STRUCT_PUT(Banos_Credentials, out, &c);
	return 0;
}

/* Who stands for a program: the script, and what it starts. */
int32_t banos_caller_get(Banos_Caller *out)
{
	const struct task *t = task_self();
	Banos_Caller c = {.uid = t->uid,
			  .gid = t->gid,
			  .process = t->process,
			  .thread = t->process,
			  .superuser = t->uid == 0,
			  .capabilities = t->uid == 0 ? CAPABILITIES : 0};

	if (BANOS_STRUCT_CHECK(NULL, Banos_Caller, out) || out->flags)
		return -EINVAL;
	if (t->interrupt || t->deferred || t->driver_thread || t->flags & TASK_SERVICE)
		return -ESRCH;
	strlcpy((char *)c.name, t->name, sizeof(c.name));
	BANOS_STRUCT_PUT(Banos_Caller, out, &c);
	return 0;
}

void banos_io_complete(Banos_Io *io, int64_t result)
{
	char where[WHERE_SIZE];

	if (io->done) {
		host_complain("%s: completes a request twice", images_where(api_caller(), where));
		return;
	}
	io->result = result;
	io->done = true;
}
