/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VM objects: the pages of a file or of shared memory, by index. read, write and mmap of one
 * file share the object's pages, so they are always coherent. An object is a passive container;
 * what fills a page is its ops table.
 */
#ifndef VM_OBJECT_H
#define VM_OBJECT_H

#include <base/spinlock.h>
#include <mem/frame.h>
#include <sched/epoch.h>
#include <sched/mutex.h>
#include <vm/radix.h>

struct vm_object;
struct vm_region;

struct vm_object_ops {
	/*
	 * Fill a fresh, zeroed page before anyone sees it. NULL: fresh pages are zero. 0 or -errno
	 * (-EIO). Context: process, VM_OBJECT held.
	 */
	int (*fill)(struct vm_object *o, uint64_t index, struct page *page);
	/*
	 * In place of fill, for objects that fill pages by a protocol of their own, with nothing
	 * locked: the page at index, filled, with a reference. Meanwhile pages that are not yet
	 * filled may be in the index, with VM_PAGE_ABSENT in their flags. 0 or -errno.
	 */
	int (*page)(struct vm_object *o, uint64_t index, struct page **out);
	/*
	 * A program is about to get the right to write to a page through a shared mapping. Until
	 * then it is mapped without it, and so it is again after vm_object_clean_end. NULL: the
	 * object need not know. False: the page is not the object's any more, and what has been
	 * written to it is lost; it was taken out between vm_object_clean_begin and _end, or by a
	 * removal, so faults see that by `sequence`. Context: process, VM_SPACE held.
	 */
	bool (*dirty)(struct vm_object *o, struct page *page);
	/* May a page beyond those that exist be created? 0 or -ENOSPC: limits. NULL: always. */
	int (*charge)(struct vm_object *o, int64_t pages);
	/* The last reference is gone and all pages are freed; frees the memory of the object. NULL:
	 * kfree_deferred. */
	void (*release)(struct vm_object *o);
};

/* [a] page->flags of a page in an object: for everybody but the object it is not there. */
#define VM_PAGE_ABSENT 1

struct vm_object {
	uint32_t refs; /* [a] */
	uint32_t flags;
	const struct vm_object_ops *ops; /* [I] */
	struct spinlock lock;		 /* OBJECT_PAGES: the index */
	uint32_t sequence;		 /* [a] odd while pages are being removed; see fault.c */
	struct radix index;		 /* [lock] pages by index */
	uint64_t pages;			 /* [lock] pages held */
	uint64_t size;			 /* [a] bytes: faults beyond its last page are SIGBUS */
	struct mutex fill_lock; /* VM_OBJECT: one filling at a time, truncation against it */
	struct list regions;	/* [fill_lock] mappings of it: truncation unmaps them */
	void *owner;		/* [I] the inode, or NULL */
	struct epoch_head epoch;
};

void vm_object_init(struct vm_object *o, const struct vm_object_ops *ops, void *owner,
		    uint64_t size);
/* A fresh object of its own memory (shared anonymous memory). NULL: out of memory. */
struct vm_object *vm_object_create_anon(uint64_t size);
struct vm_object *vm_object_get(struct vm_object *o);
void vm_object_put(struct vm_object *o);

/* The page at index with a reference, or NULL when there is none: no lock, no sleep. */
struct page *vm_object_find(struct vm_object *o, uint64_t index);
/*
 * Those of [first, first + count) that are there, each with a reference, NULL for the others: one
 * lock for them all.
 */
void vm_object_find_some(struct vm_object *o, uint64_t first, unsigned count, struct page **out);
/* The page at index, created and filled if needed, with a reference. 0 or -ENOMEM, -ENOSPC, -EIO.
 * Context: process. */
int vm_object_page(struct vm_object *o, uint64_t index, struct page **out);
/*
 * Put a page there that is nowhere yet; the caller's reference becomes the object's. 0 or -ENOMEM
 * (the reference is still the caller's). Nothing is at that index. Context: process.
 */
int vm_object_adopt(struct vm_object *o, uint64_t index, struct page *page);
/* The first index >= from that holds a page; false when none. (SEEK_DATA.) */
bool vm_object_next(struct vm_object *o, uint64_t from, uint64_t *index);

/*
 * Remove pages [first, last) from the object and from every mapping, except private copies
 * (holes); the caller zeroes partial pages. Sets nothing else. Context: process.
 */
void vm_object_remove_range(struct vm_object *o, uint64_t first, uint64_t last);
/* Wait until a removal that is under way has ended: faults look again then. */
void vm_object_wait_removal(struct vm_object *o);
/*
 * Around declaring pages [first, last) clean, of an object with ops->dirty: at the end no program
 * has the right to write to them, and who has asked for it in between has ops->dirty called once
 * more. Context: process; VM_OBJECT is held in between.
 */
void vm_object_clean_begin(struct vm_object *o);
void vm_object_clean_end(struct vm_object *o, uint64_t first, uint64_t last);
/*
 * Set the size; on shrinking zero the tail of the last page and remove what lies beyond, private
 * copies in mappings included.
 */
void vm_object_set_size(struct vm_object *o, uint64_t size);

#endif
