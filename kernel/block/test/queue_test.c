/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests: taken in part, completed late, twice, wrongly, not at all; devices that go. */
#include "fake_disk.h"

#include <sched/clock.h>

static struct fake_disk fake;

KTEST(block_splits_and_joins)
{
	static struct test_io w, r;

	fake_prepare(&fake);
	fake.desc.max_segments = 3;
	fake.desc.max_blocks = 16;
	fake.desc.depth = 2;
	fake.scribble = true;
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&w, &fake, BLOCK_WRITE, 8, 32, 1) &&
	    test_io_begin(&r, &fake, BLOCK_READ, 8, 32, 100)) {
		ktest_check_eq(block_io_run(&w.io), 0);
		ktest_check_eq(fake.store[(8 << FAKE_SHIFT) - 1], 0);
		ktest_check_eq(fake.store[8 << FAKE_SHIFT], 1);
		ktest_check_eq(block_io_run(&r.io), 0);
		for (unsigned i = 0; i < 32; i++)
			ktest_check(page_is(r.pages[i], (uint8_t)(1 + i)));
		ktest_check(fake.most <= 16 && fake.operations[BLOCK_READ] >= 16);
	}
	test_io_free(&w);
	test_io_free(&r);
	ktest_check_eq(fake.starts, 1);
	fake_end(&fake);
	ktest_check_eq(fake.stops, 1);
}

KTEST(block_refuses_what_cannot_be)
{
	static struct test_io t;

	fake_prepare(&fake);
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&t, &fake, BLOCK_WRITE, FAKE_BLOCKS - 7, 1, 0)) {
		ktest_check_eq(block_io_run(&t.io), -EIO);
		t.io.block = UINT64_MAX - 3;
		ktest_check_eq(block_io_run(&t.io), -EIO);
		t.io.blocks = UINT64_MAX;
		ktest_check_eq(block_io_run(&t.io), -EIO);
		t.io.blocks = 0;
		t.io.block = 0;
		ktest_check_eq(block_io_run(&t.io), 0);
		ktest_check_eq(block_erase(fake.open, BLOCK_DISCARD, 0, 1), -EOPNOTSUPP);
		ktest_check_eq(fake.requests, 0);
		ktest_check_eq(block_flush(fake.open), 0);
		ktest_check_eq(fake.operations[BLOCK_FLUSH], 1);
		memset(fake.store, 1, 3 << FAKE_SHIFT);
		ktest_check_eq(block_erase(fake.open, BLOCK_ZEROES, 1, 1), 0);
		ktest_check(fake.store[511] == 1 && !fake.store[512] && !fake.store[1023] &&
			    fake.store[1024] == 1);
	}
	test_io_free(&t);
	fake_end(&fake);
}

KTEST(block_fua_without_fua)
{
	static struct test_io t;

	fake_prepare(&fake);
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&t, &fake, BLOCK_WRITE, 0, 4, 0)) {
		t.io.flags = BLOCK_FUA;
		ktest_check_eq(block_io_run(&t.io), 0);
		ktest_check_eq(fake.operations[BLOCK_FLUSH], 1);
		fake.bad = 0;
		ktest_check_eq(block_io_run(&t.io), -EIO);
		ktest_check_eq(fake.operations[BLOCK_FLUSH], 1);
	}
	test_io_free(&t);
	fake_end(&fake);
}

/* The device goes between the write and its flush. */
KTEST(block_fua_of_one_that_goes)
{
	static struct test_io t;

	fake_prepare(&fake);
	fake.hold = true;
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&t, &fake, BLOCK_WRITE, 0, 4, 0)) {
		t.io.flags = BLOCK_FUA;
		test_io_submit(&t);
		queues_refuse(fake.device);
		ktest_check_eq(fake_release(&fake), 1);
		ktest_check_eq(t.ended, 1);
		ktest_check_eq(t.io.error, -ENODEV);
		ktest_check_eq(block_cache_sync(fake.open->cache), 0); /* nothing was lost */
	}
	test_io_free(&t);
	fake_end(&fake);
}

