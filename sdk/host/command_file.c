/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that are what one system call of a program does with a device, or with a text, with
 * names instead of numbers.
 */
#include "command.h"
#include "block.h"
#include "device.h"
#include "host.h"
#include "pages.h"
#include "pci.h"
#include "task.h"
#include "tty.h"
#include <banos/sync.h>
#include <base/stats.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/ioctl.h>

#define CAT_PIECE 4096
#define CAT_MAX	  (1u << 20)

static struct named *next_named(struct call *c, bool is_map)
{
	const struct word *w = call_word(c, is_map ? "say which map" : "say which file");
	struct named *n = w ? named_find(w, is_map) : NULL;

	if (w && !n)
		c->why = is_map ? "there is no map of that name" : "no file of that name is open";
	return n;
}

struct named *call_file(struct call *c)
{
	return next_named(c, false);
}

/* Of a character device. */
static struct named *next_file(struct call *c)
{
	struct named *n = next_named(c, false);

	if (n && !n->file)
		c->why = "that is no character device";
	return n;
}

static const char *without(const char *name, const char *prefix)
{
	return str_starts(name, prefix) ? name + strlen(prefix) : name;
}

static const char *next_device(struct call *c)
{
	const struct word *w = call_word(c, "say which device");

	return w ? without(w->text, "/dev/") : "";
}

static struct user user(void)
{
	const struct task *t = task_self();

	return (struct user){.uid = t->uid, .gid = t->gid, .process = t->process};
}

static void set_bytes(struct result *r, const void *bytes, size_t size)
{
	r->has_bytes = true;
	r->size = size;
	r->bytes = host_alloc(size);
	if (size)
		memcpy(r->bytes, bytes, size);
}

/* --- files ----------------------------------------------------------------------------------- */

void command_open(struct call *c)
{
	struct word called = {.text = (char *)""};
	const char *device = next_device(c);
	uint32_t how = DEVICE_READ | DEVICE_WRITE;
	struct user u = user();
	struct Banos_X_Block *block;
	struct tty_file *tty;
	struct open_file *f;
	const struct word *w;

	called.text = (char *)(uintptr_t)device;
	while (!c->why && c->at < c->end) {
		if (call_is(c, "as")) {
			w = call_word(c, "as what?");
			if (w)
				called.text = w->text;
		} else if (call_is(c, "read")) {
			how &= ~DEVICE_WRITE;
		} else if (call_is(c, "write")) {
			how &= ~DEVICE_READ;
		} else if (call_is(c, "nonblock")) {
			how |= DEVICE_NONBLOCK;
		} else {
			c->why = "behind the device there can be: as NAME, read, write, nonblock";
		}
	}
	if (!call_good(c))
		return;
	if (named_find(&called, false)) {
		c->why = "a file of that name is open already: say `as NAME`";
		return;
	}
	if (block_find(device)) {
		c->r->number = block_open(device, how, &u, &block);
		if (!c->r->number)
			named_new(&called)->block = block;
		return;
	}
	if (tty_find(device)) {
		c->r->number = tty_open(device, how, &u, &tty);
		if (!c->r->number)
			named_new(&called)->tty = tty;
		return;
	}
	c->r->number = device_open(device, how, &u, &f);
	if (!c->r->number)
		named_new(&called)->file = f;
}

void command_close(struct call *c)
{
	struct named *n = next_named(c, false);

	if (call_good(c))
		named_drop(n);
}

/* at POSITION, fault BYTES. */
static void read_options(struct call *c, struct request *q, uint64_t *present)
{
	while (!c->why && c->at < c->end) {
		if (call_is(c, "at")) {
			q->position = call_number(c, INT64_MAX, "at which position?");
			q->is_pread = true;
		} else if (call_is(c, "fault")) {
			*present = call_number(c, CALL_SIZE_MAX, "behind how many bytes?");
		} else {
			c->why = "there is a word that does not belong here";
		}
	}
}

