/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to drivers: <banos/io.h>.
 *
 * begun -> over	the callback returned a result
 * begun -> pending	it returned BANOS_IO_PENDING (it may have completed the request already)
 * pending -> done	banos_io_complete, under the request's lock
 *
 * The request lies on the stack of the thread that asks. Whoever completes it leaves the lock last;
 * the thread takes that lock once before it lets the stack go.
 *
 * Memory is copied through the iter while the program's address space is the current one, else page
 * by page through the direct map: a driver may do the work in a thread of its own.
 */
#include "banos_io.h"
#include "file.h"

#include <banos/export.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <base/log.h>
#include <base/cred.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <sched/gate.h>
#include <sched/thread.h>
#include <vfs/proc_source.h>
#include <vm/space.h>
#include <vm/usercopy.h>

uint32_t banos_io_mode(const struct file *f)
{
	bool nonblock = __atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_NONBLOCK;

	return (nonblock ? BANOS_IO_NONBLOCK : 0) | (f->mode & FILE_READ ? BANOS_IO_READ : 0) |
	       (f->mode & FILE_WRITE ? BANOS_IO_WRITE : 0);
}

void banos_io_begin(Banos_Io *io, const struct iter *it, uint32_t flags)
{
	io->length = it ? iter_left(it) : 0;
	if (it && it != &io->memory) {
		io->memory = *it;
		if (it->seg == &it->one)
			io->memory.seg = &io->memory.one;
	}
	io->argument = 0;
	io->flags = flags;
	io->asker = current();
	io->cred = io->asker->cred;
	spin_init(&io->lock, LOCK_DRIVER_EVENT);
	io->done = false;
	io->result = 0;
	blocker_init(&io->wait);
}

static bool is_done(const Banos_Io *io)
{
	return __atomic_load_n(&io->done, __ATOMIC_ACQUIRE);
}

/* Apart, so that a request which is done at once does not save registers for it. */
static __noinline int64_t wait_done(Banos_Io *io, struct owner *owner,
				    void (*cancel)(void *file, Banos_Io *io), void *file)
{
	if (WAIT_UNTIL(&io->wait, is_done(io), NEVER, WAIT_INTERRUPTIBLE)) {
		if (cancel)
			GATE_CALL_VOID(owner, "cancel", cancel(file, io));
		WAIT_UNTIL(&io->wait, is_done(io), NEVER, WAIT_UNINTERRUPTIBLE);
	}
	spin_unlock_irq(&io->lock, spin_lock_irq(&io->lock));
	return io->result;
}

/* Apart, as above. */
static __noinline int64_t no_result(struct owner *owner, int64_t returned)
{
	if (banos_may_tell(owner))
		log_error("driver %s: a request ended with %ld, which is no count of bytes and no "
			  "error of the ABI: it becomes EIO",
			  owner->name, (long)returned);
	return -EIO;
}

int64_t banos_io_end(Banos_Io *io, int64_t returned, struct owner *owner,
		     void (*cancel)(void *file, Banos_Io *io), void *file)
{
	if (unlikely(returned == BANOS_IO_PENDING))
		returned = wait_done(io, owner, cancel, file);
	if (unlikely(returned < -DRIVER_MAX_ERRNO || returned == BANOS_IO_PENDING))
		return no_result(owner, returned);
	return returned;
}

/* --- the ABI --------------------------------------------------------------------------------- */

uint64_t banos_io_length(Banos_Io *io)
{
	return io->length;
}
BANOS_EXPORT(banos_io_length);

uint32_t banos_io_flags(Banos_Io *io)
{
	return io->flags;
}
BANOS_EXPORT(banos_io_flags);

uint64_t banos_io_argument(Banos_Io *io)
{
	return io->argument;
}
BANOS_EXPORT(banos_io_argument);

static int32_t user_copy(Banos_Io *io, uint64_t address, void *kernel, uint64_t size, bool to_user)
{
	bool own = io->asker == current();

	if (!io->asker->space || !user_range_ok(address, size))
		return -EFAULT;
	if (own && size == sizeof(uint32_t))
		return to_user ? store_to_user(address, kernel, sizeof(uint32_t))
			       : load_from_user(kernel, address, sizeof(uint32_t));
	if (own && size == sizeof(uint64_t))
		return to_user ? store_to_user(address, kernel, sizeof(uint64_t))
			       : load_from_user(kernel, address, sizeof(uint64_t));
	if (own)
		return to_user ? copy_to_user(address, kernel, size)
			       : copy_from_user(kernel, address, size);
	return vm_access(io->asker->space, address, kernel, size, to_user, false) == size ? 0
											  : -EFAULT;
}

