/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page faults: from a region and an access to an entry in the page table.
 *
 * Holds space->lock for reading throughout, so regions stand still; the decision about one page is
 * made under its leaf table's lock. What may sleep (finding and filling an object's page,
 * allocating) comes before that lock, and the entry is looked at again under it: another thread may
 * have been faster, and then its entry stands.
 *
 * Truncation against faults: an object's `sequence` is odd while pages are being removed. The fault
 * reads it before it looks for the page and again once its entry is in place (under the table's
 * lock, which the removal takes later for every entry it looks at). If it has changed, the entry
 * may be of a page that is gone: the fault starts again.
 *
 * An object that wants to know of writes (ops->dirty) is told before an entry becomes writable, and
 * `sequence` is looked at around that in the same way: it is odd while the object declares pages
 * clean and takes the right to write away.
 *
 * A read fault of a file maps the pages that follow, too, as many as are mapped in a row before it,
 * up to AROUND: the program reads on, and a fault costs more than all these entries. The window
 * grows with the run, or programs that end soon pay for pages they never look at (a fixed window of
 * 16 made vfork with exec 11 % longer). Only what is in memory already and belongs to the region is
 * mapped, within one leaf table. The pages are found before the table's lock, as the object's comes
 * first, and stand under the same check of `sequence`.
 */
#include "fault.h"

#include "internal.h"

#include <arch/cpu.h>
#include <base/ktest.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>

#include <asm-generic/siginfo.h>
#include <asm/signal.h>

#define AROUND 16 /* pages that one fault maps at most */

struct fault {
	struct vm_space *space;
	struct vm_region *region;
	uint64_t addr; /* page-aligned */
	bool write;
	bool force;
	unsigned run; /* pages mapped in a row before it, up to AROUND */
	struct vm_fault_result *result;
};

static bool no_rights(const struct fault *f)
{
	return !(f->region->prot & (VM_READ | VM_WRITE | VM_EXEC));
}

static pte_t leaf(const struct fault *f, paddr_t pa, bool writable, bool counted)
{
	pte_t e = pa | PTE_PRESENT | PTE_USER | PTE_ACCESSED;

	if (writable)
		e |= PTE_WRITE | PTE_DIRTY;
	if (!(f->region->prot & VM_EXEC))
		e |= PTE_NX;
	/* A forced access brings the frame, but not the program to it. */
	if (no_rights(f))
		e &= ~PTE_PRESENT;
	return counted ? e | PTE_COUNTED : e;
}

static bool region_writable(const struct fault *f)
{
	return f->region->prot & VM_WRITE;
}

static bool shared(const struct fault *f)
{
	return f->region->flags & VM_SHARED;
}

static struct page *new_private(const struct page *copy_of)
{
	struct page *page = frame_alloc(0, FRAME_USER | (copy_of ? 0 : FRAME_ZERO));

	if (!page)
		return NULL;
	page->kind = PAGE_ANON;
	if (copy_of)
		page_copy(page_address(page), page_address(copy_of));
	return page;
}

/*
 * Put e into the slot if it still holds `was`; a frame of the old entry is given back after a
 * flush. 0, -EAGAIN when somebody else was there, -ENOMEM when there is no memory for a table.
 *
 * No processor may write to a new frame while another can still read the old one: a third, that has
 * seen a flag raised after the write, would read what was there before. So the new frame starts
 * read-only, and with a reference that keeps fault_write() from taking it over, until the flush is
 * done; the fault then finds it again as one that only this entry holds.
 */
static int install(struct fault *f, pte_t was, pte_t e)
{
	bool replaces = was && pte_paddr(was) != pte_paddr(e);
	struct page *table, *page = page_of(pte_paddr(e));
	pte_t *slot = pt_lock(f->space, f->addr, true, &table);
	struct gather g;
	bool ok, shoot = false;
	pte_t old;

	if (!slot)
		return -ENOMEM;
	gather_begin(&g, f->space);
	/* Accessed and dirty bits may have been set meanwhile; they do not matter. */
	ok = !((*slot ^ was) & ~(PTE_ACCESSED | PTE_DIRTY));
	if (ok) {
		old = pt_set(f->space, table, slot, replaces ? e & ~(PTE_WRITE | PTE_DIRTY) : e);
		/*
		 * More rights to the same frame: the entry's reference stays, and a stale
		 * translation costs no more than another fault.
		 */
		if (old && (replaces || !(e & PTE_COUNTED)))
			gather_entry(&g, f->addr, old);
		/* The exchange comes before the look at who has the space loaded. */
		shoot = replaces && old & PTE_ACCESSED && space_loaded_elsewhere(f->space);
		if (shoot)
			page_get(page);
		else if (replaces)
			__atomic_store_n(slot, e, __ATOMIC_RELEASE);
	}
	pt_unlock(table);
	if (shoot)
		ktest_window();
	gather_end(&g);
	if (shoot)
		page_put(page);
	return ok ? 0 : -EAGAIN;
}

