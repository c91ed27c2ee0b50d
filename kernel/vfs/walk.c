/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The path walk.
 *
 * A walk begins without counting (walk_quick.c) and mostly gets to its end so. What is below is the
 * rest of it, where the cache does not know a name, a link is to be followed or the tree of mounts
 * just changed.
 *
 * A walk stands on a counted path and has text to go. Each step takes one component: it checks
 * search permission on the directory, looks the name up in the name cache (lock-free) or asks the
 * filesystem, crosses what is mounted there, and moves. A symbolic link pushes the rest of the
 * text on a stack and goes on with the link's text; a link that ends a text replaces it, so
 * that the stack holds only texts with something left, and each link has a buffer of its own.
 * LINKS_MAX bounds both loops and stack.
 *
 * walk_to_last stops before the last component of the whole path; what happens to that one is
 * the caller's business (follow it, create it, remove it), see walk.h.
 *
 * No lock is held between steps. A name found may be removed at once by another processor: the
 * walk then continues in the removed directory and finds nothing, as if it had been there
 * earlier. What changes names repeats the look-up under the directory's lock (names.c).
 */
#include "walk.h"

#include "dentry.h"
#include "fs_context.h"
#include "inode.h"
#include "mount.h"
#include "super.h"
#include "walk_quick.h"
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

/* --- start and end ------------------------------------------------------------------------ */

static void init(struct walk *w, const char *text, unsigned flags, const struct cred *cred)
{
	w->cred = cred;
	w->flags = flags;
	w->last_kind = LAST_NONE;
	w->trailing = false;
	w->links = 0;
	w->rest = text;
	w->text = NULL;
	w->depth = 0;
	w->path = (struct path){NULL, NULL};
	w->root = (struct path){NULL, NULL};
}

/* Where `..` ends. Most walks never ask. */
static struct path walk_root(struct walk *w)
{
	if (!w->root.dentry)
		w->root = fs_context_root(fs_context_current());
	return w->root;
}

/* Counting from the first component on. */
static int begin_counted(struct walk *w, const struct path *base)
{
	struct fs_context *fs = fs_context_current();
	bool absolute = *w->rest == '/';

	if (absolute && (w->flags & WALK_BENEATH))
		return -EXDEV;
	if (w->flags & (WALK_BENEATH | WALK_IN_ROOT))
		w->root = base ? path_get(*base) : fs_context_cwd(fs);
	if (absolute)
		w->path = path_get(walk_root(w));
	else
		w->path = base ? path_get(*base) : fs_context_cwd(fs);
	return 0;
}

/*
 * Under the epoch of the quick walk q, which ended with r: take the references that the counted
 * walk goes on with. False: what q found does not hold; path_put and begin again.
 */
static bool take_over(struct walk *w, const struct quick_walk *q, int r)
{
	if (r == QUICK_NO)
		return false;
	if (r >= 0) {
		w->rest = q->rest;
		w->trailing = q->trailing;
		if (mount_try_get(q->path.mount))
			w->path.mount = q->path.mount;
		if (w->path.mount && dentry_try_get(q->path.dentry))
			w->path.dentry = q->path.dentry;
		if (!w->path.dentry)
			return false;
	}
	return quick_walk_holds(q);
}

/* After a quick walk that was not taken over. */
static int begin_again(struct walk *w, const struct path *base, const char *text)
{
	path_put(w->path); /* as far as it was taken */
	init(w, text, w->flags, w->cred);
	return begin_counted(w, base);
}

int walk_begin(struct walk *w, const struct path *base, const char *text, unsigned flags,
	       const struct cred *cred)
{
	struct quick_walk q;
	bool taken;
	int r;

	init(w, text, flags, cred);
	if (!*text && !(flags & WALK_EMPTY))
		return -ENOENT;
	epoch_enter();
	r = quick_walk(&q, base, text, flags, cred);
	taken = take_over(w, &q, r);
	epoch_exit();
	if (taken)
		return min(r, 0);
	return begin_again(w, base, text);
}

void walk_end(struct walk *w)
{
	kfree(w->text);
	while (w->depth > 0)
		kfree(w->stack[--w->depth].text);
	path_put(w->path);
	path_put(w->root);
}

struct path walk_take(struct walk *w)
{
	struct path p = w->path;

	w->path = (struct path){NULL, NULL};
	return p;
}

/* Takes over the reference to `to`. */
static void walk_move(struct walk *w, struct path to)
{
	path_put(w->path);
	w->path = to;
}

/* --- steps -------------------------------------------------------------------------------- */

