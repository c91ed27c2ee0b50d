/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devpts: a directory with a node for each pseudo-terminal that is open, and `ptmx`. There is one
 * instance, from boot on, mounted or not; every mount shows it, and its options are those of the
 * last mount or remount that gave any.
 *
 * A node is an inode in a tree by number. It comes with pts_ops.add and goes with pts_ops.remove,
 * which takes its last link away: whoever still holds the inode (by an O_PATH descriptor) can tell
 * from nlink 0 that it is not the terminal which has this number now. Cached names are asked about
 * by revalidate, absent ones are not cached.
 *
 * Lock: nodes_lock (VFS_MISC) covers the tree and the options; nothing is allocated inside it.
 */
#include <base/cred.h>
#include <base/spinlock.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/rbtree.h>
#include <lib/string.h>
#include <linux/magic.h>
#include <mem/slab.h>
#include <vfs/builtin_fs.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/pts.h>
#include <vfs/super.h>

#define INO_ROOT  1
#define INO_PTMX  2
#define INO_FIRST 3 /* of terminal 0 */

#define COOKIE_PTMX  2
#define COOKIE_FIRST 3 /* of terminal 0 */

struct node {
	struct inode inode;  /* first */
	struct rb_node link; /* [nodes_lock] */
	uint32_t index;	     /* [I] */
};

struct options {
	bool has_uid, has_gid;
	uint32_t uid, gid;
	uint32_t mode;	    /* of new nodes */
	uint32_t ptmx_mode; /* of ptmx */
};

static struct super *instance; /* [I] */
static struct inode *ptmx;     /* [I] */
static struct spinlock nodes_lock = SPINLOCK_INIT(LOCK_VFS_MISC);
static struct rb_root nodes;			/* [nodes_lock] a reference each */
static struct options options = {.mode = 0600}; /* [nodes_lock] */

/* --- inodes ------------------------------------------------------------------------------- */

static void node_free(struct epoch_head *head)
{
	kfree(container_of(container_of(head, struct inode, epoch), struct node, inode));
}

static void devpts_evict(struct inode *inode)
{
	inode_free_deferred(inode, node_free);
}

static const struct inode_ops node_ops;

static struct node *node_create(unsigned mode, uint64_t ino, dev_t rdev)
{
	struct node *n = kzalloc(sizeof(*n));

	if (!n)
		return NULL;
	inode_init(&n->inode, instance, mode);
	n->inode.ops = &node_ops;
	n->inode.ino = ino;
	n->inode.block_size = 1024;
	inode_init_special(&n->inode, rdev);
	return n;
}

/* The first node with an index of at least `from`; lock held. */
static struct node *find_from(uint32_t from)
{
	struct rb_node *at = nodes.node;
	struct node *found = NULL;

	while (at) {
		struct node *n = rb_entry(at, struct node, link);

		if (n->index >= from)
			found = n;
		at = n->index >= from ? at->left : at->right;
	}
	return found;
}

static void insert(struct node *n)
{
	struct rb_node **at = &nodes.node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = n->index < rb_entry(parent, struct node, link)->index ? &parent->left
									   : &parent->right;
	}
	rb_link(&n->link, parent, at);
	rb_insert_fixup(&n->link, &nodes);
}

static int devpts_add(uint32_t index, dev_t rdev)
{
	const struct cred *cred = vfs_cred();
	struct node *n = node_create(S_IFCHR, INO_FIRST + index, rdev);

	if (!n)
		return -ENOMEM;
	n->index = index;
	spin_lock(&nodes_lock);
	n->inode.mode |= options.mode;
	n->inode.uid = options.has_uid ? options.uid : cred->fsuid;
	n->inode.gid = options.has_gid ? options.gid : cred->fsgid;
	insert(n);
	spin_unlock(&nodes_lock);
	return 0;
}

static void devpts_remove(uint32_t index)
{
	struct node *n;

	spin_lock(&nodes_lock);
	n = find_from(index);
	if (n && n->index == index)
		rb_erase(&n->link, &nodes);
	else
		n = NULL;
	spin_unlock(&nodes_lock);
	if (!n)
		return;
	inode_link_add(&n->inode, -1);
	inode_put(&n->inode);
}

static const struct pts_ops pts = {.add = devpts_add, .remove = devpts_remove};

/* --- the directory ------------------------------------------------------------------------ */

/* The number that a name is, in its one spelling. */
static bool parse_index(const char *text, uint32_t len, uint32_t *index)
{
	uint64_t n = 0;

	if (len == 0 || len > 9 || (text[0] == '0' && len > 1))
		return false;
	for (uint32_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(text[i] - '0');
	}
	*index = (uint32_t)n;
	return true;
}

/* The inode with the name, counted, or NULL. */
static struct inode *find_name(const char *text, uint32_t len)
{
	struct inode *found = NULL;
	struct node *n;
	uint32_t index;

	if (len == 4 && memcmp(text, "ptmx", 4) == 0)
		return inode_get(ptmx);
	if (!parse_index(text, len, &index))
		return NULL;
	spin_lock(&nodes_lock);
	n = find_from(index);
	if (n && n->index == index)
		found = inode_get(&n->inode);
	spin_unlock(&nodes_lock);
	return found;
}

static int devpts_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	*out = find_name(name->text, name->len);
	return *out ? 0 : -ENOENT;
}

