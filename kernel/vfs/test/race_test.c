/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads at once on what they share: ranges of locks, watched folders, pipes that are spliced. */
#include <arch/page.h>
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <sched/test/team.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/filelock.h>
#include <vfs/inode.h>
#include <vfs/inotify.h>
#include <vfs/names.h>
#include <vfs/pipe.h>
#include <vm/iter.h>

#define TEAM 4
#define LEAK 200 /* less than a leak of one for each round; caches of processors fill up */

static uint64_t objects(void)
{
	struct slab_stats s;

	dentry_prune(NULL);
	epoch_barrier();
	epoch_barrier();
	slab_stats(&s);
	return s.objects;
}

/* --- locks ------------------------------------------------------------------------------------ */

#define SLOTS 64

static struct file *locked;
static uint32_t writer_of[SLOTS],
	readers_of[SLOTS]; /* [a] who has the byte, as the locks have it */
static uint32_t mistakes;  /* [a] */
static struct file *descriptions[TEAM];
static uint32_t inside; /* [a] holders of the exclusive flock */

static void expect(bool good)
{
	if (!good)
		__atomic_fetch_add(&mistakes, 1, __ATOMIC_RELAXED);
}

static void enter_range(const struct record_lock *l, unsigned me)
{
	for (uint64_t at = l->start; at <= l->end; at++) {
		if (l->type == FLOCK_EXCLUSIVE) {
			expect(__atomic_exchange_n(&writer_of[at], me, __ATOMIC_ACQ_REL) == 0);
			expect(__atomic_load_n(&readers_of[at], __ATOMIC_ACQUIRE) == 0);
		} else {
			__atomic_fetch_add(&readers_of[at], 1, __ATOMIC_ACQ_REL);
			expect(__atomic_load_n(&writer_of[at], __ATOMIC_ACQUIRE) == 0);
		}
	}
}

static void leave_range(const struct record_lock *l)
{
	for (uint64_t at = l->start; at <= l->end; at++) {
		if (l->type == FLOCK_EXCLUSIVE)
			__atomic_store_n(&writer_of[at], 0, __ATOMIC_RELEASE);
		else
			__atomic_fetch_sub(&readers_of[at], 1, __ATOMIC_ACQ_REL);
	}
}

/* Let go of the range in one piece, in two, or by closing. */
static void unlock(struct record_lock *l, uint32_t how)
{
	struct record_lock half = *l;

	l->type = half.type = FLOCK_NONE;
	if (how % 3 == 0) {
		record_locks_close(locked, l->owner);
		return;
	}
	half.end = (l->start + l->end) / 2;
	if (how % 3 == 1)
		expect(record_lock_set(locked, &half, false) == 0);
	expect(record_lock_set(locked, l, false) == 0);
}

static void locker(void *ctx, unsigned i)
{
	uint64_t owner = record_lock_owner_new();
	uint32_t state = i + 1;

	while (team_time()) {
		uint64_t start = noise(&state) % SLOTS;
		struct record_lock l = {.owner = owner,
					.start = start,
					.end = start + noise(&state) % (SLOTS - start),
					.type = noise(&state) % 2 ? FLOCK_EXCLUSIVE : FLOCK_SHARED};
		/* Who holds one range at most is in no deadlock. */
		int r = record_lock_set(locked, &l, noise(&state) % 4 != 0);

		expect(r == 0 || r == -EAGAIN);
		if (r)
			continue;
		enter_range(&l, i + 1);
		leave_range(&l);
		unlock(&l, noise(&state));
	}
}

KTEST(record_locks_race)
{
	uint64_t before = objects();

	if (!ktest_check_eq(file_open_kernel("/locked", O_RDWR | O_CREAT, 0644, &locked), 0))
		return;
	mistakes = 0;
	team_run(TEAM, locker, NULL);
	ktest_check_eq(mistakes, 0);
	file_put(locked);
	ktest_check_eq(vfs_unlink(NULL, "/locked"), 0);
	ktest_check(objects() < before + LEAK);
}