/* It takes one at a time, keeps it, and gives back the last first: everything ends all the same. */
KTEST(block_taken_in_part)
{
	static struct test_io t[40];
	struct block_io *ios[ARRAY_SIZE(t)];
	uint32_t served = 0, ended = 0;

	fake_prepare(&fake);
	fake.hold = true;
	fake.take = 1;
	fake.desc.depth = 8;
	if (!fake_begin(&fake))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		test_io_begin(&t[i], &fake, BLOCK_WRITE, i * 8, 1, (uint8_t)i);
		ios[i] = &t[i].io;
	}
	block_submit(ios, ARRAY_SIZE(t));
	/* It is full, and is left alone until something comes back. */
	ktest_check_eq(fake.held_count, 1);
	ktest_check_eq(fake.submits, 1);
	for (nsec_t end = clock_mono_ns() + 20 * NSEC_PER_SEC;
	     served < ARRAY_SIZE(t) && clock_mono_ns() < end; sleep_ns(MS / 10))
		served += fake_release(&fake);
	ktest_check_eq(served, ARRAY_SIZE(t));
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		ended += t[i].ended;
		ktest_check_eq(t[i].io.error, 0);
		ktest_check_eq(fake.store[i * PAGE_SIZE], i);
		test_io_free(&t[i]);
	}
	ktest_check_eq(ended, ARRAY_SIZE(t));
	fake_end(&fake);
}

/* It takes nothing until it says so. */
KTEST(block_requeue)
{
	static struct test_io t;

	fake_prepare(&fake);
	fake.take = 0;
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&t, &fake, BLOCK_WRITE, 0, 2, 7)) {
		test_io_submit(&t);
		ktest_check_eq(t.ended, 0);
		ktest_check_eq(fake.submits, 1);
		fake.take = 100;
		banos_x_block_requeue(fake.device, 0);
		banos_x_block_requeue(fake.device, 99);
		ktest_check(reaches(&t.ended, 1));
		ktest_check_eq(t.io.error, 0);
	}
	test_io_free(&t);
	fake_end(&fake);
}

static struct test_io next_io;

static void submit_next(struct block_io *io)
{
	test_io_submit(&next_io);
	test_io_end(io);
}

/* The end of an io hands over another: fake_submit checks that it is not called from there. */
KTEST(block_submits_at_the_end)
{
	static struct test_io t;

	fake_prepare(&fake);
	fake.hold = true;
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&t, &fake, BLOCK_WRITE, 0, 1, 1) &&
	    test_io_begin(&next_io, &fake, BLOCK_WRITE, 8, 1, 2)) {
		t.io.end = submit_next;
		test_io_submit(&t);
		fake.hold = false; /* the second is served at once */
		ktest_check(fake_release(&fake) >= 1);
		ktest_check_eq(t.ended, 1);
		ktest_check(reaches(&next_io.ended, 1));
	}
	test_io_free(&t);
	test_io_free(&next_io);
	fake_end(&fake);
}

static uint32_t held_tag(unsigned i)
{
	return reaches(&fake.held_count, i + 1) ? fake.held[i]->tag : 0;
}

