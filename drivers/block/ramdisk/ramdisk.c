/* SPDX-License-Identifier: MIT */
/*
 * A disk in memory: /dev/ram0. Memory is taken when a page is first written, and given back when it
 * is discarded.
 *
 * It can also be a bad disk, for tests of what is above it. Requests go through one of two ways:
 *	at once		copied and completed in submit
 *	hold=1		put on a list; a thread completes them `delay` microseconds later, the last
 *			first, so that nothing comes back in the order it went
 * `take=N` takes at most N requests at a time. What is written to /proc/driver/ram0 changes the
 * disk as it runs: "bad BLOCK" (requests that touch it end with EIO; none: no block), "fail N" (the
 * Nth request from now does), "resize BLOCKS", "lose N" (N requests are never completed: their
 * time-outs reset the disk), "vanish" (the device goes, as one that is pulled out). Reading it
 * shows counts.
 *
 * Locks: disk->lock, a spinlock, covers the lists, counts and settings. data_lock covers the
 * table of pages for the length of one copy of a page. lifecycle covers `gone`. serving is held by
 * the thread over the requests that it has taken off the list.
 */
#include <banos/driver.h>
#include <banos/errno.h>
#include <banos/log.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/sync.h>
#include <banos/text.h>
#include <banos/thread.h>
#include <banos/time.h>
#include <banos/x_block.h>
#include <banos/format.h>

#include "ramdisk.h"

#define PAGE	4096u
#define NOTHING UINT64_MAX /* no such block */

struct disk;

/* Behind each request. */
struct room {
	Banos_X_Block_Request *next; /* [lock] in disk->held */
	uint32_t lost;		     /* [I while the driver has it] it is never completed */
};

struct disk {
	Banos_Driver driver;
	Banos_X_Block *device;
	Banos_Text_Node *node;
	Banos_Thread *thread;
	Banos_X_Block_Layout layout;
	Banos_Spinlock lock;
	Banos_Spinlock data_lock;
	Banos_Mutex lifecycle;
	Banos_Mutex serving;
	Banos_Event arrived;
	uint32_t shift;
	uint32_t hold;
	uint64_t blocks;
	uint64_t max_pages;
	uint64_t delay_ns;
	uint64_t take;
	uint8_t **pages;	     /* [data_lock] NULL: zeros */
	Banos_X_Block_Request *held; /* [lock] newest first */
	uint64_t bad;		     /* [lock] */
	uint64_t fail;		     /* [lock] */
	uint64_t lose;		     /* [lock] */
	uint64_t served;	     /* [lock] */
	uint64_t waiting;	     /* [lock] in held */
	uint64_t refused, opens;
	uint64_t resets; /* [serving] */
	uint32_t gone;	 /* [lifecycle] */
};

static struct room *room_of(struct disk *d, Banos_X_Block_Request *r)
{
	return (struct room *)((char *)r + d->layout.private_offset);
}

/* --- data ------------------------------------------------------------------------------------ */

static void copy(uint8_t *to, const uint8_t *from, uint64_t n)
{
	__builtin_memcpy(to, from, n);
}

/* The page at that place; made if `make`. NULL: zeros, or no memory. */
static uint8_t *page_at(struct disk *d, uint64_t index, int make)
{
	if (!d->pages[index] && make)
		d->pages[index] = banos_alloc(PAGE, PAGE, BANOS_ALLOC_ZERO);
	return d->pages[index];
}

/* A piece that lies in one page. */
static int32_t move_piece(struct disk *d, uint64_t at, uint8_t *memory, uint32_t n, int write)
{
	uint64_t token = banos_spin_lock(&d->data_lock);
	uint8_t *page = page_at(d, at / PAGE, write);
	int32_t status = 0;

	if (write && !page)
		status = -ENOMEM;
	else if (write)
		copy(page + at % PAGE, memory, n);
	else if (page)
		copy(memory, page + at % PAGE, n);
	else
		__builtin_memset(memory, 0, n);
	banos_spin_unlock(&d->data_lock, token);
	return status;
}

