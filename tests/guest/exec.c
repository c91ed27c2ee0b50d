/* SPDX-License-Identifier: BSD-2-Clause */
/* execve: arguments, environment, what is kept and what is not, scripts, errors. */
#include "guest.h"
#include <limits.h>

static char self[PATH_MAX];

/* What the program does when it is executed again. */
static int second_life(int argc, char **argv)
{
	sigset_t set;
	struct sigaction action;

	printf("arguments %d:", argc);
	for (int i = 1; i < argc; i++)
		printf(" [%s]", argv[i]);
	printf("\nenvironment:");
	for (char **e = environ; *e; e++)
		printf(" [%s]", *e);
	sigprocmask(SIG_BLOCK, NULL, &set);
	sigaction(SIGUSR1, NULL, &action);
	printf("\nblocked %d, handler default %d", sigismember(&set, SIGUSR2),
	       action.sa_handler == SIG_DFL);
	sigaction(SIGUSR2, NULL, &action);
	printf(", ignored %d\n", action.sa_handler == SIG_IGN);
	printf("descriptor 10: %s, 11: %s\n", fcntl(10, F_GETFD) < 0 ? "closed" : "open",
	       fcntl(11, F_GETFD) < 0 ? "closed" : "open");
	return 17;
}

static void nothing(int signal)
{
	(void)signal;
}

static void execs(void)
{
	char *arguments[] = {"name", "again", "one", "", "three words here", NULL};
	char *environment[] = {"A=1", "B=", NULL};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	dup2(1, 10);
	dup3(1, 11, O_CLOEXEC);
	execve(self, arguments, environment);
	printf("execve: %s\n", strerrorname_np(errno));
}

static void execs_long(void)
{
	enum { COUNT = 500 };
	static char word[1001];
	char *arguments[COUNT + 3] = {"name", "count"};
	char *environment[] = {NULL};

	memset(word, 'x', sizeof(word) - 1);
	for (int i = 0; i < COUNT; i++)
		arguments[i + 2] = word;
	execve(self, arguments, environment);
	printf("execve: %s\n", strerrorname_np(errno));
}

static void execs_too_long(void)
{
	static char word[200 * 1024];
	char *arguments[] = {"name", word, NULL};
	char *environment[] = {NULL};

	memset(word, 'x', sizeof(word) - 1);
	SHOW(execve(self, arguments, environment));
}

static void execs_script(void)
{
	char *arguments[] = {"name", "parameter", NULL};
	char *environment[] = {NULL};

	SHOW(execve("script", arguments, environment));
}

static void errors(void)
{
	char *arguments[] = {"name", NULL};

	write_file("plain", "no program\n");
	SHOW(execve("absent", arguments, environ));
	SHOW(execve("plain", arguments, environ));
	SHOW(chmod("plain", 0755));
	SHOW(execve("plain", arguments, environ));
	SHOW(execve(".", arguments, environ));
	SHOW(execve("plain/x", arguments, environ));
	SHOW(execve("", arguments, environ));
	write_file("empty", "");
	chmod("empty", 0755);
	SHOW(execve("empty", arguments, environ));
	write_file("damaged", "\177ELF\2\1\1");
	chmod("damaged", 0755);
	SHOW(execve("damaged", arguments, environ));
	SHOW(execve(bad, arguments, environ));
}

int main(int argc, char **argv)
{
	char script[PATH_MAX + 32];
	ssize_t length;

	if (argc > 1 && !strcmp(argv[1], "again"))
		return second_life(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "count")) {
		printf("%d arguments, the last has %zu bytes\n", argc, strlen(argv[argc - 1]));
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "from-script")) {
		printf("script run as %s with %s\n", argv[2], argv[3]);
		return 0;
	}
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0) {
		printf("/proc/self/exe: %s\n", strerrorname_np(errno));
		return 1;
	}
	show_status("exec", in_child(execs));
	show_status("long", in_child(execs_long));
	show_status("too long", in_child(execs_too_long));
	snprintf(script, sizeof(script), "#! %s from-script\n", self);
	write_file("script", script);
	chmod("script", 0755);
	show_status("script", in_child(execs_script));
	errors();
	return 0;
}
