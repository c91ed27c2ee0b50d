/* SPDX-License-Identifier: BSD-2-Clause */
/* Epoll: no event lost, none made up, and files and instances that go while others look. */
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/test/team.h>
#include <sched/thread.h>
#include <vfs/epoll.h>
#include <vfs/epoll_internal.h>
#include <vfs/eventfd.h>
#include <vfs/file.h>
#include <vfs/pipe.h>
#include <vfs/poll.h>

/* Collects the events of one wait. */
struct taken {
	unsigned count;
	uint32_t events;
	uint64_t data;
};

static int collect(void *ctx, uint32_t events, uint64_t data)
{
	struct taken *t = ctx;

	t->count++;
	t->events |= events;
	t->data = data;
	return 0;
}

static int refuse(void *ctx, uint32_t events, uint64_t data)
{
	return -EFAULT;
}

static int watch(struct file *ep, struct file *f, uint32_t events, uint64_t data)
{
	struct epoll_interest in = {events, data};

	return epoll_ctl(ep, EPOLL_CTL_ADD, 0, f, &in);
}

static int forget(struct file *ep, struct file *f)
{
	struct epoll_interest in = {0};

	return epoll_ctl(ep, EPOLL_CTL_DEL, 0, f, &in);
}

static ssize_t add_count(struct file *f, uint64_t n)
{
	struct iter it;

	iter_init_kernel(&it, &n, sizeof(n));
	return file_write(f, &it, NULL);
}

static uint64_t take_count(struct file *f)
{
	struct iter it;
	uint64_t n = 0;

	iter_init_kernel(&it, &n, sizeof(n));
	return file_read(f, &it, NULL) == sizeof(n) ? n : 0;
}

static int events_now(struct file *ep, struct taken *t)
{
	*t = (struct taken){0};
	return epoll_wait(ep, 10, 0, collect, t);
}

KTEST(epoll_edges_and_faults)
{
	struct file *ep, *level, *edge;
	struct taken t;

	if (!ktest_check_eq(epoll_create(&ep), 0) ||
	    !ktest_check_eq(eventfd_create(0, false, O_NONBLOCK, &level), 0) ||
	    !ktest_check_eq(eventfd_create(0, false, O_NONBLOCK, &edge), 0))
		return;
	ktest_check_eq(watch(ep, level, EPOLLIN, 1), 0);
	ktest_check_eq(watch(ep, edge, EPOLLIN | EPOLLET, 2), 0);
	ktest_check_eq(watch(ep, edge, EPOLLIN, 2), -EEXIST);
	ktest_check_eq(events_now(ep, &t), 0);
	add_count(level, 1);
	add_count(edge, 1);
	/* A fault loses nothing, not even an edge. */
	ktest_check_eq(epoll_wait(ep, 10, 0, refuse, NULL), -EFAULT);
	ktest_check_eq(events_now(ep, &t), 2);
	ktest_check_eq(events_now(ep, &t), 1);
	ktest_check_eq(t.data, 1);
	/* Each write is an edge, and one report, however often it wakes. */
	add_count(edge, 1);
	add_count(edge, 1);
	ktest_check_eq(events_now(ep, &t), 2);
	take_count(level);
	ktest_check_eq(events_now(ep, &t), 0);
	/* The files go first, then the instance. */
	add_count(edge, 1);
	file_put(edge);
	ktest_check_eq(events_now(ep, &t), 0);
	file_put(ep);
	file_put(level);
}

/* An eventfd whose poll operation says what the others do at that moment. */
static const struct file_ops *real_ops;
static struct epoll *watching;
static unsigned polled, comes_before, comes_after; /* numbers of polls */
static bool was_missed;

static unsigned slow_poll(struct file *f, struct poll_table *pt)
{
	unsigned events;

	polled++;
	if (polled == comes_before)
		add_count(f, 1);
	events = real_ops->poll(f, pt);
	if (polled == comes_after)
		add_count(f, 1);
	/* Who asks now whether something is ready must not hear no. */
	if (events)
		was_missed = was_missed || list_empty(&watching->ready);
	return events;
}

KTEST(epoll_stale_items)
{
	struct file *ep, *f;
	struct file_ops ops;
	struct taken t;

	if (!ktest_check_eq(epoll_create(&ep), 0) ||
	    !ktest_check_eq(eventfd_create(0, false, O_NONBLOCK, &f), 0))
		return;
	ktest_check_eq(watch(ep, f, EPOLLIN, 1), 0);
	real_ops = f->ops;
	ops = *real_ops;
	ops.poll = slow_poll;
	watching = ep->priv;
	for (unsigned k = 1; k <= 3; k++) {
		/* Ready, though there is nothing any more. */
		add_count(f, 1);
		take_count(f);
		polled = 0;
		comes_before = k == 1 ? 2 : 0;
		comes_after = k == 2 ? 1 : k == 3 ? 2 : 0;
		was_missed = false;
		f->ops = &ops;
		/* What comes after the second look is for the next wait. */
		ktest_check_eq(events_now(ep, &t), k < 3);
		ktest_check(!was_missed);
		comes_before = comes_after = 0;
		ktest_check_eq(events_now(ep, &t), 1);
		f->ops = real_ops;
		take_count(f);
		ktest_check_eq(events_now(ep, &t), 0);
		ktest_check(list_empty(&watching->ready));
	}
	file_put(f);
	file_put(ep);
}

