/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process 1.
 *
 * It mounts what programs expect, and then does one of two things. Without /vm/command it installs
 * the drivers of the devices that are there (`banos probe`), and keeps a login shell on the
 * console, starting a new one whenever that ends. With /vm/command, which tools/vm puts there, it
 * is the guest half of tools/vm: it installs the drivers in /vm/drivers, runs the command with its
 * output on the second serial line, reports "exit N" on the third, and powers off.
 *
 * In both cases it reaps every orphan and obeys the signals that busybox's halt, poweroff and
 * reboot send. All signals stay blocked except inside sigsuspend, so that there is no moment
 * between looking for work and sleeping in which one could get lost; handlers only note them.
 *
 * It is one file without configuration on purpose. Busybox has an init of its own, but the status
 * of a batch command has to reach the host in a way that no output can imitate.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COMMAND_FILE  "/vm/command"
#define DRIVER_FOLDER "/vm/drivers"
#define OUTPUT_LINE   "/dev/ttyS1"
#define CONTROL_LINE  "/dev/ttyS2"

/* The status of a batch whose command could not even be started; tools/vm documents it. */
#define EXIT_NOT_STARTED 126

#define SHUTDOWN_STEPS	 20
#define SHUTDOWN_STEP_MS 50

static volatile sig_atomic_t shutdown_signal;
static sigset_t no_signals;

static void note_signal(int signal)
{
	if (signal != SIGCHLD)
		shutdown_signal = signal;
}

static void say(const char *what)
{
	dprintf(STDERR_FILENO, "init: %s: %s\n", what, strerror(errno));
}

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static void catch_signals(void)
{
	static const int caught[] = {SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
	struct sigaction action = {.sa_handler = note_signal};
	sigset_t all;

	sigemptyset(&no_signals);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &action, NULL);
}

/* In a child before exec: caught signals go back by themselves, the mask does not. */
static void release_signals(void)
{
	sigprocmask(SIG_SETMASK, &no_signals, NULL);
}

/*
 * The console as 0, 1 and 2. What the kernel gave us is the node of the initramfs; the one of the
 * mounted /dev is what programs find when they ask for the name of their terminal.
 */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		if (fd != i)
			dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
}

static void mount_with(const char *type, const char *where, const char *options)
{
	mkdir(where, 0755);
	/* EBUSY: the kernel has mounted it already. */
	if (mount(type, where, type, 0, options) < 0 && errno != EBUSY)
		say(where);
}

/* Reads a whole small file. Returns: a terminated string from malloc, or NULL. */
static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0, room = 0;
	char *text = NULL;
	ssize_t got = 1;

	if (fd < 0)
		return NULL;
	while (got > 0) {
		if (room - used < 2) {
			char *larger = realloc(text, room += 4096);

			if (!larger)
				break;
			text = larger;
		}
		got = read(fd, text + used, room - used - 1);
		if (got > 0)
			used += (size_t)got;
	}
	close(fd);
	if (text)
		text[used] = '\0';
	return text;
}

static void set_hostname(void)
{
	char *name = read_file("/etc/hostname");

	if (name)
		sethostname(name, strcspn(name, "\n"));
	free(name);
}

static void set_environment(void)
{
	setenv("PATH", "/sbin:/usr/sbin:/bin:/usr/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LOGNAME", "root", 1);
	setenv("SHELL", "/bin/sh", 1);
	setenv("TERM", "vt100", 0);
	if (chdir("/root") < 0)
		say("/root");
}

/*
 * A serial line knows nothing about the terminal at its other end, so `make run` passes
 * TERM=name and winsize=ROWSxCOLUMNS on the kernel's command line.
 */
static void read_terminal_words(void)
{
	char *line = read_file("/proc/cmdline");
	unsigned short rows, columns;

	for (char *word = line ? strtok(line, " \n") : NULL; word; word = strtok(NULL, " \n")) {
		if (!strncmp(word, "TERM=", 5) && word[5])
			setenv("TERM", word + 5, 1);
		if (sscanf(word, "winsize=%hux%hu", &rows, &columns) == 2) {
			struct winsize size = {.ws_row = rows, .ws_col = columns};

			ioctl(STDIN_FILENO, TIOCSWINSZ, &size);
		}
	}
	free(line);
}

/*
 * Reaps what has ended. Returns: whether `awaited` was among it, with its status; if so it stops
 * there, the rest stays for the next call.
 */
static bool reap(pid_t awaited, int *status)
{
	pid_t pid;

	while ((pid = waitpid(-1, status, WNOHANG)) > 0)
		if (pid == awaited)
			return true;
	/* No child at all is left: the one awaited cannot come any more. */
	return pid < 0 && errno == ECHILD && awaited > 0;
}

static void stop_everyone(void)
{
	int status;

	/* An interactive shell ignores SIGTERM but obeys SIGHUP; a stopped process needs SIGCONT.
	 */
	kill(-1, SIGTERM);
	kill(-1, SIGHUP);
	kill(-1, SIGCONT);
	for (int i = 0; i < SHUTDOWN_STEPS && waitpid(-1, &status, WNOHANG) >= 0; i++)
		sleep_ms(SHUTDOWN_STEP_MS);
	kill(-1, SIGKILL);
	for (int i = 0; i < SHUTDOWN_STEPS && waitpid(-1, &status, WNOHANG) >= 0; i++)
		sleep_ms(SHUTDOWN_STEP_MS);
}

