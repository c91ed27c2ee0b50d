/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc of processes: owners as they change, names, memory, links, what can be written. */
#include "guest.h"
#include <dirent.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

static char path_buf[128];

static const char *of(pid_t pid, const char *name)
{
	snprintf(path_buf, sizeof(path_buf), "/proc/%d/%s", pid, name);
	return path_buf;
}

static void show_owner(pid_t pid, const char *name)
{
	struct stat st;

	if (stat(of(pid, name), &st))
		printf("%s: %s\n", name, strerrorname_np(errno));
	else
		printf("%s: %u:%u %o\n", *name ? name : ".", st.st_uid, st.st_gid,
		       st.st_mode & 07777);
}

static void show_owners(const char *what, pid_t pid)
{
	printf("-- %s\n", what);
	show_owner(pid, "");
	show_owner(pid, "status");
	show_owner(pid, "environ");
	show_owner(pid, "task");
	show_owner(pid, "mem");
	fflush(stdout);
}

static int orders[2], answers[2];

/* Says that a step is done and waits for the next. */
static void step(void)
{
	char c;

	if (write(answers[1], "x", 1) != 1 || read(orders[0], &c, 1) != 1)
		_exit(1);
}

static void changing_child(void)
{
	step();
	if (setegid(100))
		_exit(2);
	step();
	if (setresuid(-1, 1000, -1))
		_exit(2);
	step();
	prctl(PR_SET_DUMPABLE, 1);
	step();
	if (setresuid(-1, 0, -1) || setegid(0))
		_exit(2);
	prctl(PR_SET_DUMPABLE, 1);
	step();
}

static void next(pid_t pid, const char *what)
{
	char c;

	if (read(answers[0], &c, 1) != 1)
		printf("no answer\n");
	show_owners(what, pid);
	if (write(orders[1], "x", 1) != 1)
		printf("no order\n");
}

/* The owner is true at once, though its name is cached. */
static void owners(void)
{
	int status;
	pid_t pid;

	if (pipe(orders) || pipe(answers))
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		changing_child();
		_exit(0);
	}
	next(pid, "root");
	next(pid, "group 100");
	next(pid, "user 1000");
	next(pid, "and dumpable");
	next(pid, "root again");
	waitpid(pid, &status, WNOWAIT);
	waitpid(pid, &status, 0);
	show_status("child", status);
	show_owner(pid, "");
}

static long put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	long n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int e = errno;

	close(fd);
	errno = e;
	return n;
}

static void names(void)
{
	char name[16] = "";

	SHOW(put_text("/proc/self/comm", "short\n"));
	show_file("/proc/self/comm");
	SHOW(put_text("/proc/self/comm", "a name that is too long") > 0);
	prctl(PR_GET_NAME, name);
	printf("%s\n", name);
	SHOW(put_text(of(1, "comm"), "init?"));
	SHOW(put_text("/proc/self/status", "x"));
}

static void as_user(void)
{
	if (setgid(1000) || setuid(1000))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
	show_file("/proc/self/oom_score_adj");
	SHOW(put_text("/proc/self/oom_score_adj", "600"));
	SHOW(put_text("/proc/self/oom_score_adj", "-5"));
	SHOW(open(of(getppid(), "environ"), O_RDONLY));
	SHOW(open(of(getppid(), "mem"), O_RDONLY));
	SHOW(open(of(getppid(), "maps"), O_RDONLY));
	SHOW_OK(open(of(getppid(), "stat"), O_RDONLY));
	SHOW(readlink(of(getppid(), "exe"), path_buf, 10));
	SHOW_OK(open("/proc/self/environ", O_RDONLY));
}

static void oom(void)
{
	show_file("/proc/self/oom_score_adj");
	SHOW(put_text("/proc/self/oom_score_adj", "500"));
	SHOW(put_text("/proc/self/oom_score_adj", "1001"));
	SHOW(put_text("/proc/self/oom_score_adj", "-1001"));
	SHOW(put_text("/proc/self/oom_score_adj", "many"));
	show_file("/proc/self/oom_score_adj");
	show_status("user", in_child(as_user));
	SHOW(put_text("/proc/self/oom_score_adj", "0\n"));
}

static volatile uint64_t word = 0x1122334455667788;
static const volatile uint64_t fixed = 42;

static char *page_without_rights;

static void memory(void)
{
	int fd = open("/proc/self/mem", O_RDWR);
	uint64_t value = 0;

	SHOW(pread(fd, &value, 8, (off_t)(uintptr_t)&word));
	printf("%#llx\n", (unsigned long long)value);
	value = 7;
	SHOW(pwrite(fd, &value, 8, (off_t)(uintptr_t)&word));
	printf("%llu\n", (unsigned long long)word);
	/* A debugger may change what the program may not. */
	SHOW(pwrite(fd, &value, 8, (off_t)(uintptr_t)&fixed));
	printf("%llu\n", (unsigned long long)fixed);
	SHOW(pread(fd, &value, 8, 8));
	SHOW(pwrite(fd, &value, 8, 8));
	SHOW(pread(fd, bad, 8, (off_t)(uintptr_t)&word));
	SHOW(lseek(fd, 0, SEEK_END));
	SHOW(lseek(fd, 4096, SEEK_SET));
	SHOW(read(fd, &value, 8));
	close(fd);
}

static void touch_page(void)
{
	*(volatile char *)page_without_rights;
}

