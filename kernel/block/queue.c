/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues of block devices: from ios, which callers hand over, to requests, which drivers serve.
 *
 * An io is a run of blocks of any length. It waits in a queue (of the processor that handed it
 * over) until all of it is in requests, each as large as the device allows; it ends when the last
 * of them has come back, and with the first error. A request is a tag of the queue with the memory
 * that the driver sees; all of them exist from the beginning, so that no memory is needed on the
 * way: who writes back in order to get memory gets through.
 *
 *	free	-> offered	collect(): a part of the first io that waits is put into it
 *	offered	-> taken	the driver took it
 *	offered	-> kept		it did not; kept ones are offered again, before what waits
 *	offered, taken -> free	banos_x_block_done(), the device goes, or it is given up (late.c)
 *	offered, taken -> kept	done() with a rest; the driver has reset the device (late.c)
 *
 * A tag has a new number each time it goes to the driver, so that a completion that comes twice or
 * too late is known as such. What the kernel decides by is in struct block_tag, out of the driver's
 * reach: it may scribble over its request.
 *
 * Offering: one thread at a time per queue (`busy`), the caller's own if that may call a driver,
 * else the device's (an interrupt, a completion: those may hold locks of the driver). It goes on
 * until nothing is left, so who finds it busy just leaves his io there. A driver that does not take
 * all is `full`; done() and requeue() end that, also while it is being offered to (`again`).
 * While the driver may reset the device nothing is offered (`held`): see late.c.
 *
 * The end of a device: queues_refuse() lets nothing new in; then the gate is shut, so nobody
 * offers; then queues_kill() ends what is left. Nothing waits for a driver that is silent.
 *
 * Lock: queue->lock, BLOCK_QUEUE, after all locks of drivers, since they complete with theirs held.
 * Drivers and `end` are called without it. Work and timers come inside it.
 *
 * Rejected: a queue of requests with an elevator (the pages' side writes in order, and devices
 * sort by themselves); requests from a slab (memory on the way out); offering from done() itself
 * (the driver's lock would be held when its submit is called).
 */
#include "internal.h"

#include <banos/export.h>
#include <base/banos_struct.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/thread.h>

#define BATCH	       16
#define INDEX_BITS     10 /* of a tag's number; above them the generation */
#define INDEX_MASK     ((1U << INDEX_BITS) - 1)
#define DATA_MAX       (1UL << 30) /* bytes of one request */
#define PRIVATE_OFFSET ALIGN_UP(sizeof(Banos_X_Block_Request), 16)
#define COMPLAINTS_MAX 10

int32_t banos_x_block_layout(Banos_X_Block_Layout *out)
{
	Banos_X_Block_Layout known = {.private_offset = PRIVATE_OFFSET,
				      .segment_stride = sizeof(Banos_X_Block_Segment)};

	if (BANOS_STRUCT_CHECK(NULL, Banos_X_Block_Layout, out) || out->flags)
		return -EINVAL;
	BANOS_STRUCT_PUT(Banos_X_Block_Layout, out, &known);
	return 0;
}
BANOS_EXPORT(banos_x_block_layout);

void queue_complain_locked(struct block_queue *q, const char *what, uint32_t tag)
{
	struct Banos_X_Block *b = q->device;

	if (++q->complaints > COMPLAINTS_MAX)
		return;
	log_error("driver %s: %s, queue %u: %s (tag %#x)%s", b->object.owner->name, b->dev.name,
		  q->number, what, tag,
		  q->complaints == COMPLAINTS_MAX ? "; further complaints are not shown" : "");
}

/* --- requests -------------------------------------------------------------------------------- */

static bool has_data(uint32_t op)
{
	return op == BLOCK_READ || op == BLOCK_WRITE;
}

/* Segments for up to `blocks` blocks of the io; how many blocks have found room. */
static uint64_t make_segments(struct Banos_X_Block *b, struct block_tag *t, uint64_t blocks)
{
	uint64_t left = blocks << b->dev.shift, done = 0;
	uint64_t at = t->io->offset + (t->first << b->dev.shift);
	Banos_X_Block_Segment *s = NULL;
	uint32_t count = 0;

	while (left) {
		struct page *page = t->io->pages[at >> PAGE_SHIFT];
		paddr_t pa = page_paddr(page) + at % PAGE_SIZE;
		uint32_t n = (uint32_t)min(left, PAGE_SIZE - at % PAGE_SIZE);

		if (s && s->physical + s->length == pa && n <= b->max_segment_size - s->length) {
			s->length += n;
		} else {
			if (count == b->max_segments)
				break;
			s = &t->segments[count++];
			*s = (Banos_X_Block_Segment){
				.address = paddr_to_direct(pa), .physical = pa, .length = n};
		}
		at += n;
		left -= n;
		done += n;
	}
	t->request->segment_count = count;
	return done >> b->dev.shift;
}

/* Fill in the request of a tag whose io and range are set; the range may become shorter. */
static void make_request(struct block_queue *q, struct block_tag *t)
{
	struct Banos_X_Block *b = q->device;
	struct block_io *io = t->io;
	uint32_t op = io->flush == 2 ? BLOCK_FLUSH : io->op;
	bool fua = op == BLOCK_WRITE && io->flags & BLOCK_FUA && b->dev.features & BLOCK_HAS_FUA;

	t->tag += 1U << INDEX_BITS;
	*t->request = (Banos_X_Block_Request){
		.operation = op,
		.flags = fua ? BANOS_X_BLOCK_REQUEST_FUA : 0,
		.block = op == BLOCK_FLUSH ? 0 : io->block + t->first,
		.segments = t->segments,
		.tag = t->tag,
		.index = t->tag & INDEX_MASK,
		.queue = q->number,
	};
	if (has_data(op))
		t->blocks = make_segments(b, t, min(t->blocks, b->max_blocks));
	else
		t->blocks = min(t->blocks, b->max_discard);
	t->request->blocks = (uint32_t)t->blocks;
}

/* A part of the first io that waits, into a free tag. */
static struct block_tag *next_request(struct block_queue *q, nsec_t now)
{
	struct block_io *io = list_first_entry(&q->waiting, struct block_io, link);
	struct block_tag *t = list_first_entry(&q->free, struct block_tag, link);

	list_del(&t->link);
	t->io = io;
	t->first = io->flush == 2 ? 0 : io->next;
	t->blocks = io->flush == 2 ? 0 : io->blocks - io->next;
	t->begun = now;
	t->resets = 0;
	t->deadline = now + q->device->timeout;
	make_request(q, t);
	if (io->flush != 2)
		io->next += t->blocks;
	io->flying++;
	q->in_flight++;
	if (io->next == io->blocks)
		list_del(&io->link);
	return t;
}

/* --- offering -------------------------------------------------------------------------------- */

struct batch {
	unsigned count;
	Banos_X_Block_Request *requests[BATCH];
	struct block_tag *tags[BATCH];
	uint32_t numbers[BATCH];
};

static bool can_offer(struct block_queue *q)
{
	return !q->held &&
	       (!list_empty(&q->kept) || (!list_empty(&q->waiting) && !list_empty(&q->free)));
}

static void collect(struct block_queue *q, struct batch *batch)
{
	nsec_t now = clock_mono_ns();

	batch->count = 0;
	while (batch->count < BATCH && can_offer(q)) {
		struct block_tag *t = list_first_entry_or_null(&q->kept, struct block_tag, link);

		if (t)
			list_del(&t->link);
		else
			t = next_request(q, now);
		t->state = TAG_OFFERED;
		batch->requests[batch->count] = t->request;
		batch->numbers[batch->count] = t->tag;
		batch->tags[batch->count++] = t;
	}
}

/* What has become of those that were offered; backwards, so that the kept ones stay in order. */
static void settle(struct block_queue *q, struct batch *batch, uint32_t taken)
{
	nsec_t deadline = clock_mono_ns() + q->device->timeout;

	if (taken > batch->count) {
		queue_complain_locked(q, "submit took more requests than there were", taken);
		taken = batch->count;
	}
	q->full = taken < batch->count && !q->again;
	for (unsigned i = 0; i < taken; i++) {
		struct block_tag *t = batch->tags[i];

		if (t->state != TAG_OFFERED || t->tag != batch->numbers[i])
			continue; /* it is back already */
		t->state = TAG_TAKEN;
		t->deadline = deadline;
		list_add_tail(&t->link, &q->taken);
	}
	for (unsigned i = batch->count; i-- > taken;) {
		struct block_tag *t = batch->tags[i];

		if (t->state == TAG_OFFERED && t->tag == batch->numbers[i]) {
			t->state = TAG_KEPT;
			list_add(&t->link, &q->kept);
		} else {
			queue_complain_locked(q, "a request is done that was not taken",
					      batch->numbers[i]);
		}
	}
	queue_time_locked(q, deadline);
}

static uint32_t call_submit(struct block_queue *q, struct batch *batch)
{
	struct Banos_X_Block *b = q->device;
	uint32_t taken;

	/* In test kernels a driver that sleeps in submit is found out. */
	if (CONFIG_LOCKCHECK)
		preempt_disable();
	taken = BLOCK_CALL(b, submit, b->ctx, q->number, batch->requests, batch->count);
	if (CONFIG_LOCKCHECK)
		preempt_enable();
	return taken;
}

/* Offer once. False: nothing to do, or somebody else does it. */
static bool offer(struct block_queue *q)
{
	struct batch batch = {.count = 0};
	uint64_t irq = spin_lock_irq(&q->lock);
	uint32_t taken;

	if (!q->busy && !q->full && !q->dead)
		collect(q, &batch);
	if (batch.count) {
		q->busy = true;
		q->again = false;
	}
	spin_unlock_irq(&q->lock, irq);
	if (!batch.count)
		return false;
	taken = call_submit(q, &batch);
	irq = spin_lock_irq(&q->lock);
	settle(q, &batch, taken);
	q->busy = false;
	if (q->held)
		blocker_wake_all(&q->idle);
	spin_unlock_irq(&q->lock, irq);
	return true;
}

static void dispatch(struct block_queue *q)
{
	struct gate_pass pass;

	if (!gate_enter(&q->device->gate, &pass))
		return; /* queues_kill() ends what waits */
	while (offer(q))
		;
	gate_leave(&pass);
}

static void dispatch_work(struct work *w)
{
	dispatch(container_of(w, struct block_queue, dispatch));
}

void queue_kick_locked(struct block_queue *q)
{
	if (q->busy)
		q->again = true;
	else if (!q->dead && can_offer(q))
		work_submit(&q->dispatch);
}

static bool is_busy(struct block_queue *q)
{
	uint64_t irq = spin_lock_irq(&q->lock);
	bool busy = q->busy;

	spin_unlock_irq(&q->lock, irq);
	return busy;
}

static void set_held(struct block_queue *q, bool held)
{
	uint64_t irq = spin_lock_irq(&q->lock);

	q->held = held;
	if (!held)
		queue_kick_locked(q);
	spin_unlock_irq(&q->lock, irq);
}

void queues_hold(struct Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->queue_count; i++)
		set_held(&b->queues[i], true);
	/* It does not take long: submit must not sleep. */
	for (uint32_t i = 0; i < b->queue_count; i++)
		WAIT_UNTIL(&b->queues[i].idle, !is_busy(&b->queues[i]), NEVER,
			   WAIT_UNINTERRUPTIBLE);
}