KTEST(epoll_add_without_memory)
{
	struct file *ep, *ends[2];
	struct taken t;
	int r = -ENOMEM;

	if (!ktest_check_eq(epoll_create(&ep), 0) || !ktest_check_eq(pipe_create(0, ends), 0))
		return;
	for (unsigned n = 1; r == -ENOMEM && n < 10; n++) {
		alloc_fail_nth(n);
		r = watch(ep, ends[1], EPOLLOUT, 1);
		alloc_fail_nth(0);
		ktest_check(r == 0 || r == -ENOMEM);
		ktest_check_eq(events_now(ep, &t), r ? 0 : 1);
	}
	ktest_check_eq(r, 0);
	file_put(ends[0]);
	file_put(ends[1]);
	file_put(ep);
}

KTEST(epoll_nesting_is_bounded)
{
	struct file *ep[8], *event;
	struct taken t;

	for (int i = 0; i < 8; i++) {
		if (!ktest_check_eq(epoll_create(&ep[i]), 0))
			return;
	}
	/* A chain of five, built from its middle; then a circle, a tail and a head too many. */
	ktest_check_eq(watch(ep[2], ep[3], EPOLLIN, 0), 0);
	ktest_check_eq(watch(ep[1], ep[2], EPOLLIN, 0), 0);
	ktest_check_eq(watch(ep[3], ep[4], EPOLLIN, 0), 0);
	ktest_check_eq(watch(ep[0], ep[1], EPOLLIN, 0), 0);
	ktest_check_eq(watch(ep[4], ep[0], EPOLLIN, 0), -ELOOP);
	ktest_check_eq(watch(ep[2], ep[1], EPOLLIN, 0), -ELOOP);
	ktest_check_eq(watch(ep[4], ep[5], EPOLLIN, 0), -ELOOP);
	ktest_check_eq(watch(ep[6], ep[0], EPOLLIN, 0), -ELOOP);
	/* Two short chains must not be joined to a long one. */
	ktest_check_eq(watch(ep[6], ep[7], EPOLLIN, 0), 0);
	ktest_check_eq(watch(ep[3], ep[6], EPOLLIN, 0), -ELOOP);
	ktest_check_eq(watch(ep[2], ep[6], EPOLLIN, 0), 0);
	ktest_check_eq(eventfd_create(0, false, O_NONBLOCK, &event), 0);
	ktest_check_eq(watch(ep[4], event, EPOLLIN, 0), 0);
	ktest_check_eq(watch(ep[7], event, EPOLLIN, 0), 0);
	ktest_check_eq(events_now(ep[0], &t), 0);
	add_count(event, 1);
	ktest_check_eq(file_poll(ep[0], NULL), EPOLLIN | EPOLLRDNORM);
	ktest_check_eq(events_now(ep[0], &t), 1);
	file_put(event);
	ktest_check_eq(events_now(ep[0], &t), 0);
	for (int i = 0; i < 8; i++)
		file_put(ep[(i * 3) % 8]);
}

/* An event wakes one instance by many ways; the number of ways is bounded. */
KTEST(epoll_fans_are_bounded)
{
	enum { WIDE = 40 };
	struct file *top[WIDE], *mid[4], *low;
	int refused = 0;

	if (!ktest_check_eq(epoll_create(&low), 0))
		return;
	for (int i = 0; i < 4; i++)
		ktest_check_eq(epoll_create(&mid[i]), 0);
	for (int i = 0; i < 4; i++)
		ktest_check_eq(watch(mid[i], low, EPOLLIN, 0), 0);
	for (int i = 0; i < WIDE; i++) {
		ktest_check_eq(epoll_create(&top[i]), 0);
		for (int k = 0; k < 4; k++) {
			int r = watch(top[i], mid[k], EPOLLIN, 0);

			ktest_check(r == 0 || r == -EINVAL);
			refused += r != 0;
		}
	}
	ktest_check(refused > 0 && refused < WIDE * 4);
	for (int i = 0; i < WIDE; i++)
		file_put(top[i]);
	for (int i = 0; i < 4; i++)
		file_put(mid[i]);
	file_put(low);
}

/* --- races -------------------------------------------------------------------------------- */

struct stress {
	struct file *ep, *outer, *steady, *edge;
	uint32_t written, seen; /* [a] of edge */
	uint32_t events;	/* [a] of the files that come and go */
	uint32_t writers;	/* [a] still running */
};

/* Files that are closed while they are watched, ready, and looked at. */
static void coming_and_going(struct stress *s)
{
	while (team_time()) {
		struct file *ends[2];

		if (pipe_create(O_NONBLOCK, ends))
			continue;
		ktest_check_eq(watch(s->ep, ends[0], EPOLLIN | EPOLLET, 7), 0);
		ktest_check_eq(watch(s->ep, ends[1], EPOLLOUT, 7), 0);
		file_put(ends[1]);
		file_put(ends[0]);
	}
}

