/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared memory of System V: segments.
 *
 * A segment is memory (a vm_object) and one file, which exists so that regions have something to
 * hold: each region that maps the segment has a reference to the file, and tells it when it comes
 * into being and goes (file_ops mapped, unmapped: shm_attach.c). So attachments are counted right
 * through fork, exit, mremap and munmap of parts without anything here knowing of them. As on
 * Linux the count is of regions: a part unmapped in the middle makes two of one.
 *
 *	there		shm_get
 *	going		shm_remove while somebody is attached: its key is gone, its id is not;
 *			who knows the id may still attach
 *	destroyed	shm_remove, or later when the last region goes: out of the table; the
 *			file is let go of
 *	freed		with the last reference of the table's kind (ids.c)
 *
 * Locks: IPC_TABLE and the segment's IPC_OBJECT, as ids.c says. mapped and unmapped run under the
 * locks of an address space and take IPC_OBJECT only; the last unmapped runs without, and destroys.
 *
 * Rejected: one file for each attachment. What shmdt takes away is found by address and offset.
 */
#include "shm_internal.h"

#include "limits.h"

#include <arch/page.h>
#include <base/cred.h>
#include <lib/errno.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vm/object.h>

#include <linux/capability.h>
#include <linux/ipc.h>
#include <linux/resource.h>
#include <linux/shm.h>

#define ULONG_MAX UINT64_MAX /* linux/shm.h wants it */

typedef unsigned long long ull;

struct ipc_table shm_table;

static uint64_t size_max = SHMMAX;  /* [a] of one segment */
static uint64_t pages_max = SHMALL; /* [a] of all */
static uint64_t pages_total;	    /* [shm_table.lock to add] [a] */
static uint64_t pages_resident;	    /* [a] */
static uint64_t resident_max;	    /* [I] */

/* --- memory ------------------------------------------------------------------------------- */

/*
 * A segment stays when everybody who used it has ended, so nobody's end gives its memory back:
 * some of the machine is left for others.
 */
static int memory_charge(struct vm_object *o, int64_t pages)
{
	uint64_t now = __atomic_add_fetch(&pages_resident, (uint64_t)pages, __ATOMIC_RELAXED);

	if (pages <= 0 || now <= resident_max)
		return 0;
	__atomic_sub_fetch(&pages_resident, (uint64_t)pages, __ATOMIC_RELAXED);
	return -ENOSPC;
}

static const struct vm_object_ops memory_ops = {.charge = memory_charge};

static struct vm_object *memory_create(uint64_t size)
{
	struct vm_object *o = kmalloc(sizeof(*o));

	if (o)
		vm_object_init(o, &memory_ops, NULL, size);
	return o;
}

static uint64_t pages_of(uint64_t size)
{
	return size / PAGE_SIZE + (size % PAGE_SIZE != 0);
}

/* --- making and freeing ------------------------------------------------------------------- */

static int check_size(const struct ipc_request *q)
{
	uint64_t pages = pages_of(q->size), sum;
	struct frame_stats frames;

	if (q->size < 1 || q->size > ipc_limit_read(&size_max))
		return -EINVAL;
	if (pages << PAGE_SHIFT < q->size || add_overflow(pages_total, pages, &sum) ||
	    sum > ipc_limit_read(&pages_max))
		return -ENOSPC;
	if (q->size > INT64_MAX)
		return -EINVAL; /* no file of Linux's is as large */
	/* As mmap refuses what could not fit even if nothing else were there. */
	frame_stats(&frames);
	return pages > frames.total && !(q->flags & SHM_NORESERVE) ? -ENOMEM : 0;
}

static void segment_free(struct ipc_object *o)
{
	struct shm_segment *s = shm_segment(o);

	__atomic_sub_fetch(&pages_total, pages_of(s->size), __ATOMIC_RELAXED);
	vm_object_put(s->memory);
	kfree_deferred(s, o.epoch);
}