void queues_release(struct Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->queue_count; i++)
		set_held(&b->queues[i], false);
}

void queue_time_locked(struct block_queue *q, nsec_t deadline)
{
	if (q->timed || q->dead || !q->in_flight)
		return;
	q->timed = true;
	timer_arm(&q->timer, deadline);
}

/* --- the end of requests --------------------------------------------------------------------- */

void queue_end_all(struct list *ended)
{
	while (!list_empty(ended)) {
		struct block_io *io = list_first_entry(ended, struct block_io, link);

		list_del(&io->link);
		io->end(io);
	}
}

/* All its requests are back, and no more are to be made. */
static void io_over(struct block_queue *q, struct block_io *io, struct list *ended)
{
	bool follow = io->flush == 1 && !io->error;

	if (follow && !q->dead) {
		io->flush = 2;
		list_add(&io->link, &q->waiting);
		return;
	}
	if (follow) /* written, but nobody sees it to the medium */
		io->error = -ENODEV;
	list_add_tail(&io->link, ended);
}

static void count_request(struct block_queue *q, const struct block_tag *t)
{
	/* The driver could have changed the request's own word. */
	uint32_t op = t->io->flush == 2 ? BLOCK_FLUSH : t->io->op;

	q->counts.requests[op]++;
	q->counts.blocks[op] += t->blocks;
	q->counts.ns[op] += clock_mono_ns() - t->begun;
}

