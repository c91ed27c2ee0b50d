/* SPDX-License-Identifier: BSD-2-Clause */
/* Message queues of System V: types, room, waiting, control, bad arguments. */
#include "guest.h"
#include <limits.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <time.h>

#define KEY 0x5eed0003

struct message {
	long type;
	char text[8192 + 8];
};

static int queue;

static int send_text(long type, const char *text, int flags)
{
	struct message m = {.type = type};

	strcpy(m.text, text);
	return msgsnd(queue, &m, strlen(text), flags);
}

/* Receives and prints. */
static void get(long type, size_t size, int flags)
{
	struct message m;
	ssize_t n;

	memset(&m, '#', sizeof(m));
	n = msgrcv(queue, &m, size, type, flags);
	if (n < 0)
		printf("get(%ld, %zu, %#x): %s\n", type, size, flags, strerrorname_np(errno));
	else
		printf("get(%ld, %zu, %#x): %zd of type %ld \"%.*s\"%s\n", type, size, flags, n,
		       m.type, (int)n, m.text, m.text[n] == '#' ? "" : " and more");
	fflush(stdout);
}

static struct msqid_ds status(void)
{
	struct msqid_ds ds;

	memset(&ds, 0xee, sizeof(ds));
	if (msgctl(queue, IPC_STAT, &ds))
		printf("IPC_STAT: %s\n", strerrorname_np(errno));
	return ds;
}

static void show_fill(void)
{
	struct msqid_ds ds = status();

	printf("%lu messages, %lu bytes\n", (unsigned long)ds.msg_qnum,
	       (unsigned long)ds.__msg_cbytes);
	fflush(stdout);
}

static void make(void)
{
	queue = msgget(IPC_PRIVATE, 0600);
	if (queue < 0)
		printf("msgget: %s\n", strerrorname_np(errno));
}

static void finish(void)
{
	msgctl(queue, IPC_RMID, NULL);
}

static void keys(void)
{
	struct msqid_ds ds;

	queue = msgget(KEY, IPC_CREAT | IPC_EXCL | 0640);
	printf("made %d\n", queue >= 0);
	SHOW(msgget(KEY, IPC_CREAT | IPC_EXCL | 0640));
	printf("the same: %d %d\n", msgget(KEY, 0) == queue,
	       msgget(KEY, IPC_CREAT | 0600) == queue);
	SHOW(msgget(KEY + 1, 0));
	ds = status();
	printf("key %#x mode %#o room %lu times %ld %ld %d pids %d %d\n", ds.msg_perm.__key,
	       ds.msg_perm.mode, (unsigned long)ds.msg_qbytes, ds.msg_stime, ds.msg_rtime,
	       labs(time(NULL) - ds.msg_ctime) < 100, ds.msg_lspid, ds.msg_lrpid);
	send_text(1, "x", 0);
	get(0, 1, 0);
	ds = status();
	printf("times %d %d pids %d %d\n", ds.msg_stime != 0, ds.msg_rtime != 0,
	       ds.msg_lspid == getpid(), ds.msg_lrpid == getpid());
	send_text(1, "left behind", 0);
	SHOW(msgctl(queue, IPC_RMID, NULL));
	SHOW(msgctl(queue, IPC_RMID, NULL));
	SHOW(send_text(1, "x", 0));
	get(0, 1, 0);
}

static void types(void)
{
	make();
	for (int i = 0; i < 3; i++) {
		send_text(7, "seven", 0);
		send_text(3, "three", 0);
		send_text(5, "five", 0);
		send_text(3, "another three", 0);
		send_text(LONG_MAX, "largest", 0);
	}
	show_fill();
	get(0, 100, 0);
	get(5, 100, 0);
	get(-5, 100, 0);
	get(-6, 100, 0);
	get(-2, 100, IPC_NOWAIT);
	get(4, 100, IPC_NOWAIT);
	get(3, 100, MSG_EXCEPT);
	get(7, 100, MSG_EXCEPT);
	get(LONG_MAX, 100, 0);
	get(LONG_MIN, 100, 0);
	get(0, 2, IPC_NOWAIT);
	get(0, 2, MSG_NOERROR);
	get(0, 0, MSG_NOERROR);
	get(7, 4, 0);
	get(0, 100, 0);
	show_fill();
	get(-1, 100, IPC_NOWAIT | MSG_NOERROR);
	get(0, 100, MSG_COPY);
	get(0, 100, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT);
	finish();
}

