/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths looked up by some threads while others change what they lead through. */
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#define ROUNDS	1500
#define LOOKERS 2

static atomic_bool over;
static atomic_uint wrong;
static int here[2], moved, proc;
static ino_t inodes[2];
static struct stat above[2];

static void expect(bool good)
{
	if (!good)
		atomic_fetch_add(&wrong, 1);
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int place(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY);
}

static void touch_file(const char *path)
{
	close(open(path, O_CREAT | O_WRONLY, 0644));
}

/* A name that is replaced is always there, and opens. */
static void replace(int i)
{
	touch_file("new");
	expect(rename("new", "target") == 0);
}

static void look_replaced(void)
{
	struct stat st;
	int fd = open("target", O_RDONLY);

	expect(fd >= 0);
	close(fd);
	expect(stat("target", &st) == 0 && access("target", R_OK) == 0);
}

/* Two directories change places: what is in both is always there. */
static void swap(int i)
{
	expect(syscall(SYS_renameat2, AT_FDCWD, "d1/in", AT_FDCWD, "d2/in", 2) == 0);
}

static void look_swapped(void)
{
	struct stat st;

	expect(stat("d1/in/f", &st) == 0 && (st.st_ino == inodes[0] || st.st_ino == inodes[1]));
	expect(access("./d2/../d2/in/f", F_OK) == 0);
}

/* A directory moves between two places that are as deep. */
static void move(int i)
{
	expect(rename(i & 1 ? "d2/m" : "d1/m", i & 1 ? "d1/m" : "d2/m") == 0);
}

static void look_moved(void)
{
	struct stat st;

	expect(fstatat(moved, "../../target", &st, 0) == 0);
	expect(stat("d1/m/f", &st) == 0 || errno == ENOENT);
}

/* The working directory of all threads. */
static void settle(int i)
{
	expect(fchdir(here[i & 1]) == 0);
}

static void look_here(void)
{
	struct stat st;

	expect(stat("f", &st) == 0 && (st.st_ino == inodes[0] || st.st_ino == inodes[1]));
}

/* The same, from one mount to another: the pair of mount and name is one. */
static void cross(int i)
{
	expect(fchdir(i & 1 ? here[0] : proc) == 0);
}

static void look_up(void)
{
	struct stat st;

	expect(stat("..", &st) == 0 && (same(&st, &above[0]) || same(&st, &above[1])));
}

/* What is made and removed is there or not. */
static void come_and_go(int i)
{
	expect(mkdir("gone", 0755) == 0 && mkdir("gone/deep", 0755) == 0);
	touch_file("gone/deep/f");
	expect(unlink("gone/deep/f") == 0 && rmdir("gone/deep") == 0 && rmdir("gone") == 0);
}

static void look_gone(void)
{
	struct stat st;
	int fd = open("gone/deep/f", O_RDONLY);

	expect(fd >= 0 || errno == ENOENT);
	if (fd >= 0)
		close(fd);
	expect(stat("gone/deep/../deep", &st) == 0 || errno == ENOENT);
}

static const struct contest {
	const char *name;
	void (*change)(int i);
	void (*look)(void);
} contests[] = {
	{"replaced", replace, look_replaced},
	{"swapped", swap, look_swapped},
	{"moved", move, look_moved},
	{"working directory", settle, look_here},
	{"from mount to mount", cross, look_up},
	{"made and removed", come_and_go, look_gone},
};

static void *looker(void *arg)
{
	const struct contest *c = arg;

	while (!atomic_load(&over))
		c->look();
	return NULL;
}

static unsigned contest(const struct contest *c)
{
	pthread_t t[LOOKERS];

	atomic_store(&over, false);
	atomic_store(&wrong, 0);
	/* Twice is back to the beginning, and settled where the lookers expect it. */
	c->change(0);
	c->change(1);
	for (int i = 0; i < LOOKERS; i++)
		pthread_create(&t[i], NULL, looker, (void *)c);
	for (int i = 0; i < ROUNDS; i++)
		c->change(i);
	atomic_store(&over, true);
	for (int i = 0; i < LOOKERS; i++)
		pthread_join(t[i], NULL);
	return atomic_load(&wrong);
}

int main(void)
{
	int top = place(".");
	struct stat st;

	mkdir("d1", 0755);
	mkdir("d2", 0755);
	mkdir("d1/in", 0755);
	mkdir("d2/in", 0755);
	mkdir("d1/m", 0755);
	touch_file("target");
	touch_file("d1/in/f");
	touch_file("d2/in/f");
	touch_file("d1/m/f");
	here[0] = place("d1/in");
	here[1] = place("d2/in");
	moved = place("d1/m");
	proc = place("/proc");
	stat("d1", &above[0]);
	stat("/", &above[1]);
	for (int i = 0; i < 2; i++) {
		fstatat(here[i], "f", &st, 0);
		inodes[i] = st.st_ino;
	}
	for (size_t i = 0; i < sizeof(contests) / sizeof(contests[0]); i++) {
		printf("%s: %u wrong\n", contests[i].name, contest(&contests[i]));
		fchdir(top);
	}
	return 0;
}
