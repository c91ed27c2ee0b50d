/* SPDX-License-Identifier: BSD-2-Clause */
/* Semaphores of System V: operations, waiting in order, undo, control, bad arguments. */
#include "guest.h"
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>

#define KEY 0x5eed0002

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
	void *any;
};

#define ARG(x) ((union semun){.any = (void *)(x)})

static int set;

static int op(int num, int change, int flags)
{
	struct sembuf b = {.sem_num = num, .sem_op = change, .sem_flg = flags};

	return semop(set, &b, 1);
}

static void show_values(const char *what)
{
	unsigned short v[8];
	struct semid_ds ds;

	if (semctl(set, 0, IPC_STAT, ARG(&ds)) || semctl(set, 0, GETALL, ARG(v))) {
		printf("%s: %s\n", what, strerrorname_np(errno));
		return;
	}
	printf("%s:", what);
	for (unsigned i = 0; i < ds.sem_nsems && i < 8; i++)
		printf(" %d", v[i]);
	printf("\n");
	fflush(stdout);
}

static int count_waiting(int num, int how)
{
	return semctl(set, num, how, ARG(0));
}

/* Until n processes sleep: no test depends on how long that takes. */
static void await(int num, int how, int n)
{
	while (count_waiting(num, how) != n)
		usleep(1000);
}

static void make(int n)
{
	set = semget(IPC_PRIVATE, n, 0600);
	if (set < 0)
		printf("semget: %s\n", strerrorname_np(errno));
}

static void finish(void)
{
	semctl(set, 0, IPC_RMID, ARG(0));
}

static void keys(void)
{
	struct semid_ds ds;

	set = semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0640);
	printf("made %d\n", set >= 0);
	SHOW(semget(KEY, 3, IPC_CREAT | IPC_EXCL | 0640));
	SHOW(semget(KEY, 4, 0));
	printf("the same: %d %d\n", semget(KEY, 3, 0) == set, semget(KEY, 0, 0) == set);
	SHOW(semget(KEY + 1, 3, 0));
	SHOW(semget(KEY + 1, 0, IPC_CREAT | 0600));
	SHOW(semget(KEY + 1, -1, IPC_CREAT | 0600));
	SHOW(semget(KEY + 1, 32001, IPC_CREAT | 0600));
	SHOW(semget(KEY, 32001, 0));
	semctl(set, 0, IPC_STAT, ARG(&ds));
	printf("key %#x mode %#o count %lu otime %ld ctime %d owner %d%d\n", ds.sem_perm.__key,
	       ds.sem_perm.mode, ds.sem_nsems, ds.sem_otime, labs(time(NULL) - ds.sem_ctime) < 100,
	       ds.sem_perm.uid == geteuid(), ds.sem_perm.cgid == getegid());
	SHOW(semctl(set, 0, IPC_RMID, ARG(0)));
	SHOW(semctl(set, 0, IPC_RMID, ARG(0)));
	SHOW(op(0, 1, 0));
	/* As many as there may be, all of them used. */
	make(32000);
	SHOW(op(31999, 5, 0));
	SHOW(semctl(set, 31999, GETVAL, ARG(0)));
	SHOW(semctl(set, 32000, GETVAL, ARG(0)));
	SHOW(op(32000, 1, 0));
	finish();
}