/* Instances that are closed while they watch the steady file, and are watched. */
static void instances(struct stress *s)
{
	while (team_time()) {
		struct file *ep;

		if (epoll_create(&ep))
			continue;
		ktest_check_eq(watch(ep, s->steady, EPOLLIN, 8), 0);
		ktest_check_eq(watch(s->outer, ep, EPOLLIN, 8), 0);
		file_put(ep);
	}
}

static void changes(struct stress *s)
{
	struct epoll_interest in = {EPOLLIN, 9};

	while (team_time()) {
		ktest_check_eq(watch(s->ep, s->steady, EPOLLIN, 9), 0);
		add_count(s->steady, 1);
		ktest_check_eq(epoll_ctl(s->ep, EPOLL_CTL_MOD, 0, s->steady, &in), 0);
		take_count(s->steady);
		ktest_check_eq(forget(s->ep, s->steady), 0);
	}
}

static void writes(struct stress *s)
{
	uint32_t n = 0;

	while (team_time()) {
		add_count(s->edge, 1);
		n++;
		if (n % 16 == 0)
			thread_yield();
	}
	__atomic_store_n(&s->written, n, __ATOMIC_RELEASE);
	__atomic_sub_fetch(&s->writers, 1, __ATOMIC_RELEASE);
	add_count(s->edge, 0); /* a last edge, for who waits */
}

static int count_event(void *ctx, uint32_t events, uint64_t data)
{
	struct stress *s = ctx;

	if (data == 1)
		__atomic_fetch_add(&s->seen, (uint32_t)take_count(s->edge), __ATOMIC_RELAXED);
	else
		__atomic_fetch_add(&s->events, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Sleeps for ever if the wake-up of the last write is lost: the run would be taken for hung. */
static void waits(struct stress *s)
{
	while (__atomic_load_n(&s->writers, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&s->seen, __ATOMIC_ACQUIRE) < s->written)
		epoll_wait(s->ep, 3, clock_mono_ns() + 50 * MS, count_event, s);
}

static void looks(struct stress *s)
{
	struct taken t;

	while (team_time()) {
		file_poll(s->outer, NULL);
		events_now(s->outer, &t);
	}
}

static void stress_member(void *ctx, unsigned i)
{
	static void (*const parts[])(struct stress * s) = {
		waits, writes, coming_and_going, changes, waits, instances, looks};

	parts[i](ctx);
}

KTEST(epoll_races)
{
	struct stress s = {.writers = 1};

	if (!ktest_check_eq(epoll_create(&s.ep), 0) || !ktest_check_eq(epoll_create(&s.outer), 0) ||
	    !ktest_check_eq(eventfd_create(0, false, O_NONBLOCK, &s.steady), 0) ||
	    !ktest_check_eq(eventfd_create(0, false, O_NONBLOCK, &s.edge), 0))
		return;
	ktest_check_eq(watch(s.ep, s.edge, EPOLLIN | EPOLLET, 1), 0);
	ktest_check_eq(watch(s.outer, s.ep, EPOLLIN, 2), 0);
	team_run(7, stress_member, &s);
	/* Every write was seen, by one of the two. */
	ktest_check_eq(s.seen, s.written);
	ktest_note("%u edges, %u other events", s.written, s.events);
	file_put(s.edge);
	file_put(s.ep);
	file_put(s.steady);
	file_put(s.outer);
}

/* One event wakes one of the threads that wait, and every event is taken by exactly one. */
struct one_by_one {
	struct file *ep, *semaphore;
	uint32_t taken; /* [a] */
	uint32_t total;
};

static int take_one(void *ctx, uint32_t events, uint64_t data)
{
	struct one_by_one *o = ctx;

	__atomic_fetch_add(&o->taken, (uint32_t)take_count(o->semaphore), __ATOMIC_ACQ_REL);
	return 0;
}

static void worker(void *ctx, unsigned i)
{
	struct one_by_one *o = ctx;

	while (__atomic_load_n(&o->taken, __ATOMIC_ACQUIRE) < o->total)
		epoll_wait(o->ep, 1, clock_mono_ns() + 20 * MS, take_one, o);
}

KTEST(epoll_many_waiters)
{
	struct one_by_one o = {.total = 500};

	if (!ktest_check_eq(epoll_create(&o.ep), 0) ||
	    !ktest_check_eq(eventfd_create(0, true, O_NONBLOCK, &o.semaphore), 0))
		return;
	ktest_check_eq(watch(o.ep, o.semaphore, EPOLLIN, 1), 0);
	team_start(4, worker, &o, false);
	for (unsigned i = 0; i < o.total; i++) {
		add_count(o.semaphore, 1);
		if (i % 8 == 0)
			thread_yield();
	}
	team_wait();
	ktest_check_eq(o.taken, o.total);
	file_put(o.ep);
	file_put(o.semaphore);
}
