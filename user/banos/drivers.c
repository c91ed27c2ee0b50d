/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The installed drivers: /proc/banos/drivers, a paragraph of "KEY: VALUE" lines for each. banos
 * list and banos info show it.
 */
#include "banos.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRIVERS "/proc/banos/drivers"

static char *read_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0, size = 0;
	char *text = NULL;
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0) {
		if (used + 1 >= size) {
			char *grown = realloc(text, size = 2 * size + 4096);

			if (!grown) {
				got = -1;
				break;
			}
			text = grown;
		}
		got = read(fd, text + used, size - used - 1);
		if (got > 0)
			used += (size_t)got;
	}
	if (got < 0) {
		fprintf(stderr, "banos: %s: %s\n", path, strerror(errno));
		free(text);
		text = NULL;
	} else {
		text[used] = '\0';
	}
	if (fd >= 0)
		close(fd);
	return text;
}

const char *driver_field(const struct driver *d, const char *key, const char *after)
{
	size_t n = strlen(key);

	for (const char *line = after ? after + strlen(after) + 1 : d->fields; *line;
	     line += strlen(line) + 1)
		if (!strncmp(line, key, n) && line[n] == ':')
			return line[n + 1] ? line + n + 2 : line + n + 1;
	return NULL;
}

static const char *field(const struct driver *d, const char *key)
{
	const char *value = driver_field(d, key, NULL);

	return value ? value : "?";
}

/* A paragraph, whose lines end in NUL already. */
static struct driver *driver_new(char *fields)
{
	struct driver *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->fields = fields;
	d->instance = atoi(field(d, "instance"));
	d->name = field(d, "name");
	d->version = field(d, "version");
	d->state = field(d, "state");
	d->users = field(d, "users");
	d->size = field(d, "size");
	return d;
}

struct driver *drivers_read(bool *failed)
{
	struct driver *first = NULL, **last = &first;
	char *text = read_all(DRIVERS), *end;

	*failed = !text;
	for (; text && *text; text = end + 2) {
		end = strstr(text, "\n\n");
		if (!end)
			break;
		end[1] = '\0';
		for (char *c = text; c <= end; c++)
			if (*c == '\n')
				*c = '\0';
		*last = driver_new(text);
		if (!*last)
			break;
		last = &(*last)->next;
	}
	return first;
}

bool driver_is(const struct driver *d, const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text && !*end)
		return number == d->instance;
	return !strcmp(text, d->name);
}

int command_list(int argc, char **argv)
{
	struct driver *d;
	bool failed;

	(void)argc, (void)argv;
	d = drivers_read(&failed);
	if (failed)
		return EXIT_FAILURE;
	printf("%-20s %-10s %8s %-9s %5s %9s %s\n", "NAME", "VERSION", "INSTANCE", "STATE", "USERS",
	       "SIZE", "DEVICES");
	for (; d; d = d->next) {
		const char *device = NULL;

		printf("%-20s %-10s %8d %-9s %5s %9s", d->name, d->version, d->instance, d->state,
		       d->users, d->size);
		while ((device = driver_field(d, "device", device)) != NULL)
			printf(" %s", device);
		printf("\n");
	}
	return EXIT_SUCCESS;
}

int command_info(int argc, char **argv)
{
	struct driver *d;
	bool failed, found = false;

	(void)argc;
	/* What has a slash or a dot is a file. */
	if (strpbrk(argv[0], "/."))
		return info_file(argv[0]);
	for (d = drivers_read(&failed); d; d = d->next) {
		if (!driver_is(d, argv[0]))
			continue;
		if (found)
			printf("\n");
		found = true;
		for (const char *line = d->fields; *line; line += strlen(line) + 1)
			printf("%s\n", line);
	}
	if (found)
		return EXIT_SUCCESS;
	if (!failed)
		fprintf(stderr, "banos: %s: no such driver is installed: see `banos list`\n",
			argv[0]);
	return EXIT_FAILURE;
}
