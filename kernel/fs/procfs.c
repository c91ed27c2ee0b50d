/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * procfs: the registered statistics nodes, and a directory for each process.
 *
 * Nothing is stored here. The folders of the nodes ("sys/kernel") are found by comparing prefixes
 * of the registered paths, processes by asking proc_source. An inode is made when a name is
 * looked up and lives as long as the name cache or an open file wants it; before a cached name
 * is used again, proc_revalidate asks whether it still means the same.
 *
 * Locks: none of our own. A snapshot of the list of nodes, with references, is taken under its
 * spinlock (base/stats.c), because what is done with it may sleep.
 */
#include "procfs.h"

#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <linux/magic.h>
#include <mem/slab.h>
#include <vfs/builtin_fs.h>
#include <vfs/dentry.h>

#define ROOT_INO 1

/* Places in the root's listing: the nodes, the links, then processes. */
#define COOKIE_NODES   2
#define COOKIE_SELF    0x10000
#define COOKIE_PROCESS 0x20000

static struct super *instance; /* [I] */

static const struct inode_ops folder_ops, file_inode_ops;
static const struct file_ops folder_file_ops, node_file_ops;

/* --- inodes ------------------------------------------------------------------------------- */

static void proc_free(struct epoch_head *head)
{
	kfree(proc_inode(container_of(head, struct inode, epoch)));
}

static void proc_evict(struct inode *inode)
{
	struct proc_inode *p = proc_inode(inode);

	if (p->process)
		proc_source()->put(p->process);
	if (p->node)
		stats_put(p->node);
	inode_free_deferred(inode, proc_free);
}

struct proc_inode *proc_inode_create(struct super *s, uint64_t ino, unsigned mode,
				     const struct inode_ops *ops, const struct file_ops *file_ops)
{
	struct proc_inode *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	inode_init(&p->inode, s, mode);
	p->inode.ino = ino;
	p->inode.ops = ops;
	p->inode.file_ops = file_ops;
	p->inode.block_size = 1024;
	if (S_ISDIR(mode))
		p->inode.nlink = 2;
	return p;
}

int proc_setattr(struct inode *inode, const struct inode_attr *attr)
{
	/* O_TRUNC is what shells do before they write to a file of /proc/sys. */
	return attr->valid & ~(ATTR_SIZE | ATTR_KILL_ID) ? -EPERM : 0;
}

/* --- the registered nodes ----------------------------------------------------------------- */

struct snapshot {
	struct stats_node **nodes;
	size_t count, size;
};

static int count_node(struct stats_node *n, void *ctx)
{
	((struct snapshot *)ctx)->count++;
	return 0;
}

static int take_node(struct stats_node *n, void *ctx)
{
	struct snapshot *s = ctx;

	if (s->count == s->size)
		return 1; /* registered in the meantime: the next listing has it */
	s->nodes[s->count++] = stats_get(n);
	return 0;
}

static int snapshot_take(struct snapshot *s)
{
	*s = (struct snapshot){0};
	stats_for_each(count_node, s);
	s->size = s->count;
	s->count = 0;
	s->nodes = kcalloc(max(s->size, (size_t)1), sizeof(s->nodes[0]));
	if (!s->nodes)
		return -ENOMEM;
	stats_for_each(take_node, s);
	return 0;
}

static void snapshot_free(struct snapshot *s)
{
	for (size_t i = 0; i < s->count; i++)
		stats_put(s->nodes[i]);
	kfree(s->nodes);
}

/* The part of the node's path below the prefix, or NULL if it is elsewhere. */
static const char *below(const struct stats_node *n, const char *prefix)
{
	return str_starts(n->path, prefix) ? n->path + strlen(prefix) : NULL;
}

static size_t component_length(const char *path)
{
	const char *slash = strchr(path, '/');

	return slash ? (size_t)(slash - path) : strlen(path);
}

static uint64_t node_ino(const char *path, size_t len)
{
	return hash_bytes(path, len, 0) | 1ULL << 63;
}

