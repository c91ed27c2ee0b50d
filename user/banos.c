/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The `banos` command: what an administrator does with drivers.
 *
 * Each subcommand is a row of a table with its name, its arguments, one line of help and its
 * function. Exit status: 0 done, 1 refused or failed (the reason is on stderr, with the file, the
 * cause and what to do), 2 wrong usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of kernel/linux/syscalls.tbl; fixed for ever. */
#define SYS_BANOS_INSTALL 45056

#define EXIT_USAGE 2

struct image {
	void *bytes;
	size_t size;
};

static int read_image(const char *path, struct image *image)
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

static const char *install_cause(int error)
{
	switch (error) {
	case EPERM:
		return "only the superuser can install a driver";
	case ENOEXEC:
		return "not a driver that this kernel can load; `dmesg | tail` says what is wrong";
	case ENOENT:
		return "the driver needs a symbol or a driver that is not there; `dmesg | tail` "
		       "names it, install that first";
	case EEXIST:
		return "it exports a name that another driver has; `dmesg | tail` names it";
	case ENOMEM:
		return "not enough memory";
	case EINVAL:
		return "the kernel refused the image or a parameter; `dmesg | tail` says which";
	case E2BIG:
		return "the image or the parameters are too large";
	case ENOSYS:
		return "this kernel takes no drivers; is it Banos?";
	default:
		return NULL;
	}
}

static int command_install(int argc, char **argv)
{
	struct image image;
	char *parameters = NULL;
	long instance;
	int error;

	if (read_image(argv[0], &image) < 0) {
		fprintf(stderr, "banos: %s: cannot read the driver: %s\n", argv[0],
			strerror(errno));
		return EXIT_FAILURE;
	}
	if (argc > 1) {
		parameters = join_parameters(argv + 1, argc - 1);
		if (!parameters) {
			free(image.bytes);
			return EXIT_USAGE;
		}
	}
	instance = syscall(SYS_BANOS_INSTALL, image.bytes, image.size, parameters, 0u);
	error = errno;
	free(parameters);
	free(image.bytes);
	if (instance < 0) {
		const char *cause = install_cause(error);

		if (cause)
			fprintf(stderr, "banos: %s: %s\n", argv[0], cause);
		else
			fprintf(stderr, "banos: %s: the driver did not start: %s; see dmesg\n",
				argv[0], strerror(error));
		return EXIT_FAILURE;
	}
	printf("%s: installed as instance %ld\n", argv[0], instance);
	return EXIT_SUCCESS;
}

static const struct command {
	const char *name;
	const char *arguments;
	const char *help;
	int min_arguments;
	int (*run)(int argc, char **argv); /* without the names of program and subcommand */
} commands[] = {
	{"install", "FILE [NAME=VALUE ...]", "install a driver, with its parameters", 1,
	 command_install},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	fprintf(to, "usage:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  banos %s %s\n        %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	fprintf(to, "  banos --help\n        this text\n");
}

int main(int argc, char **argv)
{
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; argc >= 2 && i < COMMAND_COUNT; i++) {
		const struct command *command = &commands[i];

		if (strcmp(argv[1], command->name))
			continue;
		if (argc >= 3 && !strcmp(argv[2], "--help")) {
			printf("usage: banos %s %s\n%s\n", command->name, command->arguments,
			       command->help);
			return EXIT_SUCCESS;
		}
		if (argc - 2 < command->min_arguments)
			break;
		return command->run(argc - 2, argv + 2);
	}
	if (argc >= 2)
		fprintf(stderr, "banos: cannot understand this command\n");
	print_usage(stderr);
	return EXIT_USAGE;
}