static void arguments(void)
{
	struct message m = {.type = 1};
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct msqid_ds ds;

	munmap(page + 4096, 4096);
	make();
	SHOW(msgsnd(queue, &m, 8192, 0));
	SHOW(msgsnd(queue, &m, 8193, 0));
	SHOW(msgsnd(queue, &m, -1, 0));
	SHOW(msgsnd(queue, &m, (size_t)LONG_MIN, 0));
	SHOW(msgsnd(queue, bad, 1, 0));
	SHOW(msgsnd(queue, bad, -1, 0));
	SHOW(msgsnd(queue, (void *)-16, 5, 0));
	m.type = 0;
	SHOW(msgsnd(queue, &m, 1, 0));
	m.type = -1;
	SHOW(msgsnd(queue, &m, 1, 0));
	m.type = 1;
	SHOW(msgsnd(-1, &m, 1, 0));
	SHOW(msgsnd(INT_MAX, &m, 1, 0));
	SHOW(msgsnd(INT_MAX, &m, 9000, 0));
	*(long *)(page + 4096 - 8) = 1;
	*(long *)(page + 4096 - 16) = 1;
	SHOW(msgsnd(queue, page + 4096 - 8, 1, 0));
	SHOW(msgsnd(queue, page + 4096 - 8, 0, 0));
	SHOW(msgsnd(queue, page + 4096 - 16, 9, 0));
	SHOW(msgsnd(queue, page + 4096 - 16, 8, 0));
	SHOW(msgsnd(queue, page + 4096 - 4, 0, 0));
	show_fill();
	SHOW(msgrcv(queue, &m, -1, 0, 0));
	SHOW(msgrcv(queue, &m, 100, 0, 0));
	SHOW(msgrcv(-1, &m, 100, 0, 0));
	SHOW(msgrcv(INT_MAX, &m, 100, 0, 0));
	SHOW(msgrcv(queue, &m, 9000, 0, 0));
	show_fill();
	/* What cannot be stored is lost. */
	send_text(1, "a text of some length", 0);
	SHOW(msgrcv(queue, bad, 0, 0, 0));
	SHOW(msgrcv(queue, page + 4096 - 16, 100, 0, 0));
	SHOW(msgrcv(queue, page + 4096 - 16, 100, 0, 0));
	SHOW(msgrcv(queue, page + 4096 - 16, 100, 0, IPC_NOWAIT));
	show_fill();
	/* Large ones arrive as they were sent. */
	int wrong = 0;
	for (size_t n = 4000; n <= 8192; n += 131) {
		struct message out;

		for (size_t i = 0; i < n; i++)
			m.text[i] = (char)(i * 31 + n);
		memset(&out, 0, sizeof(out));
		if (msgsnd(queue, &m, n, 0) || msgrcv(queue, &out, 8192, 0, 0) != (ssize_t)n ||
		    memcmp(m.text, out.text, n) || out.text[n])
			wrong++;
	}
	printf("large ones: %d wrong\n", wrong);
	SHOW(msgctl(queue, IPC_STAT, bad));
	SHOW(msgctl(queue, IPC_SET, bad));
	SHOW(msgctl(INT_MAX, IPC_SET, bad));
	SHOW(msgctl(queue, IPC_INFO, bad));
	SHOW(msgctl(queue, MSG_INFO, bad));
	SHOW(msgctl(queue, 99, &ds));
	SHOW(msgctl(queue, -1, &ds));
	SHOW(msgctl(-1, IPC_INFO, &ds));
	SHOW(msgctl(32767, MSG_STAT, &ds));
	SHOW(msgctl(queue + 32768, IPC_STAT, &ds));
	munmap(page, 4096);
	finish();
}