/* Being too late is no error: the fault looks again. */
static int install_or_again(struct fault *f, pte_t was, pte_t e)
{
	int r = install(f, was, e);

	return r == -EAGAIN ? 0 : r;
}

/* The same for a fresh private frame, which goes when it is not needed. */
static int install_private(struct fault *f, pte_t was, struct page *page)
{
	int r = install(f, was, leaf(f, page_paddr(page), region_writable(f), true));

	if (r)
		page_put(page);
	return r == -EAGAIN ? 0 : r;
}

/* Nothing mapped, private memory. */
static int fault_private(struct fault *f)
{
	struct page *page;

	if (!f->write)
		return install_or_again(f, 0, leaf(f, page_paddr(zero_page), false, false));
	page = new_private(NULL);
	return page ? install_private(f, 0, page) : -ENOMEM;
}

/* Pages of the object from f->addr on, which a read fault maps together. */
struct around {
	unsigned count;		    /* of pages; 0: a write, it maps its own alone */
	struct page *pages[AROUND]; /* counted, or NULL: not in memory */
};

static void around_find(struct around *a, const struct fault *f)
{
	const struct vm_region *r = f->region;
	uint64_t leaf_left = PT_ENTRIES - (f->addr >> PAGE_SHIFT) % PT_ENTRIES;
	uint64_t left = min((r->end - f->addr) >> PAGE_SHIFT, leaf_left);
	uint64_t offset = r->offset + (f->addr - r->start);
	uint64_t size = ALIGN_UP(__atomic_load_n(&r->object->size, __ATOMIC_ACQUIRE), PAGE_SIZE);

	/* An object may hold pages beyond its end (fallocate): to touch them is an error. */
	left = min(left, offset < size ? (size - offset) >> PAGE_SHIFT : 0);
	a->count = f->write || no_rights(f) ? 0 : (unsigned)min(left, (uint64_t)f->run + 1);
	if (a->count)
		vm_object_find_some(r->object, offset >> PAGE_SHIFT, a->count, a->pages);
}

/* The page that the fault is about, or NULL: it is not in memory, or a write. */
static struct page *around_take(struct around *a)
{
	struct page *page = a->count ? a->pages[0] : NULL;

	if (page)
		a->pages[0] = NULL;
	return page;
}

/* Map those behind `slot`, that of f->addr, whose slots are empty. The table is locked. */
static void around_map(struct around *a, struct fault *f, struct page *table, pte_t *slot,
		       bool writable)
{
	int mapped = 0;

	for (unsigned i = 1; i < a->count; i++) {
		if (!a->pages[i] || slot[i])
			continue;
		/* Nobody writes an empty slot without the lock, so a store will do. */
		__atomic_store_n(&slot[i], leaf(f, page_paddr(a->pages[i]), writable, true),
				 __ATOMIC_RELEASE);
		a->pages[i] = NULL; /* the entry has the reference */
		mapped++;
	}
	if (!mapped)
		return;
	table->pt_entries += (unsigned)mapped;
	__atomic_fetch_add(&f->space->resident, mapped, __ATOMIC_RELAXED);
	__atomic_fetch_add(&f->space->resident_file, mapped, __ATOMIC_RELAXED);
}

static void around_put(struct around *a)
{
	for (unsigned i = 0; i < a->count; i++)
		if (a->pages[i])
			page_put(a->pages[i]);
}

