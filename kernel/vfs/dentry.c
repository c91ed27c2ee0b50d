/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name cache.
 *
 * A dentry stands for one name in one directory: positive (it has an inode) or negative (the
 * name is known to be absent). It holds references to its parent and to its inode. Hashed
 * entries are found through a table keyed by (parent, name); the table holds one reference, so
 * a reference count of 1 and the flag HASHED mean "cached, unused".
 *
 *	dentry_find        nothing -> hashed, after asking the filesystem
 *	dentry_instantiate negative -> positive; never back
 *	dentry_drop        hashed -> dropped: the name is gone, users keep the entry and inode
 *	dentry_move        hashed -> hashed elsewhere
 *	prune              unused (1 -> 0 by compare and swap) -> dying
 *	dentry_put         last reference of a dropped one -> dying
 *	dentry_put         last user of a name of a transient filesystem -> dying
 *	dying              inode and parent given back; memory freed after a grace period
 *
 * Lookups take no lock: they follow the chain under epoch, and take a reference unless the count
 * is 0, or none at all (dentry_peek). What makes them safe against renames: the text of a name
 * never changes (a rename brings a new one, the old is freed after a grace period), and the pointer
 * to it serves as a sequence count. A rename first points it to `moving`, which matches nothing,
 * then sets the parent, then points it to the new text. So a reader who finds the same pointer
 * before and after it looked at the parent saw a pair that was the entry's name at that moment; a
 * pointer cannot come back meanwhile, as the old text is not freed before the reader is done. A
 * lookup that is disturbed reports a miss, never a wrong entry, and the caller asks again under the
 * directory's lock and the bucket's, where nothing moves. Who climbs through several parents
 * compares rename_seq, which is odd while any rename is under way.
 *
 * Locks: the parent's inode lock orders creation and removal of names (see dentry.h). Inside,
 * NAME_CACHE: rename_spin first, then buckets by address.
 *
 * Unused names are not on a list, because putting them there would be a global lock on every
 * last put. Instead, when there are more than `limit` entries, a worker sweeps the table like a
 * clock: entries not used since the last round go. Rejected: an LRU list per processor (more
 * state for the same effect at our sizes).
 */
#include "dentry.h"

#include "inode.h"
#include "super.h"
#include <base/ktest.h>
#include <base/panic.h>
#include <base/random.h>
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/work.h>

struct bucket {
	struct dentry *first; /* [lock; readers under epoch] */
	struct spinlock lock; /* NAME_CACHE */
};

static struct bucket *table; /* [I] */
static size_t table_mask;    /* [I] buckets - 1 */
static uint64_t hash_seed;   /* [I] names are chosen by programs */
static struct spinlock rename_spin = SPINLOCK_INIT(LOCK_NAME_CACHE);
static uint32_t rename_seq;   /* [a] odd while a rename is under way */
static uint64_t dentry_count; /* [a] */
static uint64_t limit;	      /* [I] start sweeping above this */
static size_t sweep_hand;     /* of the sweep worker alone */
static struct work sweep_work;

static void sweep(struct work *w);

int dentry_cache_init(void)
{
	struct frame_stats frames;
	size_t n = 1024;

	frame_stats(&frames);
	/* A bucket for each 16 frames of memory, an entry for each 8. */
	while (n < frames.total / 16 && n < 1 << 20)
		n *= 2;
	table = kmalloc(n * sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		table[i].first = NULL;
		spin_init(&table[i].lock, LOCK_NAME_CACHE);
	}
	table_mask = n - 1;
	limit = n * 2;
	hash_seed = random_u64();
	work_init(&sweep_work, sweep);
	return 0;
}

struct name name_of(const char *text, size_t len)
{
	return (struct name){.text = text,
			     .len = (uint32_t)len,
			     .hash = (uint32_t)hash_bytes(text, len, hash_seed)};
}

static struct bucket *bucket_of(const struct dentry *parent, uint32_t hash)
{
	return &table[hash_u64((uintptr_t)parent + hash) & table_mask];
}

