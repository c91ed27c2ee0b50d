/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of scripts: what their files share. */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include "script.h"

#define CALL_SIZE_MAX (16u << 20) /* bytes of one transfer */

/* A command at work. */
struct call {
	const struct words *w;
	unsigned at, end; /* words still to be looked at */
	struct result *r;
	const char *why; /* the words are wrong */
};

/*
 * Its words, one after the other. What is missing or malformed is kept in c->why, and what is
 * returned then is harmless.
 */
const struct word *call_word(struct call *c, const char *what);
bool call_is(struct call *c, const char *text);
uint64_t call_number(struct call *c, uint64_t limit, const char *what);
uint64_t call_time(struct call *c);
/* The bytes of a word, the caller's; NULL if they are malformed. */
uint8_t *call_bytes(struct call *c, size_t *size);
/* A file that is open, of whatever kind. */
struct named *call_file(struct call *c);
/* All words are used and were right: the command may do something. */
bool call_good(struct call *c);

/* command_file.c: what programs do with devices and texts. */
void command_open(struct call *c);
void command_close(struct call *c);
void command_read(struct call *c);
void command_write(struct call *c);
void command_seek(struct call *c);
void command_ctl(struct call *c);
void command_poll(struct call *c);
void command_await(struct call *c);
void command_map(struct call *c);
void command_unmap(struct call *c);
void command_peek(struct call *c);
void command_poke(struct call *c);
void command_show(struct call *c);
void command_store(struct call *c);
void command_cat(struct call *c);

/* command_block.c: what programs do with block devices. */
void command_block_read(struct call *c, struct named *n);
void command_block_write(struct call *c, struct named *n);
void command_flush(struct call *c);
void command_discard(struct call *c);
void command_zero(struct call *c);
void command_size(struct call *c);
void command_exercise(struct call *c);

/* command_tty.c: what programs do with terminals. */
void command_tty_read(struct call *c, struct named *n);
void command_tty_write(struct call *c, struct named *n);
void command_drain(struct call *c);
void command_line(struct call *c);
void command_window(struct call *c);
void command_break(struct call *c);
void command_modem(struct call *c);

#endif
