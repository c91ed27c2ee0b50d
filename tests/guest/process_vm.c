/* SPDX-License-Identifier: BSD-2-Clause */
/* process_vm_readv, process_vm_writev, process_madvise, kcmp, /proc/PID/mem: what is allowed. */
#include "guest.h"

#include <linux/kcmp.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define READV(...)  syscall(SYS_process_vm_readv, __VA_ARGS__)
#define WRITEV(...) syscall(SYS_process_vm_writev, __VA_ARGS__)
#define KCMP(...)   syscall(SYS_kcmp, __VA_ARGS__)

static pid_t child;
static char *area; /* three pages: can be written, can be read, nothing */
static int ready[2], go[2];

static void start(void)
{
	char c;

	if (pipe(ready) || pipe(go))
		exit(1);
	fflush(stdout);
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		strcpy(area, "the child's own");
		write(ready[1], "x", 1);
		read(go[0], &c, 1);
		printf("the child sees: %s, %s\n", area, area + 100);
		fflush(stdout);
		_exit(0);
	}
	read(ready[0], &c, 1);
}

static void memory(void)
{
	char buf[64] = {0}, other[64] = {0};
	struct iovec near[2] = {{buf, 4}, {other, 11}}, far[2] = {{area, 15}, {area + 4096, 8}};
	struct iovec wrong = {bad, 8}, many = {buf, 32}, huge = {area, -1UL};

	SHOW(READV(child, near, 2L, far, 1L, 0L));
	printf("%.4s|%.11s\n", buf, other);
	many.iov_base = "hello";
	many.iov_len = 6;
	far[0].iov_base = area + 100;
	SHOW(WRITEV(child, &many, 1L, far, 1L, 0L));
	/* Memory that the process itself may not write. */
	far[0].iov_base = area + 4096;
	SHOW(WRITEV(child, &many, 1L, far, 1L, 0L));
	/* Half of it. */
	many.iov_base = buf;
	many.iov_len = 64;
	far[0].iov_base = area + 8192 - 16;
	far[0].iov_len = 64;
	SHOW(READV(child, &many, 1L, far, 1L, 0L));
	far[0].iov_base = area + 4096 - 16;
	SHOW(WRITEV(child, &many, 1L, far, 1L, 0L));
	far[0].iov_base = area + 8192;
	SHOW(READV(child, &many, 1L, far, 1L, 0L));
	SHOW(READV(child, &many, 1L, &wrong, 1L, 0L));
	far[0].iov_base = area;
	SHOW(READV(child, &wrong, 1L, far, 1L, 0L));
	SHOW(WRITEV(child, &wrong, 1L, far, 1L, 0L));
	SHOW(READV(child, &many, 1L, bad, 1L, 0L));
	SHOW(READV(child, bad, 1L, far, 1L, 0L));
	SHOW(READV(child, &many, 1L, far, 1L, 1L));
	SHOW(READV(child, &many, 2000L, far, 1L, 0L));
	SHOW(READV(child, &many, 1L, far, 2000L, 0L));
	SHOW(READV(child, &many, 1L, far, 0L, 0L));
	SHOW(READV(child, &many, 0L, far, 1L, 0L));
	SHOW(READV(child, &many, -1L, far, 1L, 0L));
	SHOW(READV(child, &many, 1L, far, -1L, 0L));
	SHOW(READV(child, &many, 1L, &huge, 1L, 0L));
	huge.iov_len = ~(1UL << 63);
	SHOW(READV(child, &many, 1L, &huge, 1L, 0L));
	SHOW(READV(99999999, &many, 1L, far, 1L, 0L));
	SHOW(READV(-1, &many, 1L, far, 1L, 0L));
	SHOW(READV(99999999, &many, 1L, far, 0L, 0L));
	SHOW(READV(getpid(), &many, 1L, far, 1L, 0L));
}

static void through_proc(void)
{
	char path[64], buf[16] = {0};
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	fd = open(path, O_RDWR);
	SHOW_OK(fd);
	SHOW(pread(fd, buf, 5, (off_t)area));
	printf("%s\n", buf);
	/* Here writing goes where the program may not write, too. */
	SHOW(pwrite(fd, "forced", 7, (off_t)area + 4096));
	SHOW(pread(fd, buf, 7, (off_t)area + 4096));
	printf("%s\n", buf);
	SHOW(pread(fd, buf, 5, 8));
	SHOW(pread(fd, bad, 5, (off_t)area));
	close(fd);
}

/* What is read by force stays closed to the program. */
static void on_fault(int sig)
{
	_exit(17);
}

