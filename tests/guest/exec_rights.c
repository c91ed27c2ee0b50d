/* SPDX-License-Identifier: BSD-2-Clause */
/* What others may do to a program after an exec, and what a program may gain by one. */
#include "guest.h"
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define USER 65534

static void run(const char *program, const char *what, const char *arg)
{
	char *args[] = {(char *)program, (char *)what, (char *)arg, NULL};

	fflush(stdout);
	execv(program, args);
	printf("exec: %s\n", strerrorname_np(errno));
}

/* --- memory that was opened before --- */

static int marker = 42;

static void memory_across(void)
{
	char fd[16];
	int mem = open("/proc/self/mem", O_RDWR), value = 0;

	SHOW(pread(mem, &value, sizeof(value), (off_t)(uintptr_t)&marker));
	printf("%d\n", value);
	snprintf(fd, sizeof(fd), "%d", mem);
	run("./plain", "mem", fd);
}

static void after_mem(int fd)
{
	int value = 7;

	/* The marker is where it was: the programs are the same. */
	SHOW(pread(fd, &value, sizeof(value), (off_t)(uintptr_t)&marker));
	SHOW(pwrite(fd, &value, sizeof(value), (off_t)(uintptr_t)&marker));
	printf("marker %d\n", marker);
	SHOW(pread(open("/proc/self/mem", O_RDONLY), &value, sizeof(value),
		   (off_t)(uintptr_t)&marker));
}

/* --- programs that may be run and not read --- */

static void look_at(pid_t pid)
{
	struct iovec near = {&(char){0}, 1}, far = {&marker, 1};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	SHOW_OK(open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	SHOW_OK(open(path, O_RDONLY));
	SHOW(process_vm_readv(pid, &near, 1, &far, 1, 0));
	SHOW(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
}

static void secret(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (setgid(USER) || setuid(USER) || pipe(ends))
		printf("cannot\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		run("./secret", "wait", "");
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		printf("no sign\n");
	look_at(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void traced_secret(void)
{
	pid_t pid;
	int status;

	if (setgid(USER) || setuid(USER))
		printf("cannot\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		run("./secret", "dumpable", "");
		_exit(1);
	}
	waitpid(pid, &status, 0);
	show_status("after exec", status);
	errno = 0;
	ptrace(PTRACE_PEEKDATA, pid, &marker, NULL);
	printf("peek: %s\n", errno ? strerrorname_np(errno) : "allowed");
	ptrace(PTRACE_CONT, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	show_status("end", status);
}

/* --- rights --- */

static void show_capabilities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {0};

	syscall(SYS_capget, &h, d);
	printf("user %d %d, effective %s, permitted %s\n", getuid(), geteuid(),
	       d[0].effective ? "some" : "none", d[0].permitted ? "some" : "none");
}

static void no_capabilities(bool no_new)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {0};

	SHOW(syscall(SYS_capset, &h, d));
	if (no_new)
		SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	run("./plain", "capabilities", "");
}

static void root_again(void)
{
	no_capabilities(false);
}

static void root_no_more(void)
{
	no_capabilities(true);
}

/* The tracer is the superuser, but it is the child that asked for it. */
static void asked_by_child(void)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setgid(USER) || setuid(USER))
			printf("cannot\n");
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		run("./setuid", "capabilities", "");
		_exit(1);
	}
	for (;;) {
		waitpid(pid, &status, 0);
		if (!WIFSTOPPED(status))
			break;
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
	show_status("asked by the child", status);
}

/* Here the tracer asks, and has the right to. */
static void asked_by_tracer(void)
{
	int ends[2], status;
	char byte = 0;
	pid_t pid;

	fflush(stdout);
	if (pipe(ends))
		return;
	pid = fork();
	if (pid == 0) {
		if (setgid(USER) || setuid(USER) || read(ends[0], &byte, 1) != 1)
			printf("cannot\n");
		run("./setuid", "capabilities", "");
		_exit(1);
	}
	SHOW(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
	if (write(ends[1], &byte, 1) != 1)
		printf("cannot\n");
	for (;;) {
		waitpid(pid, &status, 0);
		if (!WIFSTOPPED(status))
			break;
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
	show_status("asked by the tracer", status);
}

static int as_program(char **argv)
{
	if (!strcmp(argv[1], "mem"))
		after_mem(atoi(argv[2]));
	else if (!strcmp(argv[1], "capabilities"))
		show_capabilities();
	else if (!strcmp(argv[1], "dumpable"))
		printf("dumpable: %d\n", prctl(PR_GET_DUMPABLE) == 1);
	else if (write(1, "r", 1) == 1)
		pause();
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return as_program(argv);
	chmod(".", 0755);
	copy_self("plain", 0755);
	copy_self("secret", 0711);
	copy_self("setuid", 04755);
	show_status("memory across exec", in_child(memory_across));
	show_status("unreadable", in_child(secret));
	show_status("unreadable, traced", in_child(traced_secret));
	show_status("root again", in_child(root_again));
	show_status("root no more", in_child(root_no_more));
	asked_by_child();
	asked_by_tracer();
	return 0;
}
