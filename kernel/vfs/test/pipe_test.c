/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes: two readers racing without O_NONBLOCK's promise being broken, whole writes, ends. */
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <vfs/file.h>
#include <vfs/pipe.h>
#include <vfs/poll.h>

#define BYTES 5000

static uint32_t running; /* [a] */
static uint32_t taken;	 /* [a] */

static ssize_t do_read(struct file *f, void *buf, size_t n)
{
	struct iter it;

	iter_init_kernel(&it, buf, n);
	return file_read(f, &it, NULL);
}

static ssize_t do_write(struct file *f, const void *buf, size_t n)
{
	struct iter it;

	iter_init_kernel(&it, (void *)(uintptr_t)buf, n);
	return file_write(f, &it, NULL);
}

static void wait_for_threads(void)
{
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE))
		thread_sleep_until(clock_mono_ns() + NSEC_PER_MSEC, WAIT_UNINTERRUPTIBLE);
}

static int look_readable(void *ctx, struct poll_table *pt)
{
	return (file_poll(ctx, pt) & EPOLLIN) != 0;
}

/* poll says readable, the other reader takes the byte: the read must say -EAGAIN and not sleep. */
static void racing_reader(void *arg)
{
	char c;

	while (__atomic_load_n(&taken, __ATOMIC_ACQUIRE) < BYTES) {
		ssize_t n;

		if (poll_until(look_readable, arg, clock_mono_ns() + 100 * NSEC_PER_MSEC) <= 0)
			continue;
		n = do_read(arg, &c, 1);
		if (n == 1)
			__atomic_fetch_add(&taken, 1, __ATOMIC_RELEASE);
		else if (!ktest_check_eq(n, -EAGAIN))
			break;
	}
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

KTEST(pipe_two_readers_race)
{
	struct file *ends[2];
	char c = 'x';

	taken = 0;
	if (!ktest_check_eq(pipe_create(O_NONBLOCK, ends), 0))
		return;
	running = 2;
	kthread_create("reader/1", racing_reader, ends[0]);
	kthread_create("reader/2", racing_reader, ends[0]);
	for (int i = 0; i < BYTES; i++) {
		while (do_write(ends[1], &c, 1) == -EAGAIN)
			thread_yield();
	}
	wait_for_threads();
	ktest_check_eq(taken, BYTES);
	file_put(ends[0]);
	file_put(ends[1]);
}

/* Writes of PIPE_BUF bytes from two writers never mix. */
static void whole_writer(void *arg)
{
	struct file **ends = arg;
	char letter = __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED) ? 'a' : 'b';
	char *buf = kmalloc(PIPE_BUF);

	if (ktest_check(buf)) {
		memset(buf, letter, PIPE_BUF);
		for (int i = 0; i < 200; i++)
			ktest_check_eq(do_write(ends[1], buf, PIPE_BUF - 100), PIPE_BUF - 100);
	}
	kfree(buf);
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

static bool all_same(const char *buf, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (buf[i] != buf[0])
			return false;
	}
	return true;
}

KTEST(pipe_writes_are_whole)
{
	struct file *ends[2];
	char *buf = kmalloc(PIPE_BUF);
	int mixed = 0;

	taken = 0;
	if (!ktest_check(buf) || !ktest_check_eq(pipe_create(0, ends), 0))
		return;
	running = 2;
	kthread_create("writer/1", whole_writer, ends);
	kthread_create("writer/2", whole_writer, ends);
	for (int i = 0; i < 400; i++) {
		size_t got = 0;

		while (got < PIPE_BUF - 100) {
			ssize_t n = do_read(ends[0], buf + got, PIPE_BUF - 100 - got);

			if (!ktest_check(n > 0))
				break;
			got += (size_t)n;
		}
		mixed += !all_same(buf, got);
	}
	wait_for_threads();
	ktest_check_eq(mixed, 0);
	kfree(buf);
	file_put(ends[0]);
	file_put(ends[1]);
}

KTEST(pipe_ends)
{
	struct file *ends[2];
	char buf[16];

	ktest_check_eq(pipe_create(O_NONBLOCK, ends), 0);
	ktest_check_eq(do_read(ends[0], buf, 16), -EAGAIN);
	ktest_check_eq(file_poll(ends[0], NULL), 0);
	ktest_check_eq(file_poll(ends[1], NULL), EPOLLOUT | EPOLLWRNORM);
	ktest_check_eq(do_write(ends[1], "hello", 5), 5);
	ktest_check_eq(file_poll(ends[0], NULL), EPOLLIN | EPOLLRDNORM);
	file_put(ends[1]);
	ktest_check_eq(do_read(ends[0], buf, 16), 5);
	ktest_check_eq(do_read(ends[0], buf, 16), 0);
	ktest_check_eq(file_poll(ends[0], NULL), EPOLLHUP);
	file_put(ends[0]);
	ktest_check_eq(pipe_create(O_NONBLOCK, ends), 0);
	file_put(ends[0]);
	ktest_check_eq(do_write(ends[1], "hello", 5), -EPIPE);
	ktest_check(file_poll(ends[1], NULL) & EPOLLERR);
	file_put(ends[1]);
}

KTEST(pipe_capacity)
{
	struct file *ends[2];
	char *buf = kzalloc(65536);
	ssize_t total = 0, n;

	if (!ktest_check(buf) || !ktest_check_eq(pipe_create(O_NONBLOCK, ends), 0))
		return;
	ktest_check_eq(pipe_get_size(ends[0]), 65536);
	ktest_check_eq(do_write(ends[1], buf, 65536), 65536);
	ktest_check_eq(do_write(ends[1], buf, 1), -EAGAIN);
	ktest_check_eq(pipe_set_size(ends[0], 4096), -EBUSY);
	ktest_check_eq(pipe_set_size(ends[0], 100000), 131072);
	ktest_check_eq(do_write(ends[1], buf, 1), 1);
	while ((n = do_read(ends[0], buf, 5000)) > 0)
		total += n;
	ktest_check_eq(total, 65537);
	file_put(ends[0]);
	file_put(ends[1]);
	kfree(buf);
}
