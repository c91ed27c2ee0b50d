/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of block devices, as kernel/block/queue.c and late.c hand them to drivers and take them
 * back: its head has the states and who moves them. What differs:
 *
 *	- who finds something to offer need not be told: the device's task looks whenever anything
 *	  happens (task.h). With a seed it is by chance the program itself or the task that offers.
 *	- each request has memory of its own for its data, given back when it is over, and may be
 *	  touched only while the driver has it; segments lie further apart than their size, and the
 *	  driver's room further behind the public part. What a driver touches otherwise is seen.
 *	- what the driver changed in a request, and what it did to data it was to write, is told.
 *	- what the kernel logs of a driver's mistakes is a failure of the run.
 *
 * Without a seed a segment is a page; with one, some pages by chance.
 */
#include "block.h"
#include "host.h"
#include "task.h"
#include <base/log.h>
#include <sanitizer/asan_interface.h>
#include <sched/gate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define PAGE	       4096u
#define BATCH	       16
#define INDEX_BITS     10 /* of a tag's number; above them the generation */
#define INDEX_MASK     ((1u << INDEX_BITS) - 1)
#define PRIVATE_OFFSET 96u
#define SEGMENT_STRIDE 40u
#define RESETS_MAX     3
#define COMPLAINTS_MAX 10
#define UNREAD	       0xa5 /* what a read's memory holds before */

int32_t banos_x_block_layout(Banos_X_Block_Layout *out)
{
	Banos_X_Block_Layout known = {.private_offset = PRIVATE_OFFSET,
				      .segment_stride = SEGMENT_STRIDE};

	if (!out || out->size < 2 * sizeof(uint32_t) || out->flags)
		return -EINVAL;
	known.size = min(out->size, (uint32_t)sizeof(known));
	memcpy(out, &known, known.size);
	return 0;
}

/* A driver has done what it must not. Of many such times the first are shown. */
__printf_like(2, 3) static void complain(struct block_queue *q, const char *format, ...)
{
	char text[200];
	va_list ap;

	host_failures++;
	if (++q->complaints > COMPLAINTS_MAX)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	host_complain("driver %s: %s, queue %u: %s%s", q->device->object.owner->name,
		      q->device->name, q->number, text,
		      q->complaints == COMPLAINTS_MAX ? "; further complaints are not shown" : "");
}

/* --- requests -------------------------------------------------------------------------------- */

static bool has_data(uint32_t op)
{
	return op == BANOS_X_BLOCK_OP_READ || op == BANOS_X_BLOCK_OP_WRITE;
}

static uint32_t op_of(const struct block_io *io)
{
	return io->flush == 2 ? BANOS_X_BLOCK_OP_FLUSH : io->op;
}

/* The driver's only while it has it. */
static void lock_away(Banos_X_Block *b, struct block_request *r)
{
	__asan_poison_memory_region(r->public, b->stride);
}

static void drop_pieces(struct block_request *r)
{
	for (uint32_t i = 0; i < r->piece_count; i++)
		free(r->pieces[i].memory);
	r->piece_count = 0;
}

/* What the next segment holds of the `left` bytes. */
static uint32_t choose_length(const Banos_X_Block *b, uint64_t left)
{
	uint64_t pages = task_has_seed() ? 1 + task_random(4) : 1;
	uint64_t n = pages * PAGE;

	/* As the first page of data that begins in the middle of one. */
	if (task_has_seed() && task_random(4) == 0)
		n = (1 + task_random(PAGE >> b->desc.logical_shift)) << b->desc.logical_shift;
	n = min(n, (uint64_t)b->desc.max_segment_size);
	return (uint32_t)min(n, left);
}

static void add_piece(const Banos_X_Block *b, struct block_request *r, uint32_t n)
{
	struct block_piece *p = &r->pieces[r->piece_count];
	Banos_X_Block_Segment segment = {.length = n};
	void *memory;

	if (posix_memalign(&memory, 1ul << b->desc.logical_shift, n))
		abort();
	memset(memory, UNREAD, n);
	*p = (struct block_piece){.memory = memory, .length = n};
	segment.address = memory;
	segment.physical = (uintptr_t)memory;
	memcpy(r->segments + (size_t)r->piece_count * SEGMENT_STRIDE, &segment, sizeof(segment));
	r->piece_count++;
}

