/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing of processes: attaching, stops of a process, who waits for what, threads and their ends,
 * the end of the tracer, and who may trace whom.
 */
#include "guest.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#define PT(request, tid, addr, data) \
	syscall(SYS_ptrace, (long)(request), (long)(tid), (long)(addr), (long)(data))

static volatile int *shared; /* between processes */

static void show_stop(const char *what, int status)
{
	if (WIFSTOPPED(status) && status >> 16)
		printf("%s: stopped by %s, event %d\n", what, sigabbrev_np(WSTOPSIG(status) & 0x7f),
		       status >> 16);
	else if (WIFSTOPPED(status) && WSTOPSIG(status) & 0x80)
		printf("%s: stopped at a system call\n", what);
	else
		show_status(what, status);
	fflush(stdout);
}

static int next(const char *what, pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		printf("%s: wait -> %s\n", what, strerrorname_np(errno));
	else
		show_stop(what, status);
	return status;
}

static pid_t spawn(void (*function)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		function();
		_exit(0);
	}
	return pid;
}

static void waits(void)
{
	for (;;)
		pause();
}

/* Of /proc/PID/status. */
static void show_field(pid_t pid, const char *field)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field))) {
			if (!strcmp(field, "TracerPid:"))
				printf("traced by me: %d\n", atoi(line + 10) == getpid());
			else
				printf("%s", line);
		}
	if (f)
		fclose(f);
	fflush(stdout);
}

static char state(pid_t pid)
{
	char path[64], buf[256], *at;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return '?';
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = 0;
	fclose(f);
	at = strrchr(buf, ')');
	return at ? at[2] : '?';
}

static void until_state(pid_t pid, char letter)
{
	while (state(pid) != letter)
		usleep(1000);
}

/* --- attach and detach --- */

static void attach(void)
{
	pid_t pid = spawn(waits);
	int status;

	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
	next("attached", pid);
	show_field(pid, "TracerPid:");
	show_field(pid, "State:");
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
	SHOW(PT(PTRACE_SEIZE, pid, 0, 0));
	SHOW(PT(PTRACE_DETACH, pid, 0, 99));
	SHOW(PT(PTRACE_DETACH, pid, 0, 0));
	show_field(pid, "TracerPid:");
	SHOW(PT(PTRACE_DETACH, pid, 0, 0));
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
	next("again", pid);
	SHOW(PT(PTRACE_DETACH, pid, 0, SIGTERM));
	SHOW(waitpid(pid, &status, 0) == pid);
	show_status("end", status);
	SHOW(PT(PTRACE_ATTACH, getpid(), 0, 0));
	SHOW(PT(PTRACE_ATTACH, 0, 0, 0));
	SHOW(PT(PTRACE_ATTACH, -1, 0, 0));
	SHOW(PT(PTRACE_SEIZE, 0, 1, 0));
	SHOW(PT(PTRACE_ATTACH, 99999999, 0, 0));
	pid = spawn(waits);
	SHOW(PT(PTRACE_SEIZE, pid, 1, 0));
	SHOW(PT(PTRACE_SEIZE, pid, 0, 1 << 30));
	SHOW(PT(PTRACE_SEIZE, getpid(), 0, 0));
	kill(pid, SIGKILL);
	/* Dead, but not waited for. */
	until_state(pid, 'Z');
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
	waitpid(pid, NULL, 0);
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
}

/* --- a call that is cut short goes on --- */

static int fds[2];

static void reads_pipe(void)
{
	char c = 0;

	_exit(read(fds[0], &c, 1) == 1 && c == 'x' ? 40 : 41);
}

