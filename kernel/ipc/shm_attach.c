/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments in address spaces: the file that regions map, shmat and shmdt. */
#include "shm_internal.h"

#include <arch/page.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <vfs/anon.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vm/space.h>

#include <linux/fcntl.h>
#include <linux/shm.h>

/* --- the file ----------------------------------------------------------------------------- */

static void touched(struct shm_segment *s, int64_t *time)
{
	*time = ipc_now();
	s->last_pid = ipc_pid();
}

static void segment_mapped(struct file *f)
{
	struct shm_segment *s = f->priv;

	spin_lock(&s->o.lock);
	s->attached++;
	touched(s, &s->attach_time);
	spin_unlock(&s->o.lock);
}

/* One attachment less. The caller has a reference, and no locks if it may be the last. */
static void leave(struct shm_segment *s, bool region)
{
	bool last;

	spin_lock(&s->o.lock);
	if (region)
		touched(s, &s->detach_time);
	last = --s->attached == 0 && s->o.mode & SHM_MODE_REMOVED;
	spin_unlock(&s->o.lock);
	if (last)
		shm_destroy(s);
}

static void segment_unmapped(struct file *f)
{
	leave(f->priv, true);
}

static void segment_release(struct file *f)
{
	struct shm_segment *s = f->priv;

	ipc_object_put(&s->o);
}

static const struct file_ops segment_file_ops = {
	.mapped = segment_mapped,
	.unmapped = segment_unmapped,
	.release = segment_release,
};

int shm_file_create(struct shm_segment *s)
{
	struct inode *inode = anon_inode_create(S_IFREG | (s->o.mode & 0777));
	char name[40];
	int r;

	if (!inode)
		return -ENOMEM;
	__atomic_store_n(&inode->size, s->size, __ATOMIC_RELAXED);
	format(name, sizeof(name), "/SYSV%08x (deleted)", (unsigned)s->o.key);
	r = file_create_anon(inode, name, O_RDWR, &segment_file_ops, s, &s->file);
	if (!r)
		ipc_object_get(&s->o); /* the file's */
	return r;
}

/* --- attaching ---------------------------------------------------------------------------- */

/* Where: 0 with the address in *a, -EINVAL. */
static int decode_address(uint64_t addr, unsigned flags, struct vm_map_args *a)
{
	if (!addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (addr % PAGE_SIZE) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr = ALIGN_DOWN(addr, PAGE_SIZE);
		if (!addr && flags & SHM_REMAP)
			return -EINVAL;
	}
	a->addr = addr;
	a->fixed = true;
	a->noreplace = !(flags & SHM_REMAP);
	return 0;
}

static unsigned permission_for(unsigned flags)
{
	unsigned mode = flags & SHM_RDONLY ? IPC_MAY_READ : IPC_MAY_READ | IPC_MAY_WRITE;

	return flags & SHM_EXEC ? mode | IPC_MAY_EXEC : mode;
}

static void set_protection(unsigned flags, struct vm_map_args *a)
{
	a->flags = VM_SHARED | (flags & SHM_RDONLY ? 0 : VM_MAY_WRITE);
	a->prot = VM_READ | (flags & SHM_RDONLY ? 0 : VM_WRITE) | (flags & SHM_EXEC ? VM_EXEC : 0);
}

/* So that the segment stays while it is being mapped. */
static int enter(struct shm_segment *s, unsigned flags)
{
	int r = 0;

	spin_lock(&s->o.lock);
	if (!ipc_permitted(&s->o, permission_for(flags)))
		r = -EACCES;
	else if (s->o.removed)
		r = -EIDRM;
	else
		s->attached++;
	spin_unlock(&s->o.lock);
	return r;
}

static int map(struct shm_segment *s, struct vm_map_args *a, uint64_t *out)
{
	uint64_t end;
	int r;

	a->length = s->size;
	a->object = s->memory;
	a->file = s->file; /* stays: we are counted as attached */
	if (a->noreplace && add_overflow(a->addr, s->size, &end))
		return -EINVAL;
	r = vm_map(current()->space, a, out);
	return r == -EEXIST ? -EINVAL : r;
}

int shm_attach(int32_t id, uint64_t addr, unsigned flags, uint64_t *out)
{
	struct vm_map_args a = {0};
	struct ipc_object *o;
	int r = id < 0 ? -EINVAL : decode_address(addr, flags, &a);

	if (r)
		return r;
	o = ipc_find(&shm_table, id);
	if (!o)
		return -EINVAL;
	set_protection(flags, &a);
	r = enter(shm_segment(o), flags);
	if (!r) {
		r = map(shm_segment(o), &a, out);
		leave(shm_segment(o), false);
	}
	ipc_object_put(o);
	return r;
}

static bool is_segment(void *file)
{
	struct file *f = file;

	return f->ops == &segment_file_ops;
}

int shm_detach(uint64_t addr)
{
	if (addr % PAGE_SIZE)
		return -EINVAL;
	return vm_unmap_whole(current()->space, addr, is_segment);
}
