/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several processes at once work at random on the same few names: create, remove, rename across
 * directories, link, write, truncate, list. What each call returns depends on the others; what must
 * hold: nothing hangs, data written by one call is never torn, and the tree is whole afterwards,
 * so that every directory can be emptied and removed.
 */
#include "guest.h"

#include <dirent.h>
#include <ftw.h>

#define PROCESSES  4
#define OPERATIONS 2000
#define PIECE	   3000

static unsigned state;
static int torn;

static unsigned rnd(unsigned n)
{
	state = state * 1103515245 + 12345;
	return (state >> 8) % n;
}

static char *random_path(char *path)
{
	unsigned n = 1 + rnd(3);

	path[0] = 0;
	for (unsigned i = 0; i < n; i++) {
		char name[] = "/x";

		name[1] = (char)('a' + rnd(4));
		strcat(path, i ? name : name + 1);
	}
	return path;
}

/* Files hold pieces of one letter; a piece is written and read in one call. */
static void data(const char *path)
{
	static char piece[PIECE];
	int fd = open(path, O_RDWR | O_CREAT | O_NONBLOCK, 0644);
	ssize_t n;

	if (fd < 0)
		return;
	memset(piece, (int)('a' + rnd(26)), PIECE);
	if (rnd(2) && pwrite(fd, piece, PIECE, 0) != PIECE)
		torn++;
	n = pread(fd, piece, PIECE, 0);
	for (ssize_t i = 1; i < n; i++) {
		if (piece[i] != piece[0]) {
			torn++;
			break;
		}
	}
	close(fd);
}

static void list(const char *path)
{
	DIR *d = opendir(path);

	if (!d)
		return;
	while (readdir(d))
		;
	closedir(d);
}

static void operation(void)
{
	char p[16], q[16], text[64];

	random_path(p);
	random_path(q);
	switch (rnd(10)) {
	case 0:
		mkdir(p, 0755);
		break;
	case 1:
		rmdir(p);
		break;
	case 2:
		unlink(p);
		break;
	case 3:
		rename(p, q);
		break;
	case 4:
		renameat2(AT_FDCWD, p, AT_FDCWD, q, rnd(2) ? RENAME_EXCHANGE : RENAME_NOREPLACE);
		break;
	case 5:
		if (link(p, q))
			break;
		break;
	case 6:
		if (symlink(p, q) || readlink(q, text, sizeof(text)) < 0)
			break;
		break;
	case 7:
		list(p);
		break;
	default:
		data(p);
	}
}

static void worker(void)
{
	for (int i = 0; i < OPERATIONS; i++)
		operation();
	_exit(torn ? 1 : 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

int main(void)
{
	char shm[] = "/dev/shm/fs_parallelXXXXXX", tmp[] = "/tmp/fs_parallelXXXXXX";
	char *place = mkdtemp(shm) ? shm : mkdtemp(tmp);

	if (!place || chdir(place)) {
		perror("mkdtemp");
		return 1;
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			state = i + 1;
			worker();
		}
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		int status = -1;

		wait(&status);
		printf("worker: %d\n", status);
	}
	if (chdir("/"))
		return 1;
	SHOW(nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS));
	return 0;
}