void command_read(struct call *c)
{
	struct named *n = next_named(c, false);
	struct request q = {.user = user()};
	uint64_t present = UINT64_MAX;

	if (n && n->block) {
		command_block_read(c, n);
		return;
	}
	if (n && n->tty) {
		command_tty_read(c, n);
		return;
	}
	q.length = call_number(c, CALL_SIZE_MAX, "how many bytes?");
	read_options(c, &q, &present);
	if (!call_good(c))
		return;
	q.memory = user_memory_new(q.length);
	q.memory->present = min(present, q.memory->size);
	c->r->number = device_read(n->file, &q);
	if (c->r->number >= 0)
		set_bytes(c->r, q.memory->bytes, (size_t)c->r->number);
	user_memory_free(q.memory);
}

uint8_t *call_bytes(struct call *c, size_t *size)
{
	const struct word *w = call_word(c, "say which bytes");
	uint8_t *bytes = NULL;
	bool typed;

	if (w && word_bytes(w, &bytes, size, &typed))
		return bytes;
	if (w)
		c->why = "the bytes are malformed: \"text\", x:0A0B, u32:5, zero:100 or "
			 "noise:1:100";
	return NULL;
}

/* A program's memory with the bytes of a word in it, at least `size`. */
static struct user_memory *next_memory(struct call *c, uint64_t size, bool pad)
{
	struct user_memory *m;
	size_t length = 0;
	uint8_t *bytes = call_bytes(c, &length);

	if (!bytes)
		return NULL;
	m = user_memory_new(pad ? max((uint64_t)length, size) : length);
	memcpy(m->bytes, bytes, length);
	free(bytes);
	return m;
}

void command_write(struct call *c)
{
	struct named *n = next_named(c, false);
	struct request q = {.user = user()};
	uint64_t present = UINT64_MAX;

	if (n && n->block) {
		command_block_write(c, n);
		return;
	}
	if (n && n->tty) {
		command_tty_write(c, n);
		return;
	}
	q.memory = next_memory(c, 0, false);
	read_options(c, &q, &present);
	if (call_good(c)) {
		q.length = q.memory->size;
		q.memory->present = min(present, q.length);
		c->r->number = device_write(n->file, &q);
		if (c->r->number >= 0 && (uint64_t)c->r->number < q.length &&
		    c->w->wanted == c->w->count)
			c->r->sentence = "not all was taken; say `-> BYTES` if that is right";
	}
	user_memory_free(q.memory);
}

void command_seek(struct call *c)
{
	struct named *n = next_named(c, false);
	uint64_t position = call_number(c, INT64_MAX, "to which position?");

	if (!call_good(c))
		return;
	if (n->block)
		c->r->number = (int64_t)(n->position = position);
	else
		c->r->number = n->file ? device_seek(n->file, position) : -ESPIPE;
}

/* io:T:N, ior:T:N:SIZE, iow:..., iowr:..., as in the macros of ioctl(2); or the number. */
static bool parse_request(const struct word *w, uint32_t *request)
{
	static const struct {
		const char *name;
		uint32_t direction;
	} kinds[] = {{"io:", _IOC_NONE},
		     {"ior:", _IOC_READ},
		     {"iow:", _IOC_WRITE},
		     {"iowr:", _IOC_READ | _IOC_WRITE}};
	unsigned number = 0, size = 0;
	uint64_t plain;
	char type;

	if (word_number(w, &plain)) {
		*request = (uint32_t)plain;
		return plain <= UINT32_MAX;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!str_starts(w->text, kinds[i].name))
			continue;
		if (sscanf(w->text + strlen(kinds[i].name), "%c:%u:%u", &type, &number, &size) !=
			    (i ? 3 : 2) ||
		    number > 255 || size > 16383)
			return false;
		*request = _IOC(kinds[i].direction, (uint8_t)type, number, size);
		return true;
	}
	return false;
}