static int may_search(const struct walk *w)
{
	struct inode *dir = path_inode(w->path);

	if (!inode_is_dir(dir))
		return -ENOTDIR;
	return inode_permission(dir, w->cred, MAY_EXEC);
}

static int walk_up(struct walk *w)
{
	int r = 0;

	while (!path_equal(w->path, walk_root(w))) {
		struct path up;

		if (w->path.dentry != w->path.mount->root) {
			up.mount = mount_get(w->path.mount);
			up.dentry = dentry_parent(w->path.dentry);
			walk_move(w, up);
			mount_cross_down(&w->path);
			return 0;
		}
		if (w->flags & WALK_NO_MOUNTS)
			return -EXDEV;
		if (!mount_cross_up(&w->path))
			return 0; /* the first mount's root is its own parent */
	}
	if (w->flags & WALK_BENEATH)
		r = -EXDEV;
	return r;
}

/* The entry in front, from the cache if it still holds. */
static int find_valid(struct walk *w, struct dentry **out)
{
	struct dentry *dir = w->path.dentry;
	bool (*revalidate)(struct dentry *) = dir->super->ops->revalidate;

	for (;;) {
		struct dentry *d = dentry_lookup(dir, &w->last);

		if (!d)
			return dentry_find(dir, &w->last, out);
		if (!revalidate || !d->inode || revalidate(d)) {
			*out = d;
			return 0;
		}
		dentry_drop(d);
		dentry_put(d);
	}
}

int walk_peek(struct walk *w, struct path *out)
{
	struct mount *mount = w->path.mount;
	int r = find_valid(w, &out->dentry);

	if (r)
		return r;
	out->mount = mount_get(mount);
	if (out->dentry->inode) {
		mount_cross_down(out);
		if (out->mount != mount && (w->flags & WALK_NO_MOUNTS)) {
			path_put(*out);
			return -EXDEV;
		}
	}
	return 0;
}

static int link_jump(struct walk *w, struct inode *inode)
{
	struct path to;
	int r;

	if (w->flags & (WALK_NO_MAGIC | WALK_BENEATH | WALK_IN_ROOT))
		return -ELOOP;
	r = inode->ops->follow(inode, &to);
	if (!r)
		walk_move(w, to);
	return r;
}

/* The text of a link, terminated; ERR_PTR. */
static char *link_read(struct inode *inode)
{
	char *text = kmalloc(PATH_TEXT_MAX);
	ssize_t n;

	if (!text)
		return ERR_PTR(-ENOMEM);
	n = inode->ops->readlink ? inode->ops->readlink(inode, text, PATH_TEXT_MAX) : -EINVAL;
	if (n == 0)
		n = -ENOENT;
	else if (n == PATH_TEXT_MAX)
		n = -ENAMETOOLONG;
	if (n < 0) {
		kfree(text);
		return ERR_PTR(n);
	}
	text[n] = 0;
	return text;
}

int walk_follow(struct walk *w, struct path link)
{
	struct inode *inode = path_inode(link);
	char *text;

	if ((w->flags & WALK_NO_LINKS) || ++w->links > LINKS_MAX)
		return -ELOOP;
	if (inode->ops->follow)
		return link_jump(w, inode);
	text = link_read(inode);
	if (IS_ERR(text))
		return (int)PTR_ERR(text);
	if (!(link.mount->flags & (MOUNT_NOATIME | MOUNT_READONLY)))
		inode_accessed(inode);
	if (*w->rest) {
		w->stack[w->depth].rest = w->rest;
		w->stack[w->depth++].text = w->text;
	} else {
		kfree(w->text);
	}
	w->text = text;
	w->rest = text;
	if (*text != '/')
		return 0;
	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	walk_move(w, path_get(walk_root(w)));
	return 0;
}

/* Parse the component in front. Returns false at the end of all texts. */
static int next_component(struct walk *w, bool *found)
{
	const char *start;
	int r;

	for (;;) {
		while (*w->rest == '/')
			w->rest++;
		*found = *w->rest != 0;
		if (*found || w->depth == 0)
			break;
		kfree(w->text);
		w->rest = w->stack[--w->depth].rest;
		w->text = w->stack[w->depth].text;
	}
	if (!*found)
		return 0;
	start = w->rest;
	r = walk_component(&w->rest, &w->last_kind);
	if (!r && w->last_kind == LAST_NAME)
		w->last = name_of(start, (size_t)(w->rest - start));
	return r;
}