static void machine_stop(int how)
{
	sync();
	reboot(how);
	say("reboot");
	for (;;)
		pause();
}

static void obey_shutdown(void)
{
	int how = RB_AUTOBOOT; /* SIGTERM from busybox's reboot, SIGINT from Ctrl-Alt-Del */

	if (shutdown_signal == SIGUSR1)
		how = RB_HALT_SYSTEM;
	if (shutdown_signal == SIGUSR2)
		how = RB_POWER_OFF;
	stop_everyone();
	machine_stop(how);
}

/* Waits for one child, reaping all others. Returns: its wait status. */
static int wait_for(pid_t pid)
{
	int status = 0;

	while (!reap(pid, &status)) {
		if (shutdown_signal)
			obey_shutdown();
		sigsuspend(&no_signals);
	}
	return status;
}

/* --- The shell on the console --- */

static pid_t start_shell(const struct termios *sane)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	release_signals();
	setsid();
	ioctl(STDIN_FILENO, TIOCSCTTY, 1);
	/* The last program may have died in raw mode. */
	if (sane)
		tcsetattr(STDIN_FILENO, TCSANOW, sane);
	execl("/bin/sh", "-sh", (char *)NULL);
	say("/bin/sh");
	_exit(EXIT_NOT_STARTED);
}

static void serve_console(void)
{
	struct termios sane;
	bool have_sane = tcgetattr(STDIN_FILENO, &sane) == 0;
	char *motd = read_file("/etc/motd");

	if (motd)
		dprintf(STDOUT_FILENO, "%s", motd);
	free(motd);
	for (;;) {
		time_t started = time(NULL);
		pid_t pid = start_shell(have_sane ? &sane : NULL);

		if (pid < 0)
			say("fork");
		else
			wait_for(pid);
		/* Do not burn the processor on a shell that cannot run. */
		if (time(NULL) - started < 1)
			sleep_ms(1000);
	}
}

/* --- A command for tools/vm --- */

/* Opens a serial line so that every byte passes as it is. Returns: a descriptor, or -1. */
static int open_raw(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios mode;

	if (fd < 0) {
		say(path);
		return -1;
	}
	if (tcgetattr(fd, &mode) == 0) {
		cfmakeraw(&mode);
		tcsetattr(fd, TCSANOW, &mode);
	}
	return fd;
}

/* Runs a program with the output line as its stdout and stderr. Returns: its exit status. */
static int run(char *const argv[], int output)
{
	pid_t pid = fork();
	int status;

	if (pid < 0) {
		dprintf(output, "init: fork: %s\n", strerror(errno));
		return EXIT_NOT_STARTED;
	}
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		release_signals();
		setsid();
		if (null >= 0)
			dup2(null, STDIN_FILENO);
		if (null > STDERR_FILENO)
			close(null);
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		execv(argv[0], argv);
		say(argv[0]);
		_exit(EXIT_NOT_STARTED);
	}
	status = wait_for(pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Returns: false if one of them was refused; `banos` has said why on the output line. */
static bool install_drivers(int output)
{
	struct dirent **names;
	int count = scandir(DRIVER_FOLDER, &names, not_hidden, alphasort);
	bool ok = true;

	for (int i = 0; i < count; i++) {
		char path[sizeof(DRIVER_FOLDER) + 1 + sizeof(names[i]->d_name)];

		snprintf(path, sizeof(path), "%s/%s", DRIVER_FOLDER, names[i]->d_name);
		if (ok)
			ok = run((char *[]){"/bin/banos", "install", path, NULL}, output) == 0;
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return ok;
}

static void run_batch(char *command)
{
	int output = open_raw(OUTPUT_LINE);
	int control = open_raw(CONTROL_LINE);
	int status = EXIT_NOT_STARTED;

	if (install_drivers(output))
		status = run((char *[]){"/bin/sh", "-c", command, NULL}, output);
	/* The host reads the status as the end of the output, so the output has to be out. */
	tcdrain(output);
	dprintf(control, "exit %d\n", status);
	tcdrain(control);
	machine_stop(RB_POWER_OFF);
}

int main(void)
{
	char *command;

	if (getpid() != 1) {
		fprintf(stderr, "init: only the kernel starts it, as process 1\n");
		return 1;
	}
	catch_signals();
	mount_with("proc", "/proc", NULL);
	mount_with("sysfs", "/sys", NULL);
	mount_with("devtmpfs", "/dev", NULL);
	open_console();
	mount_with("devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666");
	set_hostname();
	set_environment();
	command = read_file(COMMAND_FILE);
	if (command)
		run_batch(command);
	run((char *[]){"/bin/banos", "probe", NULL}, STDOUT_FILENO);
	read_terminal_words();
	serve_console();
}