KTEST(block_wrong_completions)
{
	static struct test_io t[4];
	uint32_t tag;

	fake_prepare(&fake);
	fake.hold = true;
	if (!fake_begin(&fake))
		return;
	ktest_check_eq(fake_done(&fake, 0, 0, 0, 0), 0);
	ktest_check_eq(fake_done(&fake, 0, UINT32_MAX, 0, 0), 0);
	ktest_check_eq(fake_done(&fake, 7, 0, 0, 0), 0);
	for (unsigned i = 0; i < 4; i++)
		if (test_io_begin(&t[i], &fake, BLOCK_READ, i * 16, 2, 0))
			test_io_submit(&t[i]);
	/* Twice; the tag is out again for another request by then. */
	tag = held_tag(0);
	ktest_check_eq(fake_done(&fake, 0, tag ^ 0x400, 0, 0), 0);
	ktest_check_eq(fake_done(&fake, 0, tag, 0, 0), 1);
	ktest_check_eq(t[0].ended, 1);
	ktest_check_eq(t[0].io.error, 0);
	ktest_check_eq(fake_done(&fake, 0, tag, 0, 0), 0);
	/* A residual that is none, and a status. */
	ktest_check_eq(fake_done(&fake, 0, held_tag(1), 0, 2 * PAGE_SIZE + 512), 1);
	ktest_check_eq(t[1].io.error, -EIO);
	ktest_check_eq(fake_done(&fake, 0, held_tag(2), 5, 0), 1);
	ktest_check_eq(t[2].io.error, -EIO);
	/* The kernel's own: it would make the program's call begin again. */
	ktest_check_eq(fake_done(&fake, 0, held_tag(3), -ERESTARTSYS, 0), 1);
	ktest_check_eq(t[3].io.error, -EIO);
	for (unsigned i = 0; i < 4; i++) {
		ktest_check_eq(t[i].ended, 1);
		test_io_free(&t[i]);
	}
	fake.held_count = 0;
	fake_end(&fake);
}

/* A part is done: the rest comes again, and again. */
KTEST(block_residual)
{
	static struct test_io t;

	fake_prepare(&fake);
	fake.hold = true;
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&t, &fake, BLOCK_WRITE, 0, 2, 1)) {
		test_io_submit(&t);
		ktest_check_eq(fake.held[0]->blocks, 16);
		ktest_check_eq(fake_done(&fake, 0, held_tag(0), 0, 11 * 512), 1);
		held_tag(1);
		ktest_check_eq(fake.held[1]->block, 5);
		ktest_check_eq(fake.held[1]->blocks, 11);
		ktest_check_eq(fake.held[1]->segments[0].length % 512, 0);
		/* Nothing at all, without an error. */
		ktest_check_eq(fake_done(&fake, 0, held_tag(1), 0, 11 * 512), 1);
		ktest_check_eq(t.ended, 1);
		ktest_check_eq(t.io.error, -EIO);
	}
	test_io_free(&t);
	fake.held_count = 0;
	fake_end(&fake);
}

KTEST(block_late_requests)
{
	static struct test_io t[3];

	fake_prepare(&fake);
	fake.hold = true;
	fake.desc.timeout_ns = 10 * MS;
	if (!fake_begin(&fake))
		return;
	/* MORE, several times; then the driver finds it. */
	if (test_io_begin(&t[0], &fake, BLOCK_WRITE, 0, 1, 1)) {
		test_io_submit(&t[0]);
		ktest_check(reaches(&fake.timeouts, 3));
		ktest_check(fake.polls >= fake.timeouts);
		ktest_check_eq(t[0].ended, 0);
		ktest_check_eq(fake_release(&fake), 1);
		ktest_check_eq(t[0].ended, 1);
		ktest_check_eq(t[0].io.error, 0);
	}
	/* RESET: it comes again, and after three times it is over. */
	fake.answer = BANOS_X_BLOCK_TIMEOUT_RESET;
	fake.timeouts = 0;
	if (test_io_begin(&t[1], &fake, BLOCK_WRITE, 0, 1, 1)) {
		test_io_submit(&t[1]);
		ktest_check(reaches(&t[1].ended, 1));
		ktest_check_eq(t[1].io.error, -EIO);
		ktest_check_eq(fake.timeouts, 3);
	}
	/* It never takes it. */
	fake.take = 0;
	if (test_io_begin(&t[2], &fake, BLOCK_WRITE, 0, 1, 1)) {
		test_io_submit(&t[2]);
		ktest_check(reaches(&t[2].ended, 1));
		ktest_check_eq(t[2].io.error, -EIO);
	}
	for (unsigned i = 0; i < 3; i++)
		test_io_free(&t[i]);
	fake_end(&fake);
}