/* Over a component that is not the last. */
static int walk_step(struct walk *w)
{
	struct path next;
	int r;

	if (w->last_kind == LAST_DOT)
		return 0;
	if (w->last_kind == LAST_DOTDOT)
		return walk_up(w);
	r = walk_peek(w, &next);
	if (r)
		return r;
	if (!next.dentry->inode) {
		r = -ENOENT;
	} else if (inode_is_link(next.dentry->inode)) {
		r = walk_follow(w, next);
	} else {
		walk_move(w, next);
		return 0;
	}
	path_put(next);
	return r;
}

int walk_to_last(struct walk *w)
{
	for (;;) {
		const char *after;
		bool found;
		int r = next_component(w, &found);

		if (r)
			return r;
		if (!found) {
			w->last_kind = LAST_NONE;
			return 0;
		}
		r = may_search(w);
		if (r)
			return r;
		for (after = w->rest; *after == '/'; after++)
			;
		if (!*after && w->depth == 0) {
			w->trailing |= after != w->rest;
			w->rest = after;
			return 0;
		}
		/* Slashes behind a link's last component are the outer text's business. */
		w->rest = after;
		r = walk_step(w);
		if (r)
			return r;
	}
}

static int finish_name(struct walk *w, bool *again)
{
	bool follow = w->trailing || (w->flags & WALK_FOLLOW);
	struct path next;
	int r = walk_peek(w, &next);

	*again = false;
	if (r)
		return r;
	if (!next.dentry->inode) {
		r = -ENOENT;
	} else if (follow && inode_is_link(next.dentry->inode)) {
		r = walk_follow(w, next);
		*again = true;
	} else {
		walk_move(w, next);
		return 0;
	}
	path_put(next);
	return r;
}

int walk_finish(struct walk *w)
{
	bool again = true;

	while (again) {
		int r = walk_to_last(w);

		again = false;
		if (!r && w->last_kind == LAST_DOTDOT)
			r = walk_up(w);
		else if (!r && w->last_kind == LAST_NAME)
			r = finish_name(w, &again);
		if (r)
			return r;
	}
	if ((w->trailing || (w->flags & WALK_DIRECTORY)) && !inode_is_dir(path_inode(w->path)))
		return -ENOTDIR;
	return 0;
}

/* The rest of a walk that has begun with r; w ends. */
static int finish_to(struct walk *w, int r, struct path *out)
{
	if (!r)
		r = walk_finish(w);
	if (!r)
		*out = walk_take(w);
	walk_end(w);
	return r;
}

int path_walk_as(const struct path *base, const char *text, unsigned flags, const struct cred *cred,
		 struct path *out)
{
	struct walk w;

	return finish_to(&w, walk_begin(&w, base, text, flags | WALK_WHOLE, cred), out);
}

/* Looks without counting: what fn says, or QUICK_STOP, QUICK_NO. Under epoch. */
static int visit(struct quick_walk *q, const struct path *base, const char *text, unsigned flags,
		 const struct cred *cred, int (*fn)(struct path p, bool counted, void *ctx),
		 void *ctx)
{
	int r = quick_walk(q, base, text, flags | WALK_WHOLE, cred);

	BUILD_ASSERT(PATH_VISIT_COUNT == QUICK_STOP, "it stops at the end of the text");
	if (!r)
		r = fn(q->path, false, ctx);
	return r > 0 || quick_walk_holds(q) ? r : QUICK_NO;
}

int path_visit_quick(const struct path *base, const char *text, unsigned flags,
		     const struct cred *cred, int (*fn)(struct path p, bool counted, void *ctx),
		     void *ctx)
{
	struct quick_walk q;

	if (!*text && !(flags & WALK_EMPTY))
		return -ENOENT;
	return min(visit(&q, base, text, flags, cred, fn, ctx), PATH_VISIT_COUNT);
}

int path_visit(const struct path *base, const char *text, unsigned flags, const struct cred *cred,
	       int (*fn)(struct path p, bool counted, void *ctx), void *ctx)
{
	struct quick_walk q;
	struct walk w;
	struct path p;
	bool taken;
	int r;

	if (!*text && !(flags & WALK_EMPTY))
		return -ENOENT;
	epoch_enter();
	r = visit(&q, base, text, flags, cred, fn, ctx);
	if (r <= 0) {
		epoch_exit();
		return r;
	}
	init(&w, text, flags | WALK_WHOLE, cred);
	taken = take_over(&w, &q, r);
	epoch_exit();
	r = finish_to(&w, taken ? 0 : begin_again(&w, base, text), &p);
	if (!r) {
		r = fn(p, true, ctx);
		path_put(p);
	}
	return r;
}

int path_walk(const struct path *base, const char *text, unsigned flags, struct path *out)
{
	return path_walk_as(base, text, flags, vfs_cred(), out);
}