static int32_t move(struct disk *d, const Banos_X_Block_Request *r, int write)
{
	const char *s = (const char *)r->segments;
	uint64_t at = r->block << d->shift;

	for (uint32_t i = 0; i < r->segment_count; i++, s += d->layout.segment_stride) {
		const Banos_X_Block_Segment *segment = (const Banos_X_Block_Segment *)s;
		uint8_t *memory = segment->address;

		for (uint32_t left = segment->length; left;) {
			uint32_t room = PAGE - (uint32_t)(at % PAGE);
			uint32_t n = left < room ? left : room;
			int32_t error = move_piece(d, at, memory, n, write);

			if (error)
				return error;
			at += n;
			memory += n;
			left -= n;
		}
	}
	return 0;
}

/* Pages that are covered as a whole are given back, parts of pages are zeroed. */
static void forget(struct disk *d, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t n = PAGE - from % PAGE, index = from / PAGE;
		uint8_t *whole = NULL;
		uint64_t token;

		if (n > to - from)
			n = to - from;
		token = banos_spin_lock(&d->data_lock);
		if (n == PAGE) {
			whole = d->pages[index];
			d->pages[index] = NULL;
		} else if (d->pages[index]) {
			__builtin_memset(d->pages[index] + from % PAGE, 0, n);
		}
		banos_spin_unlock(&d->data_lock, token);
		banos_free(whole);
		from += n;
	}
}

/* Is this one to end with an error? */
static int is_bad(struct disk *d, const Banos_X_Block_Request *r)
{
	uint64_t token = banos_spin_lock(&d->lock);
	int bad = d->bad != NOTHING && d->bad >= r->block && d->bad - r->block < r->blocks;

	d->served++;
	if (d->fail && !--d->fail)
		bad = 1;
	banos_spin_unlock(&d->lock, token);
	return bad;
}

static int32_t serve(struct disk *d, const Banos_X_Block_Request *r)
{
	uint64_t from = r->block << d->shift;

	if (is_bad(d, r))
		return -EIO;
	switch (r->operation) {
	case BANOS_X_BLOCK_OP_READ:
		return move(d, r, 0);
	case BANOS_X_BLOCK_OP_WRITE:
		return move(d, r, 1);
	case BANOS_X_BLOCK_OP_FLUSH:
		return 0;
	case BANOS_X_BLOCK_OP_DISCARD:
	case BANOS_X_BLOCK_OP_ZEROES:
		forget(d, from, from + ((uint64_t)r->blocks << d->shift));
		return 0;
	}
	return -EOPNOTSUPP;
}

static void complete(struct disk *d, const Banos_X_Block_Request *r, int32_t status)
{
	Banos_X_Block_Completion c = {.tag = r->tag, .status = status};

	banos_x_block_done(d->device, r->queue, &c, 1);
}

/* --- requests -------------------------------------------------------------------------------- */

/* Whether it is lost, or else (hold=1) put on the list. */
static int keep(struct disk *d, Banos_X_Block_Request *r)
{
	uint64_t token = banos_spin_lock(&d->lock);
	int kept = 1;

	room_of(d, r)->lost = d->lose != 0;
	if (d->lose) {
		d->lose--;
	} else if (d->hold) {
		room_of(d, r)->next = d->held;
		d->held = r;
		d->waiting++;
	} else {
		kept = 0;
	}
	banos_spin_unlock(&d->lock, token);
	return kept;
}

static uint32_t ramdisk_submit(void *ctx, uint32_t queue, Banos_X_Block_Request *const *requests,
			       uint32_t count)
{
	struct disk *d = ctx;

	(void)queue;
	if (d->take && count > d->take) {
		count = (uint32_t)d->take;
		d->refused++;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!keep(d, requests[i]))
			complete(d, requests[i], serve(d, requests[i]));
	if (d->hold)
		banos_event_set(&d->arrived);
	return count;
}

static Banos_X_Block_Request *take_held(struct disk *d)
{
	uint64_t token = banos_spin_lock(&d->lock);
	Banos_X_Block_Request *all = d->held;

	d->held = NULL;
	d->waiting = 0;
	banos_spin_unlock(&d->lock, token);
	return all;
}