struct find {
	const char *prefix;
	const struct name *name;
	struct stats_node *file;
	bool folder;
};

static int find_node(struct stats_node *n, void *ctx)
{
	struct find *f = ctx;
	const char *rest = below(n, f->prefix);

	if (!rest || component_length(rest) != f->name->len ||
	    memcmp(rest, f->name->text, f->name->len) != 0)
		return 0;
	if (rest[f->name->len])
		f->folder = true;
	else
		f->file = stats_get(n);
	return 1;
}

/* A file or folder of the nodes. */
static int node_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	struct proc_inode *d = proc_inode(dir), *p;
	struct find f = {.prefix = d->prefix, .name = name};
	size_t prefix = strlen(d->prefix);

	stats_for_each(find_node, &f);
	if (f.file) {
		unsigned mode = f.file->mode ? f.file->mode : 0444;

		p = proc_inode_create(dir->super, node_ino(f.file->path, strlen(f.file->path)),
				      S_IFREG | mode, &file_inode_ops, &node_file_ops);
		if (p)
			p->node = f.file;
		else
			stats_put(f.file);
	} else if (f.folder && prefix + name->len + 2 <= sizeof(d->prefix)) {
		p = proc_inode_create(dir->super, node_ino(d->prefix, prefix) + name->hash,
				      S_IFDIR | 0555, &folder_ops, &folder_file_ops);
		if (p) {
			memcpy(p->prefix, d->prefix, prefix);
			memcpy(p->prefix + prefix, name->text, name->len);
			p->prefix[prefix + name->len] = '/';
		}
	} else {
		return -ENOENT;
	}
	if (!p)
		return -ENOMEM;
	*out = &p->inode;
	return 0;
}

/* Does an earlier node of the snapshot have the same first component below the prefix? */
static bool listed_before(const struct snapshot *s, size_t i, const char *prefix)
{
	const char *rest = below(s->nodes[i], prefix);
	size_t len = component_length(rest);

	for (size_t k = 0; k < i; k++) {
		const char *other = below(s->nodes[k], prefix);

		if (other && component_length(other) == len && memcmp(other, rest, len) == 0)
			return true;
	}
	return false;
}

/* False: the sink is full. */
static int list_nodes(const char *prefix, struct dir_sink *sink)
{
	struct snapshot s;
	size_t i = (size_t)(sink->cookie - COOKIE_NODES);
	int r = snapshot_take(&s);

	if (r)
		return r;
	for (; i < s.count && !r; i++) {
		const char *rest = below(s.nodes[i], prefix);
		size_t len = rest ? component_length(rest) : 0;

		if (!len || listed_before(&s, i, prefix))
			continue;
		if (!dir_emit(sink, rest, len, node_ino(s.nodes[i]->path, strlen(s.nodes[i]->path)),
			      (rest[len] ? S_IFDIR : S_IFREG) >> 12, (off64_t)i + 1 + COOKIE_NODES))
			r = 1;
	}
	snapshot_free(&s);
	return r;
}

static int folder_readdir(struct file *f, struct dir_sink *sink)
{
	int r;

	if (!dir_emit_dots(f, sink))
		return 0;
	r = list_nodes(proc_inode(f->inode)->prefix, sink);
	return r < 0 ? r : 0;
}

static const struct inode_ops folder_ops = {.lookup = node_lookup, .setattr = proc_setattr};
static const struct file_ops folder_file_ops = {.readdir = folder_readdir};
static const struct inode_ops file_inode_ops = {.setattr = proc_setattr};

/* --- their files -------------------------------------------------------------------------- */

static int node_show(struct file *f, struct text *out)
{
	struct stats_node *n = proc_inode(f->inode)->node;

	if (n->show)
		n->show(n, out);
	return 0;
}

static int node_open(struct inode *inode, struct file *f)
{
	return proc_text_open(f);
}

