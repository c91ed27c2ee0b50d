/* SPDX-License-Identifier: BSD-2-Clause */
/* Locked memory, residence, and protection keys: decode, call vm/. */
#include <base/cred.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <asm/mman.h>
#include <linux/capability.h>
#include <linux/resource.h>

static bool may_lock(void)
{
	return cred_capable(current()->cred, CAP_IPC_LOCK) ||
	       process_limit(process_current(), RLIMIT_MEMLOCK);
}

/* Whole pages that cover the range. As on Linux, the largest lengths wrap to none. */
static bool pages_of(uaddr_t *addr, size_t *length)
{
	size_t end;

	*length = ALIGN_UP(*length + (*addr & ~PAGE_MASK), PAGE_SIZE);
	*addr &= PAGE_MASK;
	return !add_overflow(*addr, *length, &end);
}

static int64_t lock(uaddr_t addr, size_t length, bool populate)
{
	struct vm_space *s = current()->space;
	int r;

	if (!may_lock())
		return -EPERM;
	if (!pages_of(&addr, &length))
		return -EINVAL;
	r = vm_lock(s, addr, length, true);
	if (r || !populate)
		return r;
	r = vm_populate(s, addr, length, false);
	return r == -EINTR ? r : r ? -ENOMEM : 0;
}

int64_t sys_mlock(uaddr_t addr, size_t length)
{
	return lock(addr, length, true);
}

int64_t sys_mlock2(uaddr_t addr, size_t length, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock(addr, length, !(flags & MLOCK_ONFAULT));
}

int64_t sys_munlock(uaddr_t addr, size_t length)
{
	if (!pages_of(&addr, &length))
		return -EINVAL;
	return vm_lock(current()->space, addr, length, false);
}

int64_t sys_mlockall(int flags)
{
	struct vm_space *s = current()->space;
	struct vm_region_info info;
	int r;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock())
		return -EPERM;
	r = vm_lock_all(s, flags & MCL_CURRENT, flags & MCL_FUTURE);
	if (r || !(flags & MCL_CURRENT) || flags & MCL_ONFAULT)
		return r;
	for (uint64_t at = 0; vm_region_next(s, at, &info); at = info.end) {
		if (info.file)
			vm_file_ops->put(info.file);
		/* What cannot be had is no error here, as on Linux. */
		if (vm_populate(s, info.start, info.end - info.start, false) == -EINTR)
			return -EINTR;
	}
	return 0;
}

int64_t sys_munlockall(void)
{
	vm_unlock_all(current()->space);
	return 0;
}

int64_t sys_mincore(uaddr_t addr, size_t length, uaddr_t out)
{
	struct vm_space *s = current()->space;
	size_t pages = ALIGN_UP(length, PAGE_SIZE) >> PAGE_SHIFT, end;
	uint8_t *buffer;
	int r = 0;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (add_overflow(addr, length, &end) || end > USER_END)
		return -ENOMEM;
	if (!user_range_ok(out, pages))
		return -EFAULT;
	buffer = kmalloc(PAGE_SIZE);
	if (!buffer)
		return -EAGAIN;
	while (pages && !r) {
		size_t n = min(pages, (size_t)PAGE_SIZE);

		r = vm_resident(s, addr, n, buffer);
		if (!r && copy_to_user(out, buffer, n))
			r = -EFAULT;
		addr += n << PAGE_SHIFT;
		out += n;
		pages -= n;
	}
	kfree(buffer);
	return r;
}

/* The processors that we run on have no protection keys: so says Linux there. */
int64_t sys_pkey_alloc(unsigned long flags, unsigned long rights)
{
	if (flags || rights & ~(unsigned long)(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE))
		return -EINVAL;
	return -ENOSPC;
}

int64_t sys_pkey_free(int key)
{
	return -EINVAL;
}

int64_t sys_pkey_mprotect(uaddr_t addr, size_t length, unsigned long prot, int key)
{
	return key == -1 ? sys_mprotect(addr, length, (unsigned)prot) : -EINVAL;
}
