/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ordinary user calls whatever there is with whatever comes to mind. Nothing is compared: the
 * kernel has to be there afterwards. Each round is a fresh process with its own seed and, every
 * second time, several threads; it lives until it has made its calls, has killed itself, or its
 * time is over. What it starts stays in its process group, which ends with it.
 *
 * usage: random_syscalls [SECONDS [SEED]]; tests/torture/random.sh uses both.
 *
 * On Banos every third call is any of the table, the ones with types below included; on the Linux
 * that is the oracle it is only those, because that machine is not ours to put at risk.
 */
#include "guest.h"
#include <ftw.h>
#include <grp.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <time.h>

#define USER	    65534 /* who makes the calls */
#define SECONDS	    12	  /* on five machines: a minute of `make check` */
#define WORKERS	    3
#define THREADS	    3
#define ROUND_CALLS 3000
#define ROUND_MS    250
#define TICK_US	    4000 /* whoever waits is interrupted */
#define ARENA_PAGES 64
#define PAGE	    4096ul
#define FDS	    32 /* numbers that descriptors are likely to have */
#define NUMBERS	    462

/* Arguments: p address, n number, f descriptor, s path, g flags, P process, S signal. */
static const struct {
	int number;
	const char *arguments;
} calls[] = {
	{SYS_read, "fpn"},
	{SYS_write, "fpn"},
	{SYS_open, "sgg"},
	{SYS_close, "f"},
	{SYS_stat, "sp"},
	{SYS_fstat, "fp"},
	{SYS_lstat, "sp"},
	{SYS_poll, "pn0"},
	{SYS_lseek, "fng"},
	{SYS_mmap, "pnggfn"},
	{SYS_mmap, "pnggfn"},
	{SYS_mmap, "pnggfn"},
	{SYS_mprotect, "png"},
	{SYS_munmap, "pn"},
	{SYS_brk, "p"},
	{SYS_rt_sigaction, "Spp8"},
	{SYS_rt_sigprocmask, "gpp8"},
	{SYS_ioctl, "fnp"},
	{SYS_pread64, "fpnn"},
	{SYS_pwrite64, "fpnn"},
	{SYS_readv, "fpg"},
	{SYS_writev, "fpg"},
	{SYS_access, "sg"},
	{SYS_pipe, "p"},
	{SYS_select, "npppq"},
	{SYS_sched_yield, ""},
	{SYS_msync, "png"},
	{SYS_madvise, "png"},
	{SYS_madvise, "pn4"},
	{SYS_dup, "f"},
	{SYS_dup2, "ff"},
	{SYS_getitimer, "gp"},
	{SYS_setitimer, "0pp"},
	{SYS_sendfile, "ffpn"},
	{SYS_execve, "spp"},
	{SYS_wait4, "Pp1p"},
	{SYS_kill, "PS"},
	{SYS_uname, "p"},
	{SYS_fcntl, "fgp"},
	{SYS_truncate, "sn"},
	{SYS_ftruncate, "fn"},
	{SYS_getdents, "fpn"},
	{SYS_getcwd, "pn"},
	{SYS_rename, "ss"},
	{SYS_mkdir, "sg"},
	{SYS_rmdir, "s"},
	{SYS_creat, "sg"},
	{SYS_link, "ss"},
	{SYS_unlink, "s"},
	{SYS_symlink, "ss"},
	{SYS_readlink, "spn"},
	{SYS_chmod, "sg"},
	{SYS_fchmod, "fg"},
	{SYS_chown, "snn"},
	{SYS_umask, "g"},
	{SYS_gettimeofday, "pp"},
	{SYS_getrlimit, "gp"},
	{SYS_getrusage, "gp"},
	{SYS_sysinfo, "p"},
	{SYS_times, "p"},
	{SYS_syslog, "gpn"},
	{SYS_setuid, "n"},
	{SYS_setreuid, "nn"},
	{SYS_getgroups, "np"},
	{SYS_setgroups, "np"},
	{SYS_setresuid, "nnn"},
	{SYS_getresuid, "ppp"},
	{SYS_setresgid, "nnn"},
	{SYS_getpgid, "P"},
	{SYS_setfsuid, "n"},
	{SYS_getsid, "P"},
	{SYS_capget, "pp"},
	{SYS_capset, "pp"},
	{SYS_rt_sigpending, "pn"},
	{SYS_rt_sigqueueinfo, "PSp"},
	{SYS_sigaltstack, "pp"},
	{SYS_utime, "sp"},
	{SYS_mknod, "sgn"},
	{SYS_statfs, "sp"},
	{SYS_fstatfs, "fp"},
	{SYS_getpriority, "gP"},
	{SYS_setpriority, "gPn"},
	{SYS_prctl, "gpnnn"},
	{SYS_arch_prctl, "gp"},
	{SYS_setrlimit, "gp"},
	{SYS_chroot, "s"},
	{SYS_settimeofday, "pp"},
	{SYS_mount, "sssgp"},
	{SYS_umount2, "sg"},
	{SYS_sethostname, "pn"},
	{SYS_tkill, "PS"},
	{SYS_time, "p"},
	{SYS_sched_setaffinity, "Pnp"},
	{SYS_sched_getaffinity, "Pnp"},
	{SYS_getdents64, "fpn"},
	{SYS_set_tid_address, "p"},
	{SYS_fadvise64, "fnng"},
	{SYS_clock_settime, "gp"},
	{SYS_clock_gettime, "gp"},
	{SYS_clock_getres, "gp"},
	{SYS_tgkill, "PPS"},
	{SYS_waitid, "gPp1p"},
	{SYS_openat, "fsgg"},
	{SYS_mkdirat, "fsg"},
	{SYS_fchownat, "fsnng"},
	{SYS_newfstatat, "fspg"},
	{SYS_unlinkat, "fsg"},
	{SYS_renameat, "fsfs"},
	{SYS_linkat, "fsfsg"},
	{SYS_symlinkat, "sfs"},
	{SYS_readlinkat, "fspn"},
	{SYS_fchmodat, "fsg"},
	{SYS_faccessat, "fsg"},
	{SYS_set_robust_list, "pn"},
	{SYS_utimensat, "fspg"},
	{SYS_fallocate, "fgnn"},
	{SYS_dup3, "ffg"},
	{SYS_pipe2, "pg"},
	{SYS_preadv, "fpgnn"},
	{SYS_pwritev, "fpgnn"},
	{SYS_rt_tgsigqueueinfo, "PPSp"},
	{SYS_prlimit64, "Pgpp"},
	{SYS_getcpu, "ppp"},
	{SYS_renameat2, "fsfsg"},
	{SYS_getrandom, "png"},
	{SYS_memfd_create, "sg"},
	{SYS_execveat, "fsppg"},
	{SYS_copy_file_range, "fpfpng"},
	{SYS_preadv2, "fpgnng"},
	{SYS_statx, "fsggp"},
	{SYS_restart_syscall, ""},
	{SYS_clone, "h"},
	{SYS_mremap, "pnngp"},
	{SYS_mincore, "pnp"},
	{SYS_mlock, "pn"},
	{SYS_munlock, "pn"},
	{SYS_mlock2, "png"},
	{SYS_flock, "fg"},
	{SYS_readahead, "fnn"},
	{SYS_sync_file_range, "fnng"},
	{SYS_splice, "fpfpng"},
	{SYS_tee, "ffng"},
	{SYS_vmsplice, "fpgg"},
	{SYS_socket, "ggg"},
	{SYS_socketpair, "1g0p"},
	{SYS_bind, "fpg"},
	{SYS_connect, "fpg"},
	{SYS_listen, "fn"},
	{SYS_accept4, "fppg"},
	{SYS_sendto, "fpngpg"},
	{SYS_recvfrom, "fpngpp"},
	{SYS_sendmsg, "fpg"},
	{SYS_recvmsg, "fpg"},
	{SYS_sendmmsg, "fpgg"},
	{SYS_recvmmsg, "fpggp"},
	{SYS_shutdown, "fg"},
	{SYS_getsockname, "fpp"},
	{SYS_getpeername, "fpp"},
	{SYS_setsockopt, "f1gpg"},
	{SYS_getsockopt, "f1gpp"},
	{SYS_epoll_create1, "g"},
	{SYS_epoll_ctl, "fgfp"},
	{SYS_epoll_ctl, "f1fp"},
	{SYS_epoll_pwait, "fpg0p8"},
	{SYS_eventfd2, "ng"},
	{SYS_timerfd_create, "gg"},
	{SYS_timerfd_settime, "fgpp"},
	{SYS_timerfd_gettime, "fp"},
	{SYS_signalfd4, "fp8g"},
	{SYS_inotify_init1, "g"},
	{SYS_inotify_add_watch, "fsn"},
	{SYS_inotify_rm_watch, "fg"},
	{SYS_timer_create, "gpp"},
	{SYS_timer_settime, "ggpp"},
	{SYS_timer_gettime, "gp"},
	{SYS_timer_delete, "g"},
	{SYS_futex, "pgnqpn"},
	{SYS_futex, "p1npp0"},
	{SYS_futex, "p3nnpn"},
	{SYS_get_robust_list, "Ppp"},
	{SYS_setxattr, "sspng"},
	{SYS_getxattr, "sspn"},
	{SYS_listxattr, "spn"},
	{SYS_removexattr, "ss"},
	{SYS_fsetxattr, "fspng"},
	{SYS_sched_setattr, "Ppg"},
	{SYS_sched_getattr, "Ppng"},
	{SYS_sched_setscheduler, "Pgp"},
	{SYS_ioprio_set, "gPn"},
	{SYS_pidfd_open, "Pg"},
	{SYS_pidfd_send_signal, "fSpg"},
	{SYS_pidfd_getfd, "ffg"},
	{SYS_close_range, "ffg"},
	{SYS_openat2, "fspn"},
	{SYS_faccessat2, "fsgg"},
	{SYS_pwritev2, "fpgnng"},
	{-1, "nnnnnn"},
};

