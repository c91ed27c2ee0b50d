/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of a script: each is what one system call of a program does, with names instead of
 * numbers. Those about jobs are in script.c.
 */
#include "device.h"
#include "host.h"
#include "pages.h"
#include "pci.h"
#include "script.h"
#include "task.h"
#include <banos/sync.h>
#include <base/stats.h>
#include <driver/registry.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/ioctl.h>

#define SIZE_LIMIT (16u << 20)
#define CAT_PIECE  4096
#define CAT_MAX	   (1u << 20)

/* A command at work. */
struct call {
	const struct words *w;
	unsigned at, end; /* words still to be looked at */
	struct result *r;
	const char *why; /* the words are wrong */
};

/* --- words of a command ---------------------------------------------------------------------- */

static const struct word *next_word(struct call *c, const char *what)
{
	if (c->at < c->end)
		return &c->w->word[c->at++];
	if (!c->why)
		c->why = what;
	return NULL;
}

static bool next_is(struct call *c, const char *text)
{
	if (c->at == c->end || !word_is(&c->w->word[c->at], text))
		return false;
	c->at++;
	return true;
}

static uint64_t next_number(struct call *c, uint64_t limit, const char *what)
{
	const struct word *w = next_word(c, what);
	uint64_t n = 0;

	if (w && (!word_number(w, &n) || n > limit))
		c->why = what;
	return n;
}

static uint64_t next_time(struct call *c)
{
	const struct word *w = next_word(c, "say how long");
	uint64_t ns = 0;

	if (w && !word_time(w, &ns))
		c->why = "a time has a unit: ns, us, ms or s";
	return ns;
}

static struct named *next_named(struct call *c, bool is_map)
{
	const struct word *w = next_word(c, is_map ? "say which map" : "say which file");
	struct named *n = w ? named_find(w, is_map) : NULL;

	if (w && !n)
		c->why = is_map ? "there is no map of that name" : "no file of that name is open";
	return n;
}

/* All words are used and were right. */
static bool good(struct call *c)
{
	if (!c->why && c->at < c->end)
		c->why = "there is a word too many";
	return !c->why;
}

static const char *without(const char *name, const char *prefix)
{
	return str_starts(name, prefix) ? name + strlen(prefix) : name;
}