/* Segments for up to `blocks` blocks of the io; how many blocks have found room. */
static uint64_t make_segments(const Banos_X_Block *b, struct block_request *r, uint64_t blocks)
{
	uint64_t size = blocks << b->desc.logical_shift, done = 0;
	const uint8_t *from = r->io->bytes + (r->first << b->desc.logical_shift);

	drop_pieces(r);
	while (done < size && r->piece_count < b->desc.max_segments) {
		uint32_t n = choose_length(b, size - done);

		add_piece(b, r, n);
		if (r->io->op == BANOS_X_BLOCK_OP_WRITE)
			memcpy(r->pieces[r->piece_count - 1].memory, from + done, n);
		done += n;
	}
	return done >> b->desc.logical_shift;
}

/* Fill in a request whose io and range are set; the range may become shorter. */
static void make_request(struct block_queue *q, struct block_request *r)
{
	Banos_X_Block *b = q->device;
	uint32_t op = op_of(r->io);
	bool fua = op == BANOS_X_BLOCK_OP_WRITE && r->io->flags & BANOS_X_BLOCK_REQUEST_FUA &&
		   b->desc.features & BANOS_X_BLOCK_FUA;

	if (has_data(op))
		r->blocks = make_segments(b, r, min(r->blocks, b->max_blocks));
	else
		r->blocks = min(r->blocks, b->max_discard);
	r->tag += 1u << INDEX_BITS;
	r->sent = (Banos_X_Block_Request){
		.operation = op,
		.flags = fua ? BANOS_X_BLOCK_REQUEST_FUA : 0,
		.block = op == BANOS_X_BLOCK_OP_FLUSH ? 0 : r->io->block + r->first,
		.blocks = (uint32_t)r->blocks,
		.segment_count = has_data(op) ? r->piece_count : 0,
		.segments = (const Banos_X_Block_Segment *)r->segments,
		.tag = r->tag,
		.index = r->tag & INDEX_MASK,
		.queue = q->number,
	};
	__asan_unpoison_memory_region(r->public, b->stride);
	*r->public = r->sent;
}

/* A part of the first io that waits, into a free request. */
static struct block_request *next_request(struct block_queue *q)
{
	struct block_io *io = list_first_entry(&q->waiting, struct block_io, link);
	struct block_request *r = list_first_entry(&q->free, struct block_request, link);

	list_del(&r->link);
	r->io = io;
	r->first = io->flush == 2 ? 0 : io->next;
	r->blocks = io->flush == 2 ? 0 : io->blocks - io->next;
	r->resets = 0;
	r->deadline = task_now() + q->device->desc.timeout_ns;
	make_request(q, r);
	if (io->flush != 2)
		io->next += r->blocks;
	io->flying++;
	if (io->next == io->blocks)
		list_del(&io->link);
	return r;
}

/* --- offering -------------------------------------------------------------------------------- */

struct batch {
	unsigned count;
	Banos_X_Block_Request *public[BATCH];
	struct block_request *requests[BATCH];
	uint32_t tags[BATCH];
};

static bool can_offer(const struct block_queue *q)
{
	return !q->held && !q->device->dead &&
	       (!list_empty(&q->kept) || (!list_empty(&q->waiting) && !list_empty(&q->free)));
}

static void collect(struct block_queue *q, struct batch *batch)
{
	while (batch->count < BATCH && can_offer(q)) {
		struct block_request *r =
			list_first_entry_or_null(&q->kept, struct block_request, link);

		if (r)
			list_del(&r->link);
		else
			r = next_request(q);
		r->state = BLOCK_OFFERED;
		batch->public[batch->count] = r->public;
		batch->tags[batch->count] = r->tag;
		batch->requests[batch->count++] = r;
	}
}

/* What has become of those that were offered; backwards, so that the kept ones stay in order. */
static void settle(struct block_queue *q, struct batch *batch, uint32_t taken)
{
	if (taken > batch->count) {
		complain(q, "submit took %u requests of %u", taken, batch->count);
		taken = batch->count;
	}
	if (taken && q->forgotten)
		complain(q, "refused requests when it had none, and takes some now, but never said "
			    "that it would (banos_x_block_requeue)");
	q->forgotten = false;
	q->full = taken < batch->count && !q->again;
	for (unsigned i = 0; i < taken; i++) {
		struct block_request *r = batch->requests[i];

		if (r->state != BLOCK_OFFERED || r->tag != batch->tags[i])
			continue; /* it is back already */
		r->state = BLOCK_TAKEN;
		r->deadline = task_now() + q->device->desc.timeout_ns;
		list_add_tail(&r->link, &q->taken);
	}
	for (unsigned i = batch->count; i-- > taken;) {
		struct block_request *r = batch->requests[i];

		if (r->state == BLOCK_OFFERED && r->tag == batch->tags[i]) {
			r->state = BLOCK_KEPT;
			list_add(&r->link, &q->kept);
		} else {
			complain(q, "a request is done that was not taken (tag %#x)",
				 batch->tags[i]);
		}
	}
}

