/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory mapping calls: decode flags, call vm/. */
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/compiler.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/seal.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <asm/mman.h>
#include <linux/capability.h>
#include <linux/mman.h>
#include <linux/resource.h>

/* What is not asked for, but comes along: it gives way where nothing may be executed. */
static bool exec_is_implied(unsigned prot)
{
	return prot & PROT_READ && !(prot & PROT_EXEC) &&
	       proc_thread(current())->personality & PERSON_READ_IS_EXEC;
}

static unsigned prot_decode(unsigned prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

#define MAP_KNOWN                                                                                \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB |    \
	 MAP_SYNC | MAP_FIXED_NOREPLACE | MAP_UNINITIALIZED | MAP_32BIT)

/*
 * The file's part of the request: its object, and whether writing may be allowed later. exec: it is
 * to be executed if it may.
 */
static int map_file(int fd, struct vm_map_args *a, bool shared, bool exec, struct file **out,
		    bool *sealing)
{
	unsigned prot = a->prot;
	struct file *f = fd_get(current()->files, fd);
	bool may_write;
	int r;

	if (!f)
		return -EBADF;
	*out = f;
	if (!(f->mode & FILE_READ) || (shared && prot & VM_WRITE && !(f->mode & FILE_WRITE)))
		return -EACCES;
	may_write = !shared || f->mode & FILE_WRITE;
	/* The caller ends it. */
	r = shared ? seals_map_begin(f, prot & VM_WRITE, &may_write) : 0;
	if (r)
		return r;
	*sealing = shared;
	a->flags |= may_write ? VM_MAY_WRITE : 0;
	if (exec && !(f->path.mount->flags & MOUNT_NOEXEC))
		a->prot |= VM_EXEC;
	r = file_mmap(f, a);
	if (!r)
		a->file = f;
	return r;
}

static bool may_lock(void)
{
	return cred_capable(current()->cred, CAP_IPC_LOCK) ||
	       process_limit(process_current(), RLIMIT_MEMLOCK);
}

int64_t sys_mmap(uaddr_t addr, size_t length, unsigned prot, unsigned flags, int fd,
		 unsigned long offset)
{
	struct vm_map_args a = {.addr = addr, .length = length, .prot = prot_decode(prot)};
	bool exec = exec_is_implied(prot);
	bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
	bool sealing = false;
	struct file *f = NULL;
	uint64_t at;
	int r = 0;

	if (!length || offset & 4095)
		return -EINVAL;
	if (!shared && (flags & MAP_TYPE) != MAP_PRIVATE)
		return -EINVAL;
	if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE && flags & ~(unsigned)MAP_KNOWN)
		return -EOPNOTSUPP;
	if (flags & MAP_HUGETLB)
		return -ENOMEM; /* no pool of huge pages, as on a Linux that has none reserved */
	a.fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	a.noreplace = flags & MAP_FIXED_NOREPLACE;
	a.flags = (shared ? VM_SHARED : 0) | (flags & MAP_NORESERVE ? VM_NORESERVE : 0) |
		  (flags & MAP_LOCKED ? VM_LOCKED : 0);
	if (flags & MAP_GROWSDOWN) {
		if (shared)
			return -EINVAL;
		a.flags |= VM_GROWSDOWN;
	}
	if (flags & MAP_LOCKED && !may_lock())
		return -EPERM;
	if (flags & MAP_ANONYMOUS) {
		a.flags |= VM_MAY_WRITE;
		a.prot |= exec ? VM_EXEC : 0;
	} else {
		a.offset = offset;
		r = map_file(fd, &a, shared, exec, &f, &sealing);
	}
	if (!r)
		r = vm_map(current()->space, &a, &at);
	if (sealing)
		seals_map_end(f);
	if (a.object)
		vm_object_put(a.object);
	file_put(f);
	/* What cannot be had now may be had by a fault later: no error. */
	if (!r && flags & (MAP_POPULATE | MAP_LOCKED) && !(flags & MAP_NONBLOCK))
		vm_populate(current()->space, at, length, false);
	return r ? r : (int64_t)at;
}

int64_t sys_munmap(uaddr_t addr, size_t length)
{
	return vm_unmap(current()->space, addr, length);
}

int64_t sys_mprotect(uaddr_t addr, size_t length, unsigned prot)
{
	bool down = prot & PROT_GROWSDOWN;

	/* No region grows upwards, so nothing has PROT_GROWSUP. */
	if (prot & ~(unsigned)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN))
		return -EINVAL;
	return vm_protect(current()->space, addr, length,
			  prot_decode(prot) | (exec_is_implied(prot) ? VM_EXEC_IF_MAY : 0), down);
}