/* Called under the table's lock. */
static int segment_create(const struct ipc_request *q, struct ipc_object **out)
{
	struct shm_segment *s;
	int r = check_size(q);

	if (r)
		return r;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->size = q->size;
	s->memory = memory_create(q->size);
	if (!s->memory) {
		kfree(s);
		return -ENOMEM;
	}
	ipc_object_init(&s->o, &shm_table, q->flags);
	s->creator_pid = ipc_pid();
	s->change_time = ipc_now();
	__atomic_add_fetch(&pages_total, pages_of(s->size), __ATOMIC_RELAXED);
	*out = &s->o;
	return 0;
}

static bool segment_fits(struct ipc_object *o, const struct ipc_request *q)
{
	return q->size <= shm_segment(o)->size;
}

/* As on a Linux that has no huge pages reserved. Sizes are 2 MiB (also by default) and 1 GiB. */
static int refuse_huge(unsigned flags)
{
	unsigned log = flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK;

	if (log && log != 21 && log != 30)
		return -EINVAL;
	return cred_capable(vfs_cred(), CAP_IPC_LOCK) ? -ENOMEM : -EPERM;
}

int shm_get(const struct ipc_request *q)
{
	return ipc_get(&shm_table, q);
}

void shm_destroy(struct shm_segment *s)
{
	struct file *f = NULL;

	mutex_lock(&shm_table.lock);
	spin_lock(&s->o.lock);
	if (!s->o.removed && !s->attached && s->o.mode & SHM_MODE_REMOVED) {
		f = s->file;
		s->file = NULL;
		ipc_unlink_locked(&s->o);
	}
	spin_unlock(&s->o.lock);
	mutex_unlock(&shm_table.lock);
	file_put(f);
}

int shm_remove(int32_t id)
{
	struct ipc_object *o;
	struct shm_segment *s;
	int r = ipc_control_begin(&shm_table, id, &o);

	if (r)
		return r;
	s = shm_segment(o);
	ipc_hide_key_locked(o);
	o->mode |= SHM_MODE_REMOVED;
	ipc_object_get(o);
	ipc_control_end(o);
	shm_destroy(s);
	ipc_object_put(o);
	return 0;
}

/* --- control ------------------------------------------------------------------------------ */

int shm_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode)
{
	struct ipc_object *o;
	int r = ipc_control_begin(&shm_table, id, &o);

	if (r)
		return r;
	r = ipc_perm_set(o, uid, gid, mode);
	if (!r)
		shm_segment(o)->change_time = ipc_now();
	ipc_control_end(o);
	return r;
}

static void status_get(struct shm_segment *s, struct shm_status *out)
{
	*out = (struct shm_status){.size = s->size,
				   .attach_time = s->attach_time,
				   .detach_time = s->detach_time,
				   .change_time = s->change_time,
				   .creator_pid = s->creator_pid,
				   .last_pid = s->last_pid,
				   .attached = s->attached};
	ipc_perm_get(&s->o, &out->perm);
}

int shm_stat(int32_t id, bool by_index, bool any, struct shm_status *out)
{
	struct ipc_object *o;
	int r = ipc_look_begin(&shm_table, id, by_index, any, &o);

	if (r < 0)
		return r;
	status_get(shm_segment(o), out);
	ipc_look_end(o);
	return r;
}

/* Nothing is ever paged out, so a segment that is locked only says so. */
static int set_locked(struct shm_segment *s, bool on)
{
	uint64_t limit = process_limit(process_current(), RLIMIT_MEMLOCK);

	if (!cred_capable(vfs_cred(), CAP_IPC_LOCK)) {
		if (!ipc_owned(&s->o))
			return -EPERM;
		if (on && !limit)
			return -EPERM;
		if (on && pages_of(s->size) > limit >> PAGE_SHIFT)
			return -ENOMEM;
	}
	if (on)
		s->o.mode |= SHM_MODE_LOCKED;
	else
		s->o.mode &= ~(uint32_t)SHM_MODE_LOCKED;
	return 0;
}