/* Nothing mapped, an object behind it. */
static int fault_object(struct fault *f)
{
	struct vm_object *o = f->region->object;
	uint64_t offset = f->region->offset + (f->addr - f->region->start);
	struct page *page, *copy, *table;
	struct around around;
	uint32_t sequence;
	bool writable;
	pte_t *slot;
	int r;

	sequence = __atomic_load_n(&o->sequence, __ATOMIC_ACQUIRE);
	if (offset >= ALIGN_UP(__atomic_load_n(&o->size, __ATOMIC_ACQUIRE), PAGE_SIZE)) {
		f->result->sig = SIGBUS;
		f->result->code = BUS_ADRERR;
		return -EFAULT;
	}
	around_find(&around, f);
	page = around_take(&around);
	r = page ? 0 : vm_object_page(o, offset >> PAGE_SHIFT, &page);
	if (r) {
		around_put(&around);
		return r;
	}
	writable = shared(f) && region_writable(f) && (f->write || !o->ops->dirty);
	if (f->write && shared(f) && o->ops->dirty)
		o->ops->dirty(o, page);
	if (f->write && !shared(f)) {
		copy = new_private(page);
		page_put(page);
		if (!copy)
			return -ENOMEM;
		page = copy;
		writable = region_writable(f);
	}
	slot = pt_lock(f->space, f->addr, true, &table);
	if (!slot) {
		page_put(page);
		around_put(&around);
		return -ENOMEM;
	}
	if (*slot || sequence & 1 || __atomic_load_n(&o->sequence, __ATOMIC_SEQ_CST) != sequence) {
		/* Somebody was faster, or pages are being removed: look again. */
		pt_unlock(table);
		page_put(page);
		around_put(&around);
		if (sequence & 1)
			vm_object_wait_removal(o);
		return 0;
	}
	pt_set(f->space, table, slot, leaf(f, page_paddr(page), writable, true));
	around_map(&around, f, table, slot, writable);
	pt_unlock(table);
	around_put(&around);
	return 0;
}

/* Another reference to the frame of entry e, if that is still there. */
static bool hold_entry(struct fault *f, pte_t e)
{
	struct page *table;
	pte_t *slot = pt_lock(f->space, f->addr, false, &table);
	bool same = slot && pte_paddr(*slot) == pte_paddr(e) && *slot & PTE_COUNTED;

	if (same)
		page_get(page_of(pte_paddr(e)));
	if (slot)
		pt_unlock(table);
	return same;
}

/* The right to write to a shared page whose object wants to know of it. */
static int fault_write_told(struct fault *f, pte_t e)
{
	struct vm_object *o = f->region->object;
	uint32_t sequence = __atomic_load_n(&o->sequence, __ATOMIC_ACQUIRE);
	struct page *table, *page = page_of(pte_paddr(e));
	pte_t *slot;

	if (sequence & 1) {
		vm_object_wait_removal(o);
		return 0;
	}
	if (!hold_entry(f, e))
		return 0;
	o->ops->dirty(o, page);
	slot = pt_lock(f->space, f->addr, false, &table);
	if (slot && pte_paddr(*slot) == pte_paddr(e) && *slot & PTE_COUNTED &&
	    __atomic_load_n(&o->sequence, __ATOMIC_SEQ_CST) == sequence)
		pt_set(f->space, table, slot, *slot | PTE_WRITE | PTE_DIRTY);
	if (slot)
		pt_unlock(table);
	page_put(page);
	paging_flush_page(f->addr); /* a stale read-only translation only costs another fault */
	return 0;
}

/* Present, but not writable: take the frame over, or copy it. */
static int fault_write(struct fault *f, pte_t e)
{
	struct page *old = page_of(pte_paddr(e)), *page;
	bool counted = e & PTE_COUNTED;

	if (shared(f) && counted && f->region->object && f->region->object->ops->dirty)
		return fault_write_told(f, e);
	if (shared(f))
		return install_or_again(f, e, e | PTE_WRITE | PTE_DIRTY);
	if (counted && old->kind == PAGE_ANON &&
	    __atomic_load_n(&old->refs, __ATOMIC_ACQUIRE) == 1) {
		struct page *table;
		pte_t *slot = pt_lock(f->space, f->addr, false, &table);

		/*
		 * Only this entry holds the frame, and it cannot be shared while its table is
		 * locked. A forced write to a region without the right changes nothing here:
		 * storing the entry again could take back an accessed bit that a processor has
		 * just set, and with it the flush of an unmapping.
		 */
		if (slot && region_writable(f) && pte_paddr(*slot) == pte_paddr(e) &&
		    old->kind == PAGE_ANON && __atomic_load_n(&old->refs, __ATOMIC_ACQUIRE) == 1)
			pt_set(f->space, table, slot, *slot | PTE_WRITE | PTE_DIRTY | PTE_ACCESSED);
		if (slot)
			pt_unlock(table);
		/* A stale read-only translation only costs a second fault. */
		paging_flush_page(f->addr);
		return 0;
	}
	/* The old frame stays ours while the entry holds it; a reference guards against its
	 * removal. */
	page = counted ? NULL : new_private(NULL);
	if (counted) {
		if (!hold_entry(f, e))
			return 0;
		page = new_private(old);
		page_put(old);
	}
	return page ? install_private(f, e, page) : -ENOMEM;
}