void queue_finish_locked(struct block_queue *q, struct block_tag *t, int error, struct list *ended)
{
	struct block_io *io = t->io;

	count_request(q, t);
	list_del(&t->link);
	t->io = NULL;
	t->state = TAG_FREE;
	if (!t->asked)
		list_add(&t->link, &q->free);
	q->in_flight--;
	io->flying--;
	if (error && !io->error)
		io->error = error;
	if (error && io->next != io->blocks) { /* the rest is not tried */
		io->next = io->blocks;
		list_del(&io->link);
	}
	if (!io->flying && io->next == io->blocks)
		io_over(q, io, ended);
}

void queue_keep_locked(struct block_queue *q, struct block_tag *t)
{
	list_del(&t->link);
	make_request(q, t);
	t->state = TAG_KEPT;
	t->deadline = clock_mono_ns() + q->device->timeout;
	list_add_tail(&t->link, &q->kept);
}

/* Only a part was done: the rest is asked for again. */
static void keep_rest(struct block_queue *q, struct block_tag *t, uint64_t rest)
{
	t->first += t->blocks - rest;
	t->blocks = rest;
	queue_keep_locked(q, t);
}

/* What is wrong with what the driver says of a request that it has, or NULL. */
static const char *find_fault(struct block_queue *q, const struct block_tag *t,
			      const Banos_X_Block_Completion *c)
{
	uint32_t op = t->io->flush == 2 ? BLOCK_FLUSH : t->io->op;
	uint64_t bytes = has_data(op) ? t->blocks << q->device->dev.shift : 0;

	if (c->status > 0 || c->status < -DRIVER_MAX_ERRNO)
		return "a completion's status is no error";
	if (c->residual > bytes || !IS_ALIGNED(c->residual, 1UL << q->device->dev.shift))
		return "a completion's residual is not of its request";
	if (!c->status && c->residual && c->residual == bytes)
		return "a completion without error has done nothing";
	return NULL;
}

