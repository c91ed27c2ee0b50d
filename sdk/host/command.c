/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of a script: their words, the table of them, and those about drivers and simulated
 * devices. Files and texts: command_file.c; jobs: script.c.
 */
#include "command.h"
#include "host.h"
#include "pci.h"
#include "task.h"
#include <driver/registry.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

/* --- words of a command ---------------------------------------------------------------------- */

const struct word *call_word(struct call *c, const char *what)
{
	if (c->at < c->end)
		return &c->w->word[c->at++];
	if (!c->why)
		c->why = what;
	return NULL;
}

bool call_is(struct call *c, const char *text)
{
	if (c->at == c->end || !word_is(&c->w->word[c->at], text))
		return false;
	c->at++;
	return true;
}

uint64_t call_number(struct call *c, uint64_t limit, const char *what)
{
	const struct word *w = call_word(c, what);
	uint64_t n = 0;

	if (w && (!word_number(w, &n) || n > limit))
		c->why = what;
	return n;
}

uint64_t call_time(struct call *c)
{
	const struct word *w = call_word(c, "say how long");
	uint64_t ns = 0;

	if (w && !word_time(w, &ns))
		c->why = "a time has a unit: ns, us, ms or s";
	return ns;
}

bool call_good(struct call *c)
{
	if (!c->why && c->at < c->end)
		c->why = "there is a word too many";
	return !c->why;
}

/* --- drivers, users, time -------------------------------------------------------------------- */

static void do_install(struct call *c)
{
	const struct word *path = call_word(c, "say which file");
	char parameters[1000] = "";

	while (c->at < c->end) {
		strlcat(parameters, c->w->word[c->at++].text, sizeof(parameters));
		strlcat(parameters, " ", sizeof(parameters));
	}
	if (call_good(c))
		c->r->number = script_install(path->text, parameters, &c->r->sentence);
}

static void do_remove(struct call *c)
{
	const struct word *name = call_word(c, "say which driver");

	if (call_good(c))
		c->r->number = script_remove(name->text, &c->r->sentence);
}

static void do_user(struct call *c)
{
	uint64_t uid = call_number(c, UINT32_MAX, "say the number of a user");
	uint64_t gid = c->at < c->end ? call_number(c, UINT32_MAX, "the group is no number") : uid;

	if (!call_good(c))
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
	uint64_t ns = call_time(c);

	if (call_good(c))
		task_wait(never, NULL, task_now() + min(ns, (uint64_t)INT64_MAX), false,
			  "time to pass");
}

/* The machine goes down, as drivers see it. */
static void do_shutdown(struct call *c)
{
	if (call_good(c))
		driver_event(BANOS_EVENT_SHUTDOWN, 0);
}

/* --- devices --------------------------------------------------------------------------------- */

static void do_plug(struct call *c)
{
	const struct word *path = call_word(c, "say which model"), *w;
	const char *name = NULL, *options = "", *why = NULL;

	if (!c->why && call_is(c, "as")) {
		w = call_word(c, "as what?");
		name = w ? w->text : NULL;
	}
	if (!c->why && c->at < c->end)
		options = c->w->word[c->at++].text;
	if (!call_good(c) || pci_plug(path->text, name, options, &why))
		return;
	c->r->number = -ENODEV;
	c->r->sentence = why;
}

static struct Banos_Model_Device *next_simulated(struct call *c)
{
	const struct word *w = call_word(c, "say which device");
	struct Banos_Model_Device *d = w ? pci_find(w->text) : NULL;

	if (w && !d)
		c->why = "there is no simulated device of that name";
	return d;
}

static void do_unplug(struct call *c)
{
	struct Banos_Model_Device *d = next_simulated(c);

	if (call_good(c))
		pci_unplug(d);
}

/* One of those that every device has, or one of its model's. */
static void set_fault(struct call *c, struct Banos_Model_Device *d)
{
	const struct word *w;

	if (call_is(c, "mute")) {
		d->mute = true;
	} else if (call_is(c, "dead")) {
		d->dead = true;
	} else if (call_is(c, "none")) {
		d->mute = d->dead = false;
		pci_fault(d, "none");
	} else {
		w = call_word(c, "say which fault");
		if (w && !pci_fault(d, w->text))
			c->why = "a fault is spurious, mute, dead or none, or one of the model's";
	}
	pci_update_line(d);
}