int64_t sys_mremap(uaddr_t addr, size_t old_length, size_t new_length, unsigned long flags,
		   uaddr_t new_addr)
{
	struct vm_space *s = current()->space;
	unsigned how = (flags & MREMAP_MAYMOVE ? VM_REMAP_MAY_MOVE : 0) |
		       (flags & MREMAP_FIXED ? VM_REMAP_FIXED : 0) |
		       (flags & MREMAP_DONTUNMAP ? VM_REMAP_KEEP : 0);
	uint64_t out;
	int r;

	if (flags & ~(unsigned long)(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && old_length != new_length)
		return -EINVAL;
	r = vm_remap(s, addr, old_length, new_length, how, new_addr, &out);
	return r ? r : (int64_t)out;
}

int64_t sys_brk(unsigned long brk)
{
	return (int64_t)vm_brk(current()->space, brk);
}

int64_t sys_madvise(uaddr_t addr, size_t length, int advice)
{
	struct vm_space *s = current()->space;
	size_t end;

	if (addr & 4095 || add_overflow(addr, length, &end))
		return -EINVAL;
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return vm_discard(s, addr, length, advice == MADV_DONTNEED_LOCKED);
	case MADV_DONTFORK:
		return vm_change_flags(s, addr, length, VM_DONTFORK, 0);
	case MADV_DOFORK:
		return vm_change_flags(s, addr, length, 0, VM_DONTFORK);
	case MADV_WIPEONFORK:
		return vm_change_flags(s, addr, length, VM_WIPEONFORK, 0);
	case MADV_KEEPONFORK:
		return vm_change_flags(s, addr, length, 0, VM_WIPEONFORK);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return vm_populate(s, addr, length, advice == MADV_POPULATE_WRITE);
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_FREE: /* allowed to keep the contents, so it does */
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
		return vm_range_mapped(s, addr, length) ? 0 : -ENOMEM;
	default:
		return -EINVAL;
	}
}

/* Write back the files that are mapped shared in a range. 0, -ENOMEM for a hole, or their error. */
/* Holes are told of, but all the rest is synced, also when a part cannot be. */
static int64_t sync_range(uaddr_t addr, uaddr_t end)
{
	struct vm_region_info info;
	bool hole = false;
	int64_t r = 0;

	while (addr < end && vm_region_next(current()->space, addr, &info)) {
		struct file *f = info.file;
		int64_t error = 0;

		hole |= info.start > addr;
		if (f && info.start < end && info.flags & VM_SHARED && f->ops->fsync)
			error = f->ops->fsync(f, true);
		if (f)
			vm_file_ops->put(f);
		r = r ? r : error;
		addr = info.end;
	}
	hole |= addr < end;
	return r ? r : hole ? -ENOMEM : 0;
}

/* Mapped memory is the file's pages themselves; what is behind those is the file's business. */
int64_t sys_msync(uaddr_t addr, size_t length, int flags)
{
	size_t end;

	if (addr & 4095 || flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	length = ALIGN_UP(length, PAGE_SIZE); /* Linux lets the largest lengths wrap to 0 */
	if (add_overflow(addr, length, &end))
		return -ENOMEM;
	if (length && flags & MS_SYNC)
		return sync_range(addr, end);
	return !length || vm_range_mapped(current()->space, addr, length) ? 0 : -ENOMEM;
}

int64_t sys_remap_file_pages(uaddr_t start, unsigned long length, unsigned long prot,
			     unsigned long pgoff, unsigned long flags)
{
	struct vm_space *s = current()->space;
	struct vm_region_info info;
	uint64_t pages, last, end;
	bool may_write = true;
	int r;

	/* All other flags are ignored, as on Linux. */
	if (prot)
		return -EINVAL;
	start = ALIGN_DOWN(start, PAGE_SIZE);
	length = ALIGN_DOWN(length, PAGE_SIZE);
	pages = length >> PAGE_SHIFT;
	if (add_overflow(start, length, &end) || end <= start ||
	    add_overflow((uint64_t)pgoff, pages, &last) || last > UINT64_MAX >> PAGE_SHIFT)
		return -EINVAL;
	if (!vm_region_next(s, start, &info))
		return -EINVAL;
	/* Until it is mapped again, the file must not be sealed: see vfs/seal.c. */
	r = info.file ? seals_map_begin(info.file, info.flags & VM_MAY_WRITE, &may_write) : 0;
	if (!r) {
		r = vm_map_again(s, start, end, pgoff << PAGE_SHIFT, info.file);
		if (info.file)
			seals_map_end(info.file);
	}
	if (info.file)
		file_put(info.file);
	if (!r && !(flags & MAP_NONBLOCK))
		vm_populate(s, start, length, false);
	return r;
}