static bool complete(struct block_queue *q, const Banos_X_Block_Completion *c, struct list *ended)
{
	uint32_t index = c->tag & INDEX_MASK;
	struct block_tag *t = index < q->device->depth ? &q->tags[index] : NULL;
	const char *fault;

	if (!t || t->tag != c->tag || (t->state != TAG_OFFERED && t->state != TAG_TAKEN)) {
		queue_complain_locked(q, "completed a request that it does not have", c->tag);
		return false;
	}
	fault = find_fault(q, t, c);
	if (fault)
		queue_complain_locked(q, fault, c->tag);
	if (fault || c->status || !c->residual)
		queue_finish_locked(q, t, fault ? -EIO : c->status, ended);
	else
		keep_rest(q, t, c->residual >> q->device->dev.shift);
	return true;
}

int32_t banos_x_block_done(Banos_X_Block *b, uint32_t queue,
			   const Banos_X_Block_Completion *completions, uint32_t count)
{
	struct list ended = LIST_INIT(ended);
	const char *at = (const char *)completions;
	struct block_queue *q;
	int32_t accepted = 0;
	uint64_t irq;

	if (queue >= b->queue_count || count > INT32_MAX)
		return 0;
	q = &b->queues[queue];
	irq = spin_lock_irq(&q->lock);
	for (uint32_t i = 0; i < count; i++, at += b->completion_stride)
		accepted += complete(q, (const Banos_X_Block_Completion *)at, &ended);
	if (accepted) {
		q->full = false;
		queue_kick_locked(q);
	}
	spin_unlock_irq(&q->lock, irq);
	current()->completing++;
	queue_end_all(&ended);
	current()->completing--;
	return accepted;
}
BANOS_EXPORT(banos_x_block_done);