static ssize_t node_read(struct file *f, struct iter *it, off64_t *pos)
{
	return proc_text_read(f, it, pos, node_show);
}

static ssize_t node_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct stats_node *n = proc_inode(f->inode)->node;
	char *text;
	size_t len;
	ssize_t r;

	if (!n->store)
		return -EIO;
	r = proc_text_input(it, &text, &len);
	if (r)
		return r;
	r = n->store(n, text, len);
	kfree(text);
	if (r > 0)
		*pos += r;
	return r;
}

static const struct file_ops node_file_ops = {
	.open = node_open,
	.release = proc_text_release,
	.read = node_read,
	.write = node_write,
};

/* --- the root ----------------------------------------------------------------------------- */

static int root_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	int r = proc_pid_lookup(dir->super, name, out);

	if (r == -ENOENT)
		r = proc_self_lookup(dir->super, name, out);
	return r == -ENOENT ? node_lookup(dir, name, out) : r;
}

static int root_readdir(struct file *f, struct dir_sink *sink)
{
	int r = 0;

	if (!dir_emit_dots(f, sink))
		return 0;
	if (sink->cookie < COOKIE_SELF) {
		r = list_nodes("", sink);
		if (r)
			return r < 0 ? r : 0;
		sink->cookie = COOKIE_SELF;
	}
	if (sink->cookie < COOKIE_PROCESS && !proc_self_readdir(sink, COOKIE_SELF, COOKIE_PROCESS))
		return 0;
	return proc_pid_readdir(sink, COOKIE_PROCESS);
}

static const struct inode_ops root_ops = {.lookup = root_lookup, .setattr = proc_setattr};
static const struct file_ops root_file_ops = {.readdir = root_readdir};

/* --- the filesystem ----------------------------------------------------------------------- */

static bool proc_revalidate(struct dentry *d)
{
	struct proc_inode *p = proc_inode(d->inode);

	if (p->node && __atomic_load_n(&p->node->gone, __ATOMIC_ACQUIRE))
		return false;
	return !p->process || proc_pid_revalidate(d->inode);
}

static const struct super_ops proc_super_ops = {
	.evict = proc_evict,
	.revalidate = proc_revalidate,
};

static int proc_mount(const struct fs_type *type, const char *source, const char *options,
		      struct super **out)
{
	*out = super_get(instance);
	return 0;
}

static struct fs_type proc_type = {.name = "proc", .mount = proc_mount};

int proc_node_tree_create(const struct fs_type *type, unsigned long magic, const char *prefix,
			  struct super **out)
{
	struct super *s = super_create(type, &proc_super_ops, magic);
	struct proc_inode *root;
	int r = -ENOMEM;

	if (!s)
		return -ENOMEM;
	s->flags |= SUPER_PERSISTENT | SUPER_NO_NEGATIVE | SUPER_TRANSIENT;
	root = proc_inode_create(s, ROOT_INO, S_IFDIR | 0555, &folder_ops, &folder_file_ops);
	if (root) {
		strlcpy(root->prefix, prefix, sizeof(root->prefix));
		r = super_set_root(s, &root->inode);
	}
	if (r)
		super_put(s);
	else
		*out = s;
	return r;
}

int procfs_init(void)
{
	struct proc_inode *root;
	int r;

	instance = super_create(&proc_type, &proc_super_ops, PROC_SUPER_MAGIC);
	if (!instance)
		return -ENOMEM;
	instance->flags |= SUPER_PERSISTENT | SUPER_NO_NEGATIVE | SUPER_TRANSIENT;
	root = proc_inode_create(instance, ROOT_INO, S_IFDIR | 0555, &root_ops, &root_file_ops);
	if (!root)
		return -ENOMEM;
	r = super_set_root(instance, &root->inode);
	if (r)
		return r;
	fs_type_register(&proc_type);
	proc_system_init();
	proc_sys_init();
	proc_locks_init();
	proc_debug_init();
	return 0;
}