/* What a debugger looks at stays out of the program's own reach. */
static void memory_without_rights(void)
{
	int fd = open("/proc/self/mem", O_RDWR);
	char text[8] = "";

	page_without_rights =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(page_without_rights, "hidden");
	SHOW(mprotect(page_without_rights, 3 * 4096, PROT_NONE));
	SHOW(pread(fd, text, 7, (off_t)(uintptr_t)page_without_rights));
	printf("%s\n", text);
	show_status("touched", in_child(touch_page));
	SHOW(pwrite(fd, "HID", 3, (off_t)(uintptr_t)page_without_rights));
	show_status("touched", in_child(touch_page));
	/* Never touched: read and written there for the first time. */
	SHOW(pread(fd, text, 7, (off_t)(uintptr_t)page_without_rights + 4096));
	SHOW(pwrite(fd, "new", 3, (off_t)(uintptr_t)page_without_rights + 8192));
	page_without_rights += 4096;
	show_status("touched", in_child(touch_page));
	page_without_rights += 4096;
	show_status("touched", in_child(touch_page));
	page_without_rights -= 8192;
	SHOW(mprotect(page_without_rights, 3 * 4096, PROT_READ));
	printf("%s, %s, %s\n", page_without_rights, page_without_rights + 4096,
	       page_without_rights + 8192);
	munmap(page_without_rights, 3 * 4096);
	close(fd);
}

static bool has_line(const char *path, const char *start)
{
	char line[512];
	bool found = false;
	FILE *f = fopen(path, "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strncmp(line, start, strlen(start)) == 0;
	if (f)
		fclose(f);
	return found;
}

static void texts(void)
{
	static const char *const status[] = {
		"Name:",   "Umask:",  "State:",	 "Tgid:",   "Pid:",    "PPid:",	   "Uid:",
		"Gid:",	   "FDSize:", "Groups:", "VmSize:", "VmRSS:",  "Threads:", "SigPnd:",
		"ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:", "CapEff:", "CapBnd:"};
	static const char *const system[][2] = {
		{"/proc/stat", "cpu "},
		{"/proc/stat", "btime "},
		{"/proc/stat", "procs_running"},
		{"/proc/meminfo", "MemTotal:"},
		{"/proc/meminfo", "MemAvailable:"},
		{"/proc/cpuinfo", "processor"},
		{"/proc/filesystems", "nodev\ttmpfs"},
		{"/proc/devices", "Character devices:"},
		{"/proc/swaps", "Filename"},
		{"/proc/partitions", "major minor"},
		{"/proc/version", "Linux version"},
		{"/proc/vmstat", "nr_free_pages"},
		{"/proc/self/smaps", "Rss:"},
		{"/proc/self/smaps", "VmFlags:"},
		{"/proc/self/smaps_rollup", "Pss:"},
		{"/proc/self/limits", "Max open files"},
		{"/sys/devices/system/cpu/online", "0"},
		{"/proc/sys/kernel/ostype", "Linux"},
		{"/proc/sys/kernel/cap_last_cap", "4"},
		{"/proc/sys/kernel/random/uuid", ""},
	};

	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		if (!has_line("/proc/self/status", status[i]))
			printf("status lacks %s\n", status[i]);
	}
	for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++) {
		if (!has_line(system[i][0], system[i][1]))
			printf("%s lacks %s\n", system[i][0], system[i][1]);
	}
	SHOW_OK(open("/proc/interrupts", O_RDONLY));
	SHOW_OK(open("/proc/diskstats", O_RDONLY));
	SHOW_OK(open("/proc/sys/vm/max_map_count", O_RDONLY));
	SHOW_OK(open("/proc/sys/fs/nr_open", O_RDONLY));
	SHOW_OK(open("/sys/class", O_RDONLY | O_DIRECTORY));
	SHOW_OK(open("/sys/kernel", O_RDONLY | O_DIRECTORY));
	SHOW(unlink("/proc/self/status"));
	SHOW(chmod("/proc/self/nothing", 0));
	SHOW(open("/proc/0", O_RDONLY));
	SHOW(open("/proc/01", O_RDONLY));
	SHOW(open("/proc/self/fd/x", O_RDONLY));
	SHOW(open("/proc/self/fd/999", O_RDONLY));
}

static void links(void)
{
	char target[256] = "", want[64], cwd[256] = "";
	ssize_t n = readlink("/proc/self", target, sizeof(target) - 1);
	int fd = open("some", O_RDWR | O_CREAT, 0644);
	struct stat a, b;

	snprintf(want, sizeof(want), "%d", getpid());
	printf("self: %d\n", n > 0 && strcmp(target, want) == 0);
	memset(target, 0, sizeof(target));
	n = readlink("/proc/thread-self", target, sizeof(target) - 1);
	snprintf(want, sizeof(want), "%d/task/%d", getpid(), getpid());
	printf("thread-self: %d\n", n > 0 && strcmp(target, want) == 0);
	memset(target, 0, sizeof(target));
	n = readlink("/proc/self/cwd", target, sizeof(target) - 1);
	printf("cwd: %d\n", getcwd(cwd, sizeof(cwd)) && strcmp(target, cwd) == 0);
	memset(target, 0, sizeof(target));
	SHOW(readlink("/proc/self/root", target, sizeof(target) - 1));
	snprintf(want, sizeof(want), "/proc/self/fd/%d", fd);
	stat(want, &a);
	fstat(fd, &b);
	printf("same file: %d\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	lstat(want, &a);
	printf("%o\n", a.st_mode);
	unlink("some");
	n = readlink(want, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = 0;
	printf("deleted: %d\n", strstr(target, "/some (deleted)") != NULL);
	SHOW_OK(open(want, O_RDONLY));
	close(fd);
	SHOW(open(want, O_RDONLY));
}

int main(void)
{
	owners();
	names();
	oom();
	memory();
	memory_without_rights();
	texts();
	links();
	return 0;
}