static void restart(void)
{
	struct user_regs_struct r;
	pid_t pid;

	SHOW(pipe(fds));
	pid = spawn(reads_pipe);
	until_state(pid, 'S');
	SHOW(PT(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
	for (int i = 0; i < 3; i++) {
		SHOW(PT(PTRACE_INTERRUPT, pid, 0, 0));
		next("interrupted", pid);
		PT(PTRACE_GETREGS, pid, 0, &r);
		printf("in read %d, to be restarted %d\n", r.orig_rax == SYS_read,
		       (int)r.rax == -512);
		SHOW(PT(PTRACE_CONT, pid, 0, 0));
		until_state(pid, 'S');
	}
	SHOW(write(fds[1], "x", 1));
	next("end", pid);
}

/* --- stops of the process --- */

static void group_stop(void)
{
	pid_t pid = spawn(waits);
	siginfo_t si;
	int status = 0;

	/* The old way: the stop is a stop for the tracer, and no more. */
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
	next("attached", pid);
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	kill(pid, SIGSTOP);
	next("signal", pid);
	SHOW(PT(PTRACE_GETSIGINFO, pid, 0, &si));
	SHOW(PT(PTRACE_CONT, pid, 0, SIGSTOP));
	next("stop", pid);
	SHOW(PT(PTRACE_GETSIGINFO, pid, 0, &si));
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	until_state(pid, 'S');
	SHOW(waitpid(pid, &status, WNOHANG | WUNTRACED | __WALL));
	kill(pid, SIGCONT);
	next("SIGCONT", pid);
	SHOW(PT(PTRACE_DETACH, pid, 0, SIGCONT));
	until_state(pid, 'S');

	/* Seized: told as such, and its end is told to who listens. */
	SHOW(PT(PTRACE_SEIZE, pid, 0, 0));
	kill(pid, SIGSTOP);
	next("signal", pid);
	SHOW(PT(PTRACE_LISTEN, pid, 0, 0));
	SHOW(PT(PTRACE_CONT, pid, 0, SIGSTOP));
	next("stop", pid);
	SHOW(PT(PTRACE_GETSIGINFO, pid, 0, &si));
	printf("signo %d code %d\n", si.si_signo, si.si_code);
	SHOW(PT(PTRACE_LISTEN, pid, 0, 0));
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	SHOW(waitpid(pid, &status, WNOHANG | __WALL));
	SHOW(PT(PTRACE_INTERRUPT, pid, 0, 0));
	next("interrupted", pid);
	SHOW(PT(PTRACE_LISTEN, pid, 0, 0));
	kill(pid, SIGCONT);
	next("continued", pid);
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	next("SIGCONT", pid);
	SHOW(PT(PTRACE_CONT, pid, 0, SIGCONT));

	/* Detached while its process is stopped: it stays so. */
	kill(pid, SIGSTOP);
	next("signal", pid);
	SHOW(PT(PTRACE_CONT, pid, 0, SIGSTOP));
	next("stop", pid);
	SHOW(PT(PTRACE_DETACH, pid, 0, 0));
	until_state(pid, 'T');
	/* Attached to in the stop. */
	SHOW(PT(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL));
	next("in the stop", pid);
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	kill(pid, SIGKILL);
	next("end", pid);
}

/* --- a tracer that is not the parent --- */

static void traces_shared(void)
{
	pid_t pid = shared[0];

	SHOW(PT(PTRACE_SEIZE, pid, 0, 0));
	SHOW(PT(PTRACE_INTERRUPT, pid, 0, 0));
	next("tracer: stop", pid);
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	shared[1] = 1;
	while (shared[1] != 2)
		usleep(1000);
	next("tracer: its end", pid);
	SHOW(waitpid(pid, NULL, __WALL));
}

static void stranger(void)
{
	pid_t pid = spawn(waits), tracer;
	int status = 0;

	shared[0] = pid;
	shared[1] = 0;
	until_state(pid, 'S');
	tracer = spawn(traces_shared);
	while (shared[1] < 1)
		usleep(1000);
	SHOW(waitpid(pid, &status, WNOHANG | WUNTRACED));
	kill(pid, SIGKILL);
	/* Its parent hears of it when the tracer has. */
	until_state(pid, 'Z');
	SHOW(waitpid(pid, &status, WNOHANG));
	shared[1] = 2;
	waitpid(tracer, &status, 0);
	show_status("tracer", status);
	SHOW(waitpid(pid, &status, 0) == pid);
	show_status("parent: its end", status);
}

/* --- the end of a tracer --- */

static void attaches_and_ends(void)
{
	pid_t pid = shared[0];

	SHOW(PT(PTRACE_SEIZE, pid, 0, shared[1]));
	PT(PTRACE_INTERRUPT, pid, 0, 0);
	next("stop", pid);
}

static void lonely(void)
{
	int status = 0;

	for (int i = 0; i < 2; i++) {
		pid_t pid = spawn(waits), tracer;

		shared[0] = pid;
		shared[1] = i ? PTRACE_O_EXITKILL : 0;
		tracer = spawn(attaches_and_ends);
		waitpid(tracer, NULL, 0);
		show_field(pid, "TracerPid:");
		if (i == 0) {
			until_state(pid, 'S');
			SHOW(waitpid(pid, &status, WNOHANG));
			kill(pid, SIGTERM);
		}
		SHOW(waitpid(pid, &status, 0) == pid);
		show_status("end", status);
	}
}

/* --- threads --- */

static void *thread_ends(void *arg)
{
	shared[2] = (int)syscall(SYS_gettid);
	syscall(SYS_exit, 9);
	return NULL;
}

static void makes_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_ends, NULL);
	pthread_join(t, NULL);
	_exit(12);
}

