/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every allocation that an operation makes fails once: the operation says -ENOMEM, has no effect,
 * and leaks nothing.
 */
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <sched/thread.h>
#include <vfs/dentry.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vfs/mount.h>
#include <vfs/names.h>
#include <vfs/pipe.h>

/* More than any of the operations allocates. */
#define ALLOCATIONS_MAX 200

/*
 * The allocator counts its own caches per processor as objects, so the number may grow by a few; a
 * leak grows with every round.
 */
#define ROUNDS 15

static int try_mkdir(void)
{
	return vfs_mkdir(NULL, "/ft/new", 0755);
}

static void undo_mkdir(void)
{
	ktest_check_eq(vfs_rmdir(NULL, "/ft/new"), 0);
}

static int try_symlink(void)
{
	return vfs_symlink("/ft/dir/../dir", NULL, "/ft/link");
}

static void undo_symlink(void)
{
	ktest_check_eq(vfs_unlink(NULL, "/ft/link"), 0);
}

static int try_link(void)
{
	struct path p;
	int r = path_walk(NULL, "/ft/file", 0, &p);

	if (r)
		return r;
	r = vfs_link(p, NULL, "/ft/dir/second");
	path_put(p);
	return r;
}

static void undo_link(void)
{
	ktest_check_eq(vfs_unlink(NULL, "/ft/dir/second"), 0);
}

static int try_rename(void)
{
	return vfs_rename(NULL, "/ft/file", NULL, "/ft/dir/moved", 0);
}

static void undo_rename(void)
{
	ktest_check_eq(vfs_rename(NULL, "/ft/dir/moved", NULL, "/ft/file", 0), 0);
}

static int try_walk(void)
{
	struct path p;
	int r = path_walk(NULL, "/ft/l1/dir/../file", WALK_FOLLOW, &p);

	if (!r)
		path_put(p);
	return r;
}

static int try_write(void)
{
	static const char data[5000];
	struct file *f;
	ssize_t n = 0;
	int r = file_open_kernel("/ft/written", O_CREAT | O_RDWR, 0644, &f);

	if (r)
		return r;
	n = file_write_kernel(f, data, sizeof(data), 70000);
	file_put(f);
	if (n < 0)
		return (int)n;
	return n < (ssize_t)sizeof(data) ? -ENOMEM : 0;
}

static void undo_write(void)
{
	vfs_unlink(NULL, "/ft/written");
}

static int try_pipe(void)
{
	struct file *ends[2];
	int r = pipe_create(0, ends);

	if (!r) {
		file_put(ends[0]);
		file_put(ends[1]);
	}
	return r;
}

static int try_mount(void)
{
	struct path p;
	int r = path_walk(NULL, "/ft/dir", WALK_DIRECTORY, &p);

	if (r)
		return r;
	r = mount_new("tmpfs", "test", "size=64k", 0, p);
	path_put(p);
	return r;
}

static void undo_mount(void)
{
	struct path p;

	if (ktest_check_eq(path_walk(NULL, "/ft/dir", WALK_DIRECTORY, &p), 0))
		ktest_check_eq(mount_remove(p, MOUNT_NOW), 0);
}

static int try_tables(void)
{
	struct fd_table *t = fd_table_create(), *copy = NULL;
	int r = -ENOMEM;

	if (t && fd_reserve(t, 1000, 4096, true) == 1000)
		copy = fd_table_clone(t);
	if (copy)
		r = 0;
	fd_table_leave(copy);
	fd_table_leave(t);
	return r;
}

static const struct {
	const char *name;
	int (*act)(void);
	void (*undo)(void);
} operations[] = {
	{"mkdir", try_mkdir, undo_mkdir}, {"symlink", try_symlink, undo_symlink},
	{"link", try_link, undo_link},	  {"rename", try_rename, undo_rename},
	{"walk", try_walk, NULL},	  {"write", try_write, undo_write},
	{"pipe", try_pipe, NULL},	  {"mount", try_mount, undo_mount},
	{"tables", try_tables, NULL},
};

static uint64_t objects(void)
{
	struct slab_stats s;

	dentry_prune(NULL);
	epoch_barrier();
	epoch_barrier(); /* what the deferred calls deferred */
	slab_stats(&s);
	return s.objects;
}

/* Fail the nth allocation, for n = 1, 2, ... until the operation needs fewer. */
static void exercise(size_t i, bool tell)
{
	unsigned n = 0, failed = 0, left;
	int r;

	do {
		alloc_fail_nth(++n);
		r = operations[i].act();
		left = alloc_fail_nth(0);
		failed += r == -ENOMEM;
		if (r && r != -ENOMEM)
			ktest_note("%s, allocation %u: error %d", operations[i].name, n, -r);
		ktest_check(r == 0 || r == -ENOMEM);
		if ((r == 0 || i == 5) && operations[i].undo)
			operations[i].undo();
	} while (!left && n < ALLOCATIONS_MAX);
	if (tell)
		ktest_note("%s: %u allocations, %u of which it cannot do without",
			   operations[i].name, n - 1, failed);
	ktest_check(n < ALLOCATIONS_MAX);
}

KTEST(vfs_without_memory)
{
	uint64_t before, after;
	struct file *f;

	ktest_check_eq(vfs_mkdir(NULL, "/ft", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/ft/dir", 0755), 0);
	ktest_check_eq(vfs_symlink("/ft", NULL, "/ft/l1"), 0);
	if (ktest_check_eq(file_open_kernel("/ft/file", O_CREAT | O_RDWR, 0644, &f), 0))
		file_put(f);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		before = objects();
		for (int round = 0; round < ROUNDS; round++)
			exercise(i, round == 0);
		after = objects();
		if (!ktest_check(after < before + ROUNDS))
			ktest_note("%s leaks %llu objects", operations[i].name,
				   (unsigned long long)(after - before));
	}
	ktest_check_eq(vfs_unlink(NULL, "/ft/file"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/ft/l1"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/ft/dir"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/ft"), 0);
}
