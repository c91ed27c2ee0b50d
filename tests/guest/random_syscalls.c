/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ordinary user calls whatever there is with whatever comes to mind. Nothing is compared: the
 * kernel has to be there afterwards. Each round is a fresh process with its own seed, which lives
 * until it has made its calls, has killed itself, or its time is over.
 */
#include "guest.h"
#include <ftw.h>
#include <grp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define SECONDS	    8
#define WORKERS	    3
#define ROUND_CALLS 3000
#define ROUND_MS    250
#define ARENA_PAGES 64
#define PAGE	    4096ul

/*
 * Arguments: p address, n number, f descriptor, s path, g flags, P process, S signal. Calls that
 * wait, start processes, or leave the directory are left out.
 */
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
	{SYS_setpgid, "PP"},
	{SYS_setsid, ""},
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
	{-1, "nnnnnn"},
};

static uint64_t state;
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

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

static uint64_t below(uint64_t n)
{
	return (next() >> 11) % n;
}

static uint64_t number(void)
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
				       65534};

	switch (below(4)) {
	case 0:
		return below(64);
	case 1:
		return next() >> below(64);
	case 2:
		return below(ARENA_PAGES) * PAGE;
	default:
		return odd[below(sizeof(odd) / sizeof(odd[0]))];
	}
}

static uint64_t address(void)
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

	switch (below(8)) {
	case 0:
		return odd[below(sizeof(odd) / sizeof(odd[0]))];
	case 1:
		return (uint64_t)arena + (1 + below(ARENA_PAGES)) * PAGE - below(64);
	case 2:
	case 3:
		return (uint64_t)arena + below(ARENA_PAGES) * PAGE;
	default:
		return (uint64_t)arena + below(ARENA_PAGES * PAGE);
	}
}

static uint64_t process(void)
{
	static const uint64_t odd[] = {0, 0x400000, 1, 0};

	return below(2) ? (uint64_t)getpid() : odd[below(4)];
}

static uint64_t argument(char kind)
{
	if (kind >= '0' && kind <= '9')
		return (uint64_t)(kind - '0');
	switch (kind) {
	case 'p':
		return address();
	case 'f':
		return below(16) ? below(24) : number();
	case 's':
		return below(8) ? (uint64_t)paths[below(sizeof(paths) / sizeof(paths[0]))]
				: address();
	case 'g':
		return below(4) ? below(64) : 1ull << below(32) | below(8) << below(24);
	case 'P':
		return process();
	case 'S': /* not those that only cost the round's time */
		return below(4) ? 32 + below(40) : SIGCHLD;
	case 'q': /* a time of 0 in the program's own memory */
		return (uint64_t)(long_name + sizeof(long_name) - 16);
	case 'h': /* of clone: never what works */
		return 0x800 | (next() & 0xffff0000);
	default:
		return number();
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

static void one_call(void)
{
	size_t which = below(sizeof(calls) / sizeof(calls[0]));
	const char *kinds = calls[which].arguments;
	uint64_t a[6] = {0};
	long number_of = calls[which].number;

	for (int i = 0; i < 6 && kinds[i]; i++)
		a[i] = argument(kinds[i]);
	if (number_of < 0)
		number_of = (long)(400 + below(3) * next());
	call(number_of, a);
}

static void limit(int which, rlim_t value)
{
	struct rlimit l = {value, value};

	setrlimit((unsigned)which, &l);
}

static _Noreturn void run_round(uint64_t seed)
{
	int fds[2];

	state = seed * 0x9e3779b97f4a7c15 + 1;
	setsid();
	arena = mmap(NULL, (ARENA_PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		_exit(1);
	mprotect(arena + ARENA_PAGES * PAGE, PAGE, PROT_NONE);
	for (size_t i = 0; i < ARENA_PAGES * PAGE / 8; i++)
		((uint64_t *)arena)[i] = below(2) ? number() : address();
	memset(long_name, 'x', sizeof(long_name) - 17);
	for (int i = 0; i < 3; i++)
		close(i);
	if (open("/dev/null", O_RDWR) < 0 || pipe2(fds, O_NONBLOCK) < 0 ||
	    open(".", O_RDONLY | O_DIRECTORY) < 0 || open("/dev/zero", O_RDWR) < 0 ||
	    open("a", O_RDWR | O_CREAT, 0666) < 0)
		_exit(1);
	limit(RLIMIT_AS, 256 << 20);
	limit(RLIMIT_FSIZE, 1 << 20);
	limit(RLIMIT_NOFILE, 64);
	limit(RLIMIT_CORE, 0);
	if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
	    setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	limit(RLIMIT_NPROC, 32);
	alarm(2);
	for (int i = 0; i < ROUND_CALLS; i++)
		one_call();
	_exit(0);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void work(uint64_t first)
{
	double end = now() + SECONDS;
	struct timespec moment = {.tv_nsec = 2000000};
	char name[16];

	/* Of its own, or the other worker may have put a folder in the place of "a" already. */
	snprintf(name, sizeof(name), "%d", (int)first);
	if (mkdir(name, 0777) < 0 || chmod(name, 0777) < 0 || chdir(name) < 0) {
		printf("no folder\n");
		return;
	}
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
		while (waitpid(pid, &status, WNOHANG) == 0) {
			if (now() > over)
				kill(pid, SIGKILL);
			nanosleep(&moment, NULL);
		}
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

int main(void)
{
	char directory[] = "/tmp/random_syscalls_XXXXXX";

	if (!mkdtemp(directory) || chdir(directory) < 0 || chmod(".", 0777) < 0)
		return 1;
	for (uint64_t i = 0; i < WORKERS; i++)
		if (fork() == 0) {
			work(i + 1);
			fflush(stdout);
			_exit(0);
		}
	while (wait(NULL) > 0)
		continue;
	if (chdir("/") == 0)
		nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	printf("survived\n");
	return 0;
}