static void operations(void)
{
	struct sembuf many[501] = {{0}};
	struct semid_ds ds;

	make(3);
	SHOW(op(0, 5, 0));
	SHOW(op(0, -3, 0));
	SHOW(op(0, -3, IPC_NOWAIT));
	SHOW(op(0, 0, IPC_NOWAIT));
	SHOW(op(1, 0, IPC_NOWAIT));
	SHOW(op(3, 1, 0));
	SHOW(op(1, 32767, 0));
	SHOW(op(1, 1, 0));
	SHOW(op(1, -32768, IPC_NOWAIT));
	show_values("values");
	/* All or nothing. */
	struct sembuf a[] = {{0, -1, 0}, {2, 1, 0}, {0, -1, 0}, {0, -1, IPC_NOWAIT}};
	struct sembuf b[] = {{0, -2, 0}, {0, 0, 0}, {0, 7, 0}, {2, 2, 0}};
	struct sembuf c[] = {{2, 3, 0}, {1, 1, 0}};
	SHOW(semop(set, a, 4));
	show_values("not done");
	SHOW(semop(set, b, 4));
	show_values("done");
	SHOW(semop(set, c, 2));
	show_values("not done");
	SHOW(semop(set, a, 0));
	SHOW(semop(set, NULL, 1));
	SHOW(semop(set, bad, 1));
	SHOW(semop(-1, a, 1));
	SHOW(semop(-1, bad, 1));
	SHOW(semop(INT_MAX, a, 1));
	SHOW(semop(set, many, 501));
	SHOW(semop(set, bad, 501));
	SHOW(semop(set, bad, UINT_MAX));
	many[0].sem_flg = IPC_NOWAIT;
	SHOW(semop(set, many, 500));
	for (int i = 0; i < 500; i++)
		many[i] = (struct sembuf){2, i % 2 ? -1 : 1, 0};
	SHOW(semop(set, many, 500));
	show_values("values");
	/* Half of the operations can be read. */
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(page + 4096, 4096);
	SHOW(semop(set, (struct sembuf *)(page + 4096 - 12), 3));
	SHOW(semop(set, (struct sembuf *)(page + 4096 - 5), 1));
	SHOW(semctl(set, 1, GETPID, ARG(0)) == getpid());
	SHOW(semctl(set, 3, GETPID, ARG(0)));
	SHOW(semctl(set, -1, GETVAL, ARG(0)));
	SHOW(semctl(set, -1, GETALL, ARG(0)));
	SHOW(semctl(set, 0, GETALL, ARG(bad)));
	SHOW(semctl(set, 0, SETALL, ARG(bad)));
	SHOW(semctl(set, 0, SETALL, ARG(page + 4096 - 4)));
	SHOW(semctl(set, 1, SETVAL, ARG(-1)));
	SHOW(semctl(set, 1, SETVAL, ARG(32768)));
	SHOW(semctl(set, 9, SETVAL, ARG(32768)));
	SHOW(semctl(set, 9, SETVAL, ARG(1)));
	SHOW(semctl(set, 1, SETVAL, ARG(0xffff00000003UL)));
	unsigned short v[3] = {1, 2, 32768};
	SHOW(semctl(set, 0, SETALL, ARG(v)));
	v[2] = 3;
	SHOW(semctl(set, -5, SETALL, ARG(v)));
	show_values("values");
	SHOW(semctl(set, 0, 99, ARG(0)));
	SHOW(semctl(set, 0, -1, ARG(0)));
	SHOW(semctl(-1, 0, IPC_INFO, ARG(bad)));
	SHOW(semctl(set, 0, IPC_INFO, ARG(bad)));
	SHOW(semctl(set, 0, IPC_STAT, ARG(bad)));
	SHOW(semctl(set, 0, IPC_SET, ARG(bad)));
	SHOW(semctl(INT_MAX, 0, IPC_SET, ARG(bad)));
	semctl(set, 0, IPC_STAT, ARG(&ds));
	printf("otime set %d\n", ds.sem_otime != 0);
	ds.sem_perm.mode = 0123;
	SHOW(semctl(set, 0, IPC_SET, ARG(&ds)));
	semctl(set, 0, IPC_STAT, ARG(&ds));
	printf("mode %#o\n", ds.sem_perm.mode);
	ds.sem_perm.gid = -1;
	SHOW(semctl(set, 0, IPC_SET, ARG(&ds)));
	munmap(page, 4096);
	finish();
}

static void timeouts(void)
{
	struct timespec zero = {0}, soon = {0, 5000000}, wrong = {0, 1000000000}, before = {-1, 0};
	struct sembuf down = {0, -1, 0};

	make(1);
	SHOW(semtimedop(set, &down, 1, &zero));
	SHOW(semtimedop(set, &down, 1, &soon));
	SHOW(semtimedop(set, &down, 1, &wrong));
	SHOW(semtimedop(set, &down, 1, &before));
	SHOW(semtimedop(set, &down, 1, bad));
	SHOW(semtimedop(set, &down, 0, bad));
	SHOW(semtimedop(set, &down, 0, &wrong));
	SHOW(semtimedop(-1, &down, 1, &wrong));
	SHOW(semtimedop(INT_MAX, &down, 1, &wrong));
	op(0, 1, 0);
	SHOW(semtimedop(set, &down, 1, &wrong));
	SHOW(semtimedop(set, &down, 1, &zero));
	SHOW(count_waiting(0, GETNCNT));
	finish();
}

/* --- waiting ------------------------------------------------------------------------------ */

/* A child that does one thing; its exit status is the error. */
static pid_t waiter(const struct sembuf *ops, int n)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(semop(set, (struct sembuf *)ops, n) ? errno : 0);
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

