/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets without memory: every allocation that an operation makes fails once; it says so, has no
 * effect, and leaks nothing. And rings of sockets in flight give their memory back.
 */
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <net/socket.h>
#include <net/unix.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/test/team.h>
#include <sched/thread.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/names.h>
#include <vfs/poll.h>

#define ALLOCATIONS_MAX 200
#define ROUNDS		15

static struct net_address address(const char *text)
{
	struct net_address a = {.family = AF_UNIX};
	size_t len = strlen(text);

	memcpy(a.bytes + 2, text, len);
	if (text[0] == '@')
		a.bytes[2] = 0;
	a.len = (uint32_t)(2 + len + (text[0] != '@'));
	return a;
}

static ssize_t send_kernel(struct file *f, const void *data, size_t n, struct file *carried)
{
	struct net_message m = {0};
	struct iter it;
	ssize_t r;

	iter_init_kernel(&it, (void *)(uintptr_t)data, n);
	m.data = &it;
	m.flags = MSG_DONTWAIT;
	if (carried) {
		m.rights = kzalloc(sizeof(*m.rights));
		if (!m.rights)
			return -ENOMEM;
		m.rights->count = 1;
		m.rights->files[0] = file_get(carried);
	}
	r = socket_send(socket_of(f), &m);
	net_rights_put(m.rights);
	return r;
}

static ssize_t receive_kernel(struct file *f, void *data, size_t n, struct net_rights **rights)
{
	struct net_message m = {0};
	struct iter it;
	ssize_t r;

	iter_init_kernel(&it, data, n);
	m.data = &it;
	m.flags = MSG_DONTWAIT;
	r = socket_receive(socket_of(f), &m);
	*rights = m.rights;
	return r;
}

static int no_memory(ssize_t r)
{
	return r == -ENOBUFS || r == -ENOMEM ? -ENOMEM : r < 0 ? (int)r : 0;
}

static int try_create(void)
{
	struct file *f;
	int r = socket_create(AF_UNIX, SOCK_STREAM, 0, 0, &f);

	if (!r)
		file_put(f);
	return r;
}

static int try_pair(void)
{
	struct file *f[2];
	int r = socket_create_pair(AF_UNIX, SOCK_DGRAM, 0, 0, f);

	if (!r) {
		file_put(f[0]);
		file_put(f[1]);
	}
	return r;
}

static int try_bind(void)
{
	struct net_address a = address("/socket-test");
	struct file *f;
	int r = socket_create(AF_UNIX, SOCK_STREAM, 0, 0, &f);

	if (r)
		return r;
	r = socket_bind(socket_of(f), &a);
	if (!r)
		ktest_check_eq(vfs_unlink(NULL, "/socket-test"), 0);
	else
		ktest_check_eq(vfs_unlink(NULL, "/socket-test"), -ENOENT);
	file_put(f);
	return r;
}

static int try_autobind(void)
{
	struct net_address a = {.family = AF_UNIX, .len = 2};
	struct file *f;
	int r = socket_create(AF_UNIX, SOCK_DGRAM, 0, 0, &f);

	if (r)
		return r;
	r = socket_bind(socket_of(f), &a);
	file_put(f);
	return r;
}

static int connect_and_accept(struct file *l, struct file *c)
{
	struct net_address a = address("@socket-test");
	struct file *accepted;
	int r = socket_bind(socket_of(l), &a);

	if (!r)
		r = socket_listen(socket_of(l), 2);
	if (!r)
		r = socket_connect(socket_of(c), &a);
	if (r)
		return r;
	r = socket_accept(l, 0, &accepted, NULL);
	if (!r)
		file_put(accepted);
	return r;
}

static int try_connect(void)
{
	struct file *l, *c;
	int r = socket_create(AF_UNIX, SOCK_SEQPACKET, 0, O_NONBLOCK, &l);

	if (r)
		return r;
	r = socket_create(AF_UNIX, SOCK_SEQPACKET, 0, O_NONBLOCK, &c);
	if (!r) {
		r = connect_and_accept(l, c);
		file_put(c);
	}
	file_put(l);
	return r;
}

/* Few bytes, many bytes, and a file, which arrives or is not lost. */
static int send_and_receive(struct file *f[2], char *buf, size_t n)
{
	struct net_rights *rights;
	ssize_t r = send_kernel(f[0], buf, n, f[1]);

	if (r < 0)
		return no_memory(r);
	ktest_check_eq(r, n);
	r = receive_kernel(f[1], buf, n, &rights);
	ktest_check_eq(r, n);
	ktest_check(rights && rights->files[0] == f[1]);
	net_rights_put(rights);
	return 0;
}

static int try_send(void)
{
	struct file *f[2];
	char *buf = kzalloc(20000);
	int r;

	if (!buf)
		return -ENOMEM;
	r = socket_create_pair(AF_UNIX, SOCK_DGRAM, 0, 0, f);
	if (!r) {
		r = send_and_receive(f, buf, 10);
		if (!r)
			r = send_and_receive(f, buf, 20000);
		file_put(f[0]);
		file_put(f[1]);
	}
	kfree(buf);
	return r;
}

static const struct {
	const char *name;
	int (*act)(void);
} operations[] = {
	{"create", try_create},	    {"pair", try_pair},	      {"bind", try_bind},
	{"autobind", try_autobind}, {"connect", try_connect}, {"send", try_send},
};

