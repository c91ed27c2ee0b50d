/* SPDX-License-Identifier: BSD-2-Clause */
/* banos install, banos remove. */
#include "banos.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int read_bytes(const char *path, struct image *image)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		goto out_close;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		goto out_close;
	}
	image->size = (size_t)st.st_size;
	image->bytes = malloc(image->size ? image->size : 1);
	if (!image->bytes)
		goto out_close;
	while (used < image->size && got > 0) {
		got = read(fd, (char *)image->bytes + used, image->size - used);
		if (got > 0)
			used += (size_t)got;
	}
	if (got < 0) {
		free(image->bytes);
		goto out_close;
	}
	image->size = used;
	close(fd);
	return 0;

out_close:
	got = errno;
	close(fd);
	errno = (int)got;
	return -1;
}

bool read_image(const char *path, struct image *image)
{
	if (read_bytes(path, image) == 0)
		return true;
	fprintf(stderr, "banos: %s: cannot read the driver: %s\n", path, strerror(errno));
	return false;
}

/*
 * The kernel takes one string of name=value words. A value with a space goes in double quotes,
 * which therefore cannot be part of a value. Returns: NULL with a message on stderr if a word
 * cannot be passed.
 */
static char *join_parameters(char **words, int count)
{
	size_t room = 1;
	char *text, *end;

	for (int i = 0; i < count; i++)
		room += strlen(words[i]) + 3;
	end = text = malloc(room);
	if (!text) {
		fprintf(stderr, "banos: out of memory\n");
		return NULL;
	}
	*text = '\0';
	for (int i = 0; i < count; i++) {
		char *value = strchr(words[i], '=');

		if (!value || value == words[i] || strchr(words[i], '"')) {
			fprintf(stderr, "banos: parameter '%s': write name=value, without \"\n",
				words[i]);
			free(text);
			return NULL;
		}
		end += sprintf(end, strpbrk(value, " \t\n") ? "%s%.*s=\"%s\"" : "%s%.*s=%s",
			       i ? " " : "", (int)(value - words[i]), words[i], value + 1);
	}
	return text;
}

long install_image(const struct image *image, const char *parameters)
{
	return syscall(SYS_BANOS_INSTALL, image->bytes, image->size, parameters, 0u);
}

int command_install(int argc, char **argv)
{
	struct image image;
	char *parameters = NULL;
	long instance;
	int error;

	if (!read_image(argv[0], &image))
		return EXIT_FAILURE;
	if (argc > 1) {
		parameters = join_parameters(argv + 1, argc - 1);
		if (!parameters) {
			free(image.bytes);
			return EXIT_USAGE;
		}
	}
	instance = install_image(&image, parameters);
	error = errno;
	free(parameters);
	free(image.bytes);
	if (instance < 0)
		return complain(argv[0], error);
	printf("%s: installed as instance %ld\n", argv[0], instance);
	return EXIT_SUCCESS;
}

/* The one driver that is meant, or NULL with a message. */
static struct driver *find_one(const char *text)
{
	struct driver *found = NULL;
	bool failed;

	for (struct driver *d = drivers_read(&failed); d; d = d->next) {
		if (!driver_is(d, text))
			continue;
		if (found) {
			fprintf(stderr,
				"banos: %s: there are several instances; say which one by its "
				"number: %d, %d ...\n",
				text, found->instance, d->instance);
			return NULL;
		}
		found = d;
	}
	if (!found && !failed)
		fprintf(stderr, "banos: %s: no such driver is installed: see `banos list`\n", text);
	return found;
}

int command_remove(int argc, char **argv)
{
	struct driver *d = find_one(argv[0]);

	(void)argc;
	if (!d)
		return EXIT_FAILURE;
	if (syscall(SYS_BANOS_REMOVE, d->instance, 0u) < 0)
		return complain(argv[0], errno);
	printf("%s: instance %d removed\n", d->name, d->instance);
	return EXIT_SUCCESS;
}