static void ramdisk_thread(void *ctx)
{
	struct disk *d = ctx;

	while (!banos_thread_should_stop()) {
		Banos_X_Block_Request *r, *next;

		if (banos_event_wait(&d->arrived, BANOS_FOREVER, BANOS_WAIT_INTERRUPTIBLE))
			continue;
		if (d->delay_ns && banos_sleep_ns(d->delay_ns, BANOS_WAIT_INTERRUPTIBLE))
			continue;
		banos_mutex_lock(&d->serving);
		for (r = take_held(d); r; r = next) {
			next = room_of(d, r)->next; /* its own no more once it is complete */
			complete(d, r, serve(d, r));
		}
		banos_mutex_unlock(&d->serving);
	}
}

/* One was lost. Those on the list are forgotten with it: the kernel offers them all again. */
static int32_t ramdisk_timeout(void *ctx, Banos_X_Block_Request *request)
{
	struct disk *d = ctx;

	if (!room_of(d, request)->lost)
		return BANOS_X_BLOCK_TIMEOUT_MORE;
	/* What the thread took off the list it gives back first. */
	banos_mutex_lock(&d->serving);
	take_held(d);
	d->resets++;
	banos_mutex_unlock(&d->serving);
	return BANOS_X_BLOCK_TIMEOUT_RESET;
}

static int32_t ramdisk_start(void *ctx)
{
	struct disk *d = ctx;

	d->opens++;
	return 0;
}

static int64_t ramdisk_ctl(void *ctx, uint32_t operation, Banos_Io *io)
{
	struct disk *d = ctx;

	if (operation != RAMDISK_SERVED)
		return -ENOTTY;
	return banos_io_copy_out(io, 0, &d->served, sizeof(d->served));
}

static const Banos_X_Block_Ops ramdisk_ops = {
	.size = sizeof(ramdisk_ops),
	.submit = ramdisk_submit,
	.timeout = ramdisk_timeout,
	.start = ramdisk_start,
	.ctl = ramdisk_ctl,
};

/* --- /proc/driver/ramN ----------------------------------------------------------------------- */

static void show_line(Banos_Text *text, const char *name, uint64_t value)
{
	char line[64];
	int n = banos_format(line, sizeof(line), "%s %llu\n", name, (unsigned long long)value);

	if (n > 0)
		banos_text_write(text, line, (uint64_t)n);
}

static void ramdisk_show(void *ctx, Banos_Text *text)
{
	struct disk *d = ctx;
	uint64_t used = 0;

	for (uint64_t i = 0; i < d->max_pages; i++)
		used += d->pages[i] != NULL;
	show_line(text, "blocks", d->blocks);
	show_line(text, "pages", used);
	show_line(text, "served", d->served);
	show_line(text, "waiting", d->waiting);
	show_line(text, "refused", d->refused);
	show_line(text, "resets", d->resets);
	show_line(text, "opens", d->opens);
}

/* "WORD", "WORD NUMBER"; 1 if it is WORD. */
static int is_word(const char *text, const char *word, uint64_t *number, int *given)
{
	uint64_t n = 0;

	while (*word && *text == *word)
		text++, word++;
	if (*word || (*text && *text != ' ' && *text != '\n'))
		return 0;
	while (*text == ' ')
		text++;
	*given = *text >= '0' && *text <= '9';
	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	*number = n;
	return 1;
}

static void set(struct disk *d, uint64_t *setting, uint64_t value)
{
	uint64_t token = banos_spin_lock(&d->lock);

	*setting = value;
	banos_spin_unlock(&d->lock, token);
}

static int32_t resize(struct disk *d, uint64_t blocks)
{
	int32_t error = -ENODEV;

	if (blocks > d->max_pages * PAGE >> d->shift)
		return -EINVAL;
	banos_mutex_lock(&d->lifecycle);
	if (!d->gone) {
		error = banos_x_block_resize(d->device, blocks);
		if (!error)
			d->blocks = blocks;
	}
	banos_mutex_unlock(&d->lifecycle);
	return error;
}