/* What comes while the driver resets the device is not lost in the reset. */
KTEST(block_comes_during_reset)
{
	static struct test_io t[2];

	fake_prepare(&fake);
	fake.hold = true;
	fake.answer = BANOS_X_BLOCK_TIMEOUT_RESET;
	fake.desc.timeout_ns = 300 * MS;
	fake.desc.queues = 2;
	if (!fake_begin(&fake))
		return;
	if (test_io_begin(&t[0], &fake, BLOCK_WRITE, 0, 1, 1) &&
	    test_io_begin(&t[1], &fake, BLOCK_WRITE, 8, 1, 2)) {
		fake.during = &t[1].io;
		test_io_submit(&t[0]);
		ktest_check(reaches(&fake.timeouts, 1));
		ktest_check(reaches(&fake.held_count, 2));
		fake.answer = BANOS_X_BLOCK_TIMEOUT_MORE;
		ktest_check_eq(fake_release(&fake), 2);
		ktest_check_eq(t[0].ended, 1);
		ktest_check_eq(t[1].ended, 1);
		ktest_check(fake.store[0] == 1 && fake.store[PAGE_SIZE] == 2);
	}
	for (unsigned i = 0; i < 2; i++)
		test_io_free(&t[i]);
	fake_end(&fake);
}

/* The device goes with a request at the driver, one not taken, and several waiting. */
KTEST(block_goes_with_requests)
{
	static struct test_io t[12];

	fake_prepare(&fake);
	fake.hold = true;
	fake.desc.depth = 4;
	if (!fake_begin(&fake))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		fake.take = i < 2 ? 1 : 0;
		if (test_io_begin(&t[i], &fake, BLOCK_WRITE, i * 8, 1, 1))
			test_io_submit(&t[i]);
	}
	ktest_check_eq(banos_x_block_unregister(fake.device), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		ktest_check_eq(t[i].ended, 1);
		ktest_check_eq(t[i].io.error, -ENODEV);
		ktest_check_eq(block_io_run(&t[i].io), -ENODEV);
		test_io_free(&t[i]);
	}
	/* The driver may go although the test has it open. */
	ktest_check_eq(fake.driver.owner.users, 0);
	test_driver_end(&fake.driver);
	ktest_check(!block_is_there(fake.open));
	ktest_check_eq(block_flush(fake.open), -ENODEV);
	block_close(fake.open);
	kfree(fake.store);
}

KTEST(block_unregister_inside)
{
	fake_prepare(&fake);
	fake.unregister_inside = true;
	if (!fake_begin(&fake))
		return;
	ktest_check_eq(block_flush(fake.open), 0);
	ktest_check_eq(fake.inner, -EDEADLK);
	fake_end(&fake);
}

static int32_t try_desc(const Banos_X_Block_Desc *desc, uint32_t ops_size)
{
	Banos_X_Block_Ops ops = fake_ops();
	int32_t r;

	ops.size = ops_size;
	fake.device = (void *)1;
	r = banos_x_block_register(&fake.driver.record, desc, &ops, &fake, &fake.device);
	if (r >= 0)
		banos_x_block_unregister(fake.device);
	else
		ktest_check(fake.device == NULL);
	return r;
}

#define BAD(field, value)                                                          \
	do {                                                                       \
		Banos_X_Block_Desc d_ = fake.desc;                                 \
		d_.field = (value);                                                \
		ktest_check_eq(try_desc(&d_, sizeof(Banos_X_Block_Ops)), -EINVAL); \
	} while (0)