static void flocker(void *ctx, unsigned i)
{
	struct file *f = descriptions[i];
	uint32_t state = i + 1;

	while (team_time()) {
		enum flock_type type = noise(&state) % 2 ? FLOCK_EXCLUSIVE : FLOCK_SHARED;
		int r = flock_set(f, type, noise(&state) % 4 != 0, 1);

		expect(r == 0 || r == -EAGAIN);
		if (r)
			continue;
		if (type == FLOCK_EXCLUSIVE) {
			expect(__atomic_fetch_add(&inside, 1, __ATOMIC_ACQ_REL) == 0);
			__atomic_fetch_sub(&inside, 1, __ATOMIC_ACQ_REL);
		} else {
			expect(__atomic_load_n(&inside, __ATOMIC_ACQUIRE) == 0);
		}
		/* Else the next round changes its type. */
		if (noise(&state) % 2)
			expect(flock_set(f, FLOCK_NONE, false, 1) == 0);
	}
	flock_set(f, FLOCK_NONE, false, 1);
}

KTEST(flocks_race)
{
	mistakes = inside = 0;
	for (int i = 0; i < TEAM; i++)
		if (!ktest_check_eq(
			    file_open_kernel("/flocked", O_RDWR | O_CREAT, 0644, &descriptions[i]),
			    0))
			return;
	team_run(TEAM, flocker, NULL);
	ktest_check_eq(mistakes, 0);
	for (int i = 0; i < TEAM; i++)
		file_put(descriptions[i]);
	ktest_check_eq(vfs_unlink(NULL, "/flocked"), 0);
}

/* --- inotify ---------------------------------------------------------------------------------- */

static struct file *instance; /* shared by all */

/* Makes files and folders, and removes them, watched or not. */
static void maker(unsigned i)
{
	struct file *f;
	char name[32];

	format(name, sizeof(name), "/watched/%u", i);
	if (file_open_kernel(name, O_RDWR | O_CREAT, 0644, &f) == 0) {
		file_write_kernel(f, "x", 1, 0);
		file_put(f);
	}
	expect(vfs_unlink(NULL, name) == 0);
	format(name, sizeof(name), "/watched/d%u", i);
	expect(vfs_mkdir(NULL, name, 0755) == 0);
	expect(vfs_rmdir(NULL, name) == 0);
}

static void add_watch(struct file *to, const char *path, uint32_t mask)
{
	struct path p;

	if (path_walk(NULL, path, 0, &p))
		return; /* it has just gone */
	inotify_add(to, path_inode(p), mask);
	path_put(p);
}

static void read_events(struct file *f)
{
	char buf[256];
	struct iter it;

	iter_init_kernel(&it, buf, sizeof(buf));
	file_read(f, &it, NULL);
}

static void watcher(unsigned i, uint32_t *state)
{
	struct file *own;
	char name[32];

	format(name, sizeof(name), "/watched/%s%u", noise(state) % 2 ? "" : "d", i ^ 1);
	add_watch(instance, "/watched", IN_ALL_EVENTS | (noise(state) % 2 ? IN_ONESHOT : 0));
	add_watch(instance, name, IN_ALL_EVENTS);
	/* Numbers of the near past: some are there, some die at this moment. */
	inotify_remove(instance, (int32_t)(1 + noise(state) % 64));
	read_events(instance);
	/* One that is closed while events come. */
	if (inotify_create(O_NONBLOCK, &own) == 0) {
		add_watch(own, "/watched", IN_ALL_EVENTS);
		add_watch(own, name, IN_ALL_EVENTS);
		file_put(own);
	}
}

static void notifier(void *ctx, unsigned i)
{
	uint32_t state = i + 1;

	while (team_time()) {
		if (i % 2)
			watcher(i, &state);
		else
			maker(i);
	}
}

