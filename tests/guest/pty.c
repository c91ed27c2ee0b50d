/* SPDX-License-Identifier: BSD-2-Clause */
/* Pseudo-terminals: making and ending them, packet mode, sizes, sessions and job control. */
#include "pty.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

static volatile sig_atomic_t got[65];

static void note(int sig)
{
	got[sig]++;
}

static void catch_all(void)
{
	static const int sigs[] = {SIGHUP, SIGCONT, SIGWINCH};

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], note);
}

static void making(void)
{
	int m, n = -1, on = 1, locked = -1, peer;
	char name[64], path[64];
	struct stat st;

	SHOW((m = open("/dev/ptmx", O_RDWR | O_NOCTTY)) >= 0);
	SHOW(ioctl(m, TIOCGPTN, &n));
	SHOW(ioctl(m, TIOCGPTLCK, &locked));
	printf("locked %d\n", locked);
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	SHOW(open(name, O_RDWR | O_NOCTTY));
	locked = 0;
	SHOW(ioctl(m, TIOCSPTLCK, &locked));
	SHOW((slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
	SHOW(fstat(slave, &st));
	printf("%s, major %d, right minor %d, owner %d, links %d, mine %d\n",
	       S_ISCHR(st.st_mode) ? "character device" : "?", (int)major(st.st_rdev),
	       (int)minor(st.st_rdev) == n, (int)st.st_uid, (int)st.st_nlink,
	       (st.st_mode & 0600) == 0600);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", slave);
	char link[64] = "";
	SHOW(readlink(path, link, sizeof(link)) > 0);
	printf("link %s\n", strcmp(link, name) == 0 ? "right" : link);
	SHOW(ttyname_r(slave, link, sizeof(link)));
	printf("name %s\n", strcmp(link, name) == 0 ? "right" : link);
	SHOW(isatty(slave));
	SHOW(isatty(m));
	SHOW((peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY)) >= 0);
	SHOW(fstat(peer, &st));
	printf("right minor %d\n", (int)minor(st.st_rdev) == n);
	close(peer);
	SHOW(ioctl(slave, TIOCGPTN, &n));
	SHOW(ioctl(slave, TIOCSPTLCK, &on));
	SHOW(ioctl(slave, TIOCPKT, &on));
	SHOW(ioctl(m, TIOCGPTN, bad));
	SHOW(ioctl(m, TIOCSPTLCK, bad));
	SHOW(ioctl(m, TIOCMGET, &on));
	SHOW(lseek(m, 0, SEEK_CUR));
	SHOW(mkdir("/dev/pts/new", 0755));
	SHOW(unlink(name));
	SHOW(access("/dev/pts/x", F_OK));
	SHOW(access("/dev/pts/00", F_OK));
	SHOW(access("/dev/pts/4294967296", F_OK));
	/* The name ends with the master. */
	close(m);
	SHOW(access(name, F_OK));
	SHOW(open(name, O_RDWR | O_NOCTTY));
	SHOW(read(slave, path, 1));
	SHOW(write(slave, "x", 1));
	SHOW(ioctl(slave, TIOCGWINSZ, path));
	show_poll("slave without master", slave);
	close(slave);
}

static void ends(void)
{
	char buf[64];

	open_pair();
	show_poll("new master", master);
	show_poll("new slave", slave);
	SHOW(write(slave, "last words", 10));
	close(slave);
	wait_for(master, POLLIN);
	show_poll("master without slave", master);
	print_text("read", buf, read(master, buf, sizeof(buf)));
	SHOW(read(master, buf, 1));
	show_poll("master without slave", master);
	/* It may be opened again. */
	SHOW(ptsname_r(master, buf, sizeof(buf)));
	SHOW((slave = open(buf, O_RDWR | O_NOCTTY)) >= 0);
	show_poll("again", master);
	SHOW(write(slave, "more", 4));
	wait_for(master, POLLIN);
	print_text("read", buf, read(master, buf, sizeof(buf)));
	/* A reader of the slave finds the end when the master goes. */
	if (fork() == 0) {
		close(master);
		/* EIO or 0 on Linux, by who is faster. */
		_exit(read(slave, buf, 1) <= 0 ? 0 : 1);
	}
	usleep(20000);
	close(master);
	int status;
	wait(&status);
	show_status("reader", status);
	close(slave);
}

/* Bytes go through in both directions. */
static void transfer(void)
{
	enum { TOTAL = 300000 };
	static char buf[5000], out[5000];
	long sent, seen = 0, wrong = 0;
	int status;

	open_pair();
	set_raw(1, 0);
	if (fork() == 0) {
		/* Sends back what it gets. */
		for (long n = 0; n < TOTAL;) {
			ssize_t r = read(slave, buf, sizeof(buf));

			if (r <= 0 || write(slave, buf, (size_t)r) != r)
				_exit(1);
			n += r;
		}
		_exit(0);
	}
	fcntl(master, F_SETFL, O_NONBLOCK);
	for (sent = 0; seen < TOTAL;) {
		struct pollfd p = {.fd = master, .events = POLLIN};
		size_t n = (size_t)(sent % 3001 + 1);
		ssize_t r;

		if (sent < TOTAL)
			p.events |= POLLOUT;
		if (poll(&p, 1, 20000) != 1)
			break;
		if (n > (size_t)(TOTAL - sent))
			n = (size_t)(TOTAL - sent);
		for (size_t i = 0; i < n; i++)
			out[i] = (char)((sent + (long)i) * 7 >> 2);
		r = n && (p.revents & POLLOUT) ? write(master, out, n) : 0;
		if (r > 0)
			sent += r;
		r = p.revents & POLLIN ? read(master, buf, sizeof(buf)) : 0;
		for (ssize_t i = 0; i < r; i++)
			wrong += buf[i] != (char)((seen + i) * 7 >> 2);
		if (r > 0)
			seen += r;
	}
	wait(&status);
	show_status("echo", status);
	printf("%ld bytes, %ld wrong\n", seen, wrong);
	close_pair();
}

/* Much may be typed before anybody reads. */
static void type_ahead(void)
{
	static char buf[8000], got_all[8000];
	size_t n = 0;

	open_pair();
	set_raw(1, 0);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 11 >> 3);
	SHOW(write(master, buf, sizeof(buf)));
	while (n < sizeof(buf)) {
		ssize_t r = read(slave, got_all + n, sizeof(buf) - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	printf("%zu, same %d\n", n, memcmp(buf, got_all, sizeof(buf)) == 0);
	close_pair();
}

static void sizes(void)
{
	struct winsize w = {1, 2, 3, 4};

	catch_all();
	open_pair();
	SHOW(ioctl(slave, TIOCGWINSZ, &w));
	printf("%d %d %d %d\n", w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel);
	w = (struct winsize){25, 80, 640, 480};
	SHOW(ioctl(master, TIOCSWINSZ, &w));
	memset(&w, 0, sizeof(w));
	SHOW(ioctl(slave, TIOCGWINSZ, &w));
	printf("%d %d %d %d\n", w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel);
	SHOW(ioctl(slave, TIOCSWINSZ, bad));
	printf("signals %d\n", got[SIGWINCH]);
	signal(SIGWINCH, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGCONT, SIG_DFL);
	close_pair();
}

static void show_packet(const char *what)
{
	char buf[100];
	ssize_t n;

	if (!wait_for(master, POLLIN | POLLPRI)) {
		printf("%s: nothing\n", what);
		return;
	}
	n = read(master, buf, sizeof(buf));
	if (n == 1)
		printf("%s: status %#x\n", what, buf[0]);
	else if (n > 1)
		print_text(what, buf, n);
	fflush(stdout);
}

static void packets(void)
{
	int on = 1, is = -1;

	open_pair();
	SHOW(ioctl(master, TIOCPKT, &on));
	SHOW(ioctl(master, TIOCGPKT, &is));
	printf("%d\n", is);
	SHOW(write(slave, "data", 4));
	show_packet("data");
	SHOW(tcflush(slave, TCIFLUSH));
	show_poll("status", master);
	show_packet("TCIFLUSH");
	SHOW(tcflush(slave, TCOFLUSH));
	show_packet("TCOFLUSH");
	SHOW(tcflush(slave, TCIOFLUSH));
	show_packet("TCIOFLUSH");
	set_modes(0, IXON, 0, 0, 0, 0);
	show_packet("no flow control");
	set_modes(IXON, 0, 0, 0, 0, 0);
	show_packet("flow control");
	SHOW(tcflow(slave, TCOOFF));
	show_packet("stopped");
	SHOW(tcflow(slave, TCOON));
	show_packet("started");
	type("\023");
	show_packet("^S");
	type("\021");
	show_packet("^Q");
	set_modes(0, 0, 0, 0, EXTPROC, 0);
	show_packet("EXTPROC");
	on = 0;
	SHOW(ioctl(master, TIOCPKT, &on));
	SHOW(write(slave, "plain", 5));
	show_screen("plain");
	close_pair();
}

/* --- sessions ----------------------------------------------------------------------------- */

static char name[64];

/* In a child: a session of its own on the slave. */
static void new_session(void)
{
	setsid();
	close(slave);
	slave = open(name, O_RDWR);
	if (slave < 0)
		_exit(99);
}

static void prepare(void)
{
	open_pair();
	ptsname_r(master, name, sizeof(name));
}

static int wait_status(pid_t pid, int options)
{
	int status = -1;

	while (waitpid(pid, &status, options) < 0 && errno == EINTR)
		continue;
	return status;
}

static void controlling(void)
{
	prepare();
	pid_t pid = fork();
	if (pid == 0) {
		int tty, pgrp = -1;

		new_session();
		SHOW(tcgetpgrp(slave) == getpid());
		SHOW(tcgetsid(slave) == getpid());
		SHOW(ioctl(master, TIOCGPGRP, &pgrp));
		printf("foreground is mine: %d\n", pgrp == getpid());
		SHOW(ioctl(master, TIOCGSID, &pgrp));
		printf("session is mine: %d\n", pgrp == getpid());
		SHOW((tty = open("/dev/tty", O_RDWR)) >= 0);
		SHOW(write(tty, "hello\n", 6));
		SHOW(ioctl(slave, TIOCSCTTY, 0));
		SHOW(tcsetpgrp(slave, 12345678));
		SHOW(tcsetpgrp(slave, 1));
		SHOW(tcsetpgrp(slave, -5));
		/* A second terminal does not become ours. */
		int m2 = posix_openpt(O_RDWR), s2;
		unlockpt(m2);
		s2 = open(ptsname(m2), O_RDWR);
		SHOW(tcgetpgrp(s2));
		SHOW(ioctl(s2, TIOCSCTTY, 0));
		close(s2);
		close(m2);
		catch_all();
		SHOW(ioctl(slave, TIOCNOTTY));
		printf("HUP %d CONT %d\n", got[SIGHUP], got[SIGCONT]);
		SHOW(open("/dev/tty", O_RDWR));
		SHOW(tcgetpgrp(slave));
		SHOW(write(slave, "still\n", 6));
		SHOW(ioctl(slave, TIOCSCTTY, 0));
		SHOW(tcgetpgrp(slave) == getpid());
		_exit(0);
	}
	show_status("session", wait_status(pid, 0));
	show_screen("written");
	SHOW(ioctl(master, TIOCGSID, &(int){0}));
	close_pair();
}

/* ^C, ^\ and ^Z reach the foreground group and nobody else. */
static void keys(void)
{
	static const char *const typed[] = {"\003", "\034"};
	prepare();
	for (int i = 0; i < 2; i++) {
		pid_t leader = fork();

		if (leader == 0) {
			new_session();
			signal(SIGINT, SIG_IGN);
			signal(SIGQUIT, SIG_IGN);
			pid_t child = fork();
			if (child == 0) {
				setpgid(0, 0);
				signal(SIGTTOU, SIG_IGN);
				tcsetpgrp(slave, getpid());
				signal(SIGINT, SIG_DFL);
				signal(SIGQUIT, SIG_DFL);
				if (write(slave, "ready", 5) != 5)
					_exit(1);
				for (;;)
					pause();
			}
			show_status("foreground", wait_status(child, 0) & ~0x80);
			_exit(0);
		}
		char buf[8];
		for (int n = 0; n < 5;)
			n += (int)read(master, buf, 8);
		type(typed[i]);
		show_status("leader", wait_status(leader, 0));
		show_screen("echo");
	}
	close_pair();
}

/* A shell's life: background reads and writes, stop and continue. */
static void job_control(void)
{
	prepare();
	pid_t leader = fork();
	if (leader == 0) {
		char buf[32];
		pid_t job;

		new_session();
		signal(SIGTTOU, SIG_IGN);
		job = fork();
		if (job == 0) {
			setpgid(0, 0);
			signal(SIGTTOU, SIG_DFL);
			ssize_t n = read(slave, buf, sizeof(buf));
			print_text("the job reads", buf, n);
			if (write(slave, "written\n", 8) != 8)
				_exit(1);
			struct termios t;
			tcgetattr(slave, &t);
			/* In the background again. */
			kill(getpid(), SIGSTOP);
			if (write(slave, "freely\n", 7) != 7)
				_exit(2);
			t.c_lflag |= TOSTOP;
			SHOW(tcsetattr(slave, TCSANOW, &t));
			if (write(slave, "in front\n", 9) != 9)
				_exit(3);
			_exit(0);
		}
		setpgid(job, job);
		show_status("background read", wait_status(job, WUNTRACED));
		tcsetpgrp(slave, job);
		kill(-job, SIGCONT);
		if (write(master, "input\n", 6) != 6)
			_exit(1);
		show_status("job", wait_status(job, WUNTRACED));
		tcsetpgrp(slave, getpid());
		kill(-job, SIGCONT);
		/* Writing is free without TOSTOP, changing settings is not. */
		show_status("background tcsetattr", wait_status(job, WUNTRACED));
		tcsetpgrp(slave, job);
		kill(-job, SIGCONT);
		show_status("job", wait_status(job, WUNTRACED));
		tcsetpgrp(slave, getpid());
		/* TOSTOP is set now. */
		job = fork();
		if (job == 0) {
			setpgid(0, 0);
			signal(SIGTTOU, SIG_DFL);
			if (write(slave, "stopped\n", 8) != 8)
				_exit(4);
			_exit(0);
		}
		setpgid(job, job);
		show_status("background write", wait_status(job, WUNTRACED));
		kill(-job, SIGKILL);
		show_status("job", wait_status(job, 0));
		/* Who ignores the signals: reads fail, writes do not. */
		job = fork();
		if (job == 0) {
			setpgid(0, 0);
			signal(SIGTTIN, SIG_IGN);
			SHOW(read(slave, buf, 1));
			SHOW(write(slave, "ignored\n", 8));
			_exit(0);
		}
		setpgid(job, job);
		show_status("job", wait_status(job, WUNTRACED));
		_exit(0);
	}
	show_status("shell", wait_status(leader, 0));
	show_screen("screen");
	close_pair();
}

/* The leader's exit: the foreground group gets SIGHUP. */
static void leader_exits(void)
{
	int results[2];
	char buf[32];

	prepare();
	SHOW(pipe(results));
	pid_t leader = fork();
	if (leader == 0) {
		new_session();
		if (fork() == 0) {
			setpgid(0, 0);
			signal(SIGTTOU, SIG_IGN);
			catch_all();
			tcsetpgrp(slave, getpid());
			if (write(results[1], "r", 1) != 1)
				_exit(1);
			while (!got[SIGHUP])
				usleep(1000);
			/* The terminal is the session's no more, but lives. */
			ssize_t w = write(slave, "x", 1);
			while (open("/dev/tty", O_RDWR) >= 0)
				usleep(1000);
			dprintf(results[1], "HUP %d, write %s\n", got[SIGHUP],
				w < 0 ? strerrorname_np(errno) : "done");
			_exit(0);
		}
		if (read(results[0], buf, 1) != 1)
			_exit(1);
		_exit(7);
	}
	show_status("leader", wait_status(leader, 0));
	close(results[1]);
	ssize_t n = 0, r;
	while ((r = read(results[0], buf + 0, 1)) == 1) {
		putchar(buf[0]);
		n++;
	}
	printf("%s\n", n ? "reported" : "silent");
	fflush(stdout);
	close(results[0]);
	close_pair();
}

/* A stopped job whose leader exits is orphaned: SIGHUP and SIGCONT. */
static void orphans(void)
{
	int results[2];
	char c;

	prepare();
	SHOW(pipe(results));
	pid_t leader = fork();
	if (leader == 0) {
		new_session();
		pid_t job = fork();
		if (job == 0) {
			setpgid(0, 0);
			catch_all();
			raise(SIGSTOP);
			while (!got[SIGHUP] || !got[SIGCONT])
				usleep(1000);
			if (write(results[1], "both", 4) != 4)
				_exit(1);
			_exit(0);
		}
		show_status("job", wait_status(job, WUNTRACED));
		_exit(0);
	}
	show_status("leader", wait_status(leader, 0));
	close(results[1]);
	while (read(results[0], &c, 1) == 1)
		putchar(c);
	printf("\n");
	fflush(stdout);
	close(results[0]);
	close_pair();
}

/* The master goes: the leader gets SIGHUP, and its exit tells the foreground group. */
static void master_closes(void)
{
	int results[2];
	char c;

	prepare();
	SHOW(pipe(results));
	pid_t leader = fork();
	if (leader == 0) {
		close(master);
		new_session();
		catch_all();
		if (fork() == 0) {
			setpgid(0, 0);
			signal(SIGTTOU, SIG_IGN);
			tcsetpgrp(slave, getpid());
			if (write(results[1], "r", 1) != 1)
				_exit(1);
			while (!got[SIGHUP])
				usleep(1000);
			if (write(results[1], "f", 1) != 1)
				_exit(1);
			_exit(0);
		}
		while (!got[SIGHUP])
			usleep(1000);
		if (write(results[1], "l", 1) != 1)
			_exit(1);
		/* The terminal is the session's no more. */
		if (open("/dev/tty", O_RDWR) < 0 && errno == ENXIO &&
		    write(results[1], "n", 1) != 1)
			_exit(1);
		_exit(0);
	}
	close(results[1]);
	if (read(results[0], &c, 1) != 1)
		printf("no child\n");
	close(slave);
	close(master);
	show_status("leader", wait_status(leader, 0));
	while (read(results[0], &c, 1) == 1)
		putchar(c);
	printf("\n");
	fflush(stdout);
	close(results[0]);
}

static void exclusive(void)
{
	int on = -1, second;

	prepare();
	SHOW(ioctl(slave, TIOCEXCL));
	SHOW(ioctl(slave, TIOCGEXCL, &on));
	printf("%d\n", on);
	/* Root may; an ordinary user may not. */
	SHOW((second = open(name, O_RDWR | O_NOCTTY)) >= 0);
	close(second);
	if (fork() == 0) {
		if (chmod(name, 0666) || setgid(65534) || setuid(65534))
			_exit(1);
		SHOW(open(name, O_RDWR | O_NOCTTY));
		_exit(0);
	}
	wait(NULL);
	SHOW(ioctl(slave, TIOCNXCL));
	if (fork() == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		SHOW(open(name, O_RDWR | O_NOCTTY) >= 0);
		_exit(0);
	}
	wait(NULL);
	close_pair();
}

static void hang_up(void)
{
	char c;

	prepare();
	pid_t leader = fork();
	if (leader == 0) {
		catch_all();
		new_session();
		SHOW(ioctl(slave, TIOCVHANGUP));
		while (!got[SIGHUP])
			usleep(1000);
		SHOW(read(slave, &c, 1));
		SHOW(write(slave, "x", 1));
		SHOW(open("/dev/tty", O_RDWR));
		_exit(0);
	}
	show_status("leader", wait_status(leader, 0));
	SHOW(read(slave, &c, 1));
	close(slave);
	SHOW((slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
	SHOW(write(slave, "new\n", 4));
	show_screen("written");
	close_pair();
}

/* Input waits for room that an end of file, or a line that goes nowhere, makes. */
static void room_by_nothing(int kind)
{
	static char line[4096];
	char c;

	open_pair();
	memset(line, 'a', sizeof(line));
	SHOW(write(master, kind ? "x\n" : "\4", kind ? 2 : 1));
	SHOW(write(master, line, 4092 - (size_t)kind));
	alarm(20);
	if (!fork()) {
		write(master, "\n", 1);
		_exit(0);
	}
	usleep(100000); /* it waits in the master, or beyond */
	SHOW(read(slave, kind ? (char *)bad : &c, 1000));
	SHOW(read(slave, line, sizeof(line)));
	wait(NULL);
	alarm(0);
	close_pair();
}

/* Pairs come and go in several processes. */
static void many(void)
{
	enum { CHILDREN = 4, ROUNDS = 60 };
	int failed = 0, status;

	for (int i = 0; i < CHILDREN; i++) {
		if (fork())
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			char text[32], in[32] = "";
			int n = snprintf(text, sizeof(text), "%d %d\n", i, round);

			open_pair();
			if (write(master, text, (size_t)n) != n || read(slave, in, 32) != n ||
			    strcmp(text, in))
				_exit(1);
			if (round & 1)
				close(slave);
			close(master);
			if (!(round & 1))
				close(slave);
		}
		_exit(0);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	printf("%d failed\n", failed);
}

int main(void)
{
	making();
	ends();
	transfer();
	type_ahead();
	sizes();
	packets();
	controlling();
	keys();
	job_control();
	leader_exits();
	orphans();
	master_closes();
	exclusive();
	hang_up();
	room_by_nothing(0);
	room_by_nothing(1);
	many();
	return 0;
}