/* Once. The thread completes requests, so it ends before the device does. */
static void vanish(struct disk *d)
{
	uint32_t gone;

	banos_mutex_lock(&d->lifecycle);
	gone = d->gone;
	d->gone = 1;
	banos_mutex_unlock(&d->lifecycle);
	if (gone)
		return;
	banos_thread_destroy(d->thread);
	banos_x_block_unregister(d->device);
}

/* Bytes of `text` that were understood, or -errno. */
static int64_t ramdisk_store(void *ctx, const char *text, uint64_t length)
{
	struct disk *d = ctx;
	uint64_t number;
	int given, error = 0;

	if (is_word(text, "bad", &number, &given))
		set(d, &d->bad, given ? number : NOTHING);
	else if (is_word(text, "fail", &number, &given))
		set(d, &d->fail, number);
	else if (is_word(text, "lose", &number, &given))
		set(d, &d->lose, number);
	else if (is_word(text, "resize", &number, &given))
		error = resize(d, number);
	else if (is_word(text, "vanish", &number, &given))
		vanish(d);
	else
		error = -EINVAL;
	return error ? error : (int64_t)length;
}

static const Banos_Text_Ops ramdisk_text_ops = {
	.size = sizeof(ramdisk_text_ops), .show = ramdisk_show, .store = ramdisk_store};

/* --- life ------------------------------------------------------------------------------------ */

static uint64_t number_param(struct disk *d, const char *name)
{
	uint64_t value = 0;

	banos_param_get(&d->driver, name, BANOS_PARAM_UNSIGNED, &value, sizeof(value));
	return value;
}

static uint64_t switch_param(struct disk *d, const char *name)
{
	uint64_t value = 0;

	banos_param_get(&d->driver, name, BANOS_PARAM_BOOLEAN, &value, sizeof(value));
	return value;
}

static void describe(struct disk *d, Banos_X_Block_Desc *desc)
{
	*desc = (Banos_X_Block_Desc){
		.size = sizeof(*desc),
		.name = "ram%u",
		.mode = 0660,
		.blocks = d->blocks,
		.logical_shift = d->shift,
		.queues = (uint32_t)number_param(d, "queues"),
		.depth = (uint32_t)number_param(d, "depth"),
		.max_segments = (uint32_t)number_param(d, "segments"),
		.private_size = sizeof(struct room),
		.completion_stride = sizeof(Banos_X_Block_Completion),
		.timeout_ns = number_param(d, "timeout") * 1000000,
	};
	if (!switch_param(d, "plain"))
		desc->features = BANOS_X_BLOCK_FLUSH | BANOS_X_BLOCK_FUA | BANOS_X_BLOCK_DISCARD |
				 BANOS_X_BLOCK_ZEROES;
	if (switch_param(d, "readonly"))
		desc->features |= BANOS_X_BLOCK_READ_ONLY;
}

static int32_t set_up(struct disk *d)
{
	Banos_Text_Desc node = {.size = sizeof(node), .mode = 0600};
	char name[32];
	Banos_X_Block_Desc desc;
	int32_t error;

	describe(d, &desc);
	d->pages = banos_alloc(d->max_pages * sizeof(*d->pages), 0, BANOS_ALLOC_ZERO);
	if (!d->pages)
		return -ENOMEM;
	error = banos_thread_create(&d->driver, "ramdisk", ramdisk_thread, d, 0, &d->thread);
	if (error)
		return error;
	error = banos_x_block_register(&d->driver, &desc, &ramdisk_ops, d, &d->device);
	if (error < 0)
		return error;
	/* Under the first name that is free: programs find the device's in it. */
	for (uint32_t i = 0; i < 64; i++) {
		banos_format(name, sizeof(name), "ram%u", i);
		node.name = name;
		error = banos_text_register(&d->driver, &node, &ramdisk_text_ops, d, &d->node);
		if (error != -EEXIST)
			break;
	}
	return error < 0 ? error : 0;
}