/* --- room --------------------------------------------------------------------------------- */

static void room(void)
{
	struct message m = {.type = 1};
	struct msqid_ds ds;
	int n = 0;

	make();
	SHOW(msgsnd(queue, &m, 8192, IPC_NOWAIT));
	SHOW(msgsnd(queue, &m, 8192, IPC_NOWAIT));
	SHOW(msgsnd(queue, &m, 1, IPC_NOWAIT));
	SHOW(msgsnd(queue, &m, 0, IPC_NOWAIT));
	show_fill();
	SHOW(msgrcv(queue, &m, 8192, 0, 0));
	SHOW(msgsnd(queue, &m, 8192, IPC_NOWAIT));
	SHOW(msgrcv(queue, &m, 8192, 0, 0));
	ds = status();
	ds.msg_qbytes = 8194;
	ds.msg_perm.mode = 0606;
	SHOW(msgctl(queue, IPC_SET, &ds));
	SHOW(msgsnd(queue, &m, 3, IPC_NOWAIT));
	SHOW(msgsnd(queue, &m, 2, IPC_NOWAIT));
	ds.msg_qbytes = 5;
	SHOW(msgctl(queue, IPC_SET, &ds));
	SHOW(msgsnd(queue, &m, 0, IPC_NOWAIT));
	show_fill();
	while (msgrcv(queue, &m, 8192, 0, IPC_NOWAIT) >= 0)
		n++;
	printf("received %d\n", n);
	/* Empty messages are limited by their number. */
	for (n = 0; msgsnd(queue, &m, 0, IPC_NOWAIT) == 0; n++)
		continue;
	printf("empty ones: %d %s\n", n, strerrorname_np(errno));
	SHOW(msgsnd(queue, &m, 6, IPC_NOWAIT));
	ds = status();
	printf("mode %#o room %lu\n", ds.msg_perm.mode, (unsigned long)ds.msg_qbytes);
	ds.msg_perm.uid = -1;
	ds.msg_qbytes = 77;
	SHOW(msgctl(queue, IPC_SET, &ds));
	ds = status();
	printf("room %lu\n", (unsigned long)ds.msg_qbytes);
	finish();
}

/* --- waiting ------------------------------------------------------------------------------ */

/* A child sleeps in the call: its state says so, and goes on saying so. */
static void await_sleep(pid_t pid)
{
	char path[40], line[200];
	int seen = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (seen < 5) {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, line, sizeof(line) - 1);
		const char *at;

		close(fd);
		if (n <= 0)
			return;
		line[n] = 0;
		at = strrchr(line, ')');
		seen = at && at[2] == 'S' ? seen + 1 : 0;
		usleep(1000);
	}
}

static pid_t receiver(long type, size_t size, int flags)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		get(type, size, flags);
		_exit(0);
	}
	await_sleep(pid);
	return pid;
}

/* Its status is the error: two that are woken at once print nothing. */
static pid_t silent_receiver(long type, size_t size)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct message m;

		_exit(msgrcv(queue, &m, size, type, 0) < 0 ? errno : 0);
	}
	await_sleep(pid);
	return pid;
}

static pid_t sender(long type, size_t size)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct message m = {.type = type};

		_exit(msgsnd(queue, &m, size, 0) ? errno : 0);
	}
	await_sleep(pid);
	return pid;
}

static void reap(const char *what, pid_t pid)
{
	int st;

	waitpid(pid, &st, 0);
	printf("%s: %s\n", what,
	       !WIFEXITED(st)	 ? "killed"
	       : WEXITSTATUS(st) ? strerrorname_np(WEXITSTATUS(st))
				 : "done");
	fflush(stdout);
}

