/* SPDX-License-Identifier: BSD-2-Clause */
/* The name cache while names change on other processors. */
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/fcntl.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/names.h>

#define ROUNDS 1500

static uint32_t running; /* [a] threads that are not done */
static uint32_t stop;	 /* [a] */
static uint32_t errors;	 /* [a] */
static uint64_t looked;	 /* [a] */

static void wait_for_threads(void)
{
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE))
		thread_sleep_until(clock_mono_ns() + NSEC_PER_MSEC, WAIT_UNINTERRUPTIBLE);
}

static void start(const char *name, void (*fn)(void *arg), void *arg)
{
	__atomic_fetch_add(&running, 1, __ATOMIC_RELAXED);
	if (!ktest_check(kthread_create(name, fn, arg)))
		__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

static void done(void)
{
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

static int make_file(const char *path)
{
	struct file *f;
	int r = file_open_kernel(path, O_CREAT | O_WRONLY, 0644, &f);

	if (!r)
		file_put(f);
	return r;
}

/* Swaps two directories all the time, back and forth between two parents. */
static void renamer(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		int r = i & 1 ? vfs_rename(NULL, "/nt/b/moving", NULL, "/nt/a/moving", 0)
			      : vfs_rename(NULL, "/nt/a/moving", NULL, "/nt/b/moving", 0);

		if (r || vfs_rename(NULL, "/nt/x", NULL, "/nt/y", RENAME_SWAP))
			__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	done();
}

/* A name that never changes must always be found, whatever moves beside it. */
static void looker(void *arg)
{
	uint64_t ino = *(uint64_t *)arg;
	struct path p;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (path_walk(NULL, "/nt/a/stays", 0, &p)) {
			__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (path_inode(p)->ino != ino)
			__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
		path_put(p);
		/* One of two, never a third, and never none. */
		if (path_walk(NULL, "/nt/x", 0, &p))
			__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED);
		else
			path_put(p);
		__atomic_fetch_add(&looked, 1, __ATOMIC_RELAXED);
	}
	done();
}

KTEST(names_under_rename)
{
	struct path p;
	uint64_t ino = 0;

	errors = stop = 0;
	looked = 0;
	ktest_check_eq(vfs_mkdir(NULL, "/nt", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/nt/a", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/nt/b", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/nt/a/moving", 0755), 0);
	ktest_check_eq(make_file("/nt/a/stays"), 0);
	ktest_check_eq(make_file("/nt/x"), 0);
	ktest_check_eq(make_file("/nt/y"), 0);
	if (ktest_check_eq(path_walk(NULL, "/nt/a/stays", 0, &p), 0)) {
		ino = path_inode(p)->ino;
		path_put(p);
	}
	start("looker/1", looker, &ino);
	start("looker/2", looker, &ino);
	start("renamer", renamer, NULL);
	wait_for_threads();
	ktest_check_eq(errors, 0);
	ktest_note("%llu looks beside %d renames", (unsigned long long)looked, 2 * ROUNDS);
	ktest_check_eq(vfs_rmdir(NULL, "/nt/a/moving"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/nt/a/stays"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/nt/x"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/nt/y"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/nt/a"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/nt/b"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/nt"), 0);
}

/* Two that move directories into each other's: no circle, no deadlock, one of them loses. */
static void mover(void *arg)
{
	bool second = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (second)
			vfs_rename(NULL, "/mt/q", NULL, "/mt/p/q", 0);
		else
			vfs_rename(NULL, "/mt/p", NULL, "/mt/q/p", 0);
		vfs_rename(NULL, "/mt/p/q", NULL, "/mt/q", 0);
		vfs_rename(NULL, "/mt/q/p", NULL, "/mt/p", 0);
	}
	done();
}

KTEST(names_crosswise_rename)
{
	ktest_check_eq(vfs_mkdir(NULL, "/mt", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/mt/p", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/mt/q", 0755), 0);
	start("mover/1", mover, NULL);
	start("mover/2", mover, (void *)1);
	wait_for_threads();
	vfs_rename(NULL, "/mt/p/q", NULL, "/mt/q", 0);
	vfs_rename(NULL, "/mt/q/p", NULL, "/mt/p", 0);
	ktest_check_eq(vfs_rmdir(NULL, "/mt/p"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/mt/q"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/mt"), 0);
}

/* Create and remove the same names from several threads: each success is matched by one. */
static void churner(void *arg)
{
	long *balance = arg;

	for (int i = 0; i < ROUNDS / 5; i++) {
		char path[24];

		format(path, sizeof(path), "/ct/%d", i % 7);
		if (vfs_mkdir(NULL, path, 0755) == 0)
			(*balance)++;
		if (vfs_rmdir(NULL, path) == 0)
			(*balance)--;
	}
	done();
}

KTEST(names_churn)
{
	long balance[3] = {0};

	ktest_check_eq(vfs_mkdir(NULL, "/ct", 0755), 0);
	for (int i = 0; i < 3; i++)
		start("churner", churner, &balance[i]);
	wait_for_threads();
	ktest_check_eq(balance[0] + balance[1] + balance[2], 0);
	ktest_check_eq(vfs_rmdir(NULL, "/ct"), 0);
}