/*
 * Not by number: they would end the round, start what leaves its group, change directory for good,
 * or (rt_sigreturn) load random registers.
 */
static const short spared[] = {SYS_exit,	SYS_exit_group, SYS_rt_sigreturn, SYS_setsid,
			       SYS_setpgid,	SYS_fork,	SYS_vfork,	  SYS_clone,
			       SYS_clone3,	SYS_chdir,	SYS_fchdir,	  SYS_pause,
			       SYS_sched_yield, SYS_close_range};

static bool all_calls; /* not only those with types */
static unsigned char *arena;
static char long_name[5000];
static const char *const paths[] = {
	"a",
	"b",
	"d",
	"d/a",
	"d/e",
	".",
	"",
	"/",
	"a/x",
	"link",
	"/proc/self/stat",
	"/proc/self/maps",
	"/proc/self/fd",
	"/proc/self/auxv",
	"/dev/null",
	"/dev/zero",
	"/nowhere/a",
	"tmpfs",
	"proc",
	long_name,
};

/* On the stack of its thread: thread pointers do not last here. */
struct dice {
	uint64_t state;
};

static uint64_t next(struct dice *d)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return d->state * 0x2545f4914f6cdd1d;
}

static uint64_t below(struct dice *d, uint64_t n)
{
	return (next(d) >> 11) % n;
}

