/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk that counts nothing: that it is taken, and that it sees no more than a counted one. */
#include <base/ktest.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <sched/test/team.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/names.h>

#define LOOKERS 3

static uint32_t mistakes;		   /* [a] */
static uint64_t looked_quick, looked_slow; /* [a] */

static void expect(bool good)
{
	if (!good)
		__atomic_fetch_add(&mistakes, 1, __ATOMIC_RELAXED);
}

struct seen {
	uint64_t ino;
	bool counted;
};

static int note(struct path p, bool counted, void *ctx)
{
	struct seen *s = ctx;

	s->ino = path_inode(p)->ino;
	s->counted = counted;
	return 0;
}

static int look(const struct path *base, const char *text, unsigned flags, struct seen *s)
{
	return path_visit(base, text, flags, vfs_cred(), note, s);
}

/* How a look-up went, for the notes. */
static int look_often(const struct path *base, const char *text, uint64_t *ino)
{
	struct seen s = {0};
	int r = look(base, text, 0, &s);

	if (!r)
		__atomic_fetch_add(s.counted ? &looked_slow : &looked_quick, 1, __ATOMIC_RELAXED);
	*ino = s.ino;
	return r;
}

static uint64_t make_file(const char *path)
{
	struct file *f;
	uint64_t ino = 0;

	if (ktest_check_eq(file_open_kernel(path, O_CREAT | O_WRONLY, 0644, &f), 0)) {
		ino = f->inode->ino;
		file_put(f);
	}
	return ino;
}

static void begin(void)
{
	mistakes = 0;
	looked_quick = looked_slow = 0;
}

static void end(void)
{
	ktest_check_eq(mistakes, 0);
	ktest_note("%llu looks without counting, %llu with", (unsigned long long)looked_quick,
		   (unsigned long long)looked_slow);
}