static void waiting(void)
{
	struct sembuf two = {0, -2, 0}, one = {0, -1, 0}, zero = {1, 0, 0};
	struct sembuf both[] = {{0, -1, 0}, {2, -1, 0}};
	struct sembuf late[] = {{0, -1, 0}, {2, -1, IPC_NOWAIT}};
	struct sembuf large[] = {{0, -1, 0}, {1, 32767, 0}};
	pid_t a, b, c;

	make(3);
	/* The smaller passes the larger one. */
	a = waiter(&two, 1);
	await(0, GETNCNT, 1);
	b = waiter(&one, 1);
	await(0, GETNCNT, 2);
	op(0, 1, 0);
	reap("one", b);
	printf("still waiting: %d\n", count_waiting(0, GETNCNT));
	op(0, 1, 0);
	SHOW(op(0, 0, IPC_NOWAIT));
	op(0, 1, 0);
	reap("two", a);
	show_values("values");
	/* Zero. */
	op(1, 2, 0);
	a = waiter(&zero, 1);
	b = waiter(&zero, 1);
	await(1, GETZCNT, 2);
	printf("other counts: %d %d\n", count_waiting(1, GETNCNT), count_waiting(0, GETZCNT));
	op(1, -1, 0);
	printf("still waiting: %d\n", count_waiting(1, GETZCNT));
	op(1, -1, 0);
	reap("zero", a);
	reap("zero", b);
	/* Blocked on one after the other. */
	a = waiter(both, 2);
	await(0, GETNCNT, 1);
	printf("on the second: %d\n", count_waiting(2, GETNCNT));
	op(0, 1, 0);
	printf("on the first %d, on the second %d\n", count_waiting(0, GETNCNT),
	       count_waiting(2, GETNCNT));
	op(0, -1, 0);
	op(2, 1, 0);
	printf("on the first %d, on the second %d\n", count_waiting(0, GETNCNT),
	       count_waiting(2, GETNCNT));
	op(0, 1, 0);
	reap("both", a);
	show_values("values");
	/* One change lets a chain go on. */
	struct sembuf pass1[] = {{0, -1, 0}, {1, 1, 0}}, pass2[] = {{1, -1, 0}, {2, 1, 0}};
	struct sembuf last = {2, -1, 0};
	a = waiter(&last, 1);
	b = waiter(pass2, 2);
	c = waiter(pass1, 2);
	await(0, GETNCNT, 1);
	await(1, GETNCNT, 1);
	await(2, GETNCNT, 1);
	op(0, 1, 0);
	reap("chain", a);
	reap("chain", b);
	reap("chain", c);
	show_values("values");
	/* What fails when it is looked at again. */
	a = waiter(late, 2);
	await(0, GETNCNT, 1);
	op(0, 1, 0);
	reap("the second must not wait", a);
	op(0, -1, 0);
	op(1, 1, 0);
	a = waiter(large, 2);
	await(0, GETNCNT, 1);
	op(0, 1, 0);
	reap("too large", a);
	show_values("values");
	/* Setting values wakes, too. */
	semctl(set, 0, SETVAL, ARG(0));
	a = waiter(&two, 1);
	b = waiter(&zero, 1);
	await(0, GETNCNT, 1);
	await(1, GETZCNT, 1);
	semctl(set, 0, SETVAL, ARG(2));
	reap("SETVAL", a);
	semctl(set, 1, SETVAL, ARG(0));
	reap("SETVAL", b);
	a = waiter(both, 2);
	await(0, GETNCNT, 1);
	unsigned short v[3] = {1, 1, 1};
	semctl(set, 0, SETALL, ARG(v));
	reap("SETALL", a);
	show_values("values");
	/* A signal, and the end of the set. */
	a = waiter(&two, 1);
	await(0, GETNCNT, 1);
	kill(a, SIGKILL);
	reap("killed", a);
	printf("waiting: %d\n", count_waiting(0, GETNCNT));
	a = waiter(&two, 1);
	b = waiter(&zero, 1);
	semctl(set, 1, SETVAL, ARG(1));
	c = waiter((struct sembuf[]){{1, -3, 0}, {0, 0, 0}}, 2);
	await(0, GETNCNT, 1);
	await(1, GETNCNT, 1);
	kill(b, SIGKILL);
	waitpid(b, NULL, 0);
	SHOW(semctl(set, 0, IPC_RMID, ARG(0)));
	reap("removed", a);
	reap("removed", c);
}

