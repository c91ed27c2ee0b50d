/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of AF_UNIX sockets. A path name is an inode of type socket, made by bind(2) and left behind
 * when the socket goes; an abstract name is any bytes behind a NUL, and goes with its socket. Types
 * do not share abstract names.
 *
 * Two trees find the socket, by inode and by (type, bytes); trees rather than hash tables, because
 * programs choose the names. A third has all sockets by number, for /proc/net/unix. One spinlock,
 * UNIX_NAMES, covers them; it is held for a search and no more. A socket is taken out of the trees
 * before its file's reference goes, so what is found there can be counted.
 *
 * The bytes of a name are in a unix_address, which listeners share with what they accept, and
 * which never changes: u->address goes from NULL to it once, under bind_lock.
 */
#include "unix.h"

#include <base/panic.h>
#include <base/random.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/names.h>

#define AUTOBIND_DIGITS 5
#define AUTOBIND_COUNT	(1U << 4 * AUTOBIND_DIGITS)

static struct spinlock names_lock = SPINLOCK_INIT(LOCK_UNIX_NAMES);
static struct rb_root by_inode, by_text; /* [names_lock] name_node */
static struct rb_root by_id;		 /* [names_lock] all_node */

/* --- addresses ---------------------------------------------------------------------------- */

void unix_address_put(struct unix_address *a)
{
	if (a && __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(a);
}

int unix_address_check(const struct net_address *a)
{
	if (a->len <= UNIX_PATH_OFFSET || a->len > UNIX_PATH_OFFSET + UNIX_PATH_MAX)
		return -EINVAL;
	return a->family == AF_UNIX ? 0 : -EINVAL;
}

static bool is_path(const struct unix_address *a)
{
	return a->text[0];
}

/* From an address that was checked. */
static struct unix_address *address_create(const struct net_address *a)
{
	struct unix_address *n = kzalloc(sizeof(*n));

	if (!n)
		return NULL;
	n->refs = 1;
	n->len = a->len - UNIX_PATH_OFFSET;
	memcpy(n->text, a->bytes + UNIX_PATH_OFFSET, n->len);
	if (is_path(n))
		n->len = (uint32_t)strlen(n->text) + 1; /* up to its first NUL, and that */
	return n;
}

void unix_name_of(struct unix_socket *u, struct net_address *out)
{
	const struct unix_address *a = __atomic_load_n(&u->address, __ATOMIC_ACQUIRE);

	out->family = AF_UNIX;
	out->len = UNIX_PATH_OFFSET;
	if (!a)
		return;
	memcpy(out->bytes + UNIX_PATH_OFFSET, a->text, a->len);
	out->len += a->len;
}

int unix_name(struct socket *s, bool peer, struct net_address *out)
{
	struct unix_socket *u = unix_of(s), *other = NULL;

	if (peer) {
		other = unix_peer_get(u);
		if (!other)
			return -ENOTCONN;
	}
	unix_name_of(peer ? other : u, out);
	unix_put(other);
	return 0;
}

/* --- trees, the lock held ----------------------------------------------------------------- */

static int compare_text(unsigned type, const struct unix_address *a, const struct unix_socket *u)
{
	if (type != u->s.type)
		return type < u->s.type ? -1 : 1;
	if (a->len != u->address->len)
		return a->len < u->address->len ? -1 : 1;
	return memcmp(a->text, u->address->text, a->len);
}

static int compare_inode(const struct inode *i, const struct unix_socket *u)
{
	const struct inode *other = path_inode(u->path);

	return i == other ? 0 : i < other ? -1 : 1;
}

/* The socket with the name, or NULL and the place where it would be. */
static struct unix_socket *find_text(unsigned type, const struct unix_address *a,
				     struct rb_node **parent, struct rb_node ***link)
{
	struct rb_node **at = &by_text.node;

	*parent = NULL;
	while (*at) {
		struct unix_socket *u = rb_entry(*at, struct unix_socket, name_node);
		int c = compare_text(type, a, u);

		if (!c)
			return u;
		*parent = *at;
		at = c < 0 ? &(*at)->left : &(*at)->right;
	}
	*link = at;
	return NULL;
}

static struct unix_socket *find_inode(const struct inode *i, struct rb_node **parent,
				      struct rb_node ***link)
{
	struct rb_node **at = &by_inode.node;

	*parent = NULL;
	while (*at) {
		struct unix_socket *u = rb_entry(*at, struct unix_socket, name_node);
		int c = compare_inode(i, u);

		if (!c)
			return u;
		*parent = *at;
		at = c < 0 ? &(*at)->left : &(*at)->right;
	}
	*link = at;
	return NULL;
}

void unix_all_add(struct unix_socket *u)
{
	struct rb_node **at = &by_id.node, *parent = NULL;

	spin_lock(&names_lock);
	while (*at) {
		parent = *at;
		at = u->id < rb_entry(parent, struct unix_socket, all_node)->id ? &parent->left
										: &parent->right;
	}
	rb_link(&u->all_node, parent, at);
	rb_insert_fixup(&u->all_node, &by_id);
	spin_unlock(&names_lock);
}

struct unix_socket *unix_next(uint64_t after)
{
	struct unix_socket *found = NULL;
	struct rb_node *at;

	spin_lock(&names_lock);
	at = by_id.node;
	while (at) {
		struct unix_socket *u = rb_entry(at, struct unix_socket, all_node);

		if (u->id > after)
			found = u;
		at = u->id > after ? at->left : at->right;
	}
	if (found)
		unix_get(found);
	spin_unlock(&names_lock);
	return found;
}

void unix_names_remove(struct unix_socket *u)
{
	spin_lock(&names_lock);
	rb_erase(&u->all_node, &by_id);
	/* What a listener accepted has its name, but is not found by it. */
	if (u->name_node.parent_and_colour || by_text.node == &u->name_node ||
	    by_inode.node == &u->name_node)
		rb_erase(&u->name_node, u->path.dentry ? &by_inode : &by_text);
	spin_unlock(&names_lock);
}

/* --- bind --------------------------------------------------------------------------------- */

/* bind_lock held. The address is taken over unless it is in use. */
static int publish_text(struct unix_socket *u, struct unix_address *a)
{
	struct rb_node *parent, **link;
	bool taken;

	spin_lock(&names_lock);
	taken = find_text(u->s.type, a, &parent, &link);
	if (!taken) {
		__atomic_store_n(&u->address, a, __ATOMIC_RELEASE);
		rb_link(&u->name_node, parent, link);
		rb_insert_fixup(&u->name_node, &by_text);
	}
	spin_unlock(&names_lock);
	return taken ? -EADDRINUSE : 0;
}

/* bind_lock held; the inode is new, so nobody has it. */
static void publish_inode(struct unix_socket *u, struct unix_address *a, struct path path)
{
	struct rb_node *parent, **link = NULL;
	struct unix_socket *same;

	spin_lock(&names_lock);
	same = find_inode(path_inode(path), &parent, &link);
	assert(!same && link);
	u->path = path;
	rb_link(&u->name_node, parent, link);
	rb_insert_fixup(&u->name_node, &by_inode);
	__atomic_store_n(&u->address, a, __ATOMIC_RELEASE);
	spin_unlock(&names_lock);
}

/* The socket has a name: EINVAL, unless the path is taken anyway or cannot be. */
static int bind_again(const struct unix_address *a)
{
	struct path path;
	int r;

	if (!is_path(a))
		return -EINVAL;
	r = path_walk(NULL, a->text, 0, &path);
	if (!r)
		path_put(path);
	return !r ? -EADDRINUSE : r == -ENOENT ? -EINVAL : r;
}

static int bind_path(struct unix_socket *u, struct unix_address *a)
{
	unsigned mode = READ_ONCE(u->s.file->inode->mode) & 07777;
	struct path path;
	int r = vfs_make_node(NULL, a->text, S_IFSOCK | mode, 0, &path);

	if (r)
		return r == -EEXIST ? -EADDRINUSE : r;
	publish_inode(u, a, path);
	return 0;
}

int unix_bind(struct socket *s, const struct net_address *name)
{
	struct unix_socket *u = unix_of(s);
	struct unix_address *a;
	int r;

	if (name->len == UNIX_PATH_OFFSET && name->family == AF_UNIX)
		return unix_autobind(u);
	r = unix_address_check(name);
	if (r)
		return r;
	a = address_create(name);
	if (!a)
		return -ENOMEM;
	mutex_lock(&u->bind_lock);
	if (u->address)
		r = bind_again(a);
	else
		r = is_path(a) ? bind_path(u, a) : publish_text(u, a);
	mutex_unlock(&u->bind_lock);
	if (r)
		unix_address_put(a);
	return r;
}

/* A free abstract name of five hexadecimal digits. */
static int autobind_locked(struct unix_socket *u)
{
	struct unix_address *a = kzalloc(sizeof(*a));
	uint32_t number = (uint32_t)random_below(AUTOBIND_COUNT);
	int r = -EADDRINUSE;

	if (!a)
		return -ENOMEM;
	a->refs = 1;
	a->len = 1 + AUTOBIND_DIGITS;
	for (uint32_t tries = 0; tries < AUTOBIND_COUNT && r; tries++) {
		format(a->text + 1, sizeof(a->text) - 1, "%05x", number);
		number = (number + 1) % AUTOBIND_COUNT;
		r = publish_text(u, a);
	}
	if (r)
		unix_address_put(a);
	return r ? -ENOSPC : 0;
}

int unix_autobind(struct unix_socket *u)
{
	int r = 0;

	mutex_lock(&u->bind_lock);
	if (!u->address)
		r = autobind_locked(u);
	mutex_unlock(&u->bind_lock);
	return r;
}

/* --- finding ------------------------------------------------------------------------------ */

static int find_by_path(const struct unix_address *a, unsigned type, struct unix_socket **out)
{
	struct rb_node *parent, **link;
	struct unix_socket *u = NULL;
	struct path path;
	int r = path_walk(NULL, a->text, WALK_FOLLOW, &path);

	if (r)
		return r;
	r = inode_permission(path_inode(path), vfs_cred(), MAY_WRITE);
	if (!r && S_ISSOCK(path_inode(path)->mode)) {
		spin_lock(&names_lock);
		u = find_inode(path_inode(path), &parent, &link);
		if (u && u->s.type == type)
			*out = unix_get(u);
		else if (u)
			r = -EPROTOTYPE;
		spin_unlock(&names_lock);
	}
	path_put(path);
	return r ? r : u ? 0 : -ECONNREFUSED;
}

static int find_by_text(const struct unix_address *a, unsigned type, struct unix_socket **out)
{
	struct rb_node *parent, **link;
	struct unix_socket *u;

	spin_lock(&names_lock);
	u = find_text(type, a, &parent, &link);
	if (u)
		*out = unix_get(u);
	spin_unlock(&names_lock);
	return u ? 0 : -ECONNREFUSED;
}

int unix_find(const struct net_address *name, unsigned type, struct unix_socket **out)
{
	struct unix_address a = {.len = name->len - UNIX_PATH_OFFSET};

	memcpy(a.text, name->bytes + UNIX_PATH_OFFSET, a.len);
	return is_path(&a) ? find_by_path(&a, type, out) : find_by_text(&a, type, out);
}
