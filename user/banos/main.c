/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The `banos` command: what an administrator does with drivers.
 *
 * Each subcommand is a row of a table with its name, its arguments, one line of help and its
 * function. Exit status: 0 done, 1 refused or failed (the reason is on stderr, with the file, the
 * cause and what to do), 2 wrong usage.
 */
#include "banos.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct command {
	const char *name;
	const char *arguments;
	const char *help;
	int min_arguments, max_arguments;
	int (*run)(int argc, char **argv); /* without the names of program and subcommand */
} commands[] = {
	{"install", "FILE [NAME=VALUE ...]", "install a driver, with its parameters", 1, 1000,
	 command_install},
	{"list", "", "the installed drivers", 0, 0, command_list},
	{"info", "NAME|INSTANCE|FILE", "all that is known of an installed driver, or of a file", 1,
	 1, command_info},
	{"remove", "NAME|INSTANCE", "remove an installed driver", 1, 1, command_remove},
	{"probe", "[FOLDER]", "install the drivers that the present devices need", 0, 1,
	 command_probe},
	{"lock", "", "allow no installation any more, until the next boot", 0, 0, command_lock},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

int complain(const char *subject, int error)
{
	char text[4096];
	long n = syscall(SYS_BANOS_MESSAGE, text, sizeof(text) - 1);

	if (error == EPERM && n <= 0)
		fprintf(stderr, "banos: %s: only the superuser can do this\n", subject);
	else if (error == ENOSYS)
		fprintf(stderr, "banos: this kernel takes no drivers; is it Banos?\n");
	else if (n <= 0)
		fprintf(stderr, "banos: %s: %s\n", subject, strerror(error));
	else
		fprintf(stderr, "banos: %s: %.*s\n", subject, (int)n, text);
	return EXIT_FAILURE;
}

int command_lock(int argc, char **argv)
{
	(void)argc, (void)argv;
	return syscall(SYS_BANOS_LOCK, 0u) < 0 ? complain("lock", errno) : EXIT_SUCCESS;
}

static void print_usage(FILE *to)
{
	fprintf(to, "usage:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  banos %s %s\n        %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	fprintf(to, "  banos --help\n        this text\n");
}

static int run_command(const struct command *command, int argc, char **argv)
{
	if (argc >= 1 && !strcmp(argv[0], "--help")) {
		printf("usage: banos %s %s\n%s\n", command->name, command->arguments,
		       command->help);
		return EXIT_SUCCESS;
	}
	if (argc < command->min_arguments || argc > command->max_arguments) {
		fprintf(stderr, "usage: banos %s %s\n", command->name, command->arguments);
		return EXIT_USAGE;
	}
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; argc >= 2 && i < COMMAND_COUNT; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run_command(&commands[i], argc - 2, argv + 2);
	if (argc >= 2)
		fprintf(stderr, "banos: there is no command '%s'\n", argv[1]);
	print_usage(stderr);
	return EXIT_USAGE;
}
