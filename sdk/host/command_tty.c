/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that programs give to terminals: what tty.h has, in words. */
#include "command.h"
#include "host.h"
#include "tty.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

static const char parities[] = {[BANOS_X_TTY_PARITY_NONE] = 'n',
				[BANOS_X_TTY_PARITY_ODD] = 'o',
				[BANOS_X_TTY_PARITY_EVEN] = 'e'};

static const struct {
	const char *name;
	uint32_t bit;
} modem_lines[] = {{"dtr", BANOS_X_TTY_DTR}, {"rts", BANOS_X_TTY_RTS}, {"cts", BANOS_X_TTY_CTS},
		   {"cd", BANOS_X_TTY_CD},   {"ri", BANOS_X_TTY_RI},   {"dsr", BANOS_X_TTY_DSR}};

static struct tty_file *next_tty(struct call *c)
{
	struct named *n = call_file(c);

	if (n && !n->tty)
		c->why = "that is no terminal";
	return c->why ? NULL : n->tty;
}

static void set_text(struct result *r, const char *text)
{
	r->has_bytes = true;
	r->size = strlen(text);
	r->bytes = (uint8_t *)host_strdup(text);
}

void command_tty_read(struct call *c, struct named *n)
{
	uint64_t length = call_number(c, CALL_SIZE_MAX, "how many bytes?");
	bool whole = call_is(c, "whole");

	if (!call_good(c))
		return;
	c->r->bytes = host_alloc(length);
	c->r->number = tty_read(n->tty, c->r->bytes, length, whole);
	c->r->has_bytes = c->r->number >= 0;
	c->r->size = c->r->has_bytes ? (size_t)c->r->number : 0;
}

void command_tty_write(struct call *c, struct named *n)
{
	size_t length = 0;
	uint8_t *bytes = call_bytes(c, &length);

	if (call_good(c)) {
		c->r->number = tty_write(n->tty, bytes, length);
		if (c->r->number >= 0 && (uint64_t)c->r->number < length &&
		    c->w->wanted == c->w->count)
			c->r->sentence = "not all was taken; say `-> BYTES` if that is right";
	}
	free(bytes);
}

void command_drain(struct call *c)
{
	struct tty_file *f = next_tty(c);

	if (call_good(c))
		c->r->number = tty_drain(f);
}

void command_window(struct call *c)
{
	struct tty_file *f = next_tty(c);
	uint32_t rows, columns;
	char text[40];

	if (!call_good(c))
		return;
	tty_window(f, &rows, &columns);
	snprintf(text, sizeof(text), "%u %u", rows, columns);
	set_text(c->r, text);
}

/* "8n1" */
static bool parse_format(const char *text, Banos_X_Tty_Line *line)
{
	const char *parity =
		text[0] && text[1] ? memchr(parities, text[1], sizeof(parities)) : NULL;

	if (!parity || text[0] < '5' || text[0] > '8' || (text[2] != '1' && text[2] != '2') ||
	    text[3])
		return false;
	line->data_bits = (uint32_t)(text[0] - '0');
	line->parity = (uint32_t)(parity - parities);
	line->stop_bits = (uint32_t)(text[2] - '0');
	return true;
}

/* Gives what the driver has made of it. */
void command_line(struct call *c)
{
	struct tty_file *f = next_tty(c);
	Banos_X_Tty_Line line = {.size = sizeof(line)};
	bool change = c->at < c->end;
	const struct word *w;
	char text[40];

	if (f)
		tty_get_line(f, &line);
	if (change)
		line.speed = (uint32_t)call_number(c, UINT32_MAX, "how many bits a second?");
	if (c->at < c->end) {
		w = call_word(c, "");
		if (!parse_format(w->text, &line))
			c->why = "a format is like 8n1: data bits, parity (n, o, e), stop bits";
	}
	if (!call_good(c))
		return;
	if (change)
		c->r->number = tty_set_line(f, &line);
	if (c->r->number)
		return;
	snprintf(text, sizeof(text), "%u %u%c%u", line.speed, line.data_bits, parities[line.parity],
		 line.stop_bits);
	set_text(c->r, text);
}

void command_break(struct call *c)
{
	struct tty_file *f = next_tty(c);
	bool on = call_is(c, "on");

	if (!on && !call_is(c, "off"))
		c->why = "a break is on or off";
	if (call_good(c))
		c->r->number = tty_set_break(f, on);
}

static uint32_t line_named(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(modem_lines); i++)
		if (strcmp(modem_lines[i].name, name) == 0)
			return modem_lines[i].bit;
	return 0;
}

/* Gives the lines that are on then, as words. */
void command_modem(struct call *c)
{
	struct tty_file *f = next_tty(c);
	uint32_t on = 0, off = 0, bit;
	const struct word *w;
	char text[40] = "";

	while (!c->why && c->at < c->end) {
		w = call_word(c, "");
		bit = w->text[0] ? line_named(w->text + 1) : 0;
		if (w->text[0] == '+')
			on |= bit;
		else
			off |= bit;
		if (!(bit & (BANOS_X_TTY_DTR | BANOS_X_TTY_RTS)) ||
		    (w->text[0] != '+' && w->text[0] != '-'))
			c->why = "lines that can be switched are +dtr, -dtr, +rts and -rts";
	}
	if (!call_good(c))
		return;
	c->r->number = tty_modem(f, on, off);
	if (c->r->number < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(modem_lines); i++)
		if (c->r->number & modem_lines[i].bit) {
			strlcat(text, text[0] ? " " : "", sizeof(text));
			strlcat(text, modem_lines[i].name, sizeof(text));
		}
	set_text(c->r, text);
}