static const char *next_device(struct call *c)
{
	const struct word *w = next_word(c, "say which device");

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

static void do_open(struct call *c)
{
	struct word called = {.text = (char *)""};
	const char *device = next_device(c);
	uint32_t how = DEVICE_READ | DEVICE_WRITE;
	struct user u = user();
	struct open_file *f;
	const struct word *w;

	called.text = (char *)(uintptr_t)device;
	while (!c->why && c->at < c->end) {
		if (next_is(c, "as")) {
			w = next_word(c, "as what?");
			if (w)
				called.text = w->text;
		} else if (next_is(c, "read")) {
			how &= ~DEVICE_WRITE;
		} else if (next_is(c, "write")) {
			how &= ~DEVICE_READ;
		} else if (next_is(c, "nonblock")) {
			how |= DEVICE_NONBLOCK;
		} else {
			c->why = "behind the device there can be: as NAME, read, write, nonblock";
		}
	}
	if (!good(c))
		return;
	if (named_find(&called, false)) {
		c->why = "a file of that name is open already: say `as NAME`";
		return;
	}
	c->r->number = device_open(device, how, &u, &f);
	if (!c->r->number)
		named_new(&called)->file = f;
}

static void do_close(struct call *c)
{
	struct named *n = next_named(c, false);

	if (good(c))
		named_drop(n);
}

/* at POSITION, fault BYTES. */
static void read_options(struct call *c, struct request *q, uint64_t *present)
{
	while (!c->why && c->at < c->end) {
		if (next_is(c, "at")) {
			q->position = next_number(c, INT64_MAX, "at which position?");
			q->is_pread = true;
		} else if (next_is(c, "fault")) {
			*present = next_number(c, SIZE_LIMIT, "behind how many bytes?");
		} else {
			c->why = "there is a word that does not belong here";
		}
	}
}

static void do_read(struct call *c)
{
	struct named *n = next_named(c, false);
	struct request q = {.user = user()};
	uint64_t present = UINT64_MAX;

	q.length = next_number(c, SIZE_LIMIT, "how many bytes?");
	read_options(c, &q, &present);
	if (!good(c))
		return;
	q.memory = user_memory_new(q.length);
	q.memory->present = min(present, q.memory->size);
	c->r->number = device_read(n->file, &q);
	if (c->r->number >= 0)
		set_bytes(c->r, q.memory->bytes, (size_t)c->r->number);
	user_memory_free(q.memory);
}

/* A program's memory with the bytes of a word in it, at least `size`. */
static struct user_memory *next_memory(struct call *c, uint64_t size, bool pad)
{
	const struct word *w = next_word(c, "say which bytes");
	struct user_memory *m;
	uint8_t *bytes = NULL;
	size_t length = 0;
	bool typed;

	if (!w)
		return NULL;
	if (!word_bytes(w, &bytes, &length, &typed)) {
		c->why = "the bytes are malformed: \"text\", x:0A0B, u32:5 or zero:100";
		return NULL;
	}
	m = user_memory_new(pad ? max((uint64_t)length, size) : length);
	memcpy(m->bytes, bytes, length);
	free(bytes);
	return m;
}

static void do_write(struct call *c)
{
	struct named *n = next_named(c, false);
	struct request q = {.user = user()};
	uint64_t present = UINT64_MAX;

	q.memory = next_memory(c, 0, false);
	read_options(c, &q, &present);
	if (good(c)) {
		q.length = q.memory->size;
		q.memory->present = min(present, q.length);
		c->r->number = device_write(n->file, &q);
		if (c->r->number >= 0 && (uint64_t)c->r->number < q.length &&
		    c->w->wanted == c->w->count)
			c->r->sentence = "not all was taken; say `-> BYTES` if that is right";
	}
	user_memory_free(q.memory);
}

static void do_seek(struct call *c)
{
	struct named *n = next_named(c, false);
	uint64_t position = next_number(c, INT64_MAX, "to which position?");

	if (good(c))
		c->r->number = device_seek(n->file, position);
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

static void do_ctl(struct call *c)
{
	struct named *n = next_named(c, false);
	const struct word *w = next_word(c, "which request?");
	struct request q = {.user = user()};
	uint64_t present = UINT64_MAX;
	uint32_t request = 0;

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
		q.argument = next_number(c, UINT64_MAX, "the argument is no number");
	}
	read_options(c, &q, &present);
	if (good(c)) {
		if (q.memory) {
			q.memory->present = min(present, q.memory->size);
			q.argument = (uintptr_t)q.memory->bytes;
		}
		c->r->number = device_ctl(n->file, request, &q);
		if (q.memory && c->r->number >= 0)
			set_bytes(c->r, q.memory->bytes, _IOC_SIZE(request));
	}
	user_memory_free(q.memory);
}

static void do_poll(struct call *c)
{
	struct named *n = next_named(c, false);

	if (!good(c))
		return;
	c->r->number = device_poll(n->file);
	c->r->is_events = true;
}

static void do_await(struct call *c)
{
	struct named *n = next_named(c, false);
	uint64_t patience = BANOS_FOREVER;
	uint32_t events = 0, event;

	while (!c->why && c->at < c->end) {
		if (next_is(c, "for"))
			patience = next_time(c);
		else if (expect_event(&c->w->word[c->at], &event))
			events |= event, c->at++;
		else
			c->why = "an event is in, out, error or hangup";
	}
	if (!good(c))
		return;
	c->r->number = device_await(n->file, events, patience);
	c->r->is_events = true;
}

/* --- maps ------------------------------------------------------------------------------------ */

static void do_map(struct call *c)
{
	struct named *n = next_named(c, false), *map;
	uint64_t offset = next_number(c, INT64_MAX, "from where?");
	uint64_t length = next_number(c, INT64_MAX, "how many bytes?");
	Banos_Pages *pages;
	const struct word *w;

	if (!c->why && !next_is(c, "as"))
		c->why = "say `as NAME`";
	w = next_word(c, "as what?");
	if (!good(c))
		return;
	if (named_find(w, true)) {
		c->why = "there is a map of that name";
		return;
	}
	c->r->number = device_map(n->file, offset, length, &pages);
	if (c->r->number)
		return;
	map = named_new(w);
	map->pages = pages;
	map->offset = offset;
	map->length = length;
}

static void do_unmap(struct call *c)
{
	struct named *n = next_named(c, true);

	if (good(c))
		named_drop(n);
}

/* The bytes of a map at offset; NULL: they are not all in it. */
static uint8_t *map_bytes(struct call *c, const struct named *n, uint64_t offset, uint64_t size)
{
	if (offset <= n->length && size <= n->length - offset)
		return n->pages->memory + n->offset + offset;
	c->why = "that is outside of the map";
	return NULL;
}

static void do_peek(struct call *c)
{
	struct named *n = next_named(c, true);
	uint64_t offset = next_number(c, INT64_MAX, "at which offset?");
	uint64_t size = next_number(c, SIZE_LIMIT, "how many bytes?");
	const uint8_t *bytes = good(c) ? map_bytes(c, n, offset, size) : NULL;

	if (bytes)
		set_bytes(c->r, bytes, size);
}

static void do_poke(struct call *c)
{
	struct named *n = next_named(c, true);
	uint64_t offset = next_number(c, INT64_MAX, "at which offset?");
	struct user_memory *m = next_memory(c, 0, false);
	uint8_t *to = good(c) ? map_bytes(c, n, offset, m->size) : NULL;

	if (to)
		memcpy(to, m->bytes, m->size);
	user_memory_free(m);
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

static void do_show(struct call *c)
{
	const struct word *w = next_word(c, "say which text");

	if (good(c))
		show_text(c, without(w->text, "/proc/driver/"));
}

static void do_store(struct call *c)
{
	const struct word *w = next_word(c, "say which text");
	struct user_memory *m = next_memory(c, 0, false);

	if (good(c))
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

static void do_cat(struct call *c)
{
	const struct word *w = next_word(c, "say what");
	uint64_t limit = CAT_MAX;
	struct open_file *f;
	struct user u = user();
	const char *device;

	if (c->at < c->end)
		limit = next_number(c, CAT_MAX, "how many bytes?");
	if (!good(c))
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

/* --- drivers, users, time -------------------------------------------------------------------- */

static void do_install(struct call *c)
{
	const struct word *path = next_word(c, "say which file");
	char parameters[1000] = "";

	while (c->at < c->end) {
		strlcat(parameters, c->w->word[c->at++].text, sizeof(parameters));
		strlcat(parameters, " ", sizeof(parameters));
	}
	if (good(c))
		c->r->number = script_install(path->text, parameters, &c->r->sentence);
}

static void do_remove(struct call *c)
{
	const struct word *name = next_word(c, "say which driver");

	if (good(c))
		c->r->number = script_remove(name->text, &c->r->sentence);
}

static void do_user(struct call *c)
{
	uint64_t uid = next_number(c, UINT32_MAX, "say the number of a user");
	uint64_t gid = c->at < c->end ? next_number(c, UINT32_MAX, "the group is no number") : uid;

	if (!good(c))
		return;
	task_self()->uid = (uint32_t)uid;
	task_self()->gid = (uint32_t)gid;
}

static bool never(const void *on)
{
	return false;
}

static void do_sleep(struct call *c)
{
	uint64_t ns = next_time(c);

	if (good(c))
		task_wait(never, NULL, task_now() + min(ns, (uint64_t)INT64_MAX), false,
			  "time to pass");
}

/* The machine goes down, as drivers see it. */
static void do_shutdown(struct call *c)
{
	if (good(c))
		driver_event(BANOS_EVENT_SHUTDOWN, 0);
}

/* --- devices --------------------------------------------------------------------------------- */

static void do_plug(struct call *c)
{
	const struct word *path = next_word(c, "say which model"), *w;
	const char *name = NULL, *options = "", *why = NULL;

	if (!c->why && next_is(c, "as")) {
		w = next_word(c, "as what?");
		name = w ? w->text : NULL;
	}
	if (!c->why && c->at < c->end)
		options = c->w->word[c->at++].text;
	if (!good(c) || pci_plug(path->text, name, options, &why))
		return;
	c->r->number = -ENODEV;
	c->r->sentence = why;
}

static struct Banos_Model_Device *next_simulated(struct call *c)
{
	const struct word *w = next_word(c, "say which device");
	struct Banos_Model_Device *d = w ? pci_find(w->text) : NULL;

	if (w && !d)
		c->why = "there is no simulated device of that name";
	return d;
}

static void do_unplug(struct call *c)
{
	struct Banos_Model_Device *d = next_simulated(c);

	if (good(c))
		pci_unplug(d);
}

static void do_fault(struct call *c)
{
	struct Banos_Model_Device *d = next_simulated(c);
	bool spurious = false;

	if (!c->why && next_is(c, "spurious"))
		spurious = true;
	else if (!c->why && next_is(c, "mute"))
		d->mute = true;
	else if (!c->why && next_is(c, "dead"))
		d->dead = true;
	else if (!c->why && next_is(c, "none"))
		d->mute = d->dead = false;
	else if (!c->why)
		c->why = "a fault is spurious, mute, dead or none";
	if (good(c) && spurious)
		pci_spurious(d);
}

static void do_interrupt(struct call *c)
{
	struct irq_source *line = irq_line((uint32_t)next_number(c, UINT32_MAX, "which line?"));

	if (!c->why && !line)
		c->why = "there is no such line";
	if (good(c))
		irq_source_spurious(line);
}

static const struct {
	const char *name;
	void (*run)(struct call *c);
	const char *usage;
} commands[] = {
	{"install", do_install, "install FILE [NAME=VALUE ...]"},
	{"remove", do_remove, "remove DRIVER"},
	{"open", do_open, "open DEVICE [as FILE] [read | write] [nonblock]"},
	{"close", do_close, "close FILE"},
	{"read", do_read, "read FILE SIZE [at POSITION] [fault BYTES]"},
	{"write", do_write, "write FILE BYTES [at POSITION] [fault BYTES]"},
	{"seek", do_seek, "seek FILE POSITION"},
	{"ctl", do_ctl, "ctl FILE REQUEST [NUMBER | BYTES] [fault BYTES]"},
	{"poll", do_poll, "poll FILE"},
	{"await", do_await, "await FILE EVENT ... [for TIME]"},
	{"map", do_map, "map FILE OFFSET SIZE as MAP"},
	{"unmap", do_unmap, "unmap MAP"},
	{"peek", do_peek, "peek MAP OFFSET SIZE"},
	{"poke", do_poke, "poke MAP OFFSET BYTES"},
	{"cat", do_cat, "cat NAME [SIZE]"},
	{"show", do_show, "show TEXT"},
	{"store", do_store, "store TEXT BYTES"},
	{"user", do_user, "user UID [GID]"},
	{"sleep", do_sleep, "sleep TIME"},
	{"shutdown", do_shutdown, "shutdown"},
	{"plug", do_plug, "plug MODEL.so [as NAME] [OPTIONS]"},
	{"unplug", do_unplug, "unplug NAME"},
	{"fault", do_fault, "fault NAME spurious | mute | dead | none"},
	{"interrupt", do_interrupt, "interrupt LINE"},
};

const char *command_usage(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].usage;
	return NULL;
}

void command_list(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s\n", commands[i].usage);
}

bool command_run(const struct words *w, struct result *r, const char **why)
{
	struct call c = {
		.w = w, .at = 1, .end = w->wanted == w->count ? w->count : w->wanted - 1, .r = r};

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		if (word_is(&w->word[0], commands[i].name)) {
			commands[i].run(&c);
			*why = c.why;
			return !c.why;
		}
	*why = "there is no such command";
	return false;
}
