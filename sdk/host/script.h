/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run of banos-host: objects are installed, commands are executed in order, everything is taken
 * back. What commands there are: banos-host(1).
 */
#ifndef HOST_SCRIPT_H
#define HOST_SCRIPT_H

#include <base/types.h>
#include "words.h"

struct open_file;
struct Banos_Pages;
struct Banos_X_Block;
struct tty_file;
struct task;
struct user_memory;

/* What a command results in. */
struct result {
	int64_t number; /* as the program sees it: a count, or -errno */
	bool is_events; /* the number is BANOS_POLL_* */
	bool has_bytes;
	uint8_t *bytes; /* read, shown */
	size_t size;
	const char *sentence; /* why it was refused, or NULL */
};

/* Files and maps by the names that the script gives them: one of these is not NULL. */
struct named {
	struct named *next;
	char *name;
	struct open_file *file;	     /* of a character device */
	struct Banos_X_Block *block; /* likewise */
	uint64_t position;	     /* where the next transfer of that begins */
	struct tty_file *tty;	     /* likewise */
	struct Banos_Pages *pages;
	uint64_t offset, length; /* of a map, in the pages */
	uint32_t access;	 /* of a map: BANOS_MAP_* */
};

struct named *named_find(const struct word *name, bool is_map);
struct named *named_new(const struct word *name);
void named_drop(struct named *n);

/* A command that runs in a program of its own. */
struct job {
	struct job *next;
	char *name;
	struct words all;   /* whose words these are: */
	struct words words; /* of the command */
	struct task *task;
	bool done;
	struct result result;
};

/*
 * Execute the command w, its expectation left out (words from w->wanted - 1 on). false: it is none,
 * or has other words than it may have; *why says it.
 */
bool command_run(const struct words *w, struct result *r, const char **why);
/* How the words are to be, or NULL for no such command. */
const char *command_usage(const char *name);
void command_list(void);

/* The event that a word names. */
bool expect_event(const struct word *w, uint32_t *event);
/* Does the result meet what is wanted (words of w from w->wanted on)? If not: *said, to be freed.
 */
bool expect_met(const struct words *w, const struct result *r, char **said, const char **why);

/* Install an object file, remove the newest instance of a driver: as the kernel does it. */
int script_install(const char *path, const char *parameters, const char **sentence);
int script_remove(const char *name, const char **sentence);

/*
 * The commands of a text. `where` is how messages call it. false: one is malformed, and the
 * run ends.
 */
bool script_run(const char *text, const char *where);
/* Programs end, files are closed, drivers removed. */
void script_end(void);

#endif
