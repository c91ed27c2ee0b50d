/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of the `banos` command. */
#ifndef USER_BANOS_H
#define USER_BANOS_H

#include <stdbool.h>
#include <stddef.h>

/* Of kernel/linux/syscalls.tbl; fixed for ever. */
#define SYS_BANOS_INSTALL 45056
#define SYS_BANOS_REMOVE  45057
#define SYS_BANOS_MESSAGE 45058
#define SYS_BANOS_LOCK	  45059

#define EXIT_USAGE 2

/* Subcommands: arguments without the names of program and subcommand; the exit status. */
int command_install(int argc, char **argv);
int command_remove(int argc, char **argv);
int command_lock(int argc, char **argv);
int command_list(int argc, char **argv);
int command_info(int argc, char **argv);
int command_probe(int argc, char **argv);

/* A driver object in memory. */
struct image {
	void *bytes;
	size_t size;
};

/* Install it: the number of the instance, or -1 with errno. parameters: words, or NULL. */
long install_image(const struct image *image, const char *parameters);

/* False after a message. */
bool read_image(const char *path, struct image *image);
/* banos info FILE: the exit status. */
int info_file(const char *path);

/* One installed driver, as /proc/banos/drivers tells of it. */
struct driver {
	struct driver *next;
	int instance;
	const char *name, *version, *state, *users, *size;
	char *fields; /* "KEY: VALUE" lines, ended by NUL each, and an empty one at the end */
};

/* All of them, in order of their numbers; NULL with *failed set (and a message) or when none are.
 */
struct driver *drivers_read(bool *failed);
/* The value of a field, or NULL. `after`: the one found before, for keys that come several times.
 */
const char *driver_field(const struct driver *d, const char *key, const char *after);
/* Is it meant by this text: its name, or the number of its instance? */
bool driver_is(const struct driver *d, const char *text);

/*
 * Says why the last call failed: in the kernel's words if it left any, else by `error`. `subject`
 * is the file or driver it was about. Returns EXIT_FAILURE.
 */
int complain(const char *subject, int error);

#endif