static uint64_t objects(void)
{
	struct slab_stats s;

	dentry_prune(NULL);
	unix_gc_flush();
	epoch_barrier();
	epoch_barrier();
	slab_stats(&s);
	return s.objects;
}

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
	} while (!left && n < ALLOCATIONS_MAX);
	if (tell)
		ktest_note("%s: %u allocations, %u of which it cannot do without",
			   operations[i].name, n - 1, failed);
	ktest_check(n < ALLOCATIONS_MAX);
}

KTEST(sockets_without_memory)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		uint64_t before, after;

		exercise(i, true);
		before = objects();
		for (int round = 0; round < ROUNDS; round++)
			exercise(i, false);
		after = objects();
		if (!ktest_check(after < before + ROUNDS))
			ktest_note("%s leaks %llu objects", operations[i].name,
				   (unsigned long long)(after - before));
	}
}

/* Rings of `n` sockets, each in the queue of the next. */
static void make_ring(struct file *f[][2], int n)
{
	char c = 'x';

	for (int i = 0; i < n; i++)
		ktest_check_eq(socket_create_pair(AF_UNIX, SOCK_STREAM, 0, 0, f[i]), 0);
	for (int i = 0; i < n; i++) {
		ktest_check_eq(send_kernel(f[i][0], &c, 1, f[(i + 1) % n][1]), 1);
		ktest_check_eq(send_kernel(f[i][0], &c, 1, f[(i + 1) % n][0]), 1);
	}
	for (int i = 0; i < n; i++) {
		file_put(f[i][0]);
		file_put(f[i][1]);
	}
}

KTEST(rings_in_flight_are_freed)
{
	static struct file *f[5][2];
	uint64_t before, after;

	make_ring(f, 5);
	try_create(); /* asks for a search */
	before = objects();
	for (int i = 0; i < 100; i++)
		make_ring(f, 1 + i % 5);
	try_create();
	after = objects();
	if (!ktest_check(after < before + 50))
		ktest_note("%llu objects stay", (unsigned long long)(after - before));
}

/* --- speed, beside a pipe's --------------------------------------------------------------- */

#include <vfs/pipe.h>

#define SPEED_BYTES (4 << 20)
#define SPEED_CHUNK (64 << 10)

static uint32_t peeked; /* [a] */

static void peeker(void *ctx, unsigned i)
{
	struct file *f = ctx;
	struct net_message m = {.flags = MSG_DONTWAIT | MSG_PEEK};
	struct iter it;
	char c;

	iter_init_kernel(&it, &c, 1);
	m.data = &it;
	ktest_check_eq(socket_receive(socket_of(f), &m), 1);
	ktest_check(m.rights);
	net_rights_put(m.rights);
	__atomic_store_n(&peeked, 1, __ATOMIC_RELEASE);
}

/* The search for rings must see every reference to a file in flight, that of a peek too. */
KTEST(peek_waits_for_the_search)
{
	struct file *f[2];

	peeked = 0;
	if (!ktest_check_eq(socket_create_pair(AF_UNIX, SOCK_STREAM, 0, 0, f), 0))
		return;
	ktest_check_eq(send_kernel(f[0], "x", 1, f[1]), 1);
	unix_gc_lock();
	team_start(1, peeker, f[1], false);
	sleep_ns(20 * MS);
	ktest_check_eq(__atomic_load_n(&peeked, __ATOMIC_ACQUIRE), 0);
	unix_gc_unlock();
	team_wait();
	ktest_check_eq(peeked, 1);
	file_put(f[0]);
	file_put(f[1]);
	unix_gc_flush();
}

static uint32_t reading; /* [a] */

static void reader(void *arg)
{
	struct file *f = arg;
	char *buf = kmalloc(SPEED_CHUNK);
	struct iter it;
	ssize_t n;

	do {
		iter_init_kernel(&it, buf, SPEED_CHUNK);
		n = file_read(f, &it, NULL);
	} while (n > 0);
	ktest_check_eq(n, 0);
	kfree(buf);
	__atomic_store_n(&reading, 0, __ATOMIC_RELEASE);
}

static uint64_t megabytes_per_second(struct file *from, struct file *to)
{
	char *buf = kzalloc(SPEED_CHUNK);
	nsec_t start = clock_mono_ns();
	struct iter it;

	__atomic_store_n(&reading, 1, __ATOMIC_RELEASE);
	kthread_create("reader", reader, to);
	for (size_t sent = 0; sent < SPEED_BYTES; sent += SPEED_CHUNK) {
		iter_init_kernel(&it, buf, SPEED_CHUNK);
		ktest_check_eq(file_write(from, &it, NULL), SPEED_CHUNK);
	}
	file_put(from);
	while (__atomic_load_n(&reading, __ATOMIC_ACQUIRE))
		thread_sleep_until(clock_mono_ns() + NSEC_PER_MSEC, WAIT_UNINTERRUPTIBLE);
	file_put(to);
	kfree(buf);
	return SPEED_BYTES / ((clock_mono_ns() - start) / 1000);
}

/* Only a note: nothing may depend on the speed of a busy host. */
KTEST(stream_beside_pipe)
{
	struct file *p[2], *s[2];
	uint64_t pipe_speed;

	if (!ktest_check_eq(pipe_create(0, p), 0) ||
	    !ktest_check_eq(socket_create_pair(AF_UNIX, SOCK_STREAM, 0, 0, s), 0))
		return;
	pipe_speed = megabytes_per_second(p[1], p[0]);
	ktest_note("a pipe carries %llu MB/s, a stream %llu MB/s", (unsigned long long)pipe_speed,
		   (unsigned long long)megabytes_per_second(s[0], s[1]));
}