static uint64_t number(struct dice *d)
{
	static const uint64_t odd[] = {0,
				       1,
				       2,
				       7,
				       8,
				       24,
				       4095,
				       4096,
				       4097,
				       65536,
				       INT32_MAX,
				       (uint64_t)INT32_MIN,
				       UINT32_MAX,
				       INT64_MAX,
				       (uint64_t)INT64_MIN,
				       UINT64_MAX,
				       UINT64_MAX - 4095,
				       0x7ffffffff000,
				       0x800000000000,
				       USER};

	switch (below(d, 4)) {
	case 0:
		return below(d, 64);
	case 1:
		return next(d) >> below(d, 64);
	case 2:
		return below(d, ARENA_PAGES) * PAGE;
	default:
		return odd[below(d, sizeof(odd) / sizeof(odd[0]))];
	}
}

static uint64_t address(struct dice *d)
{
	static const uint64_t odd[] = {0,
				       8,
				       4096,
				       0x7ffffffff000,
				       0x7fffffffeff8,
				       0x800000000000,
				       0xffff800000000000,
				       0xffffffff80000000,
				       UINT64_MAX - 7,
				       0x10000,
				       0x7fff00000000};

	switch (below(d, 8)) {
	case 0:
		return odd[below(d, sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return (uint64_t)arena + (1 + below(d, ARENA_PAGES)) * PAGE - below(d, 64);
	case 2:
	case 3:
		return (uint64_t)arena + below(d, ARENA_PAGES) * PAGE;
	default:
		return (uint64_t)arena + below(d, ARENA_PAGES * PAGE);
	}
}

static uint64_t process(struct dice *d)
{
	static const uint64_t odd[] = {0, 0x400000, 1, 0};

	return below(d, 2) ? (uint64_t)getpid() : odd[below(d, 4)];
}

static uint64_t argument(struct dice *d, char kind)
{
	if (kind >= '0' && kind <= '9')
		return (uint64_t)(kind - '0');
	switch (kind) {
	case 'p':
		return address(d);
	case 'f':
		return below(d, 16) ? below(d, FDS) : number(d);
	case 's':
		return below(d, 8) ? (uint64_t)paths[below(d, sizeof(paths) / sizeof(paths[0]))]
				   : address(d);
	case 'g':
		return below(d, 4) ? below(d, 64)
				   : 1ull << below(d, 32) | below(d, 8) << below(d, 24);
	case 'P':
		return process(d);
	case 'S': /* not those that only cost the round's time */
		return below(d, 4) ? 32 + below(d, 40) : SIGCHLD;
	case 'q': /* a time of 0 in the program's own memory */
		return (uint64_t)(long_name + sizeof(long_name) - 16);
	case 'h': /* of clone: never what works */
		return 0x800 | (next(d) & 0xffff0000);
	default:
		return number(d);
	}
}

/* Not the C library's: errno needs a thread pointer, which calls may have spoilt. */
static long call(long number, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	long result = number;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static bool is_spared(long number)
{
	for (size_t i = 0; i < sizeof(spared) / sizeof(spared[0]); i++)
		if (spared[i] == number)
			return true;
	return false;
}

/* Any call of the table, with arguments of any kind. */
static void any_call(struct dice *d)
{
	static const char kinds[] = "ppppnnnfffssggPSq0";
	long number_of = (long)below(d, NUMBERS);
	uint64_t a[6];

	for (int i = 0; i < 6; i++)
		a[i] = argument(d, kinds[below(d, sizeof(kinds) - 1)]);
	if (!is_spared(number_of))
		call(number_of, a);
}

static void one_call(struct dice *d)
{
	size_t which = below(d, sizeof(calls) / sizeof(calls[0]));
	const char *kinds = calls[which].arguments;
	uint64_t a[6] = {0};
	long number_of = calls[which].number;

	if (all_calls && below(d, 3) == 0) {
		any_call(d);
		return;
	}
	for (int i = 0; i < 6 && kinds[i]; i++)
		a[i] = argument(d, kinds[i]);
	if (number_of < 0)
		number_of = (long)(600 + below(d, 3) * (next(d) >> 8));
	call(number_of, a);
}

static void limit(int which, rlim_t value)
{
	struct rlimit l = {value, value};

	setrlimit((unsigned)which, &l);
}

/* One of each kind, so that random numbers hit something. */
static bool open_files(void)
{
	struct itimerspec soon = {.it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000};
	struct epoll_event e = {.events = EPOLLIN};
	int fds[2], timer, epoll;
	sigset_t set;

	for (int i = 0; i < 3; i++)
		close(i);
	if (open("/dev/null", O_RDWR) < 0 || pipe2(fds, O_NONBLOCK) < 0 ||
	    open(".", O_RDONLY | O_DIRECTORY) < 0 || open("/dev/zero", O_RDWR) < 0 ||
	    open("a", O_RDWR | O_CREAT, 0666) < 0)
		return false;
	sigfillset(&set);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds);
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &e);
	eventfd(1, EFD_NONBLOCK);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	timerfd_settime(timer, 0, &soon, NULL);
	inotify_add_watch(inotify_init1(IN_NONBLOCK), ".", IN_ALL_EVENTS);
	signalfd(-1, &set, SFD_NONBLOCK);
	memfd_create("m", MFD_ALLOW_SEALING);
	open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	return true;
}

static void tick(int signal)
{
	(void)signal;
}

/* Calls that wait come back. */
static void start_ticks(void)
{
	struct itimerval every = {{0, TICK_US}, {0, TICK_US}};
	struct sigaction sa = {.sa_handler = tick};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void *make_calls(void *seed)
{
	struct dice dice = {.state = (uint64_t)(uintptr_t)seed};

	for (int i = 0; i < ROUND_CALLS; i++)
		one_call(&dice);
	return NULL;
}

/* A round may use up memory, and shall be what ends then. */
static void may_be_killed(const char *adjustment)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	/* In a container it may be refused. */
	(void)!write(fd, adjustment, strlen(adjustment));
	close(fd);
}

static _Noreturn void run_round(uint64_t seed)
{
	struct dice dice = {.state = seed * 0x9e3779b97f4a7c15 + 1}, *d = &dice;
	pthread_t threads[THREADS];

	may_be_killed("1000");
	setsid();
	arena = mmap(NULL, (ARENA_PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		_exit(1);
	mprotect(arena + ARENA_PAGES * PAGE, PAGE, PROT_NONE);
	for (size_t i = 0; i < ARENA_PAGES * PAGE / 8; i++)
		((uint64_t *)arena)[i] = below(d, 2) ? number(d) : address(d);
	memset(long_name, 'x', sizeof(long_name) - 17);
	if (!open_files())
		_exit(1);
	limit(RLIMIT_AS, 256 << 20);
	limit(RLIMIT_FSIZE, 1 << 20);
	limit(RLIMIT_NOFILE, 64);
	limit(RLIMIT_CORE, 0);
	if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 ||
	    setresuid(USER, USER, USER) < 0)
		_exit(1);
	limit(RLIMIT_NPROC, 32);
	start_ticks();
	for (uint64_t i = 0; seed % 2 && i < THREADS; i++)
		pthread_create(&threads[i], NULL, make_calls, (void *)(uintptr_t)(next(d) | 1));
	/* So late that a child, too, only makes calls. */
	if (all_calls && seed % 3 == 0 && fork() == 0)
		dice.state ^= 0x5555;
	make_calls((void *)(uintptr_t)dice.state);
	_exit(0);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The round is over: with all that it started. */
static void end_group(pid_t pid)
{
	kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		continue;
}

static void work(uint64_t first, double seconds)
{
	double end = now() + seconds;
	struct timespec moment = {.tv_nsec = 2000000};
	char name[24];

	/* Of its own, or the other worker may have put a folder in the place of "a" already. */
	snprintf(name, sizeof(name), "%llu", (unsigned long long)first);
	if (mkdir(name, 0777) < 0 || chmod(name, 0777) < 0 || chdir(name) < 0) {
		printf("no folder\n");
		return;
	}
	/* Orphans come to us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (uint64_t seed = first; now() < end; seed += WORKERS) {
		double over = now() + ROUND_MS / 1e3;
		int status;
		pid_t pid = fork();

		if (pid == 0)
			run_round(seed);
		if (pid < 0) {
			printf("fork: %s\n", strerrorname_np(errno));
			return;
		}
		/*
		 * Threads of it may have made us their tracer: as on Linux it is not told of before
		 * their ends have been waited for.
		 */
		for (;;) {
			pid_t got = waitpid(-1, &status, WNOHANG | __WALL);

			if (got < 0 || (got == pid && !WIFSTOPPED(status)))
				break;
			if (now() > over)
				kill(pid, SIGKILL);
			if (!got)
				nanosleep(&moment, NULL);
		}
		end_group(pid);
		if (seed < first + WORKERS && WIFEXITED(status) && WEXITSTATUS(status))
			printf("no start: %d\n", WEXITSTATUS(status));
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* System V's objects outlive their makers. */
static void remove_objects(void)
{
	struct shmid_ds shm;
	struct msqid_ds msg;
	struct semid_ds sem;

	for (int i = 0; i < 32768; i++) {
		int id = shmctl(i, SHM_STAT, &shm);

		if (id >= 0 && shm.shm_perm.cuid == USER)
			shmctl(id, IPC_RMID, NULL);
		id = msgctl(i, MSG_STAT, &msg);
		if (id >= 0 && msg.msg_perm.cuid == USER)
			msgctl(id, IPC_RMID, NULL);
		id = semctl(i, 0, SEM_STAT, &sem);
		if (id >= 0 && sem.sem_perm.cuid == USER)
			semctl(id, 0, IPC_RMID);
	}
}

int main(int argc, char **argv)
{
	char directory[] = "/tmp/random_syscalls_XXXXXX";
	double seconds = argc > 1 ? atof(argv[1]) : SECONDS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) * 1000000 : 0;
	struct utsname name;

	may_be_killed("-1000");
	all_calls = uname(&name) == 0 && strstr(name.release, "banos");
	if (!mkdtemp(directory) || chdir(directory) < 0 || chmod(".", 0777) < 0)
		return 1;
	for (uint64_t i = 0; i < WORKERS; i++)
		if (fork() == 0) {
			work(seed + i + 1, seconds);
			fflush(stdout);
			_exit(0);
		}
	while (wait(NULL) > 0)
		continue;
	if (chdir("/") == 0)
		nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	remove_objects();
	printf("survived\n");
	return 0;
}