KTEST(inotify_races)
{
	uint64_t before;

	if (!ktest_check_eq(vfs_mkdir(NULL, "/watched", 0755), 0))
		return;
	before = objects();
	mistakes = 0;
	if (ktest_check_eq(inotify_create(O_NONBLOCK, &instance), 0)) {
		team_run(TEAM, notifier, NULL);
		file_put(instance);
	}
	ktest_check_eq(mistakes, 0);
	ktest_check(objects() < before + LEAK);
	ktest_check_eq(vfs_rmdir(NULL, "/watched"), 0);
}

/* --- splice ----------------------------------------------------------------------------------- */

#define CHUNK 3000

static struct file *first[2], *second[2], *copy[2], *through;
static uint64_t written, arrived; /* [a] the sums of all bytes */
static uint32_t writers_left, movers_left;

static uint64_t sum_of(const uint8_t *bytes, ssize_t n)
{
	uint64_t sum = 0;

	for (ssize_t i = 0; i < n; i++)
		sum += bytes[i];
	return sum;
}

static void spliced_writer(uint32_t *state)
{
	static uint8_t bytes[CHUNK];
	struct iter it;

	/* Two threads store the same. */
	for (unsigned i = 0; i < CHUNK; i++)
		__atomic_store_n(&bytes[i], (uint8_t)(i * 7), __ATOMIC_RELAXED);

	while (team_time()) {
		size_t n = 1 + noise(state) % CHUNK;
		ssize_t done;

		iter_init_kernel(&it, bytes, n);
		done = file_write(first[1], &it, NULL);
		expect(done == (ssize_t)n);
		__atomic_fetch_add(&written, (uint64_t)done + sum_of(bytes, done),
				   __ATOMIC_RELAXED);
	}
	if (__atomic_sub_fetch(&writers_left, 1, __ATOMIC_ACQ_REL) == 0)
		file_put(first[1]);
}

/* From the first pipe to the second, directly or through a file, and a copy of what is there. */
static void mover(unsigned i, uint32_t *state)
{
	off64_t at = (off64_t)i << 20;
	ssize_t n = 1;

	while (n > 0) {
		size_t len = 1 + noise(state) % (2 * CHUNK);
		off64_t to = at, from = at;

		pipe_tee(second[0], copy[1], len, true);
		if (noise(state) % 2) {
			n = pipe_splice(first[0], NULL, second[1], NULL, len, false);
			continue;
		}
		n = pipe_splice(first[0], NULL, through, &to, len, false);
		while (from < to) {
			ssize_t m = pipe_splice(through, &from, second[1], NULL,
						(size_t)(to - from), false);
			expect(m > 0);
			if (m <= 0)
				break;
		}
	}
	expect(n == 0);
	if (__atomic_sub_fetch(&movers_left, 1, __ATOMIC_ACQ_REL) == 0) {
		file_put(second[1]);
		file_put(copy[1]);
	}
}

static void drain(struct file *f, uint64_t *sum)
{
	static uint8_t buf[TEAM * 2][CHUNK];
	static uint32_t next;
	uint8_t *mine = buf[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % (TEAM * 2)];
	struct iter it;
	ssize_t n;

	do {
		iter_init_kernel(&it, mine, CHUNK);
		n = file_read(f, &it, NULL);
		expect(n >= 0);
		if (n > 0 && sum)
			__atomic_fetch_add(sum, (uint64_t)n + sum_of(mine, n), __ATOMIC_RELAXED);
	} while (n > 0);
}

static void splicer(void *ctx, unsigned i)
{
	uint32_t state = i + 1;

	if (i < 2)
		spliced_writer(&state);
	else if (i < 4)
		mover(i, &state);
	else
		drain(i == 4 ? second[0] : copy[0], i == 4 ? &arrived : NULL);
}

