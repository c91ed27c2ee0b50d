/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared memory of System V: keys, attaching, what is counted, control, bad arguments. */
#include "guest.h"
#include <limits.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>

#define KEY 0x5eed0001

/* An attachment's address is not printed. */
#define SHOW_AT(call)                                                            \
	do {                                                                     \
		errno = 0;                                                       \
		void *at_ = (call);                                              \
		printf("%s -> %s\n", #call,                                      \
		       at_ == (void *)-1 ? strerrorname_np(errno) : "attached"); \
		fflush(stdout);                                                  \
	} while (0)

static struct shmid_ds status(int id)
{
	struct shmid_ds ds;

	memset(&ds, 0xee, sizeof(ds));
	if (shmctl(id, IPC_STAT, &ds))
		printf("IPC_STAT: %s\n", strerrorname_np(errno));
	return ds;
}

static long attached(int id)
{
	return (long)status(id).shm_nattch;
}

static void keys(void)
{
	int id = shmget(KEY, 10000, IPC_CREAT | IPC_EXCL | 0640), other;
	struct shmid_ds ds;

	printf("made %d\n", id >= 0);
	SHOW(shmget(KEY, 10000, IPC_CREAT | IPC_EXCL | 0640));
	SHOW(shmget(KEY, 10001, 0));
	printf("the same: %d %d %d\n", shmget(KEY, 10000, 0) == id, shmget(KEY, 0, 0) == id,
	       shmget(KEY, 1, IPC_CREAT | 0600) == id);
	SHOW(shmget(KEY + 1, 1, 0));
	SHOW(shmget(KEY + 1, 0, IPC_CREAT | 0600));
	SHOW(shmget(IPC_PRIVATE, 0, 0600));
	SHOW(shmget(IPC_PRIVATE, ULONG_MAX, 0600));
	SHOW(shmget(IPC_PRIVATE, ULONG_MAX - (1UL << 24), 0600));
	SHOW(shmget(IPC_PRIVATE, 4096, SHM_HUGETLB | 0600));
	SHOW(shmget(IPC_PRIVATE, 4096, SHM_HUGETLB | 5 << 26 | 0600));
	ds = status(id);
	printf("key %#x mode %#o size %zu nattch %ld owner %d%d%d%d pids %d%d times %d%d%d\n",
	       ds.shm_perm.__key, ds.shm_perm.mode, ds.shm_segsz, (long)ds.shm_nattch,
	       ds.shm_perm.uid == geteuid(), ds.shm_perm.gid == getegid(),
	       ds.shm_perm.cuid == geteuid(), ds.shm_perm.cgid == getegid(),
	       ds.shm_cpid == getpid(), ds.shm_lpid == 0, ds.shm_atime == 0, ds.shm_dtime == 0,
	       labs(time(NULL) - ds.shm_ctime) < 100);
	other = shmget(IPC_PRIVATE, 1, 0600);
	printf("private ones differ: %d\n", other != shmget(IPC_PRIVATE, 1, 0600) && other != id);
	SHOW(shmctl(id, IPC_RMID, NULL));
	SHOW(shmctl(id, IPC_RMID, NULL));
	SHOW(shmctl(id, IPC_STAT, &ds));
	SHOW(shmget(KEY, 1, 0));
	SHOW_AT(shmat(id, NULL, 0));
	SHOW(shmctl(other, IPC_RMID, NULL));
	SHOW(shmctl(other + 1, IPC_RMID, NULL));
}

