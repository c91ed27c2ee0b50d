/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that run with their owner's rights: who gets them, and who does not. */
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define USER 65534

static void show(void)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	printf("user %d %d %d, group %d %d %d, AT_SECURE %s\n", r, e, s, rg, eg, sg,
	       secure_getenv("PATH") ? "no" : "yes");
}

static const char *program;

static void run(void)
{
	char *args[] = {(char *)program, (char *)"show", NULL};
	char *env[] = {(char *)"PATH=/bin", NULL};

	fflush(stdout);
	execve(program, args, env);
	printf("exec: %s\n", strerrorname_np(errno));
}

static void user(void)
{
	if (setgid(USER) || setuid(USER))
		printf("cannot\n");
}

static void plain(void)
{
	user();
	run();
}

static void no_new_privs(void)
{
	user();
	SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	run();
}

/* A child that has the directories in common with its parent, which could move them. */
static void shared(void)
{
	pid_t pid;

	user();
	fflush(stdout);
	pid = (pid_t)syscall(SYS_clone, CLONE_FS | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		run();
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	/* Not any more. */
	run();
}

static void *wait_for_ever(void *arg)
{
	pause();
	return arg;
}

/* Threads of one process have them in common, but end with the exec. */
static void threads(void)
{
	pthread_t t;

	user();
	pthread_create(&t, NULL, wait_for_ever, NULL);
	run();
}

static void by_superuser(void)
{
	run();
}

/* What was gained before goes through an exec. */
static void kept(void)
{
	if (setresuid(USER, 0, USER))
		printf("cannot\n");
	run();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = {{"plain", 0755},
		     {"setuid", 04755},
		     {"setgid", 02755},
		     {"lock", 02745},
		     {"both", 06755}};
	static const struct {
		const char *name;
		void (*run)(void);
	} ways[] = {{"user", plain},	  {"no_new_privs", no_new_privs}, {"shared", shared},
		    {"threads", threads}, {"superuser", by_superuser},	  {"kept", kept}};

	(void)argv;
	if (argc > 1) {
		show();
		return 0;
	}
	umask(0);
	chmod(".", 0755);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		copy_self(files[i].name, files[i].mode);
	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			char path[300];

			snprintf(path, sizeof(path), "./%s", files[i].name);
			program = path;
			printf("%s, %s: ", ways[w].name, files[i].name);
			in_child(ways[w].run);
		}
	return 0;
}
