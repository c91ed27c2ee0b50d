/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces of programs and their regions. space.c says how it fits together.
 */
#ifndef VM_SPACE_H
#define VM_SPACE_H

#include <arch/paging.h>
#include <base/types.h>
#include <lib/bitmap.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <sched/mutex.h>
#include <sched/work.h>
#include <vm/object.h>

#define VM_READ	 1
#define VM_WRITE 2
#define VM_EXEC	 4
/* For vm_protect: VM_EXEC for those regions that may have it. */
#define VM_EXEC_IF_MAY 8

/* Flags of a region. */
#define VM_SHARED	1    /* writes go to the object; else copy on write */
#define VM_STACK	2    /* a program's first stack (for /proc/PID/maps) */
#define VM_HEAP		4    /* grown by brk */
#define VM_MAY_WRITE	8    /* mprotect may add VM_WRITE */
#define VM_CLOCK_PAGE	16   /* what the vDSO reads (for /proc/PID/maps) */
#define VM_VDSO		32   /* the vDSO itself (likewise) */
#define VM_GROWSDOWN	64   /* a touch below it makes it larger: place.c */
#define VM_LOCKED	128  /* counted against the limit of locked memory */
#define VM_DONTFORK	256  /* a child does not get it */
#define VM_WIPEONFORK	512  /* a child gets it empty */
#define VM_NORESERVE	1024 /* may be larger than all memory */
#define VM_MAY_NOT_EXEC 2048 /* mprotect may not add VM_EXEC */
#define VM_NO_GROWTH	4096 /* whoever made it was asked for this part of the object only */

struct vm_region {
	struct rb_node node;	  /* [space->lock] by start */
	uint64_t start, end;	  /* [space->lock] page-aligned */
	uint8_t prot;		  /* [space->lock] VM_READ... */
	uint16_t flags;		  /* [space->lock] */
	uint16_t policy;	  /* [space->lock] of memory, as linux/ numbers them; 0: none */
	struct vm_space *space;	  /* [I] */
	struct vm_object *object; /* [I] with a reference; NULL: private memory */
	uint64_t offset;	  /* [space->lock] byte offset of start in the object */
	struct list object_link;  /* [object->fill_lock] in object->regions */
	void *file;		  /* [I] what vfs mapped (vm_file_ops), with a reference; or NULL */
};

/* Regions of one space, as Linux's vm.max_map_count: they are kernel memory. */
#define VM_REGIONS_MAX 65530

struct vm_space {
	uint32_t refs;		/* [a] */
	uint64_t id;		/* [I] not 0, and no other space's ever */
	struct rwlock lock;	/* VM_SPACE: the tree and its regions; faults read, changes write */
	struct rb_root regions; /* [lock] */
	paddr_t root;		/* [I] top page table */
	DECLARE_BITMAP(cpus, MAX_CPUS); /* [a] processors that have it loaded, lazily too */
	uint64_t mmap_base;	 /* [I after exec] new regions are placed below it, downwards */
	uint64_t brk_start, brk; /* [lock] */
	uint32_t region_count;	 /* [lock] at most VM_REGIONS_MAX */
	uint64_t total_pages;	 /* [lock] sum over regions */
	int64_t resident;	 /* [a] frames mapped and counted */
	int64_t resident_file;	 /* [a] those of objects among them */
	uint64_t locked_pages;	 /* [lock] of regions with VM_LOCKED */
	bool lock_future;	 /* [lock] new regions are locked (mlockall) */
	uint64_t place_hint, place_size; /* [lock] place.c */
	uint64_t limit_pages;		 /* [a] RLIMIT_AS, or UINT64_MAX */
	uint64_t limit_stack;		 /* [a] RLIMIT_STACK in bytes, likewise */
	uint64_t limit_locked;		 /* [a] RLIMIT_MEMLOCK in pages, likewise */
	uint64_t minor_faults;		 /* [a] */
	uint32_t membarriers;		 /* [a] what the program has said it will use */
	bool dying;			 /* [a] ended for its memory: no fault succeeds any more */
	struct work later;		 /* vm_space_put_later */
	/* For /proc and exec; written by exec before the space is shared. */
	uint64_t arg_start, arg_end, env_start, env_end, stack_top;
	uint64_t code_start, code_end;
	uint64_t auxv[48];
	unsigned auxv_words;
};

/*
 * What vfs does for regions that map files; set once at boot. Context: process, under locks of vm/
 * unless it is the last reference.
 */
struct vm_file_ops {
	void (*get)(void *file);
	void (*put)(void *file);
	/* The same for the reference of a region, which the file may want to know about. */
	void (*map)(void *file);
	void (*unmap)(void *file);
};
extern const struct vm_file_ops *vm_file_ops;

struct vm_space *vm_space_create(void); /* empty; NULL: out of memory */
struct vm_space *vm_space_get(struct vm_space *s);
void vm_space_put(struct vm_space *s); /* NULL is allowed; context: process, no locks */
/* The same from any context: if it was the last reference, a kernel thread does the rest. */
void vm_space_put_later(struct vm_space *s);
/*
 * Free the private memory of a space whose threads are to end, at once and as far as its lock can
 * be had (false: not at all); dying is set. Context: process, any locks.
 */
bool vm_space_reap(struct vm_space *s);
/*
 * Set once by block/: a fault got no memory. Give up what can be had again: true if there was some,
 * to try again. Asked before the next. Context: as there.
 */
extern bool (*vm_reclaim_hook)(void);
/*
 * Set once by proc/: a fault got no memory. True: try again, there may be some now. Context:
 * process, with any sleeping locks except those of vm/.
 */