static void nothing(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	struct message m = {.type = 1};
	struct sigaction sa = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	struct msqid_ds ds;
	pid_t a, b, c;

	sigaction(SIGUSR1, &sa, NULL);
	make();
	a = receiver(2, 100, 0);
	b = receiver(-5, 100, 0);
	send_text(6, "for nobody", 0);
	send_text(4, "up to five", 0);
	reap("receiver", b);
	send_text(2, "type two", 0);
	reap("receiver", a);
	show_fill();
	get(0, 100, 0);
	/* One with too little room is told; the next one gets it. */
	a = silent_receiver(0, 3);
	b = silent_receiver(0, 100);
	send_text(1, "long one", 0);
	reap("receiver", a);
	reap("receiver", b);
	a = receiver(0, 3, MSG_NOERROR);
	send_text(1, "long one", 0);
	reap("receiver", a);
	show_fill();
	/* Senders wait for room. There is never room for two of them: Linux lets them race then. */
	msgsnd(queue, &m, 8000, 0);
	msgsnd(queue, &m, 8000, 0);
	msgsnd(queue, &m, 300, 0);
	a = sender(2, 200);
	b = sender(3, 8192);
	show_fill();
	SHOW(msgrcv(queue, &m, 8192, 0, 0));
	reap("sender", a);
	show_fill();
	SHOW(msgrcv(queue, &m, 8192, 0, 0));
	reap("sender", b);
	show_fill();
	/* Larger by a call. */
	ds = status();
	ds.msg_qbytes = 8700;
	msgctl(queue, IPC_SET, &ds);
	a = sender(4, 7000);
	ds.msg_qbytes = 8692 + 7000;
	msgctl(queue, IPC_SET, &ds);
	reap("sender", a);
	show_fill();
	/* A signal, with and without a handler; the end of the queue. */
	a = sender(5, 100);
	kill(a, SIGUSR1);
	reap("interrupted", a);
	b = receiver(99, 1, 0);
	kill(b, SIGUSR1);
	reap("receiver", b);
	b = receiver(99, 1, 0);
	kill(b, SIGKILL);
	reap("receiver", b);
	a = sender(5, 100);
	b = silent_receiver(99, 1);
	SHOW(msgctl(queue, IPC_RMID, NULL));
	reap("sender", a);
	reap("receiver", b);
	/* Permission that is taken away from one who waits. */
	make();
	ds = status();
	ds.msg_perm.mode = 0666;
	msgctl(queue, IPC_SET, &ds);
	fflush(stdout);
	c = fork();
	if (c == 0) {
		setuid(77);
		get(0, 1, 0);
		_exit(0);
	}
	await_sleep(c);
	ds.msg_perm.mode = 0600;
	msgctl(queue, IPC_SET, &ds);
	reap("receiver", c);
	finish();
}

/* --- others ------------------------------------------------------------------------------- */

static void as_another(void)
{
	struct msqid_ds ds = {0};

	setgid(77);
	setuid(77);
	SHOW(msgget(KEY, 0600));
	SHOW(msgget(KEY, 0200) == queue);
	SHOW(msgctl(queue, IPC_STAT, &ds));
	SHOW(msgctl(queue, IPC_RMID, NULL));
	SHOW(msgctl(queue, IPC_SET, &ds));
	SHOW(msgctl(queue % 32768, MSG_STAT, &ds));
	SHOW(msgctl(queue % 32768, MSG_STAT_ANY, &ds) == queue);
	SHOW(send_text(1, "allowed", 0));
	get(0, 100, 0);
	queue = msgget(IPC_PRIVATE, 0600);
	msgctl(queue, IPC_STAT, &ds);
	ds.msg_qbytes = 16385;
	SHOW(msgctl(queue, IPC_SET, &ds));
	ds.msg_qbytes = 16383;
	SHOW(msgctl(queue, IPC_SET, &ds));
	SHOW(msgctl(queue, IPC_RMID, NULL));
}

static void permission(void)
{
	queue = msgget(KEY, IPC_CREAT | 0602);
	show_status("another user", in_child(as_another));
	get(0, 100, 0);
	finish();
}

