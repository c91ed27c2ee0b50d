/* SPDX-License-Identifier: MIT */
/*
 * Disks of virtual machines (Virtual I/O Device 1.2, 5.2): /dev/vda and so on.
 *
 * One queue. A request is a header that the device reads, the data, and a byte of status that the
 * device writes; header and status lie in the room behind the block layer's request. What the
 * device says of a read is compared with what it says to have written, so that no program gets
 * memory that nothing was read into.
 *
 * Completions come in the interrupt. When the queue has no room the block layer keeps the request
 * until a completion; when there is no memory to map it, and nothing under way that would complete,
 * a timer asks again.
 *
 * A request that is late, whatever the reason (the device hangs, or was caught lying and is not
 * used any more): the device is reset and set up anew, and the block layer offers again what it
 * had. What does not come back from that is `dead`, and everything asked of it fails.
 *
 *	working	-> resetting	disk_timeout: the queue is taken away
 *	resetting -> working	set up anew, with the same features
 *	resetting -> dead	that has failed
 *
 * When the device says that its configuration has changed, work reads its size, and tells the block
 * layer of a new one. That may wait for requests of the disk, so the work has a thread of its own;
 * removal ends it first, while the disk still answers.
 *
 * Lock: disk->lock, a spinlock, covers the queue and the list of what it holds. The block layer is
 * called with it released.
 */
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/sync.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/work.h>
#include <banos/x_block.h>
#include <banos/x_virtio.h>

#include <asm-generic/errno.h>
#include <linux/virtio_blk.h>

#define KIND	      2 /* block device */
#define SECTOR_SHIFT  9
#define BATCH	      16
#define SEGMENTS_MOST 64
#define SEGMENT_SIZE  (1u << 20)
#define QUEUE_SIZE    256
#define DEPTH	      64
#define RETRY_NS      10000000u

#define HAS(got, bit) ((got)[0] >> (bit)&1)

/* Behind each request. */
struct room {
	Banos_X_Block_Request *next, *before; /* [lock] of those under way */
	Banos_Dma_Mapping *reads, *writes; /* [lock] what the device reads, and writes; or NULL */
	struct virtio_blk_outhdr header;
	struct virtio_blk_discard_write_zeroes range;
	uint8_t status;
};

struct disk {
	Banos_Device *device;
	Banos_Dma *dma;
	Banos_X_Block *block;
	Banos_Timer *timer;
	Banos_Work *resize;
	uint64_t blocks;    /* by start, then by that work */
	uint32_t published; /* atomic: block is there */
	Banos_X_Block_Layout layout;
	uint64_t features[2];
	uint32_t shift;
	Banos_Spinlock lock;
	Virtio_Queue *queue;		  /* [lock] NULL unless it works */
	uint32_t dead;			  /* [lock] */
	uint32_t stopping;		  /* [lock] the block device may be gone */
	uint32_t resets;		  /* of disk_timeout only */
	Banos_X_Block_Request *under_way; /* [lock] */
	char name[64];
	/* [lock] Of the request that is being submitted. */
	Banos_Segment segments[SEGMENTS_MOST + 3];
	Banos_Dma_Segment mapped[SEGMENTS_MOST + 3];
	Virtio_Buffer buffers[SEGMENTS_MOST + 3];
};

struct driver {
	Banos_Driver record;
	Banos_Device_Driver *devices;
	Banos_Workqueue *resizes;
};

static struct driver driver;

static struct room *room_of(const struct disk *d, const Banos_X_Block_Request *r)
{
	return (struct room *)((char *)r + d->layout.private_offset);
}

/* --- what is under way; lock held ------------------------------------------------------------- */

static void link_request(struct disk *d, Banos_X_Block_Request *r)
{
	struct room *room = room_of(d, r);

	room->before = NULL;
	room->next = d->under_way;
	if (d->under_way)
		room_of(d, d->under_way)->before = r;
	d->under_way = r;
}