static void attaching(void)
{
	int id = shmget(IPC_PRIVATE, 3 * 4096 - 100, 0600), pipes[2];
	char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
	pid_t pid;

	printf("two places: %d, nattch %ld\n", a != b, attached(id));
	strcpy(a + 5000, "hello");
	printf("seen through the other: %s; the end: %d\n", b + 5000, b[3 * 4096 - 1]);
	SHOW(mprotect(b, 4096, PROT_READ | PROT_WRITE));
	SHOW_AT(shmat(id, a + 1, 0));
	SHOW_AT(shmat(id, a, 0));
	SHOW_AT(shmat(id, a + 4096, SHM_RND));
	SHOW_AT(shmat(id, NULL, SHM_REMAP));
	SHOW_AT(shmat(id, (void *)100, SHM_RND | SHM_REMAP));
	SHOW_AT(shmat(id, (void *)-4096, 0));
	SHOW_AT(shmat(-1, NULL, 0));
	SHOW_AT(shmat(INT_MAX, NULL, 0));
	printf("over b: %d, nattch %ld\n", shmat(id, b + 7, SHM_RND | SHM_REMAP) == b,
	       attached(id));
	strcpy(b, "written");
	printf("%s\n", a);
	fflush(stdout);
	pipe(pipes);
	pid = fork();
	if (pid == 0) {
		printf("in the child: nattch %ld, lpid is the parent's %d\n", attached(id),
		       status(id).shm_lpid == getppid());
		strcpy(a, "by the child");
		SHOW(shmdt(b));
		printf("nattch %ld\n", attached(id));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	printf("after it: nattch %ld, %s, lpid is the child's %d, dtime %d\n", attached(id), a,
	       status(id).shm_lpid == pid, status(id).shm_dtime != 0);
	pid = fork();
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	printf("after an exec: nattch %ld\n", attached(id));
	SHOW(shmdt(a + 4096));
	SHOW(shmdt(a + 1));
	SHOW(shmdt(NULL));
	SHOW(shmdt((void *)-4096));
	SHOW(shmdt(a));
	SHOW(shmdt(a));
	SHOW(shmctl(id, IPC_RMID, NULL));
	printf("removed, attached: mode %#o key %d nattch %ld, %s\n", status(id).shm_perm.mode,
	       status(id).shm_perm.__key, attached(id), b);
	a = shmat(id, NULL, 0);
	printf("attached again: %d %ld\n", a != (void *)-1, attached(id));
	SHOW(shmdt(a));
	SHOW(shmdt(b));
	SHOW_AT(shmat(id, NULL, 0));
	SHOW(shmctl(id, IPC_RMID, NULL));
}

/* A part in the middle unmapped makes two regions, which shmdt takes away together. */
static void parts(void)
{
	int id = shmget(IPC_PRIVATE, 8 * 4096, 0600);
	char *a = shmat(id, NULL, 0), *m;
	unsigned char in[8];

	SHOW(munmap(a + 4096 * 2, 4096));
	printf("nattch %ld\n", attached(id));
	m = mremap(a + 4096 * 5, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
		   mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	printf("moved %d, nattch %ld\n", m != MAP_FAILED, attached(id));
	strcpy(a + 4096 * 6, "six");
	SHOW(shmdt(a + 4096 * 3));
	SHOW(shmdt(a));
	printf("nattch %ld\n", attached(id));
	SHOW(mincore(a, 4096, in));
	SHOW(mincore(a + 6 * 4096, 4096, in));
	SHOW(shmctl(id, IPC_RMID, NULL));
	SHOW(munmap(m, 4096));
	SHOW(shmctl(id, IPC_RMID, NULL));
	/* Beyond the end of the segment. */
	id = shmget(IPC_PRIVATE, 4096, 0600);
	a = shmat(id, NULL, 0);
	m = mremap(a, 4096, 8192, MREMAP_MAYMOVE);
	printf("grown: %d, nattch %ld\n", m != MAP_FAILED, attached(id));
	SHOW(shmctl(id, IPC_RMID, NULL));
	fflush(stdout);
	if (fork() == 0) {
		m[4096] = 1;
		_exit(0);
	} else {
		int st;

		wait(&st);
		show_status("a touch beyond the end", st);
	}
	SHOW(munmap(m, 8192));
	SHOW(shmctl(id, IPC_RMID, NULL));
}

static void control(void)
{
	int id = shmget(IPC_PRIVATE, 5000, 0600), index = -1, n;
	struct shmid_ds ds = status(id);
	struct shminfo limits;
	struct shm_info totals;

	ds.shm_perm.mode = 07777;
	ds.shm_perm.gid = 12;
	SHOW(shmctl(id, IPC_SET, &ds));
	ds = status(id);
	printf("mode %#o gid %d cgid %d\n", ds.shm_perm.mode, ds.shm_perm.gid, ds.shm_perm.cgid);
	ds.shm_perm.uid = -1;
	SHOW(shmctl(id, IPC_SET, &ds));
	SHOW(shmctl(id, IPC_SET, bad));
	SHOW(shmctl(id, IPC_STAT, bad));
	SHOW(shmctl(id, IPC_STAT, NULL));
	SHOW(shmctl(id, 99, NULL));
	SHOW(shmctl(id, -1, NULL));
	SHOW(shmctl(-1, IPC_STAT, &ds));
	SHOW(shmctl(-1, IPC_INFO, &ds));
	SHOW(shmctl(0, IPC_INFO, bad));
	SHOW(shmctl(0, SHM_INFO, bad));
	SHOW(shmctl(INT_MAX, IPC_RMID, NULL));
	SHOW(shmctl(INT_MAX, IPC_SET, bad));
	SHOW(shmctl(id + 32768, IPC_RMID, NULL));
	n = shmctl(0, IPC_INFO, (struct shmid_ds *)&limits);
	printf("limits %d: %lu %lu %lu %lu %lu\n", n >= 0, limits.shmmax, limits.shmmin,
	       limits.shmmni, limits.shmseg, limits.shmall);
	n = shmctl(0, SHM_INFO, (struct shmid_ds *)&totals);
	printf("totals %d: used %d pages %lu swap %lu %lu %lu\n", n >= 0, totals.used_ids,
	       totals.shm_tot, totals.shm_swp, totals.swap_attempts, totals.swap_successes);
	for (int i = 0; i <= n; i++) {
		int found = shmctl(i, SHM_STAT, &ds);

		if (found == id && ds.shm_segsz == 5000 && shmctl(i, SHM_STAT_ANY, &ds) == id)
			index = i;
	}
	printf("found by index: %d\n", index == id % 32768);
	SHOW(shmctl(32767, SHM_STAT, &ds));
	SHOW(shmctl(id, SHM_LOCK, NULL));
	printf("mode %#o\n", status(id).shm_perm.mode);
	SHOW(shmctl(id, SHM_UNLOCK, NULL));
	printf("mode %#o\n", status(id).shm_perm.mode);
	SHOW(shmctl(id, IPC_RMID, NULL));
	SHOW(shmctl(id, SHM_LOCK, NULL));
}

static int theirs, readable;

static void as_another(void)
{
	struct shmid_ds ds;

	setgid(77);
	setuid(77);
	SHOW(shmget(KEY, 0, 0400));
	SHOW(shmget(KEY, 0, 0600));
	SHOW(shmget(KEY, 0, 0) == theirs);
	SHOW(shmget(KEY, 0, IPC_CREAT | IPC_EXCL | 0600));
	SHOW(shmctl(theirs, IPC_STAT, &ds));
	SHOW(shmctl(theirs, IPC_RMID, NULL));
	SHOW(shmctl(theirs, IPC_SET, &ds));
	SHOW(shmctl(theirs, IPC_SET, bad));
	SHOW(shmctl(theirs, SHM_LOCK, NULL));
	SHOW(shmctl(theirs % 32768, SHM_STAT, &ds));
	SHOW(shmctl(theirs % 32768, SHM_STAT_ANY, &ds) == theirs);
	SHOW_AT(shmat(theirs, NULL, 0));
	SHOW_AT(shmat(theirs, NULL, SHM_RDONLY));
	SHOW_AT(shmat(readable, NULL, 0));
	SHOW_AT(shmat(readable, NULL, SHM_RDONLY));
	SHOW_AT(shmat(readable, NULL, SHM_RDONLY | SHM_EXEC));
	SHOW(shmctl(readable, IPC_STAT, &ds));
	SHOW(shmctl(readable, IPC_RMID, NULL));
	/* A page is the smallest thing to attach at. */
	SHOW_AT(shmat(readable, (void *)0x10000001, SHM_RDONLY));
}

static void permission(void)
{
	theirs = shmget(KEY, 100, IPC_CREAT | 0600);
	readable = shmget(IPC_PRIVATE, 100, 0604);
	show_status("another user", in_child(as_another));
	printf("nattch after it ended: %ld\n", attached(readable));
	shmctl(theirs, IPC_RMID, NULL);
	shmctl(readable, IPC_RMID, NULL);
}

/* The numbers of removed ones come again late. */
static void numbers(void)
{
	int first = shmget(IPC_PRIVATE, 1, 0600), same = 0, id = first;

	for (int i = 0; i < 1000; i++) {
		shmctl(id, IPC_RMID, NULL);
		id = shmget(IPC_PRIVATE, 1, 0600);
		same += id == first || id < 0;
	}
	printf("numbers used again: %d\n", same);
	SHOW(shmctl(id, IPC_RMID, NULL));
}

/* Processes attach, write, detach and remove the same segments at once. */
static void racers(void)
{
	int bad_things = 0, st;
	struct shm_info totals;

	fflush(stdout);
	for (int p = 0; p < 4; p++) {
		if (fork())
			continue;
		for (int i = 0; i < 300; i++) {
			int id = shmget(KEY + 5, 20000, IPC_CREAT | 0600);
			char *a = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

			if (a != (char *)-1) {
				a[(i * 997) % 20000] = 1;
				if (i % 7 == 0 && fork() == 0) {
					a[1]++;
					_exit(0);
				}
				if (i % 7 == 0)
					wait(NULL);
				if (shmdt(a))
					_exit(1);
			} else if (errno != EINVAL && errno != EIDRM) {
				_exit(2);
			}
			if (i % 3 == p % 3)
				shmctl(id, IPC_RMID, NULL);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		wait(&st);
		bad_things += st != 0;
	}
	shmctl(shmget(KEY + 5, 0, 0), IPC_RMID, NULL);
	shmctl(0, SHM_INFO, (struct shmid_ds *)&totals);
	printf("racers: %d, left: %d segments, %lu pages, %lu resident\n", bad_things,
	       totals.used_ids, totals.shm_tot, totals.shm_rss);
}

static void files(void)
{
	int id = shmget(0x1234, 4097, IPC_CREAT | 0644), found = 0;
	char line[300], *a = shmat(id, NULL, 0);
	FILE *f = fopen("/proc/sysvipc/shm", "r");

	a[0] = 1;
	fgets(line, sizeof(line), f);
	printf("%s", line);
	while (fgets(line, sizeof(line), f)) {
		int key, number;
		unsigned mode, nattch;
		unsigned long size;

		if (sscanf(line, "%d %d %o %lu %*d %*d %u", &key, &number, &mode, &size, &nattch) ==
			    5 &&
		    number == id)
			found = key == 0x1234 && mode == 0644 && size == 4097 && nattch == 1;
		line[38] = 0;
		if (found)
			printf("%.11s|%s\n", line, line + 21);
	}
	fclose(f);
	printf("in the list: %d\n", found);
	found = 0;
	f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "/SYSV00001234 (deleted)"))
			found += strstr(line, " rw-s 00000000 ") != NULL;
	fclose(f);
	printf("in maps: %d\n", found);
	shmdt(a);
	shmctl(id, IPC_RMID, NULL);
}

int main(void)
{
	/* Where there are namespaces, one without the objects of others. */
	unshare(CLONE_NEWIPC);
	keys();
	shmctl(shmget(IPC_PRIVATE, 1, 0600) - 1, IPC_RMID, NULL);
	/* The two private ones that keys() left. */
	struct shm_info totals;
	struct shmid_ds ds;
	int top = shmctl(0, SHM_INFO, (struct shmid_ds *)&totals);

	for (int i = 0; i <= top; i++) {
		int id = shmctl(i, SHM_STAT, &ds);

		if (id >= 0)
			shmctl(id, IPC_RMID, NULL);
	}
	attaching();
	parts();
	control();
	permission();
	numbers();
	files();
	racers();
	show_file("/proc/sys/kernel/shmmax");
	show_file("/proc/sys/kernel/shmall");
	show_file("/proc/sys/kernel/shmmni");
	return 0;
}