static uint32_t call_submit(struct block_queue *q, struct batch *batch)
{
	Banos_X_Block *b = q->device;
	struct task *t = task_self();
	const char *before = t->no_sleep;
	uint32_t taken;

	t->no_sleep = "in submit of a block device";
	taken = BLOCK_CALL(b, submit, b->ctx, q->number, batch->public, batch->count);
	t->no_sleep = before;
	return taken;
}

/* Offer once. False: nothing to do, or somebody else does it. */
static bool offer(struct block_queue *q)
{
	struct batch batch = {.count = 0};
	uint32_t taken;

	if (!q->busy && !q->full)
		collect(q, &batch);
	if (!batch.count)
		return false;
	q->busy = true;
	q->again = false;
	taken = call_submit(q, &batch);
	settle(q, &batch, taken);
	q->busy = false;
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

/* --- the end of requests --------------------------------------------------------------------- */

/* All its requests are back, and no more are to be made. */
static void io_over(struct block_queue *q, struct block_io *io)
{
	bool follow = io->flush == 1 && !io->error;

	if (follow && !q->device->dead) {
		io->flush = 2;
		list_add(&io->link, &q->waiting);
		return;
	}
	if (follow) /* written, but nobody sees it to the medium */
		io->error = -ENODEV;
	io->over = true;
}

static void finish(struct block_queue *q, struct block_request *r, int error)
{
	struct block_io *io = r->io;

	list_del(&r->link);
	drop_pieces(r);
	r->io = NULL;
	r->state = BLOCK_FREE;
	if (!r->asked) {
		lock_away(q->device, r);
		list_add(&r->link, &q->free);
	}
	io->flying--;
	if (error && !io->error)
		io->error = error;
	if (error && io->next != io->blocks) { /* the rest is not tried */
		io->next = io->blocks;
		list_del(&io->link);
	}
	if (!io->flying && io->next == io->blocks)
		io_over(q, io);
}

static void keep(struct block_queue *q, struct block_request *r)
{
	list_del(&r->link);
	make_request(q, r);
	r->state = BLOCK_KEPT;
	r->deadline = task_now() + q->device->desc.timeout_ns;
	list_add_tail(&r->link, &q->kept);
}

/* What is wrong with what the driver says of a request that it has, or NULL. */
static const char *find_fault(const Banos_X_Block *b, const struct block_request *r,
			      const Banos_X_Block_Completion *c)
{
	uint64_t bytes = has_data(op_of(r->io)) ? r->blocks << b->desc.logical_shift : 0;

	if (c->status > 0 || c->status < -DRIVER_MAX_ERRNO)
		return "a completion's status is no error";
	if (c->residual > bytes || !IS_ALIGNED(c->residual, 1ul << b->desc.logical_shift))
		return "a completion's residual is not of its request";
	if (!c->status && c->residual && c->residual == bytes)
		return "a completion without error has done nothing";
	return NULL;
}

/* What a driver only reads is as it was. */
static void check_untouched(struct block_queue *q, const struct block_request *r)
{
	const uint8_t *bytes;

	if (memcmp(r->public, &r->sent, sizeof(r->sent)))
		complain(q, "the public part of a request has been changed (tag %#x)", r->tag);
	if (r->sent.operation != BANOS_X_BLOCK_OP_WRITE)
		return;
	bytes = r->io->bytes + (r->first << q->device->desc.logical_shift);
	for (uint32_t i = 0; i < r->piece_count; bytes += r->pieces[i++].length)
		if (memcmp(r->pieces[i].memory, bytes, r->pieces[i].length))
			complain(q, "data that was to be written has been changed (tag %#x)",
				 r->tag);
}

/* What was read goes to the program: all but the last `residual` bytes. */
static void copy_back(struct block_queue *q, const struct block_request *r, uint64_t residual)
{
	uint8_t *to = r->io->bytes + (r->first << q->device->desc.logical_shift);
	uint64_t left = (r->blocks << q->device->desc.logical_shift) - residual;

	for (uint32_t i = 0; i < r->piece_count && left; i++) {
		uint64_t n = min(left, (uint64_t)r->pieces[i].length);

		memcpy(to, r->pieces[i].memory, n);
		to += n;
		left -= n;
	}
}

static bool complete(struct block_queue *q, const Banos_X_Block_Completion *c)
{
	uint32_t index = c->tag & INDEX_MASK;
	struct block_request *r = index < q->device->desc.depth ? &q->requests[index] : NULL;
	const char *fault;

	if (!r || r->tag != c->tag || (r->state != BLOCK_OFFERED && r->state != BLOCK_TAKEN)) {
		complain(q, "completed a request that it does not have (tag %#x)", c->tag);
		return false;
	}
	fault = find_fault(q->device, r, c);
	if (fault)
		complain(q, "%s (tag %#x, status %d, residual %llu)", fault, c->tag, c->status,
			 (unsigned long long)c->residual);
	check_untouched(q, r);
	if (!fault && !c->status && r->sent.operation == BANOS_X_BLOCK_OP_READ)
		copy_back(q, r, c->residual);
	if (r->state == BLOCK_OFFERED) /* on no list */
		list_add(&r->link, &q->taken);
	if (fault || c->status || !c->residual) {
		finish(q, r, fault ? -EIO : c->status);
		return true;
	}
	r->first += r->blocks - (c->residual >> q->device->desc.logical_shift);
	r->blocks = c->residual >> q->device->desc.logical_shift;
	keep(q, r);
	return true;
}

/* The device may be gone, and then it is the driver's fault. */
static struct block_queue *queue_of(Banos_X_Block *b, uint32_t queue)
{
	char where[WHERE_SIZE];

	if (b->dead && b->ends)
		host_complain("%s: %s of %s, which was unregistered",
			      images_where(api_caller(), where), api_name(), b->name);
	else if (queue >= b->desc.queues)
		host_complain("%s: %s of queue %u of %s, which has %u",
			      images_where(api_caller(), where), api_name(), queue, b->name,
			      b->desc.queues);
	else
		return &b->queues[queue];
	return NULL;
}

int32_t banos_x_block_done(Banos_X_Block *b, uint32_t queue,
			   const Banos_X_Block_Completion *completions, uint32_t count)
{
	struct block_queue *q = queue_of(b, queue);
	const char *at = (const char *)completions;
	int32_t accepted = 0;

	for (uint32_t i = 0; q && i < count; i++, at += b->desc.completion_stride)
		accepted += complete(q, (const Banos_X_Block_Completion *)at);
	if (accepted) {
		q->full = false;
		q->again = q->busy;
	}
	return accepted;
}

void banos_x_block_requeue(Banos_X_Block *b, uint32_t queue)
{
	struct block_queue *q = queue_of(b, queue);

	if (!q)
		return;
	q->full = q->forgotten = false;
	q->again = q->busy;
}

/* --- what is late ----------------------------------------------------------------------------- */

/* The one whose deadline comes first, or NULL. */
static struct block_request *first_due(const struct block_queue *q)
{
	struct block_request *kept = list_first_entry_or_null(&q->kept, struct block_request, link);
	struct block_request *taken =
		list_first_entry_or_null(&q->taken, struct block_request, link);

	if (!kept || !taken)
		return kept ? kept : taken;
	return kept->deadline < taken->deadline ? kept : taken;
}

static bool is_late(const struct block_queue *q)
{
	const struct block_request *r = q->device->dead ? NULL : first_due(q);

	return r && r->deadline <= task_now();
}

static bool is_calm(const void *on)
{
	const Banos_X_Block *b = on;

	for (uint32_t i = 0; i < b->desc.queues; i++)
		if (b->queues[i].busy)
			return false;
	return true;
}

static void hold(Banos_X_Block *b, bool held)
{
	for (uint32_t i = 0; i < b->desc.queues; i++)
		b->queues[i].held = held;
	if (held)
		task_wait(is_calm, b, NEVER, false, "submit of %s to return", b->name);
}

/* The device was reset: what the driver had is offered again, but not for ever. */
static void after_reset(struct block_queue *q)
{
	struct list lost = LIST_INIT(lost);

	list_splice_tail(&q->taken, &lost);
	while (!list_empty(&lost)) {
		struct block_request *r = list_first_entry(&lost, struct block_request, link);

		if (++r->resets >= RESETS_MAX)
			finish(q, r, -EIO);
		else
			keep(q, r);
	}
	q->full = false;
}

static int32_t call_timeout(struct block_queue *q, struct block_request *r, uint32_t tag)
{
	int32_t answer = BANOS_X_BLOCK_TIMEOUT_MORE;
	Banos_X_Block *b = q->device;

	/* It may have come back while everybody was made to wait. */
	if (r->state != BLOCK_TAKEN || r->tag != tag)
		return answer;
	log_info("block %s: a request is late (queue %u, tag %#x)", b->name, q->number, tag);
	if (b->ops.timeout)
		answer = BLOCK_CALL(b, timeout, b->ctx, r->public);
	if (answer < BANOS_X_BLOCK_TIMEOUT_DONE || answer > BANOS_X_BLOCK_TIMEOUT_RESET)
		complain(q, "timeout returned %d", answer);
	if (answer == BANOS_X_BLOCK_TIMEOUT_RESET)
		for (uint32_t i = 0; i < b->desc.queues; i++)
			after_reset(&b->queues[i]);
	else if (answer != BANOS_X_BLOCK_TIMEOUT_MORE && r->state == BLOCK_TAKEN && r->tag == tag)
		complain(q, "timeout says that a request is done which is not (tag %#x)", tag);
	return answer;
}

/* While it is asked about, it is not used again. */
static void ask(struct block_queue *q, struct block_request *r)
{
	Banos_X_Block *b = q->device;
	uint32_t tag = r->tag;
	struct gate_pass pass;

	r->asked = true;
	r->deadline = task_now() + b->desc.timeout_ns;
	list_move_tail(&r->link, &q->taken);
	if (gate_enter(&b->gate, &pass)) {
		if (b->ops.poll)
			GATE_CALL_VOID(b->object.owner, "poll", b->ops.poll(b->ctx, q->number));
		hold(b, true);
		call_timeout(q, r, tag);
		hold(b, false);
		gate_leave(&pass);
	}
	r->asked = false;
	if (r->state == BLOCK_FREE) {
		lock_away(b, r);
		list_add(&r->link, &q->free);
	}
}

static void see_to_late(struct block_queue *q)
{
	struct block_request *r = first_due(q);

	if (r->state == BLOCK_TAKEN) {
		ask(q, r);
		return;
	}
	log_info("block %s: a request was not taken in time (queue %u)", q->device->name,
		 q->number);
	/* It may be about to be unregistered, and then it need not say anything. */
	q->forgotten = list_empty(&q->taken) && q->full;
	finish(q, r, -EIO);
	q->full = false; /* others are offered, or they would wait for ever */
}

/* --- the device's task ------------------------------------------------------------------------ */

static bool wants_service(const struct block_queue *q)
{
	return is_late(q) || (can_offer(q) && !q->busy && !q->full);
}

static bool has_work(const void *on)
{
	const Banos_X_Block *b = on;

	for (uint32_t i = 0; i < b->desc.queues; i++)
		if (wants_service(&b->queues[i]))
			return true;
	return b->ends;
}

void queues_serve(void *device)
{
	Banos_X_Block *b = device;

	while (!b->ends) {
		task_wait(has_work, b, NEVER, false, "requests for %s", b->name);
		for (uint32_t i = 0; i < b->desc.queues; i++) {
			if (is_late(&b->queues[i]))
				see_to_late(&b->queues[i]);
			dispatch(&b->queues[i]);
		}
	}
}

nsec_t queues_next(const Banos_X_Block *b)
{
	nsec_t next = NEVER;

	for (uint32_t i = 0; i < b->desc.queues && !b->dead; i++) {
		const struct block_request *r = first_due(&b->queues[i]);

		if (r && r->deadline > task_now())
			next = min(next, r->deadline);
	}
	return next;
}

/* --- ios ------------------------------------------------------------------------------------- */

/* What is known at once: an error, 0 to go on, 1: nothing is to be done. */
static int check_io(const Banos_X_Block *b, const struct block_io *io)
{
	uint32_t features = b->desc.features, op = io->op;

	if (op == BANOS_X_BLOCK_OP_FLUSH)
		return features & BANOS_X_BLOCK_FLUSH ? 0 : 1;
	if (op != BANOS_X_BLOCK_OP_READ && features & BANOS_X_BLOCK_READ_ONLY)
		return -EROFS;
	if ((op == BANOS_X_BLOCK_OP_DISCARD && !(features & BANOS_X_BLOCK_DISCARD)) ||
	    (op == BANOS_X_BLOCK_OP_ZEROES && !(features & BANOS_X_BLOCK_ZEROES)))
		return -EOPNOTSUPP;
	if (io->block > b->desc.blocks || io->blocks > b->desc.blocks - io->block)
		return -EIO;
	return io->blocks ? 0 : 1;
}

static bool is_over(const void *on)
{
	return ((const struct block_io *)on)->over;
}

int block_run(Banos_X_Block *b, struct block_io *io)
{
	int r = b->dead ? -ENODEV : check_io(b, io);
	struct block_queue *q;

	io->next = io->flying = 0;
	io->flush = io->op == BANOS_X_BLOCK_OP_WRITE && io->flags & BANOS_X_BLOCK_REQUEST_FUA &&
		    b->desc.features & BANOS_X_BLOCK_FLUSH &&
		    !(b->desc.features & BANOS_X_BLOCK_FUA);
	io->error = min(r, 0);
	io->over = r != 0;
	if (r)
		return io->error;
	q = &b->queues[task_self()->cpu % b->desc.queues];
	list_add_tail(&io->link, &q->waiting);
	if (!task_has_seed() || task_random(2))
		dispatch(q);
	task_wait(is_over, io, NEVER, false, "driver %s to complete a request of %s",
		  b->object.owner->name, b->name);
	return io->error;
}

bool queues_use(const Banos_X_Block *b, uint64_t from)
{
	for (uint32_t i = 0; i < b->desc.queues; i++)
		for (uint32_t k = 0; k < b->desc.depth; k++) {
			const struct block_request *r = &b->queues[i].requests[k];

			if (r->state != BLOCK_FREE && r->sent.block + r->sent.blocks > from)
				return true;
		}
	return false;
}

/* --- queues come and go ----------------------------------------------------------------------- */

static void make_queue(Banos_X_Block *b, struct block_queue *q)
{
	q->device = b;
	list_init(&q->waiting);
	list_init(&q->free);
	list_init(&q->kept);
	list_init(&q->taken);
	q->requests = host_alloc(b->desc.depth * sizeof(q->requests[0]));
	for (uint32_t i = 0; i < b->desc.depth; i++) {
		struct block_request *r = &q->requests[i];

		r->tag = i;
		r->public = host_alloc(b->stride);
		r->segments = host_alloc((size_t)b->desc.max_segments * SEGMENT_STRIDE);
		r->pieces = host_alloc(b->desc.max_segments * sizeof(r->pieces[0]));
		lock_away(b, r);
		list_add_tail(&r->link, &q->free);
	}
}

void queues_make(Banos_X_Block *b)
{
	b->stride = ALIGN_UP(PRIVATE_OFFSET + b->desc.private_size, 16u);
	b->queues = host_alloc(b->desc.queues * sizeof(b->queues[0]));
	for (uint32_t i = 0; i < b->desc.queues; i++) {
		b->queues[i].number = i;
		make_queue(b, &b->queues[i]);
	}
}

void queues_free(Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->desc.queues; i++) {
		for (uint32_t k = 0; k < b->desc.depth; k++) {
			struct block_request *r = &b->queues[i].requests[k];

			drop_pieces(r);
			free(r->pieces);
			free(r->segments);
			free(r->public);
		}
		free(b->queues[i].requests);
	}
	free(b->queues);
	b->queues = NULL;
}

static void kill_list(struct block_queue *q, struct list *requests)
{
	while (!list_empty(requests))
		finish(q, list_first_entry(requests, struct block_request, link), -ENODEV);
}

void queues_kill(Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->desc.queues; i++) {
		struct block_queue *q = &b->queues[i];

		kill_list(q, &q->taken);
		kill_list(q, &q->kept);
		while (!list_empty(&q->waiting)) {
			struct block_io *io = list_first_entry(&q->waiting, struct block_io, link);

			list_del(&io->link);
			io->error = -ENODEV;
			io->over = true;
		}
	}
}