static bool devpts_revalidate(struct dentry *d)
{
	return d->inode &&
	       (d->inode == ptmx || inode_is_dir(d->inode) || READ_ONCE(d->inode->nlink));
}

static bool emit_nodes(struct dir_sink *sink)
{
	char text[16];
	struct node *n;
	uint32_t index = (uint32_t)(sink->cookie - COOKIE_FIRST);
	bool found, more = true;

	while (more) {
		spin_lock(&nodes_lock);
		n = find_from(index);
		found = n;
		if (found)
			index = n->index;
		spin_unlock(&nodes_lock);
		if (!found)
			break;
		more = dir_emit(sink, text, (size_t)format(text, sizeof(text), "%u", index),
				INO_FIRST + index, S_IFCHR >> 12,
				COOKIE_FIRST + (off64_t)index + 1);
		index++;
	}
	return more;
}

static int devpts_readdir(struct file *f, struct dir_sink *sink)
{
	if (!dir_emit_dots(f, sink))
		return 0;
	if (sink->cookie == COOKIE_PTMX &&
	    !dir_emit(sink, "ptmx", 4, INO_PTMX, S_IFCHR >> 12, COOKIE_FIRST))
		return 0;
	emit_nodes(sink);
	return 0;
}

static const struct inode_ops dir_ops = {.lookup = devpts_lookup};
static const struct file_ops dir_file_ops = {.readdir = devpts_readdir};

/* --- options ------------------------------------------------------------------------------ */

static int parse_number(const char *text, unsigned base, uint32_t *out)
{
	uint64_t v;

	if (parse_u64(text, base, &v) || v > UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int parse_option(struct options *o, const char *key, const char *value)
{
	uint32_t ignored;

	if (strcmp(key, "uid") == 0) {
		o->has_uid = true;
		return parse_number(value, 10, &o->uid);
	}
	if (strcmp(key, "gid") == 0) {
		o->has_gid = true;
		return parse_number(value, 10, &o->gid);
	}
	if (strcmp(key, "mode") == 0)
		return parse_number(value, 8, &o->mode);
	if (strcmp(key, "ptmxmode") == 0)
		return parse_number(value, 8, &o->ptmx_mode);
	if (strcmp(key, "max") == 0)
		return parse_number(value, 10, &ignored);
	/* There is one instance; who asks for a new one gets it, as before Linux 4.7. */
	return strcmp(key, "newinstance") == 0 ? 0 : -EINVAL;
}

static int parse_options(struct options *o, char *text)
{
	int r = 0;

	while (!r && text && *text) {
		char *next = strchr(text, ','), *value;

		if (next)
			*next++ = 0;
		value = strchr(text, '=');
		if (value)
			*value++ = 0;
		if (*text)
			r = parse_option(o, text, value ? value : "");
		text = next;
	}
	return r;
}

static int apply_options(const char *text)
{
	struct options o = {.mode = 0600};
	char *copy;
	int r;

	if (!text || !*text)
		return 0;
	copy = kstrdup(text);
	if (!copy)
		return -ENOMEM;
	r = parse_options(&o, copy);
	kfree(copy);
	if (r)
		return r;
	o.mode &= 07777;
	spin_lock(&nodes_lock);
	options = o;
	__atomic_store_n(&ptmx->mode, S_IFCHR | (o.ptmx_mode & 07777), __ATOMIC_RELAXED);
	spin_unlock(&nodes_lock);
	return 0;
}

static int devpts_remount(struct super *s, const char *text)
{
	return apply_options(text);
}

static void devpts_show_options(struct super *s, struct text *out)
{
	struct options o;

	spin_lock(&nodes_lock);
	o = options;
	spin_unlock(&nodes_lock);
	if (o.has_uid)
		text_printf(out, ",uid=%u", o.uid);
	if (o.has_gid)
		text_printf(out, ",gid=%u", o.gid);
	text_printf(out, ",mode=%03o,ptmxmode=%03o", o.mode, o.ptmx_mode);
}

/* --- the one instance --------------------------------------------------------------------- */

static const struct super_ops devpts_super_ops = {
	.evict = devpts_evict,
	.remount = devpts_remount,
	.show_options = devpts_show_options,
	.revalidate = devpts_revalidate,
};

static int devpts_mount(const struct fs_type *type, const char *source, const char *text,
			struct super **out)
{
	int r = apply_options(text);

	if (!r)
		*out = super_get(instance);
	return r;
}

static struct fs_type devpts_type = {.name = "devpts", .mount = devpts_mount};

int devpts_init(void)
{
	struct node *root, *p;

	instance = super_create(&devpts_type, &devpts_super_ops, DEVPTS_SUPER_MAGIC);
	if (!instance)
		return -ENOMEM;
	instance->flags |= SUPER_PERSISTENT | SUPER_NO_NEGATIVE | SUPER_TRANSIENT;
	root = node_create(S_IFDIR | 0755, INO_ROOT, 0);
	p = node_create(S_IFCHR, INO_PTMX, DEV_MAKE(5, 2));
	if (!root || !p)
		return -ENOMEM;
	root->inode.nlink = 2;
	root->inode.ops = &dir_ops;
	root->inode.file_ops = &dir_file_ops;
	ptmx = &p->inode;
	if (super_set_root(instance, &root->inode))
		return -ENOMEM;
	fs_type_register(&devpts_type);
	pts_register(&pts);
	return 0;
}