int shm_lock(int32_t id, bool on)
{
	struct ipc_object *o = ipc_find(&shm_table, id);
	int r;

	if (!o)
		return -EINVAL;
	spin_lock(&o->lock);
	r = o->removed ? -EIDRM : set_locked(shm_segment(o), on);
	spin_unlock(&o->lock);
	ipc_object_put(o);
	return r;
}

void shm_get_limits(struct shm_limits *out)
{
	*out = (struct shm_limits){.segment_max = ipc_limit_read(&size_max),
				   .pages_max = ipc_limit_read(&pages_max),
				   .count_max = ipc_limit_read(&shm_table.limit)};
}

void shm_get_totals(struct shm_totals *out)
{
	*out = (struct shm_totals){.count = __atomic_load_n(&shm_table.count, __ATOMIC_RELAXED),
				   .pages = ipc_limit_read(&pages_total),
				   .resident = ipc_limit_read(&pages_resident)};
}

int shm_max_index(void)
{
	return max(__atomic_load_n(&shm_table.max_index, __ATOMIC_RELAXED), 0);
}

/* --- /proc -------------------------------------------------------------------------------- */

static void show_line(struct ipc_object *o, struct text *out)
{
	struct shm_segment *s = shm_segment(o);
	struct shm_status st;

	spin_lock(&o->lock);
	status_get(s, &st);
	spin_unlock(&o->lock);
	text_printf(out,
		    "%10d %10d  %4o %21llu %5d %5d  %5llu %5u %5u %5u %5u %10llu %10llu %10llu "
		    "%21llu %21llu\n",
		    st.perm.key, o->id, st.perm.mode, (ull)st.size, st.creator_pid, st.last_pid,
		    (ull)st.attached, st.perm.uid, st.perm.gid, st.perm.cuid, st.perm.cgid,
		    (ull)st.attach_time, (ull)st.detach_time, (ull)st.change_time,
		    (ull)(READ_ONCE(s->memory->pages) * PAGE_SIZE), 0ULL);
}

static void show_all(struct stats_node *n, struct text *out)
{
	text_printf(out, "       key      shmid perms                  size  cpid  lpid nattch   "
			 "uid   gid  cuid  cgid      atime      dtime      ctime                   "
			 "rss                  swap\n");
	ipc_show(&shm_table, show_line, out);
}

static struct stats_node list_node = {.path = "sysvipc/shm", .show = show_all};
static struct ipc_limit limits[] = {
	IPC_LIMIT("sys/kernel/shmmax", 0, UINT64_MAX, &size_max),
	IPC_LIMIT("sys/kernel/shmall", 0, UINT64_MAX, &pages_max),
	IPC_LIMIT("sys/kernel/shmmni", 0, IPC_INDEX_MAX, &shm_table.limit),
};

/* A segment with its file, as ipc_get() wants it. */
static int segment_create_whole(const struct ipc_request *q, struct ipc_object **out)
{
	struct ipc_object *o;
	int r;

	if (q->flags & SHM_HUGETLB)
		return refuse_huge(q->flags);
	r = segment_create(q, &o);
	if (r)
		return r;
	o->key = q->key; /* the file is named after it */
	r = shm_file_create(shm_segment(o));
	if (r) {
		ipc_object_put(o);
		return r;
	}
	*out = o;
	return 0;
}

/* The file and the segment hold each other. */
static void segment_discard(struct ipc_object *o)
{
	struct file *f = shm_segment(o)->file;

	shm_segment(o)->file = NULL;
	file_put(f);
	ipc_object_put(o);
}

void shm_init(void)
{
	struct frame_stats frames;

	frame_stats(&frames);
	resident_max = frames.total / 2;
	ipc_table_init(&shm_table);
	shm_table.create = segment_create_whole;
	shm_table.discard = segment_discard;
	shm_table.fits = segment_fits;
	shm_table.free = segment_free;
	shm_table.limit = SHMMNI;
	stats_add(&list_node);
	ipc_limits_add(limits, ARRAY_SIZE(limits));
}