static void do_fault(struct call *c)
{
	struct Banos_Model_Device *d = next_simulated(c);
	bool spurious = !c->why && call_is(c, "spurious");

	if (!c->why && !spurious)
		set_fault(c, d);
	if (call_good(c) && spurious)
		pci_spurious(d);
}

static void do_send(struct call *c)
{
	struct Banos_Model_Device *d = next_simulated(c);
	size_t length = 0;
	uint8_t *bytes = call_bytes(c, &length);

	if (!c->why && !d->model->send)
		c->why = "nothing comes to this device from outside";
	if (call_good(c)) {
		c->r->number = (int64_t)d->model->send(d->state, bytes, length);
		if ((uint64_t)c->r->number < length && c->w->wanted == c->w->count)
			c->r->sentence = "not all was taken; say `-> BYTES` if that is right";
	}
	free(bytes);
}

static void do_sent(struct call *c)
{
	struct Banos_Model_Device *d = next_simulated(c);
	uint64_t most =
		c->at < c->end ? call_number(c, CALL_SIZE_MAX, "how many bytes?") : CALL_SIZE_MAX;

	if (!c->why && !d->model->sent)
		c->why = "this device gives nothing to the outside";
	if (!call_good(c))
		return;
	c->r->bytes = host_alloc(most);
	c->r->size = (size_t)d->model->sent(d->state, c->r->bytes, most);
	c->r->has_bytes = true;
	c->r->number = (int64_t)c->r->size;
}

static void do_interrupt(struct call *c)
{
	struct irq_source *line = irq_line((uint32_t)call_number(c, UINT32_MAX, "which line?"));

	if (!c->why && !line)
		c->why = "there is no such line";
	if (call_good(c))
		irq_source_spurious(line);
}

static const struct {
	const char *name;
	void (*run)(struct call *c);
	const char *usage;
} commands[] = {
	{"install", do_install, "install FILE [NAME=VALUE ...]"},
	{"remove", do_remove, "remove DRIVER"},
	{"open", command_open, "open DEVICE [as FILE] [read | write] [nonblock]"},
	{"close", command_close, "close FILE"},
	{"read", command_read, "read FILE SIZE [at POSITION] [fault BYTES | whole]"},
	{"write", command_write, "write FILE BYTES [at POSITION] [fault BYTES | fua]"},
	{"seek", command_seek, "seek FILE POSITION"},
	{"ctl", command_ctl, "ctl FILE REQUEST [NUMBER | BYTES] [fault BYTES]"},
	{"poll", command_poll, "poll FILE"},
	{"await", command_await, "await FILE EVENT ... [for TIME]"},
	{"flush", command_flush, "flush FILE"},
	{"discard", command_discard, "discard FILE POSITION SIZE"},
	{"zero", command_zero, "zero FILE POSITION SIZE"},
	{"size", command_size, "size FILE"},
	{"exercise", command_exercise, "exercise FILE COUNT"},
	{"drain", command_drain, "drain FILE"},
	{"line", command_line, "line FILE [SPEED [FORMAT]]"},
	{"window", command_window, "window FILE"},
	{"break", command_break, "break FILE on | off"},
	{"modem", command_modem, "modem FILE [+LINE | -LINE ...]"},
	{"map", command_map, "map FILE OFFSET SIZE as MAP [read] [execute]"},
	{"unmap", command_unmap, "unmap MAP"},
	{"peek", command_peek, "peek MAP-OR-NAME OFFSET SIZE"},
	{"poke", command_poke, "poke MAP-OR-NAME OFFSET BYTES"},
	{"cat", command_cat, "cat NAME [SIZE]"},
	{"show", command_show, "show TEXT"},
	{"store", command_store, "store TEXT BYTES"},
	{"user", do_user, "user UID [GID]"},
	{"sleep", do_sleep, "sleep TIME"},
	{"shutdown", do_shutdown, "shutdown"},
	{"plug", do_plug, "plug MODEL.so [as NAME] [OPTIONS]"},
	{"unplug", do_unplug, "unplug NAME"},
	{"fault", do_fault, "fault NAME spurious | mute | dead | none | FAULT-OF-THE-MODEL"},
	{"send", do_send, "send NAME BYTES"},
	{"sent", do_sent, "sent NAME [SIZE]"},
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