void command_ctl(struct call *c)
{
	struct named *n = next_named(c, false);
	const struct word *w = call_word(c, "which request?");
	struct request q = {.user = user()};
	uint64_t present = UINT64_MAX;
	uint32_t request = 0;

	if (n && n->tty)
		c->why = "terminals have words of their own: line, break, modem, drain";
	if (w && !parse_request(w, &request))
		c->why = "a request is a number, io:T:N, ior:T:N:SIZE, iow:T:N:SIZE or "
			 "iowr:T:N:SIZE";
	if (c->why)
		return;
	if (_IOC_DIR(request)) {
		bool given = c->at < c->end && !word_is(&c->w->word[c->at], "fault");

		q.memory = given ? next_memory(c, _IOC_SIZE(request), true)
				 : user_memory_new(_IOC_SIZE(request));
	} else if (c->at < c->end) {
		q.argument = call_number(c, UINT64_MAX, "the argument is no number");
	}
	read_options(c, &q, &present);
	if (call_good(c)) {
		if (q.memory) {
			q.memory->present = min(present, q.memory->size);
			q.argument = (uintptr_t)q.memory->bytes;
		}
		q.length = q.memory ? _IOC_SIZE(request) : 0;
		c->r->number = n->block ? block_ctl(n->block, request, &q)
					: device_ctl(n->file, request, &q);
		if (q.memory && c->r->number >= 0)
			set_bytes(c->r, q.memory->bytes, _IOC_SIZE(request));
	}
	user_memory_free(q.memory);
}

void command_poll(struct call *c)
{
	struct named *n = next_file(c);

	if (!call_good(c))
		return;
	c->r->number = device_poll(n->file);
	c->r->is_events = true;
}

void command_await(struct call *c)
{
	struct named *n = next_file(c);
	uint64_t patience = BANOS_FOREVER;
	uint32_t events = 0, event;

	while (!c->why && c->at < c->end) {
		if (call_is(c, "for"))
			patience = call_time(c);
		else if (expect_event(&c->w->word[c->at], &event))
			events |= event, c->at++;
		else
			c->why = "an event is in, out, error or hangup";
	}
	if (!call_good(c))
		return;
	c->r->number = device_await(n->file, events, patience);
	c->r->is_events = true;
}

/* --- maps ------------------------------------------------------------------------------------ */

void command_map(struct call *c)
{
	struct named *n = next_file(c), *map;
	uint64_t offset = call_number(c, INT64_MAX, "from where?");
	uint64_t length = call_number(c, INT64_MAX, "how many bytes?");
	uint32_t access = BANOS_MAP_READ;
	Banos_Pages *pages;
	const struct word *w;

	if (!c->why && !call_is(c, "as"))
		c->why = "say `as NAME`";
	w = call_word(c, "as what?");
	if (!c->why && !call_is(c, "read") && device_is_writable(n->file))
		access |= BANOS_MAP_WRITE;
	if (!c->why && call_is(c, "execute"))
		access |= BANOS_MAP_EXECUTE;
	if (!call_good(c))
		return;
	if (named_find(w, true)) {
		c->why = "there is a map of that name";
		return;
	}
	c->r->number = device_map(n->file, offset, length, access, &pages);
	if (c->r->number)
		return;
	map = named_new(w);
	map->pages = pages;
	map->offset = offset;
	map->length = length;
	map->access = access;
}

void command_unmap(struct call *c)
{
	struct named *n = next_named(c, true);

	if (call_good(c))
		named_drop(n);
}

/* Memory that scripts look at: of a map, or what a simulated device holds. */
struct span {
	uint8_t *bytes;
	uint64_t length;
	bool of_device, read_only;
};

static struct span next_span(struct call *c)
{
	const struct word *w = call_word(c, "say which map, or simulated device");
	const struct named *n = w ? named_find(w, true) : NULL;
	struct Banos_Model_Device *d = w && !n ? pci_find(w->text) : NULL;
	struct span s = {.of_device = !n};