/* --- references --------------------------------------------------------------------------- */

struct dentry *dentry_get(struct dentry *d)
{
	uint32_t was = __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);

	assert(was != 0);
	return d;
}

bool dentry_try_get(struct dentry *d)
{
	uint32_t refs = __atomic_load_n(&d->refs, __ATOMIC_RELAXED);

	do {
		if (refs == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&d->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return true;
}

static void name_free(struct epoch_head *head)
{
	kfree(container_of(head, struct dentry_name, epoch));
}

static void name_retire(const struct dentry_name *name)
{
	if (!name->inside)
		epoch_defer(&((struct dentry_name *)name)->epoch, name_free);
}

static void dentry_free(struct epoch_head *head)
{
	kfree(container_of(head, struct dentry, epoch));
}

/* Ends a dying entry; returns the parent, whose reference goes to the caller, or NULL. */
static struct dentry *dentry_finish(struct dentry *d)
{
	struct dentry *parent = d->parent != d ? d->parent : NULL;

	__atomic_fetch_sub(&dentry_count, 1, __ATOMIC_RELAXED);
	inode_put(d->inode);
	name_retire(d->name);
	epoch_defer(&d->epoch, dentry_free);
	return parent;
}

struct dentry *dentry_parent(struct dentry *d)
{
	struct dentry *parent;
	bool ok;

	do {
		epoch_enter();
		parent = __atomic_load_n(&d->parent, __ATOMIC_ACQUIRE);
		ok = dentry_try_get(parent);
		epoch_exit();
	} while (!ok);
	return parent;
}

/* --- creation ----------------------------------------------------------------------------- */

static void name_fill(struct dentry_name *name, const char *text, size_t len, bool inside)
{
	memcpy(name->text, text, len);
	name->text[len] = 0;
	name->len = (uint32_t)len;
	name->hash = name_of(text, len).hash;
	name->inside = inside;
}

struct dentry_name *dentry_name_create(const char *text, size_t len)
{
	struct dentry_name *name = kmalloc(sizeof(*name) + len + 1);

	if (name)
		name_fill(name, text, len, false);
	return name;
}

static struct dentry *dentry_alloc(const char *text, size_t len)
{
	size_t at = ALIGN_UP(sizeof(struct dentry), _Alignof(struct dentry_name));
	struct dentry *d = kzalloc(at + sizeof(struct dentry_name) + len + 1);
	struct dentry_name *name;

	if (!d)
		return NULL;
	name = (struct dentry_name *)((char *)d + at);
	name_fill(name, text, len, true);
	d->name = name;
	d->refs = 1;
	d->parent = d;
	if (__atomic_add_fetch(&dentry_count, 1, __ATOMIC_RELAXED) > limit)
		work_submit(&sweep_work);
	return d;
}

struct dentry *dentry_create_detached(struct inode *inode, const char *text)
{
	struct dentry *d = dentry_alloc(text, strlen(text));

	if (!d)
		return NULL;
	d->inode = inode;
	d->super = inode->super;
	return d;
}

struct dentry *dentry_create_root(struct inode *inode)
{
	return dentry_create_detached(inode, "");
}

/* --- the table ---------------------------------------------------------------------------- */

uint32_t dentry_seq_begin(void)
{
	uint32_t seq;

	while ((seq = __atomic_load_n(&rename_seq, __ATOMIC_ACQUIRE)) & 1)
		cpu_relax();
	return seq;
}

bool dentry_seq_retry(uint32_t seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&rename_seq, __ATOMIC_RELAXED) != seq;
}

static bool dentry_matches(const struct dentry *d, const struct dentry *parent,
			   const struct name *name)
{
	const struct dentry_name *n = __atomic_load_n(&d->name, __ATOMIC_ACQUIRE);

	/* Acquire: whoever sees the new parent sees below that the name is `moving` or newer. */
	if (__atomic_load_n(&d->parent, __ATOMIC_ACQUIRE) != parent)
		return false;
	return n->hash == name->hash && n->len == name->len &&
	       memcmp(n->text, name->text, name->len) == 0 &&
	       __atomic_load_n(&d->name, __ATOMIC_RELAXED) == n;
}

/* The first match at d or behind it; under epoch or with the bucket locked. */
static struct dentry *chain_match(struct dentry *d, const struct dentry *parent,
				  const struct name *name)
{
	while (d && !dentry_matches(d, parent, name))
		d = __atomic_load_n(&d->next, __ATOMIC_ACQUIRE);
	/* Once between two sweeps: names in use are not written to. */
	if (d && !(__atomic_load_n(&d->flags, __ATOMIC_RELAXED) & DENTRY_RECENT))
		__atomic_fetch_or(&d->flags, DENTRY_RECENT, __ATOMIC_RELAXED);
	return d;
}

static struct dentry *bucket_find(struct bucket *b, const struct dentry *parent,
				  const struct name *name)
{
	struct dentry *d = chain_match(__atomic_load_n(&b->first, __ATOMIC_ACQUIRE), parent, name);

	while (d && !dentry_try_get(d))
		d = chain_match(__atomic_load_n(&d->next, __ATOMIC_ACQUIRE), parent, name);
	return d;
}

struct dentry *dentry_peek(const struct dentry *parent, const struct name *name)
{
	struct bucket *b = bucket_of(parent, name->hash);

	return chain_match(__atomic_load_n(&b->first, __ATOMIC_ACQUIRE), parent, name);
}

/* Readers may stand on the removed entry: its own `next` stays. */
static void bucket_remove(struct bucket *b, struct dentry *d)
{
	struct dentry **at = &b->first;

	while (*at != d)
		at = &(*at)->next;
	__atomic_store_n(at, d->next, __ATOMIC_RELEASE);
	__atomic_fetch_and(&d->flags, ~(uint32_t)DENTRY_HASHED, __ATOMIC_RELEASE);
}

static void bucket_add(struct bucket *b, struct dentry *d)
{
	__atomic_fetch_or(&d->flags, DENTRY_HASHED, __ATOMIC_RELAXED);
	__atomic_store_n(&d->next, b->first, __ATOMIC_RELAXED);
	__atomic_store_n(&b->first, d, __ATOMIC_RELEASE);
}

struct dentry *dentry_lookup(struct dentry *parent, const struct name *name)
{
	struct dentry *d;

	epoch_enter();
	d = bucket_find(bucket_of(parent, name->hash), parent, name);
	epoch_exit();
	return d;
}

/* Put d, not yet visible, into the table, unless another reader of the directory was faster. */
static struct dentry *dentry_publish(struct dentry *d, struct dentry *parent,
				     const struct name *name)
{
	struct bucket *b = bucket_of(parent, name->hash);
	struct dentry *other;

	d->parent = dentry_get(parent);
	spin_lock(&b->lock);
	other = bucket_find(b, parent, name);
	if (!other) {
		d->refs++; /* the table's */
		bucket_add(b, d);
	}
	spin_unlock(&b->lock);
	if (!other)
		return d;
	dentry_put(d);
	return other;
}

int dentry_find_locked(struct dentry *parent, const struct name *name, struct dentry **out)
{
	struct bucket *b = bucket_of(parent, name->hash);
	struct inode *dir = parent->inode;
	struct dentry *d;
	int r;

	*out = NULL;
	spin_lock(&b->lock);
	d = bucket_find(b, parent, name);
	spin_unlock(&b->lock);
	if (d)
		goto found;
	if (dir->flags & INODE_DEAD)
		return -ENOENT;
	if (!dir->ops->lookup)
		return -ENOTDIR;
	d = dentry_alloc(name->text, name->len);
	if (!d)
		return -ENOMEM;
	d->super = parent->super;
	r = dir->ops->lookup(dir, name, &d->inode);
	if (r && r != -ENOENT) {
		dentry_put(d);
		return r;
	}
	if (!d->inode && (d->super->flags & SUPER_NO_NEGATIVE))
		d->parent = dentry_get(parent);
	else
		d = dentry_publish(d, parent, name);
found:
	*out = d;
	return 0;
}

int dentry_find(struct dentry *parent, const struct name *name, struct dentry **out)
{
	int r;

	*out = dentry_lookup(parent, name);
	if (*out)
		return 0;
	rwlock_read_lock(&parent->inode->lock);
	r = dentry_find_locked(parent, name, out);
	rwlock_read_unlock(&parent->inode->lock);
	return r;
}

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	assert(!d->inode);
	__atomic_store_n(&d->inode, inode, __ATOMIC_RELEASE);
}