static void threads(void)
{
	unsigned long message = 0;
	pid_t pid, tid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		PT(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		makes_thread();
	}
	next("start", pid);
	SHOW(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE));
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	next("clone", pid);
	SHOW(PT(PTRACE_GETEVENTMSG, pid, 0, &message));
	tid = (pid_t)message;
	next("thread", tid);
	SHOW(PT(PTRACE_CONT, tid, 0, 0));
	next("its end", tid);
	printf("the same %d\n", shared[2] == tid);
	SHOW(PT(PTRACE_CONT, tid, 0, 0));
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	next("end", pid);
}

static void *thread_execs(void *arg)
{
	execl("/proc/self/exe", "ptrace_threads", "quiet", NULL);
	return NULL;
}

static void execs_from_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_execs, NULL);
	for (;;)
		pause();
}

static void exec_from_thread(void)
{
	unsigned long message = 0;
	pid_t pid, tid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		PT(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execs_from_thread();
	}
	next("start", pid);
	SHOW(PT(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC));
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	next("clone", pid);
	PT(PTRACE_GETEVENTMSG, pid, 0, &message);
	tid = (pid_t)message;
	next("thread", tid);
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	SHOW(PT(PTRACE_CONT, tid, 0, 0));
	next("exec", pid);
	PT(PTRACE_GETEVENTMSG, pid, 0, &message);
	printf("by the thread %d\n", (pid_t)message == tid);
	SHOW(waitpid(tid, NULL, WNOHANG | __WALL));
	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	next("end", pid);
}

/* Only the thread that traces gives orders; others of its process wait, too. */
static void *other_thread(void *arg)
{
	pid_t pid = *(pid_t *)arg;

	SHOW(PT(PTRACE_CONT, pid, 0, 0));
	SHOW(waitpid(pid, NULL, __WALL | WNOHANG) == pid);
	return NULL;
}

static void other(void)
{
	pid_t pid = spawn(waits);
	siginfo_t si = {0};
	pthread_t t;

	SHOW(PT(PTRACE_SEIZE, pid, 0, 0));
	SHOW(PT(PTRACE_INTERRUPT, pid, 0, 0));
	SHOW(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOWAIT));
	printf("code %d status %x\n", si.si_code, si.si_status);
	pthread_create(&t, NULL, other_thread, &pid);
	pthread_join(t, NULL);
	SHOW(waitpid(pid, NULL, __WALL | WNOHANG));
	kill(pid, SIGKILL);
	next("end", pid);
}

/* --- who may --- */

static void as_user(void)
{
	pid_t pid = shared[0];

	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(1);
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
	SHOW(PT(PTRACE_SEIZE, pid, 0, 0));
	SHOW(PT(PTRACE_ATTACH, 1, 0, 0));
	/* A child of the same user, and one that does not want to be seen. */
	for (int i = 0; i < 2; i++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			prctl(PR_SET_DUMPABLE, i ? 0 : 1);
			raise(SIGSTOP);
			_exit(0);
		}
		waitpid(pid, NULL, WUNTRACED);
		/* A change of user hides it; the first one says that it may be seen again. */
		SHOW(PT(PTRACE_SEIZE, pid, 0, 0));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void rights(void)
{
	pid_t pid = spawn(waits);

	shared[0] = pid;
	show_status("as a user", in_child(as_user));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* --- SIGCHLD --- */

static volatile int chld_code, chld_status, chld_count;

static void on_child(int sig, siginfo_t *si, void *context)
{
	chld_code = si->si_code;
	chld_status = si->si_status;
	chld_count++;
}

static void tells(void)
{
	struct sigaction sa = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO};
	pid_t pid;

	sigaction(SIGCHLD, &sa, NULL);
	pid = spawn(waits);
	SHOW(PT(PTRACE_ATTACH, pid, 0, 0));
	while (!chld_count)
		usleep(1000);
	printf("code %d status %d\n", chld_code, chld_status);
	next("attached", pid);
	SHOW(PT(PTRACE_CONT, pid, 0, SIGTERM));
	while (chld_count < 2)
		usleep(1000);
	printf("code %d status %d\n", chld_code, chld_status);
	next("end", pid);
	signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 5;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	alarm(50);
	attach();
	restart();
	group_stop();
	stranger();
	lonely();
	threads();
	exec_from_thread();
	other();
	rights();
	tells();
	return 0;
}