static void listed(void)
{
	struct msginfo info;
	struct msginfo before;
	struct msqid_ds ds;
	int found = 0, n;
	char line[200];
	FILE *f;

	msgctl(0, MSG_INFO, (struct msqid_ds *)&before); /* others may have some, too */
	queue = msgget(0x1234, IPC_CREAT | 0640);
	send_text(1, "12345", 0);
	send_text(1, "123", 0);
	n = msgctl(0, IPC_INFO, (struct msqid_ds *)&info);
	printf("limits %d: %d %d %d %d %d %d %d %d\n", n >= 0, info.msgpool, info.msgmap,
	       info.msgmax, info.msgmnb, info.msgmni, info.msgssz, info.msgtql, info.msgseg);
	n = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
	printf("in use: %d queues, %d messages, %d bytes\n", info.msgpool - before.msgpool,
	       info.msgmap - before.msgmap, info.msgtql - before.msgtql);
	for (int i = 0; i <= n; i++)
		found += msgctl(i, MSG_STAT, &ds) == queue && ds.msg_qnum == 2;
	printf("found by index: %d\n", found);
	f = fopen("/proc/sysvipc/msg", "r");
	fgets(line, sizeof(line), f);
	printf("%s", line);
	while (fgets(line, sizeof(line), f)) {
		int key, id, bytes, count;
		unsigned mode;

		if (sscanf(line, "%d %d %o %d %d", &key, &id, &mode, &bytes, &count) == 5 &&
		    id == queue)
			printf("%d %o %d %d\n", key, mode, bytes, count);
	}
	fclose(f);
	finish();
	show_file("/proc/sys/kernel/msgmax");
	show_file("/proc/sys/kernel/msgmnb");
	show_file("/proc/sys/kernel/msgmni");
	n = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
	printf("left: %d queues, %d messages, %d bytes\n", info.msgpool - before.msgpool,
	       info.msgmap - before.msgmap, info.msgtql - before.msgtql);
}

/* Two send, two receive, in a queue with little room; each byte arrives once. */
static void races(void)
{
	unsigned long *sums =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct msqid_ds ds;
	int st, wrong = 0;

	make();
	ds = status();
	ds.msg_qbytes = 300;
	msgctl(queue, IPC_SET, &ds);
	fflush(stdout);
	for (int p = 0; p < 4; p++) {
		struct message m;

		if (fork())
			continue;
		for (int i = 0; i < 500; i++) {
			ssize_t n = 1 + (i * 13 + p) % 250;

			m.type = 1 + i % 3;
			memset(m.text, i + 1, (size_t)n);
			if (p < 2) {
				if (msgsnd(queue, &m, (size_t)n, 0))
					_exit(1);
			} else {
				n = msgrcv(queue, &m, 300, i % 3 ? 0 : -3, 0);
				if (n <= 0)
					_exit(1);
				for (ssize_t k = 1; k < n; k++)
					if (m.text[k] != m.text[0])
						_exit(2);
			}
			__atomic_fetch_add(&sums[p / 2], (unsigned long)n, __ATOMIC_RELAXED);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		wait(&st);
		wrong += st != 0;
	}
	printf("failed %d, sent %lu, received the same: %d\n", wrong, sums[0], sums[0] == sums[1]);
	show_fill();
	finish();
	/* Queues that go while others use them. */
	for (int round = 0; round < 20; round++) {
		make();
		for (int p = 0; p < 3; p++) {
			if (fork())
				continue;
			if (p)
				while (send_text(p, "some text", 0) == 0)
					continue;
			else
				while (msgrcv(queue, &(struct message){0}, 100, 0, 0) >= 0)
					continue;
			_exit(errno == EIDRM || errno == EINVAL ? 0 : 1);
		}
		while (status().msg_stime == 0)
			sched_yield();
		finish();
		for (int p = 0; p < 3; p++) {
			wait(&st);
			wrong += st != 0;
		}
	}
	printf("removed in use: %d wrong\n", wrong);
}

int main(void)
{
	/* Where there are namespaces, one without the objects of others. */
	unshare(CLONE_NEWIPC);
	keys();
	types();
	arguments();
	room();
	waiting();
	permission();
	listed();
	races();
	return 0;
}