void dentry_drop(struct dentry *d)
{
	struct bucket *b = bucket_of(d->parent, d->name->hash);
	bool was;

	spin_lock(&b->lock);
	was = d->flags & DENTRY_HASHED;
	if (was)
		bucket_remove(b, d);
	spin_unlock(&b->lock);
	if (was)
		dentry_put(d); /* the table's reference; the caller has its own */
}

/*
 * A transient name lost its last user: the table's reference goes too, unless somebody found it
 * meanwhile. Called under epoch, since after the decrement d is not ours. True: d is dying.
 */
static bool dentry_expire(struct dentry *d)
{
	struct bucket *b = bucket_of(d->parent, d->name->hash);
	uint32_t one = 1;
	bool dying;

	spin_lock(&b->lock);
	dying = d->flags & DENTRY_HASHED &&
		__atomic_compare_exchange_n(&d->refs, &one, 0, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED);
	if (dying)
		bucket_remove(b, d);
	spin_unlock(&b->lock);
	return dying;
}

void dentry_put(struct dentry *d)
{
	/* A loop, because the last reference to a child may hold the last one to its parent. */
	while (d) {
		uint32_t left;
		bool dying;

		epoch_enter();
		left = __atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL);
		dying = left == 0 ||
			(left == 1 && d->super->flags & SUPER_TRANSIENT && dentry_expire(d));
		epoch_exit();
		d = dying ? dentry_finish(d) : NULL;
	}
}

