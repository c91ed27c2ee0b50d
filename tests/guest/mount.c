/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mount, bind, move, remount, umount2 with its flags, pivot_root, statfs. On Linux in a namespace
 * of its own; here everything is undone at the end.
 */
#include "guest.h"
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#ifndef MNT_EXPIRE
#define MNT_EXPIRE 4
#endif

static int tmpfs(const char *where, const char *options)
{
	return mount("test", where, "tmpfs", 0, options);
}

static void binds(void)
{
	SHOW(tmpfs("a", "size=1m"));
	write_file("a/file", "in a");
	SHOW(mkdir("a/sub", 0755) | mkdir("a/sub/deep", 0755));
	SHOW(tmpfs("a/sub", NULL));
	SHOW(mkdir("a/sub/deep", 0755));
	SHOW(tmpfs("a/sub/deep", NULL));
	write_file("a/sub/deep/file", "deep");
	SHOW(mount("a", "b", NULL, MS_BIND, NULL));
	show_file("b/file");
	show_file("b/sub/deep/file");
	SHOW(umount("b"));
	SHOW(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	show_file("b/sub/deep/file");
	SHOW(umount("b"));
	SHOW(umount2("b", MNT_DETACH));
	show_file("b/file");
	/* A file on a file. */
	write_file("plain", "plain");
	SHOW(mount("a/file", "plain", NULL, MS_BIND, NULL));
	show_file("plain");
	SHOW(unlink("plain"));
	SHOW(mount("a/file", "b", NULL, MS_BIND, NULL));
	SHOW(mount("a", "plain", NULL, MS_BIND, NULL));
	SHOW(umount("plain"));
	show_file("plain");
	SHOW(mount(NULL, "b", NULL, MS_BIND, NULL));
	SHOW(mount("none", "b", NULL, MS_BIND, NULL));
}

static void remounts(void)
{
	SHOW(mount("a", "b", NULL, MS_BIND, NULL));
	SHOW(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	SHOW(open("b/new", O_WRONLY | O_CREAT, 0644));
	SHOW_OK(open("a/new", O_WRONLY | O_CREAT, 0644));
	SHOW(mkdir("b/newdir", 0755));
	SHOW(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND, NULL));
	SHOW(mkdir("b/newdir", 0755));
	SHOW(mount(NULL, "b/newdir", NULL, MS_REMOUNT | MS_BIND, NULL));
	SHOW(mount(NULL, "a", NULL, MS_REMOUNT, "size=2m"));
	SHOW(mount(NULL, "a", NULL, MS_REMOUNT, "nonsense=1"));
	SHOW(umount("b"));
	SHOW(mount(NULL, "a", NULL, MS_PRIVATE, NULL));
	SHOW(mount(NULL, "a", NULL, MS_SHARED | MS_REC, NULL));
	SHOW(mount(NULL, "a", NULL, MS_PRIVATE | MS_REC, NULL));
	SHOW(mount(NULL, "a", NULL, MS_PRIVATE | MS_SLAVE, NULL));
	SHOW(mount(NULL, "a", NULL, MS_PRIVATE | MS_RDONLY, NULL));
	SHOW(mount(NULL, "a/newdir", NULL, MS_PRIVATE, NULL));
}

static void moves(void)
{
	SHOW(mount("a", "c", NULL, MS_MOVE, NULL));
	show_file("a/file");
	show_file("c/file");
	show_file("c/sub/deep/file");
	SHOW(mount("c", "c/newdir", NULL, MS_MOVE, NULL));
	SHOW(mount("b", "a", NULL, MS_MOVE, NULL));
	SHOW(mount("c", "plain", NULL, MS_MOVE, NULL));
	SHOW(mount("c", "a", NULL, MS_MOVE, NULL));
	show_file("a/file");
}

static void removals(void)
{
	int fd;

	SHOW(umount("a"));
	SHOW(umount2("a/sub/deep", 0x40));
	SHOW(umount2("a/sub/deep", MNT_EXPIRE | MNT_DETACH));
	fd = open("a/sub/deep/file", O_RDONLY);
	SHOW(umount2("a/sub/deep", MNT_EXPIRE));
	SHOW(umount("a/sub/deep"));
	close(fd);
	SHOW(umount2("a/sub/deep", MNT_EXPIRE));
	fd = open("a/sub/deep/file", O_RDONLY);
	close(fd);
	SHOW(umount2("a/sub/deep", MNT_EXPIRE));
	SHOW(umount2("a/sub/deep", MNT_EXPIRE));
	show_file("a/sub/deep/file");
	SHOW(symlink("a/sub", "to_sub"));
	SHOW(umount2("to_sub", UMOUNT_NOFOLLOW));
	SHOW(umount2("to_sub", 0));
	SHOW(umount("a/sub"));
	SHOW(umount("none"));
	fd = open("a/file", O_RDONLY);
	SHOW(umount2("a", MNT_DETACH));
	char buf[8] = "";
	SHOW(read(fd, buf, 4));
	printf("%s\n", buf);
	close(fd);
	show_file("a/file");
}

static void wrong_calls(void)
{
	SHOW(mount("x", "none", "tmpfs", 0, NULL));
	SHOW(mount("x", "plain", "tmpfs", 0, NULL));
	SHOW(mount("x", "a", "nosuchfs", 0, NULL));
	SHOW(mount("x", "a", NULL, 0, NULL));
	SHOW(mount("x", bad, "tmpfs", 0, NULL));
	SHOW(mount("x", "a", bad, 0, NULL));
	SHOW(mount("x", "a", "tmpfs", 0, "size=nonsense"));
	SHOW(mount("x", "a", "tmpfs", 0, "what=1"));
	SHOW(umount2(bad, 0));
	SHOW(syscall(SYS_pivot_root, "none", "a"));
	SHOW(syscall(SYS_pivot_root, "plain", "a"));
	SHOW(syscall(SYS_pivot_root, bad, "a"));
	SHOW(syscall(SYS_quotactl, -1, NULL, 0, NULL) == -1);
	SHOW(syscall(SYS_ustat, makedev(4000, 5), bad));
}

static void as_user(void)
{
	if (setgid(1000) || setuid(1000))
		printf("cannot become a user\n");
	SHOW(tmpfs("a", NULL));
	SHOW(mount("x", "none", "tmpfs", 0, NULL));
	SHOW(umount("a"));
	SHOW(umount("none"));
	SHOW(umount2("a", 0x40));
	SHOW(syscall(SYS_pivot_root, "none", "a"));
	SHOW(chroot("a"));
}

static void limits(void)
{
	struct statfs fs;
	char *buf = calloc(1, 65536);
	int fd;
	long total = 0, n;

	SHOW(tmpfs("a", "size=256k,nr_inodes=5"));
	SHOW(statfs("a", &fs));
	printf("type %#lx, %ld blocks of %ld, %ld free, %ld files, names %ld\n", (long)fs.f_type,
	       (long)fs.f_blocks, (long)fs.f_bsize, (long)fs.f_bfree, (long)fs.f_files,
	       (long)fs.f_namelen);
	fd = open("a/full", O_RDWR | O_CREAT, 0644);
	while ((n = write(fd, buf, 65536)) > 0)
		total += n;
	printf("%ld bytes, then %s\n", total, strerrorname_np(errno));
	SHOW(fstatfs(fd, &fs));
	printf("%ld free\n", (long)fs.f_bfree);
	SHOW(pwrite(fd, "x", 1, 300000));
	SHOW(pwrite(fd, "x", 1, 1000));
	SHOW(ftruncate(fd, 100000));
	SHOW(fstatfs(fd, &fs));
	printf("%ld free\n", (long)fs.f_bfree);
	SHOW(pwrite(fd, "x", 1, 300000));
	SHOW(fallocate(fd, 0, 0, 400000));
	for (int i = 0; i < 6; i++) {
		char path[16];

		snprintf(path, sizeof(path), "a/%d", i);
		SHOW_OK(mknod(path, S_IFREG | 0644, 0));
	}
	SHOW(unlink("a/0"));
	SHOW(mkdir("a/dir", 0755));
	SHOW(unlink("a/full"));
	close(fd);
	SHOW(statfs("a", &fs));
	printf("%ld free\n", (long)fs.f_bfree);
	SHOW(umount("a"));
	free(buf);
}

/* A process in a root of its own turns the tree of mounts over. */
static void pivot(void)
{
	char cwd[64] = "";

	if (chroot("c") || chdir("/"))
		printf("cannot enter\n");
	SHOW(mkdir("/new", 0755) | mkdir("/plain", 0755));
	SHOW(syscall(SYS_pivot_root, "/plain", "/plain"));
	SHOW(tmpfs("/new", NULL));
	SHOW(mkdir("/new/old", 0755));
	SHOW(syscall(SYS_pivot_root, "/new", "/plain"));
	SHOW(syscall(SYS_pivot_root, "/new", "/new/none"));
	SHOW(syscall(SYS_pivot_root, "/", "/new/old"));
	write_file("/here", "old root");
	write_file("/new/there", "new root");
	SHOW(syscall(SYS_pivot_root, "/new", "/new/old"));
	SHOW_OK(getcwd(cwd, sizeof(cwd)));
	printf("%s\n", cwd);
	show_file("/there");
	show_file("/old/here");
	show_file("/here");
	SHOW(umount2("/old", MNT_DETACH));
	show_file("/old/here");
}

/* What must not be executed is not mapped so, and does not become so. */
static void noexec(void)
{
	int fd;
	char *p;

	SHOW(mount("test", "c", "tmpfs", MS_NOEXEC, NULL));
	write_file("c/file", "text");
	fd = open("c/file", O_RDWR);
	SHOW(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED);
	for (int flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
		p = mmap(NULL, 4096, PROT_READ, flags, fd, 0);
		SHOW(p[0]);
		SHOW(mprotect(p, 4096, PROT_READ | PROT_EXEC));
		SHOW(mprotect(p, 4096, PROT_READ | PROT_WRITE));
		SHOW(munmap(p, 4096));
	}
	/* What is implied only gives way. */
	SHOW(personality(READ_IMPLIES_EXEC));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	SHOW(p != MAP_FAILED);
	SHOW(mprotect(p, 4096, PROT_READ | PROT_WRITE));
	SHOW(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	SHOW(munmap(p, 4096));
	SHOW(personality(PER_LINUX));
	close(fd);
	SHOW(umount("c"));
}

int main(void)
{
	/* Not here yet, and then not needed. */
	if (unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	SHOW(mkdir("a", 0777) | mkdir("b", 0777) | mkdir("c", 0777));
	binds();
	remounts();
	moves();
	removals();
	wrong_calls();
	chmod(".", 0755);
	show_status("user", in_child(as_user));
	limits();
	noexec();
	SHOW(tmpfs("c", NULL));
	show_status("pivot", in_child(pivot));
	SHOW(umount2("c", MNT_DETACH));
	SHOW(rmdir("c"));
	return 0;
}
