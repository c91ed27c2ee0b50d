/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths: references, and back to text. */
#include "path.h"

#include "dentry.h"
#include "fs_context.h"
#include "mount.h"
#include <lib/errno.h>
#include <lib/string.h>

struct path path_get(struct path p)
{
	mount_get(p.mount);
	dentry_get(p.dentry);
	return p;
}

void path_put(struct path p)
{
	/* The name first: the last mount takes the filesystem with it. */
	if (p.dentry)
		dentry_put(p.dentry);
	if (p.mount)
		mount_put(p.mount);
}

struct inode *path_inode(struct path p)
{
	return p.dentry->inode;
}

/* Text that grows towards the front of a buffer. */
struct front {
	char *start;
	size_t room;
};

static bool front_add(struct front *f, const char *text, size_t len)
{
	if (len > f->room)
		return false;
	f->start -= len;
	f->room -= len;
	memcpy(f->start, text, len);
	return true;
}

/*
 * One climb from p to root, under epoch and without references. Returns false when the text
 * does not fit. *outside: the top was reached without meeting root.
 */
static bool climb(struct path p, struct path root, struct front *f, bool *outside)
{
	*outside = false;
	while (!path_equal(p, root)) {
		struct dentry *parent = __atomic_load_n(&p.dentry->parent, __ATOMIC_ACQUIRE);
		const struct dentry_name *name;

		if (p.dentry == p.mount->root || parent == p.dentry) {
			struct mount *up = __atomic_load_n(&p.mount->parent, __ATOMIC_ACQUIRE);

			if (!up) {
				*outside = true;
				return true;
			}
			p.dentry = __atomic_load_n(&p.mount->mountpoint, __ATOMIC_ACQUIRE);
			p.mount = up;
			continue;
		}
		name = __atomic_load_n(&p.dentry->name, __ATOMIC_ACQUIRE);
		if (!front_add(f, name->text, name->len) || !front_add(f, "/", 1))
			return false;
		p.dentry = parent;
	}
	return true;
}

char *dentry_text(struct dentry *d, char *buf, size_t size)
{
	struct front f;
	uint32_t seq;
	bool fits;

	do {
		struct dentry *at = d, *parent;

		f = (struct front){.start = buf + size, .room = size};
		fits = front_add(&f, "", 1);
		epoch_enter();
		seq = dentry_seq_begin();
		while (fits && (parent = __atomic_load_n(&at->parent, __ATOMIC_ACQUIRE)) != at) {
			const struct dentry_name *name =
				__atomic_load_n(&at->name, __ATOMIC_ACQUIRE);

			fits = front_add(&f, name->text, name->len) && front_add(&f, "/", 1);
			at = parent;
		}
		epoch_exit();
	} while (dentry_seq_retry(seq));
	if (fits && !*f.start)
		fits = front_add(&f, "/", 1);
	return fits ? f.start : ERR_PTR(-ENAMETOOLONG);
}

/* A name outside the tree: "pipe:[12]", "memfd:x". */
static bool is_detached(struct path p)
{
	return p.dentry->parent == p.dentry && p.dentry->name->len;
}

char *path_text(struct path p, char *buf, size_t size, bool *deleted, bool *outside)
{
	static const char mark[] = " (deleted)";
	bool gone = dentry_is_dropped(p.dentry), out = false, fits;
	struct path root = fs_context_root(fs_context_current());
	struct front f, begin = {.start = buf + size, .room = size};
	uint32_t seq;

	fits = front_add(&begin, "", 1) && (!gone || front_add(&begin, mark, sizeof(mark) - 1));
	do {
		f = begin;
		if (!fits)
			break;
		epoch_enter();
		seq = dentry_seq_begin();
		if (is_detached(p))
			fits = front_add(&f, p.dentry->name->text, p.dentry->name->len);
		else
			fits = climb(p, root, &f, &out);
		epoch_exit();
	} while (dentry_seq_retry(seq));
	/* The root itself has no name. */
	if (fits && f.start == begin.start)
		fits = front_add(&f, "/", 1);
	path_put(root);
	if (deleted)
		*deleted = gone;
	if (outside)
		*outside = out;
	return fits ? f.start : ERR_PTR(-ENAMETOOLONG);
}
