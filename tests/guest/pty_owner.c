/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * To whom a terminal belongs: nobody takes it from another session, two that ask at once do not
 * both get it, one process leaves it without the others, and a master opens its own slave wherever
 * its holder's root is.
 */
#include "guest.h"
#include "pty.h"
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif
#define ROUNDS 200

static int end_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A child that owns the terminal until `end` is closed. */
static pid_t owner(int end[2], bool *still_mine)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(end) < 0 || pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(end[1]);
		signal(SIGHUP, SIG_IGN);
		setsid();
		c = ioctl(slave, TIOCSCTTY, 0) ? 'n' : 'y';
		if (write(ready[1], &c, 1) != 1 || read(end[0], &c, 1) < 0)
			_exit(2);
		*still_mine = tcgetpgrp(slave) == getpid();
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	if (read(ready[0], &c, 1) != 1 || c != 'y')
		printf("no owner\n");
	close(ready[0]);
	return pid;
}

static void drop_root(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
	    setresuid(65534, 65534, 65534) < 0)
		_exit(3);
}

static void taken(const char *who, int how, bool root, bool *shared)
{
	int end[2];
	pid_t first = owner(end, shared), pid = fork();

	if (pid == 0) {
		setsid();
		if (!root)
			drop_root();
		printf("%s:\n", who);
		SHOW(ioctl(slave, TIOCSCTTY, how));
		SHOW(tcgetpgrp(slave) == getpid());
		fflush(stdout);
		_exit(0);
	}
	end_of(pid);
	close(end[1]);
	SHOW(end_of(first));
	printf("still its own: %d\n", *shared);
}

static void steal(bool *shared)
{
	open_pair();
	taken("another", 0, false, shared);
	taken("another that says so", 1, false, shared);
	taken("root", 0, true, shared);
	taken("root that says so", 1, true, shared);
	close_pair();
}

static void not_readable(void)
{
	open_pair();
	pid_t pid = fork();
	if (pid == 0) {
		int w = open(ttyname(slave), O_WRONLY | O_NOCTTY);

		setsid();
		drop_root();
		SHOW(ioctl(w, TIOCSCTTY, 0));
		SHOW(ioctl(slave, TIOCSCTTY, 0));
		SHOW(ioctl(w, TIOCSCTTY, 0));
		_exit(0);
	}
	end_of(pid);
	close_pair();
}

/* Two sessions at once: one gets it. */
static int racer(char *go)
{
	setsid();
	while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
		sched_yield();
	if (ioctl(slave, TIOCSCTTY, 0) < 0)
		return errno == EPERM ? 0 : 7;
	/* It stays ours while we live: the other, too, has asked by then or will see us. */
	__atomic_fetch_add(go + 1, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(go + 2, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	return tcgetpgrp(slave) == getpid() ? 1 : 5;
}

static void race(void)
{
	char *go = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int sum = 0, status;
		pid_t pids[2], pid;

		memset(go, 0, 3);
		open_pair();
		for (int j = 0; j < 2; j++) {
			pids[j] = fork();
			if (pids[j] == 0)
				_exit(racer(go));
		}
		__atomic_store_n(go, 1, __ATOMIC_RELEASE);
		/* The loser ends first. With two winners nobody would. */
		while ((pid = waitpid(-1, &status, WNOHANG)) == 0 &&
		       __atomic_load_n(go + 1, __ATOMIC_ACQUIRE) < 2)
			sched_yield();
		if (pid > 0)
			sum += WEXITSTATUS(status);
		__atomic_store_n(go + 2, 1, __ATOMIC_RELEASE);
		while (waitpid(-1, &status, 0) > 0)
			sum += WEXITSTATUS(status);
		wrong += sum != 1;
		close_pair();
	}
	printf("rounds without exactly one owner: %d\n", wrong);
	munmap(go, 4096);
}

static void leave(void)
{
	open_pair();
	pid_t leader = fork();
	if (leader == 0) {
		pid_t pid;

		setsid();
		SHOW(ioctl(slave, TIOCSCTTY, 0));
		pid = fork();
		if (pid == 0) {
			SHOW(tcgetpgrp(slave) == getppid());
			SHOW(ioctl(slave, TIOCNOTTY));
			SHOW(ioctl(slave, TIOCNOTTY));
			SHOW(tcgetpgrp(slave));
			SHOW(open("/dev/tty", O_RDWR));
			SHOW(ioctl(slave, TIOCSCTTY, 0));
			pid = fork();
			if (pid == 0) {
				SHOW(open("/dev/tty", O_RDWR));
				_exit(0);
			}
			_exit(end_of(pid));
		}
		SHOW(end_of(pid));
		SHOW(tcgetpgrp(slave) == getpid());
		SHOW(open("/dev/tty", O_RDWR) >= 0);
		_exit(0);
	}
	SHOW(end_of(leader));
	close_pair();
}

/* In a root of its own, with a decoy where the slave's name leads. */
static void peer(void)
{
	char path[64], text[16] = "";
	int fd;

	open_pair();
	close(slave);
	SHOW(mkdir("root", 0755) || mkdir("root/dev", 0755) || mkdir("root/dev/pts", 0755));
	fd = open("root/secret", O_RDWR | O_CREAT, 0600);
	SHOW(write(fd, "secret", 6));
	close(fd);
	snprintf(path, sizeof(path), "root/dev/pts/%d", atoi(ptsname(master) + 9));
	SHOW(symlink("/secret", path));
	pid_t pid = fork();
	if (pid == 0) {
		SHOW(chroot("root") || chdir("/"));
		drop_root();
		SHOW(open("/secret", O_RDONLY));
		SHOW((fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY)) >= 0);
		SHOW(isatty(fd));
		SHOW(write(fd, "public", 6));
		SHOW(lseek(fd, 0, SEEK_SET));
		_exit(0);
	}
	end_of(pid);
	SHOW(read(master, text, 6));
	printf("the master has %s\n", text);
	SHOW(unlink(path) || unlink("root/secret") || rmdir("root/dev/pts") || rmdir("root/dev") ||
	     rmdir("root"));
	close(master);
}

int main(void)
{
	bool *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	setvbuf(stdout, NULL, _IONBF, 0);
	steal(shared);
	not_readable();
	race();
	leave();
	peer();
	return 0;
}