void banos_x_block_requeue(Banos_X_Block *b, uint32_t queue)
{
	struct block_queue *q;
	uint64_t irq;

	if (queue >= b->queue_count)
		return;
	q = &b->queues[queue];
	irq = spin_lock_irq(&q->lock);
	q->full = false;
	queue_kick_locked(q);
	spin_unlock_irq(&q->lock, irq);
}
BANOS_EXPORT(banos_x_block_requeue);

/* --- ios ------------------------------------------------------------------------------------- */

/* What is known at once: an error, 0 to go on, 1: nothing is to be done. */
static int check_io(const struct block_io *io)
{
	const struct block_device *d = io->device;
	uint64_t blocks = __atomic_load_n(&d->blocks, __ATOMIC_ACQUIRE);

	if (io->op == BLOCK_FLUSH)
		return d->features & BLOCK_HAS_FLUSH ? 0 : 1;
	if (io->op != BLOCK_READ && d->features & BLOCK_READ_ONLY)
		return -EROFS;
	if ((io->op == BLOCK_DISCARD && !(d->features & BLOCK_HAS_DISCARD)) ||
	    (io->op == BLOCK_ZEROES && !(d->features & BLOCK_HAS_ZEROES)))
		return -EOPNOTSUPP;
	if (io->block > blocks || io->blocks > blocks - io->block)
		return -EIO;
	return io->blocks ? 0 : 1;
}

static bool add_io(struct block_queue *q, struct block_io *io)
{
	uint32_t features = io->device->features;
	bool follow = io->op == BLOCK_WRITE && io->flags & BLOCK_FUA &&
		      features & BLOCK_HAS_FLUSH && !(features & BLOCK_HAS_FUA);
	uint64_t irq = spin_lock_irq(&q->lock);
	bool dead = q->dead;

	io->next = 0;
	io->flying = 0;
	io->flush = follow;
	if (!dead)
		list_add_tail(&io->link, &q->waiting);
	spin_unlock_irq(&q->lock, irq);
	return !dead;
}

/*
 * May a driver be called from here? Not by the end of an io: the driver that completes may hold
 * what its submit takes.
 */
static bool in_plain_thread(void)
{
	return !in_interrupt() && !preempt_count() && irq_enabled() && !current()->completing;
}

void block_submit(struct block_io *const *ios, unsigned n)
{
	struct Banos_X_Block *b = block_of(ios[0]->device);
	struct block_queue *q = &b->queues[this_cpu_index() % b->queue_count];
	bool added = false;
	uint64_t irq;

	for (unsigned i = 0; i < n; i++) {
		struct block_io *io = ios[i];
		int r = check_io(io);

		io->error = 0;
		if (!r && add_io(q, io)) {
			added = true;
			continue;
		}
		io->error = r < 0 ? r : r ? 0 : -ENODEV;
		io->end(io);
	}
	if (!added)
		return;
	if (in_plain_thread()) {
		dispatch(q);
		return;
	}
	irq = spin_lock_irq(&q->lock);
	queue_kick_locked(q);
	spin_unlock_irq(&q->lock, irq);
}

/* --- queues come and go ---------------------------------------------------------------------- */

