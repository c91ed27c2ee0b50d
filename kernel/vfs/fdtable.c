/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables.
 *
 * A table points to one fd_array: references to files, a bitmap of numbers taken and a bitmap of
 * close-on-exec marks. It grows by being replaced by a larger copy; the old one is freed after a
 * grace period, because lookups read it under epoch and without the lock.
 *
 * A number is free (bit clear), reserved (bit set, no file: fd_reserve .. fd_install, so that a
 * system call can fail late without anyone having seen its descriptor), or open (bit set and
 * file). fd_install and fd_replace make it open; fd_remove, fd_release and the closers make it
 * free. Files are always put after the lock is dropped: the last reference may sleep.
 *
 * Lookups (fd_get): under epoch, load the array, load the entry, take a reference unless the
 * count has reached 0, which is right because files are freed after a grace period too. While a
 * table belongs to one thread alone, fd_borrow does not even count: nobody else can close.
 *
 * Rejected: one record per descriptor (flags beside the pointer) makes fork copy and walk more
 * memory, and close-on-exec in the file itself is wrong, as dup shares the file and not the mark.
 */
#include "fdtable.h"

#include "file.h"
#include "filelock.h"
#include <base/panic.h>
#include <base/percpu.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/thread.h>

#define FD_CAPACITY_FIRST 64

/* --- arrays ------------------------------------------------------------------------------- */

static size_t bitmap_bytes(uint32_t capacity)
{
	return capacity / 8;
}

size_t fd_array_bytes(unsigned n)
{
	return n * sizeof(struct file *) + 2 * bitmap_bytes(n);
}

static void array_free(struct fd_array *a)
{
	kfree(a->files);
	kfree(a->open); /* both bitmaps are one block */
	kfree(a);
}

static void array_free_deferred(struct epoch_head *head)
{
	array_free(container_of(head, struct fd_array, epoch));
}

static struct fd_array *array_create(uint32_t capacity)
{
	struct fd_array *a = kzalloc(sizeof(*a));

	if (!a)
		return NULL;
	a->capacity = capacity;
	a->files = kcalloc(capacity, sizeof(a->files[0]));
	a->open = kzalloc(2 * bitmap_bytes(capacity));
	if (!a->files || !a->open) {
		array_free(a);
		return NULL;
	}
	a->cloexec = a->open + capacity / BITS_PER_LONG;
	return a;
}

static void array_copy(struct fd_array *to, const struct fd_array *from)
{
	memcpy(to->files, from->files, from->capacity * sizeof(from->files[0]));
	memcpy(to->open, from->open, bitmap_bytes(from->capacity));
	memcpy(to->cloexec, from->cloexec, bitmap_bytes(from->capacity));
}

/* --- life of a table ---------------------------------------------------------------------- */

static struct fd_table *table_create(uint32_t capacity)
{
	struct fd_table *t = kzalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->array = array_create(capacity);
	if (!t->array) {
		kfree(t);
		return NULL;
	}
	t->users = 1;
	t->refs = 1;
	t->lock_owner = record_lock_owner_new();
	spin_init(&t->lock, LOCK_FD_TABLE);
	return t;
}

struct fd_table *fd_table_create(void)
{
	return table_create(FD_CAPACITY_FIRST);
}

/* Room for what is open now, not for what was once: a large closed table is not inherited. */
static uint32_t capacity_used(const struct fd_array *a)
{
	uint32_t words = a->capacity / BITS_PER_LONG;

	while (words > 1 && a->open[words - 1] == 0)
		words--;
	return words * BITS_PER_LONG;
}

/* The source's lock is held. What another thread has reserved does not exist in the copy. */
static void clone_entries(struct fd_array *to, const struct fd_array *from)
{
	memcpy(to->open, from->open, bitmap_bytes(to->capacity));
	memcpy(to->cloexec, from->cloexec, bitmap_bytes(to->capacity));
	for (size_t fd = bitmap_find_set(to->open, to->capacity, 0); fd < to->capacity;
	     fd = bitmap_find_set(to->open, to->capacity, fd + 1)) {
		if (from->files[fd]) {
			to->files[fd] = file_get(from->files[fd]);
		} else {
			bit_clear(to->open, fd);
			bit_clear(to->cloexec, fd);
		}
	}
}

struct fd_table *fd_table_clone(struct fd_table *from)
{
	uint32_t need = FD_CAPACITY_FIRST;
	struct fd_table *t;

	for (;;) {
		t = table_create(need);
		if (!t)
			return NULL;
		spin_lock(&from->lock);
		need = capacity_used(from->array);
		if (need <= t->array->capacity)
			break;
		spin_unlock(&from->lock);
		array_free(t->array);
		kfree(t);
	}
	t->array->capacity = min(t->array->capacity, from->array->capacity);
	clone_entries(t->array, from->array);
	spin_unlock(&from->lock);
	return t;
}

struct fd_table *fd_table_join(struct fd_table *t)
{
	__atomic_fetch_add(&t->users, 1, __ATOMIC_RELAXED);
	return t;
}