static void nothing(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sembuf down = {0, -1, 0};
	pid_t pid;
	int st;

	make(1);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct sigaction sa = {.sa_handler = nothing, .sa_flags = SA_RESTART};

		sigaction(SIGUSR1, &sa, NULL);
		_exit(semop(set, &down, 1) ? errno : 0);
	}
	await(0, GETNCNT, 1);
	kill(pid, SIGUSR1);
	waitpid(pid, &st, 0);
	printf("a handler: %s\n", strerrorname_np(WEXITSTATUS(st)));
	finish();
}

/* --- undo --------------------------------------------------------------------------------- */

static void *add_in_thread(void *arg)
{
	(void)arg;
	op(0, 1, SEM_UNDO);
	op(1, -1, SEM_UNDO);
	return NULL;
}

static void in_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, add_in_thread, NULL);
	pthread_join(t, NULL);
	show_values("thread ended, process lives");
}

static void undo_some(void)
{
	SHOW(op(0, 3, SEM_UNDO));
	SHOW(op(1, -2, SEM_UNDO));
	SHOW(op(2, 5, 0));
	show_values("in the child");
	/* A grandchild does not inherit. */
	if (fork() == 0) {
		op(0, 1, SEM_UNDO);
		_exit(0);
	}
	wait(NULL);
	show_values("after the grandchild");
}

static void cleared(void)
{
	op(0, 3, SEM_UNDO);
	op(1, 3, SEM_UNDO);
	semctl(set, 0, SETVAL, ARG(7));
}

static void clamped(void)
{
	op(0, 3, SEM_UNDO);
	op(1, -3, SEM_UNDO);
	op(0, -8, 0);
	op(1, 32767 - 7, 0);
}

static void ranges(void)
{
	SHOW(op(0, -32767, SEM_UNDO));
	SHOW(op(0, 32767, 0));
	SHOW(op(0, -1, SEM_UNDO));
	SHOW(op(0, -1, 0));
	SHOW(op(0, 1, SEM_UNDO | IPC_NOWAIT));
	show_values("in range");
}

static void removed_before_the_end(void)
{
	op(0, 1, SEM_UNDO);
	finish();
}

static void unshared(void)
{
	SHOW(op(0, 2, SEM_UNDO));
	SHOW(unshare(CLONE_SYSVSEM));
	show_values("after unshare");
}

static int clone_main(void *arg)
{
	(void)arg;
	op(0, 1, SEM_UNDO);
	return 0;
}

static void shared_by_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid =
		clone(clone_main, stack + sizeof(stack), CLONE_SYSVSEM | CLONE_VM | SIGCHLD, NULL);

	waitpid(pid, NULL, 0);
	show_values("the clone ended");
}

static void execs(void)
{
	op(0, 1, SEM_UNDO);
	execl("/proc/self/exe", "sysv_sem", "--show", NULL);
}

static void undo(void)
{
	unsigned short v[3] = {5, 5, 5};
	struct sembuf down = {0, -6, 0};
	pid_t pid;

	make(3);
	semctl(set, 0, SETALL, ARG(v));
	in_child(undo_some);
	show_values("undone");
	semctl(set, 0, SETALL, ARG(v));
	in_child(in_thread);
	show_values("undone");
	in_child(cleared);
	show_values("cleared by SETVAL");
	semctl(set, 0, SETALL, ARG(v));
	in_child(clamped);
	show_values("within bounds");
	semctl(set, 0, SETALL, ARG(((unsigned short[]){32767, 0, 0})));
	in_child(ranges);
	show_values("after it");
	semctl(set, 0, SETALL, ARG(v));
	in_child(unshared);
	show_values("after it");
	in_child(shared_by_clone);
	show_values("after it");
	in_child(execs);
	show_values("kept over an exec");
	/* An undo wakes. */
	pid = waiter(&down, 1);
	await(0, GETNCNT, 1);
	fflush(stdout);
	if (fork() == 0) {
		op(0, -2, SEM_UNDO);
		op(0, 1, 0);
		_exit(0);
	}
	reap("woken by an undo", pid);
	wait(NULL);
	show_values("values");
	in_child(removed_before_the_end);
	show_values("removed");
}

/* --- others ------------------------------------------------------------------------------- */