static void closed_memory(void)
{
	char *closed = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), buf[8];
	int fd = open("/proc/self/mem", O_RDWR);

	signal(SIGSEGV, on_fault);
	SHOW(pread(fd, buf, 8, (off_t)closed));
	SHOW(pwrite(fd, "written", 8, (off_t)closed + 4096));
	memset(buf, 0, sizeof(buf));
	SHOW(pread(fd, buf, 8, (off_t)closed + 4096));
	printf("%s\n", buf);
	fflush(stdout);
	if (!fork()) {
		buf[0] = *(volatile char *)closed;
		_exit(1);
	}
	if (!fork()) {
		buf[0] = *(volatile char *)(closed + 4096);
		_exit(1);
	}
	for (int i = 0; i < 2; i++) {
		int status;

		wait(&status);
		show_status("look at closed memory", status);
	}
	SHOW(mprotect(closed, 8192, PROT_READ));
	printf("open: %d, %s\n", closed[0], closed + 4096);
	fflush(stdout);
}

static void as_user(void)
{
	char buf[8];
	struct iovec near = {buf, 8}, far = {area, 8};

	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(1);
	SHOW(READV(child, &near, 1L, &far, 1L, 0L));
	SHOW(WRITEV(child, &near, 1L, &far, 1L, 0L));
	SHOW(KCMP(getpid(), child, KCMP_VM, 0L, 0L));
	SHOW(READV(getpid(), &near, 1L, &far, 1L, 0L));
}

static void *other_thread(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	pause();
	return NULL;
}

static void compare(void)
{
	int fd = open("/dev/null", O_RDONLY), same = dup(fd), again = open("/dev/null", O_RDONLY);
	volatile pid_t tid = 0;
	pid_t me = getpid();
	pthread_t t;

	SHOW(KCMP(me, me, KCMP_FILE, (long)fd, (long)same));
	SHOW(KCMP(me, me, KCMP_FILE, (long)fd, (long)again) > 0);
	SHOW(KCMP(me, me, KCMP_FILE, (long)fd, (long)again) +
	     KCMP(me, me, KCMP_FILE, (long)again, (long)fd));
	SHOW(KCMP(me, me, KCMP_FILE, (long)fd, 1000L));
	SHOW(KCMP(me, me, KCMP_FILE, -1L, -1L));
	SHOW(KCMP(me, child, KCMP_FILE, 1L, 1L));
	SHOW(KCMP(me, child, KCMP_VM, 0L, 0L) > 0);
	SHOW(KCMP(me, child, KCMP_FILES, 0L, 0L) > 0);
	SHOW(KCMP(me, child, KCMP_FS, 0L, 0L) > 0);
	SHOW(KCMP(me, child, KCMP_SIGHAND, 0L, 0L) > 0);
	SHOW(KCMP(me, 99999999, KCMP_VM, 0L, 0L));
	SHOW(KCMP(me, me, 99, 0L, 0L));
	SHOW(KCMP(me, me, -1, 0L, 0L));
	pthread_create(&t, NULL, other_thread, (void *)&tid);
	while (!tid)
		usleep(1000);
	SHOW(KCMP(me, tid, KCMP_VM, 0L, 0L));
	SHOW(KCMP(me, tid, KCMP_FILES, 0L, 0L));
	SHOW(KCMP(me, tid, KCMP_FS, 0L, 0L));
	SHOW(KCMP(me, tid, KCMP_SIGHAND, 0L, 0L));
}

static void advise(void)
{
	struct iovec iov[2] = {{area, 4096}, {area, 8192}}, wrong = {area + 1, 4096};
	int fd = (int)syscall(SYS_pidfd_open, child, 0);

	SHOW(syscall(SYS_process_madvise, fd, iov, 2L, MADV_COLD, 0));
	SHOW(syscall(SYS_process_madvise, fd, &wrong, 1L, MADV_COLD, 0));
	SHOW(syscall(SYS_process_madvise, fd, iov, 1L, 9999, 0));
	SHOW(syscall(SYS_process_madvise, fd, iov, 1L, MADV_COLD, 1));
	SHOW(syscall(SYS_process_madvise, -1, iov, 1L, MADV_COLD, 0));
	SHOW(syscall(SYS_process_madvise, fd, bad, 1L, MADV_COLD, 0));
	SHOW(syscall(SYS_process_madvise, fd, iov, 5000L, MADV_COLD, 0));
	close(fd);
}

int main(void)
{
	alarm(50);
	area = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(area, "the parent's own");
	strcpy(area + 4096, "read only");
	mprotect(area + 4096, 4096, PROT_READ);
	munmap(area + 8192, 4096);
	start();
	memory();
	through_proc();
	compare();
	advise();
	show_status("as a user", in_child(as_user));
	write(go[1], "x", 1);
	waitpid(child, NULL, 0);
	closed_memory();
	return 0;
}