	if (n) {
		s.bytes = n->pages->memory + n->offset;
		s.length = n->length;
		s.read_only = !(n->access & BANOS_MAP_WRITE);
	} else if (d && d->model->medium) {
		s.bytes = d->model->medium(d->state, &s.length);
	} else if (w) {
		c->why = "there is no map of that name, nor a simulated device that holds anything";
	}
	return s;
}

/* NULL: the bytes at offset are not all in it. */
static uint8_t *span_bytes(struct call *c, const struct span *s, uint64_t offset, uint64_t size)
{
	if (s->bytes && offset <= s->length && size <= s->length - offset)
		return s->bytes + offset;
	c->why = "that is outside of it";
	return NULL;
}

void command_peek(struct call *c)
{
	struct span s = next_span(c);
	uint64_t offset = call_number(c, INT64_MAX, "at which offset?");
	uint64_t size = call_number(c, CALL_SIZE_MAX, "how many bytes?");
	const uint8_t *bytes = call_good(c) ? span_bytes(c, &s, offset, size) : NULL;

	if (bytes)
		set_bytes(c->r, bytes, size);
}

void command_poke(struct call *c)
{
	struct span s = next_span(c);
	uint64_t offset = call_number(c, INT64_MAX, "at which offset?");
	size_t size = 0;
	uint8_t *from = call_bytes(c, &size);
	uint8_t *to = call_good(c) ? span_bytes(c, &s, offset, size) : NULL;

	if (to && s.read_only)
		c->r->number = -EFAULT; /* a program gets a signal */
	else if (to)
		memcpy(to, from, size);
	if (to && s.of_device)
		block_forget_all();
	free(from);
}

/* --- texts ----------------------------------------------------------------------------------- */

static void show_text(struct call *c, const char *name)
{
	struct text text = {0};

	c->r->number = text_show(name, &text);
	if (!c->r->number)
		set_bytes(c->r, text.data, text.len);
	text_free(&text);
}

void command_show(struct call *c)
{
	const struct word *w = call_word(c, "say which text");

	if (call_good(c))
		show_text(c, without(w->text, "/proc/driver/"));
}

void command_store(struct call *c)
{
	const struct word *w = call_word(c, "say which text");
	struct user_memory *m = next_memory(c, 0, false);

	if (call_good(c))
		c->r->number = text_store(without(w->text, "/proc/driver/"), (const char *)m->bytes,
					  m->size);
	user_memory_free(m);
}

/* Until there is nothing more. */
static void read_all(struct call *c, struct open_file *f, uint64_t limit)
{
	struct request q = {.user = user()};
	struct text text = {0};
	int64_t n;

	do {
		q.length = min((uint64_t)CAT_PIECE, limit - text.len);
		q.memory = user_memory_new(q.length);
		n = device_read(f, &q);
		if (n > 0)
			text_write(&text, (const char *)q.memory->bytes, (size_t)n);
		user_memory_free(q.memory);
	} while (n > 0 && text.len < limit);
	c->r->number = min(n, (int64_t)0);
	if (n >= 0)
		set_bytes(c->r, text.data, text.len);
	text_free(&text);
}

void command_cat(struct call *c)
{
	const struct word *w = call_word(c, "say what");
	uint64_t limit = CAT_MAX;
	struct open_file *f;
	struct user u = user();
	const char *device;

	if (c->at < c->end)
		limit = call_number(c, CAT_MAX, "how many bytes?");
	if (!call_good(c))
		return;
	device = without(w->text, "/dev/");
	if (!device_exists(device) && device == w->text) {
		show_text(c, without(w->text, "/proc/driver/"));
	} else {
		c->r->number = device_open(device, DEVICE_READ, &u, &f);
		if (!c->r->number) {
			read_all(c, f, limit);
			device_close(f);
		}
	}
	if (c->r->size)
		fwrite(c->r->bytes, 1, c->r->size, stdout);
	fflush(stdout);
}