KTEST(block_bad_descriptions)
{
	struct {
		Banos_X_Block_Desc desc;
		uint64_t more;
	} longer;
	Banos_X_Block_Layout layout = {.size = 12};

	fake_prepare(&fake);
	if (!test_driver_begin(&fake.driver))
		return;
	BAD(flags, 1);
	BAD(name, NULL);
	BAD(name, "a/b");
	BAD(name, "");
	BAD(name, "a-name-that-is-too-long");
	BAD(mode, 01777);
	BAD(features, 1u << 31);
	BAD(blocks, UINT64_MAX);
	BAD(logical_shift, 8);
	BAD(logical_shift, 13);
	BAD(logical_shift, 0);
	BAD(physical_shift, 8);
	BAD(physical_shift, 60);
	BAD(queues, 65);
	BAD(depth, 1025);
	BAD(max_segments, 257);
	BAD(max_segment_size, 4095);
	BAD(max_segment_size, UINT32_MAX);
	BAD(max_blocks, 7);
	BAD(private_size, 4097);
	BAD(completion_stride, 8);
	BAD(completion_stride, 20);
	BAD(timeout_ns, 1);
	BAD(timeout_ns, UINT64_MAX);
	ktest_check_eq(try_desc(&fake.desc, 8), -EINVAL); /* no submit */
	ktest_check(try_desc(&fake.desc, sizeof(Banos_X_Block_Ops)) > 0);
	longer.desc = fake.desc;
	longer.desc.size = sizeof(longer);
	longer.more = 1;
	ktest_check_eq(try_desc(&longer.desc, sizeof(Banos_X_Block_Ops)), -E2BIG);
	ktest_check_eq(banos_x_block_layout(&layout), 0);
	ktest_check(layout.size == 12 && layout.private_offset >= 64 && !layout.segment_stride);
	test_driver_end(&fake.driver);
}

/* Whatever allocation fails, nothing is left; the last round is without failure. */
KTEST(block_register_without_memory)
{
	int32_t r = -ENOMEM;

	fake_prepare(&fake);
	fake.desc.queues = 2;
	if (!test_driver_begin(&fake.driver))
		return;
	for (unsigned n = 1; r < 0 && n < 200; n++) {
		alloc_fail_nth(n);
		r = try_desc(&fake.desc, sizeof(Banos_X_Block_Ops));
		alloc_fail_nth(0);
		if (r < 0)
			ktest_check_eq(r, -ENOMEM);
	}
	ktest_check(r > 0);
	test_driver_end(&fake.driver);
}

/* --- all at once ------------------------------------------------------------------------------ */

static void pump(void *ctx, unsigned i)
{
	struct test_io t;
	uint32_t seed = i + 1;

	if (i == 0) {
		/* Completes from another thread than those that wait. */
		while (__atomic_load_n((uint32_t *)ctx, __ATOMIC_ACQUIRE) < 3) {
			fake_release(&fake);
			sleep_ns(MS / 10);
		}
		return;
	}
	while (team_time()) {
		unsigned count = noise(&seed) % 8 + 1;
		uint64_t block = (i - 1) * 512 + noise(&seed) % 32 * 8;
		uint8_t fill = (uint8_t)noise(&seed);

		if (!test_io_begin(&t, &fake, BLOCK_WRITE, block, count, fill))
			break;
		ktest_check_eq(block_io_run(&t.io), 0);
		for (unsigned k = 0; k < count; k++)
			memset(page_address(t.pages[k]), 0, PAGE_SIZE);
		t.io.op = BLOCK_READ;
		ktest_check_eq(block_io_run(&t.io), 0);
		for (unsigned k = 0; k < count; k++)
			ktest_check(page_is(t.pages[k], (uint8_t)(fill + k)));
		test_io_free(&t);
	}
	__atomic_fetch_add((uint32_t *)ctx, 1, __ATOMIC_RELEASE);
}

KTEST(block_many_at_once)
{
	uint32_t over = 0;

	fake_prepare(&fake);
	fake.hold = true;
	fake.take = 2;
	fake.desc.queues = 2;
	fake.desc.depth = 3;
	fake.desc.max_blocks = 16;
	if (!fake_begin(&fake))
		return;
	team_run(4, pump, &over);
	ktest_check_eq(over, 3);
	fake_end(&fake);
}