/* What goes in comes out, whoever moves it meanwhile. */
KTEST(splices_race)
{
	uint64_t before = objects();

	if (!ktest_check_eq(file_open_kernel("/through", O_RDWR | O_CREAT, 0644, &through), 0) ||
	    !ktest_check_eq(pipe_create(0, first), 0) ||
	    !ktest_check_eq(pipe_create(0, second), 0) || !ktest_check_eq(pipe_create(0, copy), 0))
		return;
	mistakes = 0;
	written = arrived = 0;
	writers_left = movers_left = 2;
	team_run(6, splicer, NULL);
	ktest_check_eq(mistakes, 0);
	ktest_check(written > 0);
	ktest_check_eq(arrived, written);
	file_put(first[0]);
	file_put(second[0]);
	file_put(copy[0]);
	file_put(through);
	ktest_check_eq(vfs_unlink(NULL, "/through"), 0);
	ktest_check(objects() < before + LEAK);
}

/* --- splices beside a reader ------------------------------------------------------------------ */

static struct file *narrow[2], *source;
static uint32_t fillers_left;

/* A small pipe is filled from a file and emptied as fast as it goes: it is full and free in turns.
 */
static void fill_or_drain(void *ctx, unsigned i)
{
	static uint8_t bytes[PAGE_SIZE];
	struct iter it;

	if (i == 0) {
		while (team_time()) {
			off64_t at = 0;

			expect(pipe_splice(source, &at, narrow[1], NULL, PAGE_SIZE, false) > 0);
		}
		file_put(narrow[1]);
		return;
	}
	do
		iter_init_kernel(&it, bytes, sizeof(bytes));
	while (file_read(narrow[0], &it, NULL) > 0);
}

/* A splice that may wait does not say that there is no room. */
KTEST(splice_waits_for_room)
{
	static const char text[PAGE_SIZE];

	mistakes = 0;
	if (!ktest_check_eq(file_open_kernel("/source", O_RDWR | O_CREAT, 0644, &source), 0) ||
	    !ktest_check_eq(pipe_create(0, narrow), 0))
		return;
	ktest_check_eq(file_write_kernel(source, text, sizeof(text), 0), (ssize_t)sizeof(text));
	ktest_check_eq(pipe_set_size(narrow[0], PAGE_SIZE), PAGE_SIZE);
	team_run(2, fill_or_drain, NULL);
	ktest_check_eq(mistakes, 0);
	file_put(narrow[0]);
	file_put(source);
	ktest_check_eq(vfs_unlink(NULL, "/source"), 0);
}

/* One writes single bytes; one splices them into a file, others read them from under its nose. */
static void write_splice_read(void *ctx, unsigned i)
{
	uint8_t byte = 1;
	struct iter it;

	if (i == 0) {
		while (team_time()) {
			iter_init_kernel(&it, &byte, 1);
			expect(file_write(narrow[1], &it, NULL) == 1);
		}
		__atomic_store_n(&fillers_left, 0, __ATOMIC_RELEASE);
		file_put(narrow[1]);
	} else if (i == 1) {
		off64_t at = 0;
		ssize_t n;

		do {
			n = pipe_splice(narrow[0], NULL, source, &at, 1, false);
			expect(n == 1 || !__atomic_load_n(&fillers_left, __ATOMIC_ACQUIRE));
			at = 0;
		} while (n > 0);
	} else {
		do
			iter_init_kernel(&it, &byte, 1);
		while (file_read(narrow[0], &it, NULL) > 0);
	}
}

/* A splice that finds the data gone waits for more: the end is when the last writer has left. */
KTEST(splice_does_not_end_early)
{
	mistakes = 0;
	fillers_left = 1;
	if (!ktest_check_eq(file_open_kernel("/source", O_RDWR | O_CREAT, 0644, &source), 0) ||
	    !ktest_check_eq(pipe_create(0, narrow), 0))
		return;
	team_run(4, write_splice_read, NULL);
	ktest_check_eq(mistakes, 0);
	file_put(narrow[0]);
	file_put(source);
	ktest_check_eq(vfs_unlink(NULL, "/source"), 0);
}