static void as_another(void)
{
	struct semid_ds ds;
	unsigned short v[8];

	setgid(77);
	setuid(77);
	SHOW(semget(KEY, 0, 0400) == set);
	SHOW(semget(KEY, 0, 0004) == set);
	SHOW(semctl(set, 0, IPC_STAT, ARG(&ds)));
	SHOW(semctl(set, 0, GETVAL, ARG(0)));
	SHOW(semctl(set, 9, GETVAL, ARG(0)));
	SHOW(semctl(set, 0, GETALL, ARG(v)));
	SHOW(semctl(set, 0, SETVAL, ARG(1)));
	SHOW(semctl(set, 9, SETVAL, ARG(1)));
	SHOW(semctl(set, 0, SETALL, ARG(bad)));
	SHOW(semctl(set, 0, IPC_RMID, ARG(0)));
	SHOW(semctl(set, 0, IPC_SET, ARG(&ds)));
	SHOW(op(0, 1, 0));
	SHOW(op(9, 1, 0));
	SHOW(op(0, 0, IPC_NOWAIT));
	SHOW(semctl(set % 32768, 0, SEM_STAT, ARG(&ds)) == set);
}

static void permission(void)
{
	set = semget(KEY, 1, IPC_CREAT | 0604);
	show_status("another user", in_child(as_another));
	finish();
}

static void listed(void)
{
	struct seminfo info, before;
	int found = 0, n;
	struct semid_ds ds;
	char line[200];
	FILE *f;

	semctl(0, 0, SEM_INFO, ARG(&before)); /* others may have some, too */
	set = semget(0x1234, 7, IPC_CREAT | 0640);
	n = semctl(0, 0, IPC_INFO, ARG(&info));
	printf("limits %d: %d %d %d %d %d %d %d %d %d %d\n", n >= 0, info.semmap, info.semmni,
	       info.semmns, info.semmnu, info.semmsl, info.semopm, info.semume, info.semusz,
	       info.semvmx, info.semaem);
	n = semctl(0, 0, SEM_INFO, ARG(&info));
	printf("in use: %d sets, %d semaphores\n", info.semusz - before.semusz,
	       info.semaem - before.semaem);
	for (int i = 0; i <= n; i++)
		found += semctl(i, 0, SEM_STAT, ARG(&ds)) == set && ds.sem_nsems == 7;
	printf("found by index: %d\n", found);
	f = fopen("/proc/sysvipc/sem", "r");
	fgets(line, sizeof(line), f);
	printf("%s", line);
	while (fgets(line, sizeof(line), f)) {
		int key, id, count, uid;
		unsigned mode;

		if (sscanf(line, "%d %d %o %d %d", &key, &id, &mode, &count, &uid) == 5 &&
		    id == set)
			printf("%d %o %d %d\n", key, mode, count, uid);
	}
	fclose(f);
	finish();
	show_file("/proc/sys/kernel/sem");
}

/* A mutex, and a token that goes round, among processes. */
static void races(void)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int wrong = 0, st;

	make(5);
	semctl(set, 0, SETVAL, ARG(1));
	semctl(set, 1, SETVAL, ARG(1));
	fflush(stdout);
	for (int p = 0; p < 4; p++) {
		if (fork())
			continue;
		for (int i = 0; i < 400; i++) {
			if (op(0, -1, SEM_UNDO))
				_exit(1);
			(*(volatile int *)shared)++;
			if (op(0, 1, SEM_UNDO))
				_exit(1);
		}
		for (int i = 0; i < 100; i++) {
			struct sembuf on[] = {{1 + p, -1, 0}, {1 + (p + 1) % 4, 1, 0}};

			if (semop(set, on, 2))
				_exit(1);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		wait(&st);
		wrong += st != 0;
	}
	printf("counted %d, failed %d\n", *shared, wrong);
	show_values("at the end");
	finish();
	/* Holders that are killed give it back; who waits for a set that goes is told. */
	for (int round = 0; round < 30; round++) {
		pid_t pids[3];

		make(1);
		op(0, 1, 0);
		for (int p = 0; p < 3; p++) {
			pids[p] = fork();
			if (pids[p] == 0) {
				while (!op(0, -1, SEM_UNDO))
					op(0, 1, SEM_UNDO);
				_exit(errno == EIDRM || errno == EINVAL ? 0 : 1);
			}
		}
		kill(pids[round % 3], SIGKILL);
		waitpid(pids[round % 3], NULL, 0);
		if (op(0, -1, 0) || op(0, 1, 0))
			wrong++;
		finish();
		for (int p = 0; p < 2; p++) {
			wait(&st);
			wrong += st != 0;
		}
	}
	printf("rounds: %d wrong\n", wrong);
}

int main(int argc, char **argv)
{
	if (argc > 1) /* execs() */
		return 0;
	/* Where there are namespaces, one without the objects of others. */
	unshare(CLONE_NEWIPC);
	(void)argv;
	keys();
	operations();
	timeouts();
	waiting();
	interrupted();
	undo();
	permission();
	listed();
	races();
	return 0;
}