/* How many entries in a row there are before the slot of f->addr, in its table; up to AROUND. */
static unsigned run_before(const struct fault *f, const pte_t *slot)
{
	unsigned room = min((unsigned)(f->addr >> PAGE_SHIFT) % PT_ENTRIES, AROUND - 1U);
	unsigned n = 0;

	while (n < room && slot[-1 - (int)n])
		n++;
	return n;
}

static int handle(struct fault *f)
{
	struct page *table;
	pte_t *slot = pt_lock(f->space, f->addr, false, &table), e = 0;

	if (slot) {
		e = *slot;
		if (!e && f->region->object)
			f->run = run_before(f, slot);
		pt_unlock(table);
	}
	if (e && !(e & PTE_PRESENT) && !no_rights(f)) {
		/* mprotect(PROT_NONE) kept the frame; rights are back, a write still copies. */
		pte_t again = (e | PTE_PRESENT | PTE_ACCESSED) & ~(PTE_WRITE | PTE_NX);

		return install_or_again(f, e, f->region->prot & VM_EXEC ? again : again | PTE_NX);
	}
	if (!e)
		return f->region->object ? fault_object(f) : fault_private(f);
	if (f->write && !(e & PTE_WRITE))
		return fault_write(f, e);
	paging_flush_page(f->addr); /* the entry is right: the translation was old */
	return 0;
}

/* The entry lets the access through. */
static bool satisfied(struct fault *f)
{
	struct page *table;
	pte_t *slot = pt_lock(f->space, f->addr, false, &table), e;

	if (!slot)
		return false;
	e = *slot;
	pt_unlock(table);
	if (!e || !(e & PTE_PRESENT || no_rights(f)))
		return false;
	/* A forced write goes to a private copy that stays read-only for the program. */
	if (f->write && f->force && !region_writable(f))
		return e & PTE_COUNTED && page_of(pte_paddr(e))->kind == PAGE_ANON &&
		       page_of(pte_paddr(e))->refs == 1;
	return !f->write || e & PTE_WRITE;
}

static bool allowed(const struct vm_region *r, unsigned access, unsigned flags)
{
	if (access == VM_ACCESS_WRITE)
		return r->prot & VM_WRITE || (flags & VM_FAULT_FORCE && !(r->flags & VM_SHARED));
	if (access == VM_ACCESS_EXEC)
		return r->prot & VM_EXEC;
	return r->prot & (VM_READ | VM_WRITE | VM_EXEC) || flags & VM_FAULT_FORCE;
}

bool (*vm_out_of_memory_hook)(void);
bool (*vm_reclaim_hook)(void);

static int fault_once(struct vm_space *s, uint64_t addr, unsigned access, unsigned flags,
		      struct vm_fault_result *result)
{
	struct fault f = {.space = s,
			  .addr = ALIGN_DOWN(addr, PAGE_SIZE),
			  .write = access == VM_ACCESS_WRITE,
			  .force = flags & VM_FAULT_FORCE,
			  .result = result};
	int r = 0;

	*result = (struct vm_fault_result){SIGSEGV, SEGV_MAPERR};
	rwlock_read_lock(&s->lock);
	f.region = region_find(s, addr);
	if (f.region && f.region->start > addr && f.region->flags & VM_GROWSDOWN) {
		rwlock_read_unlock(&s->lock);
		rwlock_write_lock(&s->lock);
		place_grow_stack(s, addr);
		rwlock_downgrade(&s->lock);
		f.region = region_find(s, addr);
	}
	if (!f.region || f.region->start > addr || READ_ONCE(s->dying)) {
		r = -EFAULT;
	} else if (!allowed(f.region, access, flags)) {
		result->code = SEGV_ACCERR;
		r = -EFAULT;
	} else {
		__atomic_fetch_add(&s->minor_faults, 1, __ATOMIC_RELAXED);
		do
			r = handle(&f);
		while (!r && !satisfied(&f) && access != VM_ACCESS_EXEC);
	}
	rwlock_read_unlock(&s->lock);
	return r;
}

int vm_fault(struct vm_space *s, uint64_t addr, unsigned access, unsigned flags,
	     struct vm_fault_result *result)
{
	int r;

	do
		r = fault_once(s, addr, access, flags, result);
	while (r == -ENOMEM && ((vm_reclaim_hook && vm_reclaim_hook()) ||
				(vm_out_of_memory_hook && vm_out_of_memory_hook())));
	if (r == -ENOMEM || r == -EIO || r == -ENOSPC || r == -ENODEV) {
		result->sig = SIGBUS;
		result->code = BUS_ADRERR;
	}
	return r;
}
