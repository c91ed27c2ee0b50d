/* SPDX-License-Identifier: BSD-2-Clause */
/* memfd_create: names, seals, and what each seal stops, with mappings too. */
#include "guest.h"
#include <linux/falloc.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#define MFD_EXEC	16
#endif

static int make(unsigned flags)
{
	int fd = memfd_create("test", flags);

	if (fd < 0 || ftruncate(fd, 8192))
		printf("cannot make one: %s\n", strerrorname_np(errno));
	return fd;
}

#define SHOW_MAP(call)                                                                             \
	do {                                                                                       \
		void *p_ = (call);                                                                 \
		printf("%s -> %s\n", #call, p_ == MAP_FAILED ? strerrorname_np(errno) : "mapped"); \
	} while (0)

static void names(void)
{
	char name[300], path[64], link[64] = "";
	int fd;

	memset(name, 'n', sizeof(name));
	name[250] = 0;
	SHOW(memfd_create(name, 0));
	name[249] = 0;
	SHOW_OK(memfd_create(name, 0));
	SHOW_OK(memfd_create("", MFD_CLOEXEC));
	SHOW(memfd_create(bad, 0));
	SHOW(memfd_create("x", 0x400));
	SHOW(memfd_create("x", MFD_NOEXEC_SEAL | MFD_EXEC));
	fd = memfd_create("name", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	SHOW(readlink(path, link, sizeof(link) - 1));
	printf("%s\n", link);
	close(fd);
}

static void adding(void)
{
	int fd = make(0), file = open("file", O_RDWR | O_CREAT, 0644), p[2], only;
	char path[64];

	SHOW(fcntl(fd, F_GET_SEALS));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	close(fd);
	fd = make(MFD_ALLOW_SEALING);
	SHOW(fcntl(fd, F_GET_SEALS));
	SHOW(fcntl(fd, F_ADD_SEALS, 0x1000));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
	SHOW(fcntl(fd, F_GET_SEALS));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	only = open(path, O_RDONLY);
	SHOW(fcntl(only, F_GET_SEALS));
	SHOW(fcntl(only, F_ADD_SEALS, F_SEAL_SEAL));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SHOW(pipe(p));
	SHOW(fcntl(p[0], F_GET_SEALS));
	SHOW(fcntl(p[1], F_ADD_SEALS, 1));
	close(fd);
	close(only);
	close(file);
	fd = make(MFD_NOEXEC_SEAL);
	SHOW(fcntl(fd, F_GET_SEALS));
	SHOW(fchmod(fd, 0777));
	SHOW(fchmod(fd, 0600));
	close(fd);
}

static void sizes(void)
{
	int fd = make(MFD_ALLOW_SEALING);
	char buf[100] = {0};

	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	SHOW(ftruncate(fd, 4096));
	SHOW(ftruncate(fd, 8192));
	SHOW(ftruncate(fd, 12288));
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	SHOW(ftruncate(fd, 12289));
	SHOW(fallocate(fd, 0, 0, 16384));
	SHOW(pwrite(fd, buf, 100, 12288));
	SHOW(pwrite(fd, buf, 100, 12188));
	close(fd);
}

static void writes(void)
{
	int fd = make(MFD_ALLOW_SEALING);
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *q;

	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(p, 4096);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	p[0] = 'x'; /* our own copy */
	SHOW(write(fd, "x", 1));
	SHOW(ftruncate(fd, 100));
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 50));
	SHOW_MAP(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	SHOW_MAP(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (q != MAP_FAILED)
		SHOW(mprotect(q, 4096, PROT_READ | PROT_WRITE));
	close(fd);
	fd = make(MFD_ALLOW_SEALING);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	p[0] = 'y';
	SHOW(write(fd, "x", 1));
	SHOW_MAP(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	printf("%c\n", q[0]);
	SHOW(mprotect(q, 4096, PROT_READ | PROT_WRITE));
	SHOW(mprotect(p, 4096, PROT_READ));
	SHOW(mprotect(p, 4096, PROT_READ | PROT_WRITE));
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(p, 4096);
	SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	close(fd);
}

/* Unnamed files get names. */
static void unnamed(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0640),
	    other = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	struct stat st;
	char path[64];

	SHOW(write(fd, "text", 4));
	fstat(fd, &st);
	printf("links %ld mode %o\n", (long)st.st_nlink, st.st_mode);
	SHOW(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH));
	show_file("named");
	fstat(fd, &st);
	printf("links %ld\n", (long)st.st_nlink);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	SHOW(linkat(AT_FDCWD, path, AT_FDCWD, "again", AT_SYMLINK_FOLLOW));
	show_file("again");
	SHOW(linkat(other, "", AT_FDCWD, "no", AT_EMPTY_PATH));
	SHOW(open(".", O_TMPFILE | O_RDONLY, 0600));
	SHOW(open("named", O_TMPFILE | O_RDWR, 0600));
	SHOW(open("nowhere", O_TMPFILE | O_RDWR, 0600));
	unlink("named");
	unlink("again");
	close(fd);
	close(other);
}

int main(void)
{
	names();
	adding();
	sizes();
	writes();
	unnamed();
	return 0;
}