static void give_back(struct disk *d)
{
	banos_text_unregister(d->node);
	vanish(d);
	for (uint64_t i = 0; d->pages && i < d->max_pages; i++)
		banos_free(d->pages[i]);
	banos_free(d->pages);
	banos_event_fini(&d->arrived);
	banos_mutex_fini(&d->serving);
	banos_mutex_fini(&d->lifecycle);
	banos_spin_fini(&d->data_lock);
	banos_spin_fini(&d->lock);
}

static int ramdisk_init(Banos_Driver *driver)
{
	struct disk *d = (struct disk *)driver;
	uint64_t block = number_param(d, "block"), bytes = number_param(d, "size") * 1024;
	int32_t error;

	if (block & (block - 1)) {
		banos_log_format(BANOS_LOG_ERROR, "ramdisk: block=%llu is no power of two",
				 (unsigned long long)block);
		return -EINVAL;
	}
	while (1u << d->shift < block)
		d->shift++;
	d->blocks = bytes >> d->shift;
	d->max_pages = (bytes + PAGE - 1) / PAGE;
	d->hold = (uint32_t)switch_param(d, "hold");
	d->delay_ns = number_param(d, "delay") * 1000;
	d->take = number_param(d, "take");
	d->bad = NOTHING;
	d->layout.size = sizeof(d->layout);
	banos_x_block_layout(&d->layout);
	banos_spin_init(&d->lock, "ramdisk");
	banos_spin_init(&d->data_lock, "ramdisk data");
	banos_mutex_init(&d->lifecycle, "ramdisk lifecycle");
	banos_mutex_init(&d->serving, "ramdisk serving");
	banos_event_init(&d->arrived, "ramdisk", BANOS_EVENT_AUTO);
	error = set_up(d);
	if (error)
		give_back(d);
	return error;
}

static int ramdisk_uninit(Banos_Driver *driver)
{
	give_back((struct disk *)driver);
	return 0;
}

#define UNSIGNED(name_, fallback_, minimum_, maximum_, help_)                                      \
	{                                                                                          \
		.name = name_, .help = help_, .fallback = fallback_, .type = BANOS_PARAM_UNSIGNED, \
		.minimum = minimum_, .maximum = maximum_                                           \
	}
#define SWITCH(name_, help_)                                              \
	{                                                                 \
		.name = name_, .help = help_, .type = BANOS_PARAM_BOOLEAN \
	}

static const Banos_Parameter ramdisk_parameters[] = {
	UNSIGNED("size", "16384", 1, 1 << 30, "KiB it holds; memory is taken as it is written"),
	UNSIGNED("block", "512", 512, 4096, "bytes of a block"),
	UNSIGNED("queues", "1", 1, 64, "queues of requests"),
	UNSIGNED("depth", "32", 1, 1024, "requests of a queue at once"),
	UNSIGNED("segments", "32", 1, 256, "pieces of memory in a request"),
	SWITCH("hold", "a thread completes requests, out of order"),
	UNSIGNED("delay", "0", 0, 10000000, "microseconds that the thread waits before that"),
	UNSIGNED("take", "0", 0, 1024, "how many requests it takes at a time; 0: all"),
	UNSIGNED("timeout", "30000", 1, 1000000, "milliseconds after which a request is late"),
	SWITCH("plain", "it can only read and write"),
	SWITCH("readonly", "it can only be read"),
};

static const Banos_Need ramdisk_needs[] = {{.name = "banos.x_block", .major = 0, .minor = 1}};

BANOS_META_API static const Banos_Meta ramdisk_meta = {
	BANOS_META_HEAD,
	.flags = BANOS_META_EXPERIMENTAL,
	.description = "a disk in memory, good or bad",
	.author = "the Banos project",
	.needs = BANOS_LIST(ramdisk_needs),
	.parameters = BANOS_LIST(ramdisk_parameters),
};

BANOS_DRIVER_API static struct disk ramdisk_driver = {
	.driver =
		{
			.driver_size = sizeof(ramdisk_driver),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
			.name = "ramdisk",
			.license = "MIT",
			.version = BANOS_VERSION_MAKE(1, 0, 0),
			.init = ramdisk_init,
			.uninit = ramdisk_uninit,
		},
};