/* The device is done with it, or was reset. */
static void unlink_request(struct disk *d, Banos_X_Block_Request *r)
{
	struct room *room = room_of(d, r);

	if (room->before)
		room_of(d, room->before)->next = room->next;
	else
		d->under_way = room->next;
	if (room->next)
		room_of(d, room->next)->before = room->before;
	banos_dma_unmap(room->reads);
	banos_dma_unmap(room->writes);
	room->reads = room->writes = NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

static uint32_t type_of(const Banos_X_Block_Request *r)
{
	static const uint32_t types[] = {
		[BANOS_X_BLOCK_OP_READ] = VIRTIO_BLK_T_IN,
		[BANOS_X_BLOCK_OP_WRITE] = VIRTIO_BLK_T_OUT,
		[BANOS_X_BLOCK_OP_FLUSH] = VIRTIO_BLK_T_FLUSH,
		[BANOS_X_BLOCK_OP_DISCARD] = VIRTIO_BLK_T_DISCARD,
		[BANOS_X_BLOCK_OP_ZEROES] = VIRTIO_BLK_T_WRITE_ZEROES,
	};

	return types[r->operation];
}

/* The header, and what takes the place of data; how many segments that is. */
static uint32_t put_head(struct disk *d, const Banos_X_Block_Request *r, struct room *room)
{
	uint64_t sector = r->block << (d->shift - SECTOR_SHIFT);
	int erases =
		r->operation == BANOS_X_BLOCK_OP_DISCARD || r->operation == BANOS_X_BLOCK_OP_ZEROES;

	/* Commands without a place have sector 0 (5.2.6.1). */
	room->header = (struct virtio_blk_outhdr){.type = type_of(r),
						  .sector = r->segment_count ? sector : 0};
	d->segments[0] = (Banos_Segment){&room->header, sizeof(room->header)};
	if (!erases)
		return 1;
	room->range = (struct virtio_blk_discard_write_zeroes){
		.sector = sector, .num_sectors = r->blocks << (d->shift - SECTOR_SHIFT)};
	d->segments[1] = (Banos_Segment){&room->range, sizeof(room->range)};
	return 2;
}

/* All segments of a request: how many, and how many of those the device reads. */
static uint32_t put_segments(struct disk *d, Banos_X_Block_Request *r, uint32_t *reads)
{
	struct room *room = room_of(d, r);
	const char *s = (const char *)r->segments;
	uint32_t n = put_head(d, r, room);

	*reads = n + (r->operation == BANOS_X_BLOCK_OP_READ ? 0 : r->segment_count);
	for (uint32_t i = 0; i < r->segment_count; i++, s += d->layout.segment_stride) {
		const Banos_X_Block_Segment *segment = (const Banos_X_Block_Segment *)s;

		d->segments[n++] = (Banos_Segment){segment->address, segment->length};
	}
	room->status = 0xff;
	d->segments[n++] = (Banos_Segment){&room->status, 1};
	return n;
}

/* Segments [from, to) for the device, as they are: it has no limits that would cut them. */
static int32_t map(struct disk *d, uint32_t from, uint32_t to, uint32_t direction,
		   Banos_Dma_Mapping **mapping)
{
	Banos_Dma_Map m = {.size = sizeof(m),
			   .flags = direction,
			   .segments = d->segments + from,
			   .count = to - from};
	int32_t n = banos_dma_map(d->dma, &m, d->mapped + from, to - from, mapping);

	if (n < 0)
		return n;
	for (uint32_t i = from; i < to; i++)
		d->buffers[i] = (Virtio_Buffer){
			.address = d->mapped[i].address,
			.length = (uint32_t)d->mapped[i].length,
			.flags = direction == BANOS_DMA_FROM_DEVICE ? VIRTIO_BUFFER_WRITTEN : 0};
	return (uint32_t)n == to - from ? 0 : -EINVAL;
}

/* Lock held. 0; -EBUSY: no room in the queue; -ENOMEM and the like. */
static int32_t add(struct disk *d, Banos_X_Block_Request *r)
{
	struct room *room = room_of(d, r);
	uint32_t reads, n = put_segments(d, r, &reads);
	Virtio_Request request = {.buffers = d->buffers, .count = n, .token = r};
	int32_t error;

	room->reads = room->writes = NULL;
	error = map(d, 0, reads, BANOS_DMA_TO_DEVICE, &room->reads);
	if (!error)
		error = map(d, reads, n, BANOS_DMA_FROM_DEVICE, &room->writes);
	link_request(d, r);
	if (!error && !virtio_queue_add(d->queue, &request, 1))
		error = -EBUSY;
	if (error)
		unlink_request(d, r);
	return error;
}

static void fail(struct disk *d, const Banos_X_Block_Request *r)
{
	Banos_X_Block_Completion c = {.tag = r->tag, .status = -EIO};

	banos_x_block_done(d->block, r->queue, &c, 1);
}

/* Lock held. As many as can be; *error: why the next one is not. */
static uint32_t add_some(struct disk *d, Banos_X_Block_Request *const *requests, uint32_t count,
			 int32_t *error)
{
	uint32_t n = 0;

	*error = 0;
	while (n < count && d->queue && !*error) {
		*error = add(d, requests[n]);
		n += !*error;
	}
	if (n)
		virtio_queue_kick(d->queue);
	return n;
}

static uint32_t disk_submit(void *ctx, uint32_t queue, Banos_X_Block_Request *const *requests,
			    uint32_t count)
{
	struct disk *d = ctx;
	uint64_t token = banos_spin_lock(&d->lock);
	int32_t error;
	uint32_t n = add_some(d, requests, count, &error), idle = !d->under_way, dead = d->dead;

	(void)queue;
	banos_spin_unlock(&d->lock, token);
	/* One that does not fit into an empty queue never will. */
	for (; n < count && (dead || (idle && error == -EBUSY)); n++)
		fail(d, requests[n]);
	if (n < count && idle && error)
		banos_timer_arm(d->timer, banos_time_mono_ns() + RETRY_NS, 0, 0);
	return n;
}

static void on_retry(void *ctx)
{
	struct disk *d = ctx;
	uint64_t token = banos_spin_lock(&d->lock);

	if (!d->stopping)
		banos_x_block_requeue(d->block, 0);
	banos_spin_unlock(&d->lock, token);
}

static int32_t result_of(struct disk *d, const Banos_X_Block_Request *r, uint32_t written)
{
	uint64_t least = 1;

	if (r->operation == BANOS_X_BLOCK_OP_READ)
		least += (uint64_t)r->blocks << d->shift;
	switch (room_of(d, r)->status) {
	case VIRTIO_BLK_S_OK:
		return written < least ? -EIO : 0;
	case VIRTIO_BLK_S_UNSUPP:
		return -EOPNOTSUPP;
	}
	return -EIO;
}

/* Up to BATCH that are done. */
static uint32_t get_some(struct disk *d, Banos_X_Block_Completion *completions)
{
	uint64_t token = banos_spin_lock(&d->lock);
	Virtio_Done done[BATCH];
	uint32_t n = d->queue ? virtio_queue_get(d->queue, done, BATCH) : 0;

	for (uint32_t i = 0; i < n; i++) {
		Banos_X_Block_Request *r = done[i].token;

		unlink_request(d, r); /* first: what was written may be in a copy */
		completions[i] = (Banos_X_Block_Completion){
			.tag = r->tag, .status = result_of(d, r, done[i].length)};
	}
	banos_spin_unlock(&d->lock, token);
	return n;
}

/* Context: interrupt, or poll. */
static void on_used(void *ctx)
{
	Banos_X_Block_Completion completions[BATCH];
	struct disk *d = ctx;
	uint32_t n;

	do {
		n = get_some(d, completions);
		if (n)
			banos_x_block_done(d->block, 0, completions, n);
	} while (n == BATCH);
}

static void disk_poll(void *ctx, uint32_t queue)
{
	(void)queue;
	on_used(ctx);
}

static void on_config(void *ctx)
{
	struct disk *d = ctx;

	banos_work_submit(d->resize);
}

/* --- setting the device up -------------------------------------------------------------------- */

/* Agreed on, with a queue, at work. */
static int32_t set_up(struct disk *d, uint64_t *features)
{
	static const uint64_t want[2] = {1u << VIRTIO_BLK_F_SIZE_MAX | 1u << VIRTIO_BLK_F_SEG_MAX |
					 1u << VIRTIO_BLK_F_RO | 1u << VIRTIO_BLK_F_BLK_SIZE |
					 1u << VIRTIO_BLK_F_FLUSH | 1u << VIRTIO_BLK_F_DISCARD |
					 1u << VIRTIO_BLK_F_WRITE_ZEROES};
	static const uint64_t need[2];
	Virtio_Queue *queue = NULL;
	int32_t error = virtio_negotiate(d->device, want, need, features);
	uint64_t token;

	if (!error)
		error = virtio_queue_create(d->device, 0, QUEUE_SIZE, on_used, d, &queue);
	if (!error)
		error = virtio_config_notify(d->device, on_config, d);
	if (!error)
		error = virtio_ready(d->device);
	if (error)
		return error;
	token = banos_spin_lock(&d->lock);
	if (d->stopping)
		error = -ENODEV;
	else
		d->queue = queue;
	banos_spin_unlock(&d->lock, token);
	return error;
}

/* Nothing reaches the device any more, and it reaches no memory; what it had is forgotten. */
static void quiesce(struct disk *d)
{
	uint64_t token = banos_spin_lock(&d->lock);

	d->queue = NULL;
	banos_spin_unlock(&d->lock, token);
	virtio_reset(d->device);
	token = banos_spin_lock(&d->lock);
	while (d->under_way)
		unlink_request(d, d->under_way);
	banos_spin_unlock(&d->lock, token);
}

static int32_t disk_timeout(void *ctx, Banos_X_Block_Request *request)
{
	struct disk *d = ctx;
	uint64_t features[2] = {0, 0}, token;
	int32_t error;

	(void)request;
	quiesce(d);
	error = set_up(d, features);
	if (!error && (features[0] != d->features[0] || features[1] != d->features[1]))
		error = -EIO;
	banos_log_format(BANOS_LOG_ERROR, "virtio-blk %s: it does not answer: %s", d->name,
			 error ? "it cannot be reset, and is given up" : "reset");
	d->resets++;
	if (error) {
		quiesce(d);
		token = banos_spin_lock(&d->lock);
		d->dead = 1;
		banos_spin_unlock(&d->lock, token);
	} else {
		banos_work_submit(d->resize); /* it may have changed meanwhile */
	}
	return BANOS_X_BLOCK_TIMEOUT_RESET;
}

static const Banos_X_Block_Ops disk_ops = {.size = sizeof(disk_ops),
					   .submit = disk_submit,
					   .poll = disk_poll,
					   .timeout = disk_timeout};

/* --- what the disk is like -------------------------------------------------------------------- */

#define READ_CONFIG(d, field, to)                                                                  \
	virtio_config_read((d)->device, __builtin_offsetof(struct virtio_blk_config, field), (to), \
			   sizeof(*(to)))

/* Blocks of 512 to 4,096 bytes; else the disk cannot be used. */
static int32_t read_size(struct disk *d, Banos_X_Block_Desc *desc)
{
	uint64_t sectors = 0;
	uint32_t block = 1u << SECTOR_SHIFT;
	int32_t error = READ_CONFIG(d, capacity, &sectors);

	if (!error && HAS(d->features, VIRTIO_BLK_F_BLK_SIZE))
		error = READ_CONFIG(d, blk_size, &block);
	if (error)
		return error;
	if (block < 512 || block > 4096 || block & (block - 1)) {
		banos_log_format(BANOS_LOG_ERROR, "virtio-blk %s: blocks of %u bytes", d->name,
				 block);
		return -EOPNOTSUPP;
	}
	for (d->shift = SECTOR_SHIFT; 1u << d->shift < block; d->shift++)
		;
	desc->logical_shift = d->shift;
	desc->blocks = d->blocks = sectors >> (d->shift - SECTOR_SHIFT);
	return 0;
}

static uint32_t is_stopping(struct disk *d)
{
	uint64_t token = banos_spin_lock(&d->lock);
	uint32_t stopping = d->stopping;

	banos_spin_unlock(&d->lock, token);
	return stopping;
}

/* Work: has it grown, or shrunk? */
static void check_size(void *ctx)
{
	struct disk *d = ctx;
	uint64_t sectors, blocks;
	int32_t error;

	if (is_stopping(d) || !__atomic_load_n(&d->published, __ATOMIC_ACQUIRE) ||
	    READ_CONFIG(d, capacity, &sectors))
		return;
	blocks = sectors >> (d->shift - SECTOR_SHIFT);
	if (blocks == d->blocks)
		return;
	error = banos_x_block_resize(d->block, blocks);
	banos_log_format(error ? BANOS_LOG_ERROR : BANOS_LOG_INFO,
			 "virtio-blk %s: %lu sectors instead of %lu%s", d->name, sectors,
			 d->blocks << (d->shift - SECTOR_SHIFT), error ? ": that cannot be" : "");
	/* A size that is no size is told once; without memory the next look tries again. */
	if (!error || error == -EINVAL)
		d->blocks = blocks;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static int32_t read_limits(struct disk *d, Banos_X_Block_Desc *desc)
{
	uint32_t segments = SEGMENTS_MOST, size = SEGMENT_SIZE;
	int32_t error = 0;

	if (HAS(d->features, VIRTIO_BLK_F_SEG_MAX))
		error = READ_CONFIG(d, seg_max, &segments);
	if (!error && HAS(d->features, VIRTIO_BLK_F_SIZE_MAX))
		error = READ_CONFIG(d, size_max, &size);
	if (error)
		return error;
	if (!segments || size < 4096)
		return -EOPNOTSUPP;
	desc->max_segments = smaller(segments, SEGMENTS_MOST);
	desc->max_segment_size = smaller(size, SEGMENT_SIZE);
	desc->depth = DEPTH;
	return 0;
}

/* One limit serves for both ways of erasing; without one the disk cannot do it. */
static int32_t read_erasing(struct disk *d, Banos_X_Block_Desc *desc)
{
	uint32_t discard = 0, zeroes = 0, most = UINT32_MAX;
	int32_t error = 0;

	if (HAS(d->features, VIRTIO_BLK_F_DISCARD))
		error = READ_CONFIG(d, max_discard_sectors, &discard);
	if (!error && HAS(d->features, VIRTIO_BLK_F_WRITE_ZEROES))
		error = READ_CONFIG(d, max_write_zeroes_sectors, &zeroes);
	if (error)
		return error;
	discard >>= d->shift - SECTOR_SHIFT;
	zeroes >>= d->shift - SECTOR_SHIFT;
	if (discard) {
		desc->features |= BANOS_X_BLOCK_DISCARD;
		most = smaller(most, discard);
	}
	if (zeroes) {
		desc->features |= BANOS_X_BLOCK_ZEROES;
		most = smaller(most, zeroes);
	}
	/* In sectors it has 32 bits. */
	desc->max_discard = smaller(most, UINT32_MAX >> (d->shift - SECTOR_SHIFT));
	return 0;
}

static int32_t describe(struct disk *d, Banos_X_Block_Desc *desc)
{
	int32_t error;

	uint64_t timeout = 0;

	banos_param_get(&driver.record, "timeout", BANOS_PARAM_UNSIGNED, &timeout, sizeof(timeout));
	*desc = (Banos_X_Block_Desc){.size = sizeof(*desc),
				     .timeout_ns = timeout * 1000000,
				     .mode = 0660,
				     .private_size = sizeof(struct room),
				     .completion_stride = sizeof(Banos_X_Block_Completion)};
	if (HAS(d->features, VIRTIO_BLK_F_FLUSH))
		desc->features |= BANOS_X_BLOCK_FLUSH;
	if (HAS(d->features, VIRTIO_BLK_F_RO))
		desc->features |= BANOS_X_BLOCK_READ_ONLY;
	error = read_size(d, desc);
	if (!error)
		error = read_limits(d, desc);
	if (!error)
		error = read_erasing(d, desc);
	return error;
}

/* --- life ------------------------------------------------------------------------------------- */

/* Under the first name that is free: vda to vdz. */
static int32_t publish(struct disk *d, Banos_X_Block_Desc *desc)
{
	char name[] = "vda";
	int32_t result;

	desc->name = name;
	do
		result = banos_x_block_register(&driver.record, desc, &disk_ops, d, &d->block);
	while (result == -EEXIST && name[2]++ < 'z');
	return result < 0 ? result : 0;
}

/* Also of one that was begun only. The device stops first. */
static void remove(void *data)
{
	struct disk *d = data;
	uint64_t token = banos_spin_lock(&d->lock);

	d->stopping = 1;
	banos_spin_unlock(&d->lock, token);
	if (d->resize)
		banos_work_cancel_sync(d->resize); /* submitted again, it sees `stopping` */
	/* A time-out that is setting it up anew sees `stopping`, and makes it quiet itself. */
	quiesce(d);
	banos_x_block_unregister(d->block);
	banos_work_destroy(d->resize);
	/* Until here submit may have armed it. */
	banos_timer_destroy(d->timer);
	banos_dma_destroy(d->dma);
	banos_spin_fini(&d->lock);
	banos_free(d);
}

static int32_t start(struct disk *d)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	Banos_X_Block_Desc desc;
	int32_t error = banos_timer_create(&driver.record, on_retry, d, 0, &d->timer);

	if (!error)
		error = banos_work_create(&driver.record, driver.resizes, check_size, d,
					  &d->resize);
	if (!error)
		error = banos_dma_create(d->device, &limits, &d->dma);
	if (!error)
		error = set_up(d, d->features);
	if (!error)
		error = describe(d, &desc);
	if (!error)
		error = publish(d, &desc);
	if (!error) {
		__atomic_store_n(&d->published, 1, __ATOMIC_RELEASE);
		banos_work_submit(d->resize); /* it may have changed since it was described */
	}
	return error;
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	Banos_Device_Info info = {.size = sizeof(info)};
	struct disk *d = banos_alloc(sizeof(*d), 0, BANOS_ALLOC_ZERO);
	int32_t error;

	(void)ctx, (void)match;
	if (!d)
		return -ENOMEM;
	d->device = device;
	banos_spin_init(&d->lock, "virtio-blk");
	d->layout.size = sizeof(d->layout);
	banos_x_block_layout(&d->layout);
	banos_device_info(device, &info);
	banos_format(d->name, sizeof(d->name), "%s", info.name);
	error = start(d);
	if (error) {
		remove(d);
		return error;
	}
	*data = d;
	return 0;
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = remove};

static int blk_init(Banos_Driver *record)
{
	int32_t result = banos_workqueue_create(record, "virtio-blk", 0, &driver.resizes);

	if (!result)
		result = banos_device_driver_register(record, &device_ops, NULL, &driver.devices);
	if (result >= 0)
		return 0;
	banos_workqueue_destroy(driver.resizes);
	return result;
}

static int blk_uninit(Banos_Driver *record)
{
	int32_t result = banos_device_driver_unregister(driver.devices);

	(void)record;
	if (!result)
		banos_workqueue_destroy(driver.resizes);
	return result;
}

BANOS_DRIVER_API static struct driver driver = {
	.record =
		{
			.driver_size = sizeof(driver),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
			.name = "virtio-blk",
			.license = "MIT",
			.version = BANOS_VERSION_MAKE(0, 2, 0),
			.init = blk_init,
			.uninit = blk_uninit,
		},
};

static const Banos_Match matches[] = {
	{.bus = "virtio",
	 .vendor = BANOS_MATCH_ANY,
	 .device = KIND,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Parameter parameters[] = {
	{.name = "timeout",
	 .help = "milliseconds after which a disk that does not answer is reset",
	 .fallback = "30000",
	 .type = BANOS_PARAM_UNSIGNED,
	 .minimum = 1,
	 .maximum = 1000000},
};

static const Banos_Dependency dependencies[] = {
	{.name = "virtio", .minimum = BANOS_VERSION_MAKE(1, 1, 0)}};
static const Banos_Need needs[] = {{"banos.device", 0, 9}, {"banos.x_block", 0, 1}};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "disks of virtual machines",
	.author = "the Banos project",
	.flags = BANOS_META_SINGLE | BANOS_META_EXPERIMENTAL,
	.needs = BANOS_LIST(needs),
	.dependencies = BANOS_LIST(dependencies),
	.parameters = BANOS_LIST(parameters),
	.matches = BANOS_LIST(matches),
};