/* --- renames ------------------------------------------------------------------------------ */

static void buckets_lock(struct bucket *a, struct bucket *b)
{
	if (a > b)
		return buckets_lock(b, a);
	spin_lock(&a->lock);
	if (a != b)
		spin_lock(&b->lock);
}

static void buckets_unlock(struct bucket *a, struct bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

static void rename_begin(void)
{
	spin_lock(&rename_spin);
	__atomic_store_n(&rename_seq, rename_seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void rename_end(void)
{
	__atomic_store_n(&rename_seq, rename_seq + 1, __ATOMIC_RELEASE);
	spin_unlock(&rename_spin);
}

/* The name of an entry while its parent changes: of no length, so nothing is called so. */
static const struct dentry_name moving;

/* Both buckets are locked: readers without a lock are told by `moving`. */
static void dentry_set_name(struct dentry *d, struct dentry *parent, const struct dentry_name *name)
{
	__atomic_store_n(&d->name, &moving, __ATOMIC_RELAXED);
	__atomic_store_n(&d->parent, parent, __ATOMIC_RELEASE);
	ktest_window();
	__atomic_store_n(&d->name, name, __ATOMIC_RELEASE);
}

void dentry_move(struct dentry *d, struct dentry *parent, struct dentry_name *name)
{
	struct dentry *old_parent = d->parent;
	const struct dentry_name *old_name = d->name;
	struct bucket *from = bucket_of(old_parent, old_name->hash);
	struct bucket *to = bucket_of(parent, name->hash);

	dentry_get(parent);
	rename_begin();
	buckets_lock(from, to);
	assert(d->flags & DENTRY_HASHED);
	bucket_remove(from, d);
	dentry_set_name(d, parent, name);
	bucket_add(to, d);
	buckets_unlock(from, to);
	rename_end();
	name_retire(old_name);
	dentry_put(old_parent);
}

void dentry_exchange(struct dentry *a, struct dentry *b, struct dentry_name *a_name,
		     struct dentry_name *b_name)
{
	struct dentry *a_parent = a->parent, *b_parent = b->parent;
	const struct dentry_name *a_old = a->name, *b_old = b->name;
	struct bucket *a_from = bucket_of(a_parent, a_old->hash);
	struct bucket *b_from = bucket_of(b_parent, b_old->hash);

	rename_begin();
	buckets_lock(a_from, b_from);
	bucket_remove(a_from, a);
	bucket_remove(b_from, b);
	dentry_set_name(a, b_parent, a_name);
	dentry_set_name(b, a_parent, b_name);
	bucket_add(b_from, a);
	bucket_add(a_from, b);
	buckets_unlock(a_from, b_from);
	rename_end();
	name_retire(a_old);
	name_retire(b_old);
}

bool dentry_is_ancestor(const struct dentry *ancestor, struct dentry *d)
{
	for (; d != ancestor; d = d->parent) {
		if (d->parent == d)
			return false;
	}
	return true;
}

/* --- forgetting --------------------------------------------------------------------------- */

/* Take unused entries out of one bucket; returns their chain through epoch.next. */
static struct dentry *bucket_reap(struct bucket *b, struct super *s, bool spare_recent)
{
	struct dentry *d, *next, *dying = NULL;

	spin_lock(&b->lock);
	for (d = b->first; d; d = next) {
		uint32_t one = 1;

		next = d->next;
		if (s && d->super != s)
			continue;
		if (spare_recent && (d->flags & DENTRY_RECENT)) {
			__atomic_fetch_and(&d->flags, ~(uint32_t)DENTRY_RECENT, __ATOMIC_RELAXED);
			continue;
		}
		if (!__atomic_compare_exchange_n(&d->refs, &one, 0, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			continue;
		bucket_remove(b, d);
		d->epoch.next = dying ? &dying->epoch : NULL;
		dying = d;
	}
	spin_unlock(&b->lock);
	return dying;
}

static size_t finish_chain(struct dentry *d)
{
	size_t n = 0;

	while (d) {
		struct epoch_head *next = d->epoch.next;

		dentry_put(dentry_finish(d));
		d = next ? container_of(next, struct dentry, epoch) : NULL;
		n++;
	}
	return n;
}

static void sweep(struct work *w)
{
	/* Two rounds of the clock at most: the first may only clear marks. */
	for (size_t i = 0; i < 2 * (table_mask + 1); i++) {
		if (__atomic_load_n(&dentry_count, __ATOMIC_RELAXED) <= limit - limit / 8)
			break;
		finish_chain(bucket_reap(&table[sweep_hand++ & table_mask], NULL, true));
	}
}

void dentry_prune(struct super *s)
{
	size_t n;

	/* Children hold their parents: each pass frees one level at least. */
	do {
		n = 0;
		for (size_t i = 0; i <= table_mask; i++)
			n += finish_chain(bucket_reap(&table[i], s, false));
	} while (n);
}

void dentry_stats(uint64_t *held, uint64_t *unused)
{
	*held = __atomic_load_n(&dentry_count, __ATOMIC_RELAXED);
	*unused = 0;
	for (size_t i = 0; i <= table_mask; i++) {
		struct dentry *d;

		epoch_enter();
		for (d = __atomic_load_n(&table[i].first, __ATOMIC_ACQUIRE); d;
		     d = __atomic_load_n(&d->next, __ATOMIC_ACQUIRE))
			*unused += __atomic_load_n(&d->refs, __ATOMIC_RELAXED) == 1;
		epoch_exit();
	}
}

size_t dentry_copy_name(const struct dentry *d, char *buf, size_t size)
{
	const struct dentry_name *name;
	size_t len;

	epoch_enter();
	while ((name = __atomic_load_n(&d->name, __ATOMIC_ACQUIRE)) == &moving)
		cpu_relax();
	len = min((size_t)name->len, size);
	memcpy(buf, name->text, len);
	epoch_exit();
	return len;
}