KTEST(walk_counts_nothing)
{
	struct seen s = {0};
	struct path base;
	uint64_t ino;

	ktest_check_eq(vfs_mkdir(NULL, "/qn", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/qn/a", 0755), 0);
	ktest_check_eq(vfs_mkdir(NULL, "/qn/a/b", 0755), 0);
	ino = make_file("/qn/a/b/file");
	ktest_check_eq(vfs_symlink("a/b", NULL, "/qn/link"), 0);
	ktest_check_eq(look(NULL, "/qn/a/b/file", 0, &s), 0);
	ktest_check(!s.counted && s.ino == ino);
	ktest_check_eq(look(NULL, "//qn/./a/../a//b/.././../../qn/a/b/file", 0, &s), 0);
	ktest_check(!s.counted && s.ino == ino);
	/* Links are read by the counted walk, but not the last one if it is not followed. */
	ktest_check_eq(look(NULL, "/qn/link/file", 0, &s), 0);
	ktest_check(s.counted && s.ino == ino);
	ktest_check_eq(look(NULL, "/qn/link", 0, &s), 0);
	ktest_check(!s.counted);
	ktest_check_eq(look(NULL, "/qn/link", WALK_FOLLOW, &s), 0);
	ktest_check(s.counted);
	ktest_check_eq(look(NULL, "/qn/link/", 0, &s), 0);
	ktest_check(s.counted);
	/* Errors are those of the counted walk. */
	ktest_check_eq(look(NULL, "/qn/a/b/file/", 0, &s), -ENOTDIR);
	ktest_check_eq(look(NULL, "/qn/a/b/file/x", 0, &s), -ENOTDIR);
	ktest_check_eq(look(NULL, "/qn/a/b/file", WALK_DIRECTORY, &s), -ENOTDIR);
	ktest_check_eq(look(NULL, "/qn/a/none", 0, &s), -ENOENT);
	ktest_check_eq(look(NULL, "/qn/a/none", 0, &s), -ENOENT);
	ktest_check_eq(look(NULL, "", 0, &s), -ENOENT);
	if (ktest_check_eq(path_walk(NULL, "/qn/a", 0, &base), 0)) {
		ktest_check_eq(look(&base, "b/file", 0, &s), 0);
		ktest_check(!s.counted && s.ino == ino);
		ktest_check_eq(look(&base, "", WALK_EMPTY, &s), 0);
		ktest_check(!s.counted);
		ktest_check_eq(look(&base, "../a/b", WALK_BENEATH, &s), -EXDEV);
		ktest_check_eq(look(&base, "/b/file", WALK_IN_ROOT, &s), 0);
		ktest_check(s.counted && s.ino == ino);
		path_put(base);
	}
	ktest_check_eq(vfs_unlink(NULL, "/qn/link"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/qn/a/b/file"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/qn/a/b"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/qn/a"), 0);
	ktest_check_eq(vfs_rmdir(NULL, "/qn"), 0);
}

/* --- renames ------------------------------------------------------------------------------ */

static uint64_t ino_x, ino_stays;
static struct path moving; /* counted: a directory that moves */

static void rename_often(void)
{
	static const char *const x[] = {"/qr/a/x", "/qr/b/y"}, *const m[] = {"/qr/a/m", "/qr/b/m"};

	/* Ends as it began. */
	for (unsigned i = 0; i || team_time(); i ^= 1) {
		struct file *f;

		expect(vfs_rename(NULL, x[i], NULL, x[!i], 0) == 0);
		expect(vfs_rename(NULL, m[i], NULL, m[!i], 0) == 0);
		expect(vfs_rename(NULL, "/qr/a/s", NULL, "/qr/b/s", RENAME_SWAP) == 0);
		if (file_open_kernel("/qr/new", O_CREAT | O_WRONLY, 0644, &f) == 0)
			file_put(f);
		expect(vfs_rename(NULL, "/qr/new", NULL, "/qr/t", 0) == 0);
	}
}

static void look_at_renamed(void)
{
	uint64_t ino;
	int r;

	/* Half a rename: the old name in the new place, the new one in the old. */
	expect(look_often(NULL, "/qr/a/y", &ino) == -ENOENT);
	expect(look_often(NULL, "/qr/b/x", &ino) == -ENOENT);
	r = look_often(NULL, "/qr/a/x", &ino);
	expect(r == -ENOENT || (r == 0 && ino == ino_x));
	r = look_often(NULL, "/qr/b/y", &ino);
	expect(r == -ENOENT || (r == 0 && ino == ino_x));
	/* What is replaced, or changes places, is there at every moment. */
	expect(look_often(NULL, "/qr/t", &ino) == 0);
	expect(look_often(NULL, "/qr/a/s/file", &ino) == 0);
	expect(look_often(NULL, "/qr/b/s/file", &ino) == 0);
	/* Wherever the directory is, it is two below the top. */
	expect(look_often(&moving, "../../stays", &ino) == 0 && ino == ino_stays);
	expect(look_often(NULL, "/qr/a/../stays", &ino) == 0 && ino == ino_stays);
}

static void renames(void *ctx, unsigned i)
{
	if (i == 0)
		rename_often();
	while (i && team_time())
		look_at_renamed();
}

KTEST(walks_against_renames)
{
	static const char *const dirs[] = {"/qr",     "/qr/a",	 "/qr/b",
					   "/qr/a/m", "/qr/a/s", "/qr/b/s"};

	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(dirs); i++)
		ktest_check_eq(vfs_mkdir(NULL, dirs[i], 0755), 0);
	ino_x = make_file("/qr/a/x");
	ino_stays = make_file("/qr/stays");
	make_file("/qr/t");
	make_file("/qr/a/s/file");
	make_file("/qr/b/s/file");
	if (!ktest_check_eq(path_walk(NULL, "/qr/a/m", 0, &moving), 0))
		return;
	team_run(1 + LOOKERS, renames, NULL);
	path_put(moving);
	end();
	ktest_check_eq(vfs_unlink(NULL, "/qr/a/x"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/qr/a/s/file"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/qr/b/s/file"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/qr/stays"), 0);
	ktest_check_eq(vfs_unlink(NULL, "/qr/t"), 0);
	for (unsigned i = ARRAY_SIZE(dirs); i-- > 0;)
		ktest_check_eq(vfs_rmdir(NULL, dirs[i]), 0);
}

/* --- removal ------------------------------------------------------------------------------ */

static void make_and_remove(void)
{
	struct file *f;

	while (team_time()) {
		expect(vfs_mkdir(NULL, "/qu/a", 0755) == 0);
		expect(vfs_mkdir(NULL, "/qu/a/b", 0755) == 0);
		if (file_open_kernel("/qu/a/b/f", O_CREAT | O_WRONLY, 0644, &f) == 0)
			file_put(f);
		expect(vfs_unlink(NULL, "/qu/a/b/f") == 0);
		expect(vfs_rmdir(NULL, "/qu/a/b") == 0);
		expect(vfs_rmdir(NULL, "/qu/a") == 0);
		dentry_prune(NULL);
	}
}

static void removals(void *ctx, unsigned i)
{
	uint64_t ino;
	int r;

	if (i == 0)
		make_and_remove();
	while (i && team_time()) {
		r = look_often(NULL, "/qu/a/b/f", &ino);
		expect(r == 0 || r == -ENOENT);
		r = look_often(NULL, "/qu/a/b/..", &ino);
		expect(r == 0 || r == -ENOENT);
	}
}

KTEST(walks_against_removal)
{
	begin();
	ktest_check_eq(vfs_mkdir(NULL, "/qu", 0755), 0);
	team_run(1 + LOOKERS, removals, NULL);
	end();
	ktest_check_eq(vfs_rmdir(NULL, "/qu"), 0);
}

/* --- mounts ------------------------------------------------------------------------------- */

static uint64_t ino_below, ino_other, ino_above;

/* Whoever counts keeps it busy: again. */
static void unmount(const char *where)
{
	struct path p;
	int r;

	do {
		r = path_walk(NULL, where, 0, &p);
		if (!r)
			r = mount_remove(p, MOUNT_NOW);
		if (r == -EBUSY)
			sleep_ns(100 * US);
	} while (r == -EBUSY);
	expect(r == 0);
}

static void mount_often(void)
{
	struct path up, p, q, top;

	expect(path_walk(NULL, "/qm/up", 0, &up) == 0);
	expect(path_walk(NULL, "/qm/p", 0, &p) == 0);
	expect(path_walk(NULL, "/qm/q", 0, &q) == 0);
	while (team_time()) {
		expect(mount_bind(up, p, false) == 0);
		if (path_walk(NULL, "/qm/p", 0, &top) == 0) {
			expect(mount_move(top, q) == 0);
			path_put(top);
		}
		unmount("/qm/q");
		expect(mount_bind(up, p, false) == 0);
		unmount("/qm/p");
	}
	path_put(up);
	path_put(p);
	path_put(q);
}

static void mounts(void *ctx, unsigned i)
{
	uint64_t ino;

	if (i == 0)
		mount_often();
	while (i && team_time()) {
		expect(look_often(NULL, "/qm/p/which", &ino) == 0 &&
		       (ino == ino_below || ino == ino_above));
		expect(look_often(NULL, "/qm/q/which", &ino) == 0 &&
		       (ino == ino_other || ino == ino_above));
		expect(look_often(NULL, "/qm/up/which", &ino) == 0 && ino == ino_above);
		sleep_ns(20 * US); /* or it is always busy */
	}
}

KTEST(walks_against_mounts)
{
	static const char *const dirs[] = {"/qm", "/qm/p", "/qm/q", "/qm/up"};
	static const char *const files[] = {"/qm/p/which", "/qm/q/which", "/qm/up/which"};

	begin();
	for (unsigned i = 0; i < ARRAY_SIZE(dirs); i++)
		ktest_check_eq(vfs_mkdir(NULL, dirs[i], 0755), 0);
	ino_below = make_file(files[0]);
	ino_other = make_file(files[1]);
	ino_above = make_file(files[2]);
	team_run(1 + LOOKERS, mounts, NULL);
	end();
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		ktest_check_eq(vfs_unlink(NULL, files[i]), 0);
	for (unsigned i = ARRAY_SIZE(dirs); i-- > 0;)
		ktest_check_eq(vfs_rmdir(NULL, dirs[i]), 0);
}

/* --- attributes --------------------------------------------------------------------------- */

static struct path given;

static void owners(void *ctx, unsigned i)
{
	struct inode *inode = path_inode(given);
	struct inode_attr attr = {.valid = ATTR_UID | ATTR_GID};
	struct inode_stat st;

	for (uint32_t n = 0; i == 0 && team_time(); n++) {
		attr.uid = attr.gid = n;
		expect(vfs_setattr(given, &attr) == 0);
	}
	while (i && team_time())
		expect(inode_stat_now(inode, &st) && st.uid == st.gid);
}

KTEST(stat_shows_one_moment)
{
	begin();
	make_file("/given");
	if (ktest_check_eq(path_walk(NULL, "/given", 0, &given), 0)) {
		team_run(1 + LOOKERS, owners, NULL);
		path_put(given);
	}
	ktest_check_eq(mistakes, 0);
	ktest_check_eq(vfs_unlink(NULL, "/given"), 0);
}