static int32_t segment_copy(Banos_Io *io, uint64_t at, char *kernel, uint64_t size, bool to_user)
{
	if (io->memory.user)
		return user_copy(io, at, kernel, size, to_user);
	if (to_user)
		memcpy((void *)at, kernel, size);
	else
		memcpy(kernel, (void *)at, size);
	return 0;
}

static int32_t copy_segments(Banos_Io *io, uint64_t offset, char *kernel, uint64_t size,
			     bool to_user)
{
	struct iter it = io->memory;

	iter_advance(&it, offset);
	while (size) {
		uint64_t part = min(size, it.seg->len - it.offset);
		int32_t r = segment_copy(io, it.seg->base + it.offset, kernel, part, to_user);

		if (r)
			return r;
		kernel += part;
		size -= part;
		iter_advance(&it, part);
	}
	return 0;
}

static int32_t copy(Banos_Io *io, uint64_t offset, char *kernel, uint64_t size, bool to_user)
{
	const struct iter *it = &io->memory;

	if (size > io->length || offset > io->length - size)
		return -EINVAL;
	if (!size)
		return 0;
	if (it->segs == 1)
		return segment_copy(io, it->seg->base + it->offset + offset, kernel, size, to_user);
	return copy_segments(io, offset, kernel, size, to_user);
}

int32_t banos_io_copy_in(Banos_Io *io, uint64_t offset, void *to, uint64_t size)
{
	return copy(io, offset, to, size, false);
}
BANOS_EXPORT(banos_io_copy_in);

int32_t banos_io_copy_out(Banos_Io *io, uint64_t offset, const void *from, uint64_t size)
{
	return copy(io, offset, (char *)from, size, true);
}
BANOS_EXPORT(banos_io_copy_out);

int32_t banos_io_user_copy_in(Banos_Io *io, uint64_t address, void *to, uint64_t size)
{
	return user_copy(io, address, to, size, false);
}
BANOS_EXPORT(banos_io_user_copy_in);

int32_t banos_io_user_copy_out(Banos_Io *io, uint64_t address, const void *from, uint64_t size)
{
	return user_copy(io, address, (void *)from, size, true);
}
BANOS_EXPORT(banos_io_user_copy_out);

int32_t banos_io_credentials(Banos_Io *io, Banos_Credentials *out)
{
	Banos_Credentials c = {.uid = io->cred->euid,
			       .gid = io->cred->egid,
			       .process = proc_source()->of_thread(io->asker),
			       .superuser = cred_superuser(io->cred)};

	if (BANOS_STRUCT_CHECK(NULL, Banos_Credentials, out) || out->flags)
		return -EINVAL;
	BANOS_STRUCT_PUT(Banos_Credentials, out, &c);
	return 0;
}
BANOS_EXPORT(banos_io_credentials);

int32_t banos_caller_get(Banos_Caller *out)
{
	const struct thread *t = current();
	Banos_Caller c = {.zero = 0};

	if (BANOS_STRUCT_CHECK(NULL, Banos_Caller, out) || out->flags)
		return -EINVAL;
	if (in_interrupt() || !t->process)
		return -ESRCH;
	c.uid = t->cred->euid;
	c.gid = t->cred->egid;
	c.process = proc_source()->of_thread(t);
	c.thread = proc_source()->self_thread();
	c.superuser = cred_superuser(t->cred);
	c.capabilities = t->cred->cap_effective;
	strlcpy((char *)c.name, t->name, sizeof(c.name));
	BANOS_STRUCT_PUT(Banos_Caller, out, &c);
	return 0;
}
BANOS_EXPORT(banos_caller_get);

void banos_io_complete(Banos_Io *io, int64_t result)
{
	uint64_t irq = spin_lock_irq(&io->lock);

	io->result = result;
	__atomic_store_n(&io->done, true, __ATOMIC_RELEASE);
	blocker_wake_all(&io->wait);
	spin_unlock_irq(&io->lock, irq);
}
BANOS_EXPORT(banos_io_complete);