static void init_tag(struct block_queue *q, uint32_t i)
{
	struct Banos_X_Block *b = q->device;
	struct block_tag *t = &q->tags[i];

	t->tag = i;
	t->request = (void *)((char *)q->requests + (size_t)i * b->stride);
	t->segments = q->segments + (size_t)i * b->max_segments;
	list_add_tail(&t->link, &q->free);
}

static int init_queue(struct Banos_X_Block *b, uint32_t number)
{
	struct block_queue *q = &b->queues[number];

	q->device = b;
	q->number = number;
	spin_init(&q->lock, LOCK_BLOCK_QUEUE);
	list_init(&q->waiting);
	list_init(&q->free);
	list_init(&q->kept);
	list_init(&q->taken);
	blocker_init(&q->idle);
	timer_init(&q->timer, late_timer);
	work_init_for(&q->dispatch, b->thread, dispatch_work);
	work_init_for(&q->late, b->thread, late_work);
	q->tags = kcalloc(b->depth, sizeof(*q->tags));
	q->requests = kcalloc(b->depth, b->stride);
	q->segments = kcalloc((size_t)b->depth * b->max_segments, sizeof(*q->segments));
	if (!q->tags || !q->requests || !q->segments)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->depth; i++)
		init_tag(q, i);
	return 0;
}

int queues_init(struct Banos_X_Block *b)
{
	int r = 0;

	for (uint32_t i = 0; i < b->queue_count && !r; i++)
		r = init_queue(b, i);
	return r;
}

void queues_free(struct Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->queue_count; i++) {
		kfree(b->queues[i].tags);
		kfree(b->queues[i].requests);
		kfree(b->queues[i].segments);
	}
}

void queues_refuse(struct Banos_X_Block *b)
{
	__atomic_store_n(&b->dead, true, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < b->queue_count; i++) {
		struct block_queue *q = &b->queues[i];
		uint64_t irq = spin_lock_irq(&q->lock);

		q->dead = true;
		spin_unlock_irq(&q->lock, irq);
	}
}

static void kill_list(struct block_queue *q, struct list *tags, struct list *ended)
{
	while (!list_empty(tags))
		queue_finish_locked(q, list_first_entry(tags, struct block_tag, link), -ENODEV,
				    ended);
}

static void kill(struct block_queue *q)
{
	struct list ended = LIST_INIT(ended);
	uint64_t irq;

	/* A handler that has seen a living queue may have armed or submitted once more. */
	timer_cancel_sync(&q->timer);
	timer_cancel_sync(&q->timer);
	work_cancel(&q->dispatch);
	work_flush(&q->dispatch);
	work_cancel(&q->late);
	work_flush(&q->late);
	irq = spin_lock_irq(&q->lock);
	kill_list(q, &q->taken, &ended);
	kill_list(q, &q->kept, &ended);
	while (!list_empty(&q->waiting)) {
		struct block_io *io = list_first_entry(&q->waiting, struct block_io, link);

		io->error = -ENODEV;
		list_move_tail(&io->link, &ended);
	}
	spin_unlock_irq(&q->lock, irq);
	queue_end_all(&ended);
}

void queues_kill(struct Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->queue_count; i++)
		kill(&b->queues[i]);
}

void queues_add_up(struct Banos_X_Block *b, struct block_counts *sum, uint32_t *in_flight)
{
	*sum = (struct block_counts){.ns = {0}};
	*in_flight = 0;
	for (uint32_t i = 0; i < b->queue_count; i++) {
		struct block_queue *q = &b->queues[i];
		uint64_t irq = spin_lock_irq(&q->lock);

		for (unsigned op = 0; op < ARRAY_SIZE(sum->ns); op++) {
			sum->requests[op] += q->counts.requests[op];
			sum->blocks[op] += q->counts.blocks[op];
			sum->ns[op] += q->counts.ns[op];
		}
		*in_flight += q->in_flight;
		spin_unlock_irq(&q->lock, irq);
	}
}