extern bool (*vm_out_of_memory_hook)(void);
/* A copy for fork: private memory is copied on write. 0 or -ENOMEM (then nothing remains). */
int vm_space_clone(struct vm_space *from, struct vm_space **out);
/* Load s (or, with NULL, the kernel's tables) for the current thread. */
void vm_space_switch(struct vm_space *s);

struct vm_map_args {
	uint64_t addr; /* hint, or exact with fixed */
	uint64_t length;
	unsigned prot;		  /* VM_READ... */
	unsigned flags;		  /* VM_SHARED... */
	bool fixed;		  /* exactly at addr, replacing what is there */
	bool noreplace;		  /* with fixed: -EEXIST if something is there */
	struct vm_object *object; /* a reference is taken; NULL: private or (shared) fresh memory */
	uint64_t offset;
	void *file; /* likewise */
};

/* Map; the address in *out. 0, -EINVAL, -ENOMEM, -EEXIST. Context: process. */
int vm_map(struct vm_space *s, const struct vm_map_args *a, uint64_t *out);
/* Unmap all that lies in the range; holes are fine. 0, -EINVAL, -ENOMEM (no memory to split). */
int vm_unmap(struct vm_space *s, uint64_t addr, uint64_t length);
/*
 * 0, -EINVAL, -ENOMEM (holes; what comes before them is changed), -EACCES. grows_down: from the
 * start of the stack-like region at addr on.
 */
int vm_protect(struct vm_space *s, uint64_t addr, uint64_t length, unsigned prot, bool grows_down);
/*
 * Move or resize a mapping (mremap). flags: VM_REMAP_*. The address in *out. 0, -EINVAL, -EFAULT
 * (not one region), -ENOMEM, -EAGAIN (too much locked memory).
 */
#define VM_REMAP_MAY_MOVE 1
#define VM_REMAP_FIXED	  2 /* to new_addr, replacing what is there */
#define VM_REMAP_KEEP	  4 /* the old range stays mapped, empty */
int vm_remap(struct vm_space *s, uint64_t addr, uint64_t old_length, uint64_t new_length,
	     unsigned flags, uint64_t new_addr, uint64_t *out);
/*
 * Forget contents: private memory reads as zero or as the file again. 0, -EINVAL (locked memory,
 * unless locked_too), -ENOMEM.
 */
int vm_discard(struct vm_space *s, uint64_t addr, uint64_t length, bool locked_too);
/* The new break, or the old one if it cannot be. */
uint64_t vm_brk(struct vm_space *s, uint64_t brk);
/* Set and clear flags of whole regions: VM_DONTFORK, VM_WIPEONFORK. 0, -EINVAL, -ENOMEM. */
int vm_change_flags(struct vm_space *s, uint64_t addr, uint64_t length, unsigned set,
		    unsigned clear);
/* Fault everything in. 0, -ENOMEM (holes, memory), -EFAULT (rights, beyond a file). */
int vm_populate(struct vm_space *s, uint64_t addr, uint64_t length, bool write);
/*
 * Count memory as locked, or no longer; nothing is ever paged out, so that is all. 0, -ENOMEM
 * (holes, the limit unless the caller has CAP_IPC_LOCK), -EINVAL.
 */
int vm_lock(struct vm_space *s, uint64_t addr, uint64_t length, bool lock);
/* All that there is, and with `future` what will come. 0 or -ENOMEM. */
int vm_lock_all(struct vm_space *s, bool now, bool future);
void vm_unlock_all(struct vm_space *s);
/* For each page from addr on, 1 if it is in memory. 0, -ENOMEM: a hole. */
int vm_resident(struct vm_space *s, uint64_t addr, size_t pages, uint8_t *out);
/*
 * Where memory of the range is to come from: only kept, since all of it comes from one place. Holes
 * are -EFAULT, unless allowed; so is a range that is nothing else.
 */
int vm_set_policy(struct vm_space *s, uint64_t addr, uint64_t length, unsigned policy, bool holes);
/* Of the region at addr: 0 or -EFAULT. */
int vm_get_policy(struct vm_space *s, uint64_t addr, unsigned *policy);
/* The first policy in the range: 0 or -ENOENT. */
int vm_find_policy(struct vm_space *s, uint64_t addr, uint64_t end, unsigned *policy);
/* Is there a frame of its own at addr? 0, -ENOENT, -EFAULT (no region, or only the zero page). */
int vm_page_state(struct vm_space *s, uint64_t addr);
/*
 * Put another part of the object in the place of a range of one shared mapping (remap_file_pages),
 * if that is still of this file (NULL: of none): 0, -EINVAL, -ENOMEM.
 */
int vm_map_again(struct vm_space *s, uint64_t addr, uint64_t end, uint64_t offset,
		 const void *file);
/*
 * What was mapped at addr in one piece, or what is left of it, where it was: the regions of one
 * file for which `mine` is true, whose offset in it is their distance from addr. 0, -EINVAL: there
 * is none.
 */
int vm_unmap_whole(struct vm_space *s, uint64_t addr, bool (*mine)(void *file));
/* Is every page of the range mapped by some region? */
bool vm_range_mapped(struct vm_space *s, uint64_t addr, uint64_t length);

/*
 * Read or write another space's memory as its program could (faults pages in); also write to
 * pages the program may not write, when `force`. Returns bytes done. Context: process.
 */
size_t vm_access(struct vm_space *s, uint64_t addr, void *buf, size_t n, bool write, bool force);

/* The regions in order, one after another: a copy of the first with end > addr; false at the end.
 */
struct vm_region_info {
	uint64_t start, end, offset;
	unsigned prot, flags;
	void *file; /* with a reference (vm_file_ops->put), or NULL */
};
bool vm_region_next(struct vm_space *s, uint64_t addr, struct vm_region_info *out);

#endif