bool fd_table_try_get(struct fd_table *t)
{
	uint32_t refs = __atomic_load_n(&t->refs, __ATOMIC_RELAXED);

	do {
		if (refs == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&t->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return true;
}

void fd_table_inherit_locks(struct fd_table *to, struct fd_table *from)
{
	uint64_t owner = to->lock_owner;

	/* A shared table goes on owning what it owns. */
	if (__atomic_load_n(&from->users, __ATOMIC_ACQUIRE) > 1)
		return;
	to->lock_owner = from->lock_owner;
	from->lock_owner = owner;
}

/* A descriptor of t is closed: record locks go with the first one, whatever else is open. */
static void left(struct fd_table *t, struct file *f)
{
	record_locks_close(f, t->lock_owner);
	if (f->ops->closed && !(f->mode & FILE_PATH))
		f->ops->closed(f);
}

static void close_file(struct fd_table *t, struct file *f)
{
	if (f)
		left(t, f);
	file_put(f);
}

/* Who only looks never closes: what files do then is about the closing process. */
void fd_table_leave(struct fd_table *t)
{
	if (!t || __atomic_sub_fetch(&t->users, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	fd_close_range(t, 0, ~0U, false);
	fd_table_put(t);
}

void fd_table_put(struct fd_table *t)
{
	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	epoch_defer(&t->array->epoch, array_free_deferred);
	kfree_deferred(t, epoch);
}

/* --- growing ------------------------------------------------------------------------------ */

/* Room for fd. Called and returns with the lock held, but may drop it in between. */
static int table_grow(struct fd_table *t, uint32_t fd)
{
	while (fd >= t->array->capacity) {
		uint32_t capacity = FD_CAPACITY_FIRST;
		struct fd_array *a, *old = t->array;

		while (capacity <= fd)
			capacity *= 2;
		spin_unlock(&t->lock);
		a = array_create(capacity);
		spin_lock(&t->lock);
		if (!a)
			return -ENOMEM;
		if (t->array->capacity >= capacity) {
			array_free(a); /* another thread was faster; nobody has seen ours */
			continue;
		}
		old = t->array;
		array_copy(a, old);
		__atomic_store_n(&t->array, a, __ATOMIC_RELEASE);
		epoch_defer(&old->epoch, array_free_deferred);
	}
	return 0;
}

/* --- lookup ------------------------------------------------------------------------------- */

struct file *fd_peek(const struct fd_table *t, int fd)
{
	const struct fd_array *a = __atomic_load_n(&t->array, __ATOMIC_ACQUIRE);

	return (unsigned)fd < a->capacity ? __atomic_load_n(&a->files[fd], __ATOMIC_ACQUIRE) : NULL;
}

struct file *fd_get(struct fd_table *t, int fd)
{
	struct file *f;

	epoch_enter();
	f = fd_peek(t, fd);
	if (f && !file_try_get(f))
		f = NULL; /* closed under us */
	epoch_exit();
	return f;
}

bool fd_table_is_shared(struct fd_table *t)
{
	return __atomic_load_n(&t->users, __ATOMIC_ACQUIRE) > 1;
}

struct fd_ref fd_borrow_any(int fd)
{
	struct fd_table *t = current()->files;
	struct fd_array *a = t->array;

	if (fd_table_is_shared(t))
		return (struct fd_ref){.file = fd_get(t, fd), .counted = true};
	/* The table is ours alone: it changes only by this thread's own calls. */
	return (struct fd_ref){.file = (unsigned)fd < a->capacity ? a->files[fd] : NULL};
}

struct fd_ref fd_borrow(int fd)
{
	struct fd_ref r = fd_borrow_any(fd);

	if (r.file && (r.file->mode & FILE_PATH)) {
		fd_return(r);
		r = (struct fd_ref){NULL, false};
	}
	return r;
}

void fd_return(struct fd_ref r)
{
	if (r.counted)
		file_put(r.file);
}

size_t fd_capacity(struct fd_table *t)
{
	size_t n;

	epoch_enter();
	n = __atomic_load_n(&t->array, __ATOMIC_ACQUIRE)->capacity;
	epoch_exit();
	return n;
}

int fd_next(struct fd_table *t, int from)
{
	int found = -1;
	size_t fd;

	if (from < 0)
		from = 0;
	spin_lock(&t->lock);
	fd = (size_t)from;
	do {
		fd = bitmap_find_set(t->array->open, t->array->capacity, fd);
		if (fd < t->array->capacity && t->array->files[fd])
			found = (int)fd;
	} while (found < 0 && fd++ < t->array->capacity);
	spin_unlock(&t->lock);
	return found;
}

/* --- taking numbers ----------------------------------------------------------------------- */

static void mark(struct fd_array *a, size_t fd, bool cloexec)
{
	bit_set(a->open, fd);
	if (cloexec)
		bit_set(a->cloexec, fd);
	else
		bit_clear(a->cloexec, fd);
}

static void unmark(struct fd_table *t, size_t fd)
{
	bit_clear(t->array->open, fd);
	bit_clear(t->array->cloexec, fd);
	if (fd < t->next)
		t->next = (uint32_t)fd;
}

int fd_reserve(struct fd_table *t, unsigned from, uint64_t limit, bool cloexec)
{
	size_t fd;
	int r;

	limit = min(limit, (uint64_t)FD_LIMIT_MAX);
	spin_lock(&t->lock);
	do {
		fd = bitmap_find_zero(t->array->open, t->array->capacity, max(from, t->next));
		if (fd >= t->array->capacity)
			fd = max((size_t)t->array->capacity, (size_t)from);
		r = fd < limit ? table_grow(t, (uint32_t)fd) : -EMFILE;
		/* Growing drops the lock: somebody may have taken it. */
	} while (!r && bit_test(t->array->open, fd));
	if (!r) {
		mark(t->array, fd, cloexec);
		if (from <= t->next)
			t->next = (uint32_t)fd + 1;
	}
	spin_unlock(&t->lock);
	return r ? r : (int)fd;
}

void fd_install(struct fd_table *t, int fd, struct file *f)
{
	spin_lock(&t->lock);
	assert(bit_test(t->array->open, (size_t)fd) && !t->array->files[fd]);
	__atomic_store_n(&t->array->files[fd], f, __ATOMIC_RELEASE);
	spin_unlock(&t->lock);
}

void fd_release(struct fd_table *t, int fd)
{
	spin_lock(&t->lock);
	unmark(t, (size_t)fd);
	spin_unlock(&t->lock);
}

/* Lock held. */
static struct file *remove_locked(struct fd_table *t, size_t fd)
{
	struct file *f = t->array->files[fd];

	if (f) {
		__atomic_store_n(&t->array->files[fd], NULL, __ATOMIC_RELEASE);
		unmark(t, fd);
	}
	return f;
}

struct file *fd_remove(struct fd_table *t, int fd)
{
	struct file *f = NULL;

	spin_lock(&t->lock);
	if ((unsigned)fd < t->array->capacity)
		f = remove_locked(t, (size_t)fd);
	spin_unlock(&t->lock);
	if (f)
		left(t, f);
	return f;
}

int fd_replace(struct fd_table *t, int fd, struct file *f, uint64_t limit, bool cloexec)
{
	struct file *old = NULL;
	int r;

	if (fd < 0 || (uint64_t)fd >= min(limit, (uint64_t)FD_LIMIT_MAX))
		return -EBADF;
	spin_lock(&t->lock);
	r = table_grow(t, (uint32_t)fd);
	if (!r) {
		old = t->array->files[fd];
		if (!old && bit_test(t->array->open, (size_t)fd))
			r = -EBUSY; /* reserved by an open under way in another thread */
	}
	if (!r) {
		mark(t->array, (size_t)fd, cloexec);
		__atomic_store_n(&t->array->files[fd], file_get(f), __ATOMIC_RELEASE);
	}
	spin_unlock(&t->lock);
	if (!r)
		close_file(t, old);
	return r ? r : fd;
}

/* --- marks and closing -------------------------------------------------------------------- */

static bool is_open_locked(const struct fd_table *t, int fd)
{
	return (unsigned)fd < t->array->capacity && t->array->files[fd];
}

int fd_get_cloexec(struct fd_table *t, int fd, bool *out)
{
	int r = -EBADF;

	spin_lock(&t->lock);
	if (is_open_locked(t, fd)) {
		*out = bit_test(t->array->cloexec, (size_t)fd);
		r = 0;
	}
	spin_unlock(&t->lock);
	return r;
}

int fd_set_cloexec(struct fd_table *t, int fd, bool on)
{
	int r = -EBADF;

	spin_lock(&t->lock);
	if (is_open_locked(t, fd)) {
		mark(t->array, (size_t)fd, on);
		r = 0;
	}
	spin_unlock(&t->lock);
	return r;
}

/*
 * Close the descriptors of one bitmap from `first` to `last`. Each is taken out under the lock
 * and put without it.
 */
static void close_marked(struct fd_table *t, bool cloexec_only, size_t first, size_t last)
{
	for (size_t fd = first;; fd++) {
		struct file *f = NULL;
		struct fd_array *a;

		spin_lock(&t->lock);
		a = t->array;
		fd = bitmap_find_set(cloexec_only ? a->cloexec : a->open, a->capacity, fd);
		if (fd < a->capacity && fd <= last)
			f = remove_locked(t, fd);
		else
			fd = last;
		spin_unlock(&t->lock);
		close_file(t, f);
		if (fd >= last)
			return;
	}
}

void fd_table_exec_close(struct fd_table *t)
{
	close_marked(t, true, 0, FD_LIMIT_MAX);
}

void fd_close_range(struct fd_table *t, unsigned first, unsigned last, bool only_mark)
{
	if (!only_mark) {
		close_marked(t, false, first, last);
		return;
	}
	spin_lock(&t->lock);
	for (size_t fd = first; fd <= last && fd < t->array->capacity; fd++) {
		if (t->array->files[fd])
			bit_set(t->array->cloexec, fd);
	}
	spin_unlock(&t->lock);
}
