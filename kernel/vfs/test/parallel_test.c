/* SPDX-License-Identifier: BSD-2-Clause */
/* What does not meet: readers of one file, operations in different directories, status and writes.
 */
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <sched/clock.h>
#include <sched/test/team.h>
#include <sched/thread.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/names.h>
#include <vfs/walk.h>

static struct file *file;
static uint32_t done; /* [a] */

static bool open_test_file(void)
{
	if (!ktest_check_eq(file_open_kernel("/parallel", O_RDWR | O_CREAT, 0644, &file), 0))
		return false;
	ktest_check_eq(file_write_kernel(file, "0123456789", 10, 0), 10);
	return true;
}

static void close_test_file(void)
{
	file_put(file);
	ktest_check_eq(vfs_unlink(NULL, "/parallel"), 0);
}

static void reader(void *ctx, unsigned i)
{
	char buf[10];

	ktest_check_eq(file_read_kernel(file, buf, 10, 0), 10);
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
}

/* While somebody is in the middle of a read, others read; and status needs no such lock at all. */
KTEST(readers_do_not_exclude_each_other)
{
	if (!open_test_file())
		return;
	done = 0;
	rwlock_read_lock(&file->inode->lock);
	team_start(3, reader, NULL, false);
	ktest_check(reaches(&done, 3));
	rwlock_read_unlock(&file->inode->lock);
	team_wait();
	close_test_file();
}

static void looks_at_status(void *ctx, unsigned i)
{
	struct inode_stat st;

	inode_stat(file->inode, &st);
	ktest_check_eq(st.size, 10);
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
}

KTEST(status_does_not_wait_for_a_write)
{
	if (!open_test_file())
		return;
	done = 0;
	rwlock_write_lock(&file->inode->lock);
	team_start(2, looks_at_status, NULL, false);
	ktest_check(reaches(&done, 2));
	rwlock_write_unlock(&file->inode->lock);
	team_wait();
	close_test_file();
}

/* Everything that changes names, in a directory that nobody holds. */
static void works_in_b(void *ctx, unsigned i)
{
	struct file *f;

	ktest_check_eq(vfs_mkdir(NULL, "/pb/sub", 0755), 0);
	ktest_check_eq(file_open_kernel("/pb/sub/file", O_RDWR | O_CREAT, 0644, &f), 0);
	file_put(f);
	ktest_check_eq(vfs_rename(NULL, "/pb/sub/file", NULL, "/pb/file", 0), 0);
	ktest_check_eq(vfs_symlink("file", NULL, "/pb/link"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/pb/link"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/pb/file"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/pb/sub"), 0);
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
}

KTEST(directories_do_not_meet)
{
	struct path a;

	if (!ktest_check_eq(vfs_mkdir(NULL, "/pa", 0755), 0) ||
	    !ktest_check_eq(vfs_mkdir(NULL, "/pb", 0755), 0) ||
	    !ktest_check_eq(path_walk(NULL, "/pa", 0, &a), 0))
		return;
	done = 0;
	rwlock_write_lock(&path_inode(a)->lock);
	team_start(1, works_in_b, NULL, false);
	ktest_check(reaches(&done, 1));
	rwlock_write_unlock(&path_inode(a)->lock);
	team_wait();
	path_put(a);
	ktest_check_eq(vfs_rmdir(NULL, "/pa"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/pb"), 0);
}
