/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk that counts nothing.
 *
 * Most walks go through names that are in the cache. Taking and giving back a reference on each of
 * them would write a cache line that all processors share, two of the mount besides. So a walk
 * begins here: in one read section (epoch_enter), without references and locks, as far as the
 * cache leads. Then the caller either uses what was found inside the section (stat, access), or
 * takes the references that it keeps (open), or goes on from there with the counted walk (walk.c).
 *
 * What a reader may meet. Everything it follows is freed after a grace period: entries, their
 * texts, inodes, mounts, superblocks, the process's fs_context. So a pointer read inside the
 * section stays good until its end, whatever happens to the object. Each step reads one fact that
 * was true at that moment, as each step of a counted walk does:
 *
 *	start	  root and working directory; against chdir, chroot and pivot_root: fs_context->seq
 *	a name	  (parent, name) is the entry; against rename: the pointer to the text (dentry.c)
 *	its inode is set once, by creation; unlink and rmdir take the entry out of the table and
 *		  leave it as it is
 *	..	  the parent; against rename: it is one pointer
 *	a mount	  what is mounted where; against mount, umount, move and pivot_root: `shape`
 *	search	  mode, owner, group; against chmod and chown: single words, as elsewhere
 *
 * `shape` is read before all and compared after all (quick_walk_holds); if the tree of mounts has
 * changed meanwhile, or was just changing, the result is thrown away and the counted walk begins
 * at the start. Renames are not compared as a whole: a name that was found stays found, as in the
 * counted walk, which holds no lock between its steps either.
 *
 * Where it stops (QUICK_STOP), in front of a component: the name is not in the cache, or a rename
 * disturbed the look-up; the filesystem wants to be asked about the name (revalidate); a symbolic
 * link is to be followed; STEPS_MAX components were done, to bound the time without preemption.
 * QUICK_NO: the walk has a root of its own or must not cross mounts (openat2), or mounts change.
 *
 * It ends: each turn of the loop uses up text; chains of the table end, as writers change them
 * under locks and a reader moved to another chain by a rename goes on to that one's end; the one
 * wait is for a writer of fs_context, who holds a spinlock.
 *
 * Rejected: one sequence count for all renames, which makes every walk wait for every rename; a
 * count in each entry, 8 bytes more where the text's pointer tells the same.
 */
#include "walk_quick.h"

#include "dentry.h"
#include "fs_context.h"
#include "inode.h"
#include "mount.h"
#include "super.h"
#include "walk.h"
#include <lib/errno.h>

#define STEPS_MAX 64

static bool start(struct quick_walk *q, const struct path *base, const char *text, unsigned flags,
		  const struct cred *cred)
{
	const struct fs_context *fs = fs_context_current();

	*q = (struct quick_walk){.cred = cred, .flags = flags, .rest = text};
	if (flags & (WALK_NO_MOUNTS | WALK_BENEATH | WALK_IN_ROOT) || !mount_shape_read(&q->shape))
		return false;
	q->root = fs ? fs_context_peek_root(fs) : mount_peek_root();
	if (*text == '/')
		q->path = q->root;
	else if (base)
		q->path = *base;
	else
		q->path = fs ? fs_context_peek_cwd(fs) : q->root;
	return true;
}

static struct inode *inode_of(struct path p)
{
	return __atomic_load_n(&p.dentry->inode, __ATOMIC_ACQUIRE);
}

static void up(struct quick_walk *q)
{
	while (!path_equal(q->path, q->root)) {
		if (q->path.dentry != q->path.mount->root) {
			q->path.dentry = __atomic_load_n(&q->path.dentry->parent, __ATOMIC_ACQUIRE);
			mount_peek_down(&q->path);
			return;
		}
		if (!mount_peek_up(&q->path))
			return;
	}
}

static int down(struct quick_walk *q, const struct name *name, bool last)
{
	struct path next = q->path;
	struct inode *inode;

	if (next.dentry->super->ops->revalidate)
		return QUICK_STOP;
	next.dentry = dentry_peek(q->path.dentry, name);
	if (!next.dentry)
		return QUICK_STOP;
	inode = inode_of(next);
	if (!inode)
		return -ENOENT;
	mount_peek_down(&next);
	inode = inode_of(next);
	if (inode_is_link(inode) && (!last || q->trailing || q->flags & WALK_FOLLOW))
		return QUICK_STOP;
	q->path = next;
	return 0;
}

/*
 * Over the component at q->rest; *end: it is the last one, and not to be walked. The directory it
 * is in is left to the counted walk then, which looks at it anyhow.
 */
static int step(struct quick_walk *q, bool *end)
{
	const char *begin = q->rest, *behind;
	struct inode *dir = inode_of(q->path);
	enum walk_last kind;
	struct name name;
	bool last;
	int r = walk_component(&q->rest, &kind);

	if (r)
		return r;
	for (behind = q->rest; *behind == '/'; behind++)
		;
	last = !*behind;
	*end = last && !(q->flags & WALK_WHOLE);
	if (*end) {
		q->rest = begin;
		return 0;
	}
	q->trailing = last && behind != q->rest;
	if (!inode_is_dir(dir))
		return -ENOTDIR;
	r = inode_permission(dir, q->cred, MAY_EXEC);
	if (!r && kind == LAST_DOTDOT) {
		up(q);
	} else if (!r && kind == LAST_NAME) {
		name = name_of(begin, (size_t)(q->rest - begin));
		r = down(q, &name, last);
	}
	if (r == QUICK_STOP)
		q->rest = begin;
	return r;
}

int quick_walk(struct quick_walk *q, const struct path *base, const char *text, unsigned flags,
	       const struct cred *cred)
{
	bool end = false;

	if (!start(q, base, text, flags, cred))
		return QUICK_NO;
	for (unsigned steps = 0; !end; steps++) {
		int r;

		while (*q->rest == '/')
			q->rest++;
		if (!*q->rest)
			break;
		r = steps < STEPS_MAX ? step(q, &end) : QUICK_STOP;
		if (r) {
			/* What a stop leaves is the counted walk's to say. */
			q->trailing = false;
			return r;
		}
	}
	if (!end && (q->trailing || flags & WALK_DIRECTORY) && !inode_is_dir(inode_of(q->path)))
		return -ENOTDIR;
	return 0;
}

bool quick_walk_holds(const struct quick_walk *q)
{
	return mount_shape_same(q->shape);
}
