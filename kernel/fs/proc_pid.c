/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID: a directory for each process, task/TID for each thread of it.
 *
 * The texts (status, stat, maps, ...) come from proc/ through proc_source; what is made of open
 * files and paths (fd, fdinfo, cwd, root, exe, mounts) is made here. An inode holds a reference
 * to the process, not to what it shows: a link is resolved when it is followed, so an idle
 * cached entry keeps neither files nor directories alive.
 *
 * Owner: the directory belongs to the process's effective user, what is inside belongs to root
 * while the process is not dumpable. The fields are refreshed by stat_update and whenever a
 * cached name is revalidated, which is before every permission check on it.
 */
#include "procfs.h"

#include <base/cred.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <arch/page.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <mem/slab.h>
#include <vfs/fdtable.h>
#include <vfs/fs_context.h>
#include <vfs/mount.h>

/* A file of a process's directory that is made here. */
struct proc_entry {
	const char *name;
	unsigned mode;
	const struct inode_ops *ops;
	const struct file_ops *file_ops;
	bool threads; /* also in task/TID */
};

static const struct proc_entry entries[];
static const size_t entry_count;

static const struct inode_ops pid_dir_ops, task_ops, fd_dir_ops, fdinfo_dir_ops, fd_link_ops,
	place_link_ops, text_inode_ops, fdinfo_inode_ops, self_link_ops;
static const struct file_ops pid_dir_file_ops, task_file_ops, fd_dir_file_ops, fdinfo_dir_file_ops,
	text_file_ops, fdinfo_file_ops, mounts_file_ops;

/* --- inodes ------------------------------------------------------------------------------- */

static uint64_t pid_ino(int32_t pid, int32_t tid, unsigned slot, unsigned fd)
{
	return ((uint64_t)pid << 43 | (uint64_t)tid << 28 | (uint64_t)slot << 20 | fd) + 16;
}

static void refresh_owner(struct inode *inode)
{
	struct proc_inode *p = proc_inode(inode);
	uint32_t uid = 0, gid = 0;
	bool dumpable = true, world_dir = inode->mode == (S_IFDIR | 0555);

	if (!p->process)
		return;
	proc_source()->owner(p->process, &uid, &gid, &dumpable);
	if (!dumpable && !world_dir)
		uid = gid = 0;
	inode_attr_lock(inode);
	inode->uid = uid;
	inode->gid = gid;
	inode_attr_unlock(inode);
}

/* The process reference of p is shared by what is made below it: find() takes another. */
static int make(struct super *s, const struct proc_inode *like, uint64_t ino, unsigned mode,
		const struct inode_ops *ops, const struct file_ops *file_ops,
		struct proc_inode **out)
{
	const struct proc_source *src = proc_source();
	void *process = src->find(like->pid);
	struct proc_inode *p;

	/* The pid may already belong to a successor. */
	if (!process || (like->process && process != like->process)) {
		if (process)
			src->put(process);
		return -ENOENT;
	}
	p = proc_inode_create(s, ino, mode, ops, file_ops);
	if (!p) {
		src->put(process);
		return -ENOMEM;
	}
	p->process = process;
	p->pid = like->pid;
	p->tid = like->tid;
	p->fd = like->fd;
	refresh_owner(&p->inode);
	*out = p;
	return 0;
}

/* -EACCES unless the caller may look inside the process. */
static int check_inspect(struct proc_inode *p)
{
	return proc_source()->may_inspect(p->process) ? 0 : -EACCES;
}

static struct fd_table *table_of(struct proc_inode *p)
{
	return proc_source()->files(p->process, p->tid);
}

static bool fd_is_open(struct proc_inode *p)
{
	struct fd_table *t = table_of(p);
	bool open = t && fd_next(t, p->fd) == p->fd;

	fd_table_put(t);
	return open;
}

bool proc_pid_revalidate(struct inode *inode)
{
	struct proc_inode *p = proc_inode(inode);

	if (proc_source()->gone(p->process))
		return false;
	if (p->tid != p->pid && !proc_source()->has_thread(p->process, p->tid))
		return false;
	if (p->fd >= 0 && !fd_is_open(p))
		return false;
	refresh_owner(inode);
	return true;
}

/* --- numbers as names --------------------------------------------------------------------- */

static bool parse_number(const struct name *name, int32_t *out)
{
	char text[12];
	uint64_t v;

	if (name->len == 0 || name->len >= sizeof(text) || (name->text[0] == '0' && name->len > 1))
		return false;
	memcpy(text, name->text, name->len);
	text[name->len] = 0;
	if (parse_u64(text, 10, &v) || v > INT32_MAX)
		return false;
	*out = (int32_t)v;
	return true;
}

static bool emit_number(struct dir_sink *sink, int32_t n, uint64_t ino, unsigned type, off64_t next)
{
	char text[12];
	int len = format(text, sizeof(text), "%d", n);

	return dir_emit(sink, text, (size_t)len, ino, type, next);
}

/* --- /proc/PID ---------------------------------------------------------------------------- */

int proc_pid_lookup(struct super *s, const struct name *name, struct inode **out)
{
	struct proc_inode like = {.fd = -1}, *p;
	int r;

	if (!proc_source() || !parse_number(name, &like.pid) || like.pid == 0)
		return -ENOENT;
	like.tid = like.pid;
	r = make(s, &like, pid_ino(like.pid, 0, 0, 0), S_IFDIR | 0555, &pid_dir_ops,
		 &pid_dir_file_ops, &p);
	if (!r)
		*out = &p->inode;
	return r;
}

int proc_pid_readdir(struct dir_sink *sink, off64_t base)
{
	const struct proc_source *src = proc_source();
	int32_t pid = (int32_t)(sink->cookie - base);

	while (src && (pid = src->next(pid)) > 0) {
		if (!emit_number(sink, pid, pid_ino(pid, 0, 0, 0), S_IFDIR >> 12, base + pid))
			break;
	}
	return 0;
}

static bool name_is(const struct name *name, const char *text)
{
	return strlen(text) == name->len && memcmp(text, name->text, name->len) == 0;
}

static int pid_dir_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	const struct proc_source *src = proc_source();
	struct proc_inode *d = proc_inode(dir), *p;
	bool thread = d->entry; /* task/TID is marked with its row */
	int r = -ENOENT;

	for (size_t i = 0; i < entry_count; i++) {
		const struct proc_entry *e = &entries[i];

		if (!name_is(name, e->name) || (thread && !e->threads))
			continue;
		r = make(dir->super, d, pid_ino(d->pid, d->tid, 1 + (unsigned)i, 0), e->mode,
			 e->ops, e->file_ops, &p);
		if (!r)
			p->entry = e;
		goto out;
	}
	for (unsigned i = 0; i < src->text_count; i++) {
		const struct proc_text_file *t = &src->texts[i];

		if (!name_is(name, t->name) || (thread && !t->threads))
			continue;
		r = make(dir->super, d, pid_ino(d->pid, d->tid, 64 + i, 0), S_IFREG | t->mode,
			 &text_inode_ops, &text_file_ops, &p);
		if (!r)
			p->text = t;
		goto out;
	}
out:
	if (!r)
		*out = &p->inode;
	return r;
}

static int pid_dir_readdir(struct file *f, struct dir_sink *sink)
{
	const struct proc_source *src = proc_source();
	struct proc_inode *d = proc_inode(f->inode);
	bool thread = d->entry;

	if (src->gone(d->process))
		return -ENOENT;
	if (!dir_emit_dots(f, sink))
		return 0;
	for (size_t i = (size_t)sink->cookie - 2; i < entry_count + src->text_count; i++) {
		bool own = i < entry_count;
		unsigned k = (unsigned)(own ? i : i - entry_count);
		const char *name = own ? entries[k].name : src->texts[k].name;
		unsigned mode = own ? entries[k].mode : S_IFREG;

		if (thread && !(own ? entries[k].threads : src->texts[k].threads))
			continue;
		if (!dir_emit(sink, name, strlen(name),
			      pid_ino(d->pid, d->tid, own ? 1 + k : 64 + k, 0), mode >> 12,
			      (off64_t)i + 3))
			break;
	}
	return 0;
}

/* --- task --------------------------------------------------------------------------------- */

static int task_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	struct proc_inode *d = proc_inode(dir), like = *d, *p;
	int r;

	if (!parse_number(name, &like.tid) || !proc_source()->has_thread(d->process, like.tid))
		return -ENOENT;
	r = make(dir->super, &like, pid_ino(like.pid, like.tid, 0, 0), S_IFDIR | 0555, &pid_dir_ops,
		 &pid_dir_file_ops, &p);
	if (r)
		return r;
	p->entry = d->entry; /* a thread's directory: fewer files */
	*out = &p->inode;
	return 0;
}

static int task_readdir(struct file *f, struct dir_sink *sink)
{
	struct proc_inode *d = proc_inode(f->inode);
	int32_t tid;

	if (!dir_emit_dots(f, sink))
		return 0;
	tid = (int32_t)(sink->cookie - 2);
	while ((tid = proc_source()->next_thread(d->process, tid)) > 0) {
		if (!emit_number(sink, tid, pid_ino(d->pid, tid, 0, 0), S_IFDIR >> 12, tid + 2))
			break;
	}
	return 0;
}

/* --- fd, fdinfo --------------------------------------------------------------------------- */

static struct file *open_file(struct proc_inode *p)
{
	struct fd_table *t = table_of(p);
	struct file *f = t ? fd_get(t, p->fd) : NULL;

	fd_table_put(t);
	return f;
}

static unsigned link_mode(const struct file *f)
{
	return S_IFLNK | (f->mode & FILE_READ ? 0500 : 0) | (f->mode & FILE_WRITE ? 0300 : 0);
}

static int fd_lookup_as(struct inode *dir, const struct name *name, bool info, struct inode **out)
{
	struct proc_inode *d = proc_inode(dir), like = *d, *p;
	struct file *f;
	unsigned mode;
	int r;

	if (!parse_number(name, &like.fd))
		return -ENOENT;
	f = open_file(&like);
	r = check_inspect(d);
	if (r || !f) {
		file_put(f);
		return r ? r : -ENOENT;
	}
	mode = info ? S_IFREG | 0400 : link_mode(f);
	file_put(f);
	r = make(dir->super, &like,
		 pid_ino(like.pid, like.tid, info ? 255 : 254, (unsigned)like.fd), mode,
		 info ? &fdinfo_inode_ops : &fd_link_ops, info ? &fdinfo_file_ops : NULL, &p);
	if (!r)
		*out = &p->inode;
	return r;
}

static int fd_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	return fd_lookup_as(dir, name, false, out);
}

static int fdinfo_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	return fd_lookup_as(dir, name, true, out);
}

static int list_fds(struct file *f, struct dir_sink *sink, unsigned slot, unsigned type)
{
	struct proc_inode *d = proc_inode(f->inode);
	struct fd_table *t;
	int fd, r = check_inspect(d);

	if (r)
		return r;
	if (!dir_emit_dots(f, sink))
		return 0;
	t = table_of(d);
	if (!t)
		return 0;
	for (fd = fd_next(t, (int)sink->cookie - 2); fd >= 0; fd = fd_next(t, fd + 1)) {
		if (!emit_number(sink, fd, pid_ino(d->pid, d->tid, slot, (unsigned)fd), type,
				 fd + 3))
			break;
	}
	fd_table_put(t);
	return 0;
}

static int fd_readdir(struct file *f, struct dir_sink *sink)
{
	return list_fds(f, sink, 254, S_IFLNK >> 12);
}

static int fdinfo_readdir(struct file *f, struct dir_sink *sink)
{
	return list_fds(f, sink, 255, S_IFREG >> 12);
}

static int fdinfo_show(struct file *f, struct text *out)
{
	struct proc_inode *p = proc_inode(f->inode);
	struct fd_table *t = table_of(p);
	struct file *of = t ? fd_get(t, p->fd) : NULL;
	bool cloexec = false;

	if (of) {
		fd_get_cloexec(t, p->fd, &cloexec);
		text_printf(out, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n",
			    of->ops->flags & FILE_OPS_STREAM ? 0 : (long long)of->pos,
			    of->flags | (cloexec ? O_CLOEXEC : 0), of->path.mount->id,
			    (unsigned long long)of->inode->ino);
		if (of->ops->show_info)
			of->ops->show_info(of, out);
	}
	file_put(of);
	fd_table_put(t);
	return of ? 0 : -ENOENT;
}

static ssize_t fdinfo_read(struct file *f, struct iter *it, off64_t *pos)
{
	return proc_text_read(f, it, pos, fdinfo_show);
}

/* --- links -------------------------------------------------------------------------------- */

static ssize_t path_readlink(struct path p, char *buf, size_t size)
{
	char *page = kmalloc(PATH_TEXT_MAX), *text;
	ssize_t n;

	if (!page)
		return -ENOMEM;
	text = path_text(p, page, PATH_TEXT_MAX, NULL, NULL);
	if (IS_ERR(text)) {
		n = PTR_ERR(text);
	} else {
		n = (ssize_t)min(strlen(text), size);
		memcpy(buf, text, (size_t)n);
	}
	kfree(page);
	return n;
}

static int fd_follow(struct inode *inode, struct path *out)
{
	struct proc_inode *p = proc_inode(inode);
	struct file *f = open_file(p);
	int r = check_inspect(p);

	if (r || !f) {
		file_put(f);
		return r ? r : -ENOENT;
	}
	*out = path_get(f->path);
	file_put(f);
	return 0;
}

/* exe, cwd and root by the row's name. */
static int place_follow(struct inode *inode, struct path *out)
{
	const struct proc_source *src = proc_source();
	struct proc_inode *p = proc_inode(inode);
	struct fs_context *fs;
	int r = check_inspect(p);

	if (r)
		return r;
	if (p->entry->name[0] == 'e') {
		struct file *f = src->exe(p->process);

		if (!f)
			return -ENOENT;
		*out = path_get(f->path);
		file_put(f);
		return 0;
	}
	fs = src->fs(p->process, p->tid);
	if (!fs)
		return -ENOENT;
	*out = p->entry->name[0] == 'c' ? fs_context_cwd(fs) : fs_context_root(fs);
	fs_context_put(fs);
	return 0;
}

static ssize_t link_readlink(struct inode *inode, char *buf, size_t size)
{
	struct path p;
	ssize_t n = inode->ops->follow(inode, &p);

	if (n)
		return n;
	n = path_readlink(p, buf, size);
	path_put(p);
	return n;
}

/* The links of the root, by tid: 0 "self", 1 "thread-self" (who asks matters), 2 "mounts". */
static ssize_t self_readlink(struct inode *inode, char *buf, size_t size)
{
	const struct proc_source *src = proc_source();
	int32_t pid = src->self();
	char text[48];
	int n;

	if (!pid)
		return -ENOENT;
	if (proc_inode(inode)->tid == 2)
		n = format(text, sizeof(text), "self/mounts");
	else if (proc_inode(inode)->tid)
		n = format(text, sizeof(text), "%d/task/%d", pid, src->self_thread());
	else
		n = format(text, sizeof(text), "%d", pid);
	memcpy(buf, text, min((size_t)n, size));
	return (ssize_t)min((size_t)n, size);
}

static const char *const root_links[] = {"self", "thread-self", "mounts"};

int proc_self_lookup(struct super *s, const struct name *name, struct inode **out)
{
	struct proc_inode *p;
	unsigned i = 0;

	while (i < ARRAY_SIZE(root_links) && !name_is(name, root_links[i]))
		i++;
	if (!proc_source() || i == ARRAY_SIZE(root_links))
		return -ENOENT;
	p = proc_inode_create(s, PROC_LINK_INO + i, S_IFLNK | 0777, &self_link_ops, NULL);
	if (!p)
		return -ENOMEM;
	p->tid = (int32_t)i;
	p->fd = -1;
	*out = &p->inode;
	return 0;
}

bool proc_self_readdir(struct dir_sink *sink, off64_t base, off64_t end)
{
	size_t i = (size_t)(sink->cookie - base);

	if (!proc_source())
		i = ARRAY_SIZE(root_links);
	for (; i < ARRAY_SIZE(root_links); i++) {
		if (!dir_emit(sink, root_links[i], strlen(root_links[i]), PROC_LINK_INO + i,
			      S_IFLNK >> 12, base + (off64_t)i + 1))
			return false;
	}
	sink->cookie = end;
	return true;
}

/* --- texts -------------------------------------------------------------------------------- */

static int pid_text_show(struct file *f, struct text *out)
{
	struct proc_inode *p = proc_inode(f->inode);
	int r = p->text->protected ? check_inspect(p) : 0;

	if (!r)
		r = p->text->show(p->process, p->tid, out);
	/* Once more: what was shown may be of a program that came by exec in between. */
	return r || !p->text->protected ? r : check_inspect(p);
}

static int pid_text_open(struct inode *inode, struct file *f)
{
	struct proc_inode *p = proc_inode(inode);
	int r = p->text && p->text->protected ? check_inspect(p) : 0;

	return r ? r : proc_text_open(f);
}

static ssize_t pid_text_read(struct file *f, struct iter *it, off64_t *pos)
{
	return proc_text_read(f, it, pos, pid_text_show);
}

static ssize_t pid_text_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct proc_inode *p = proc_inode(f->inode);
	char *text;
	size_t len;
	ssize_t r;

	if (!p->text->store)
		return -EINVAL;
	r = proc_text_input(it, &text, &len);
	if (r)
		return r;
	r = p->text->store(p->process, p->tid, text, len);
	kfree(text);
	return r;
}

static int mounts_show(struct file *f, struct text *out)
{
	mount_show(strcmp(proc_inode(f->inode)->entry->name, "mountinfo") == 0, out);
	return 0;
}

static ssize_t mounts_read(struct file *f, struct iter *it, off64_t *pos)
{
	return proc_text_read(f, it, pos, mounts_show);
}

/* --- memory ------------------------------------------------------------------------------- */

static int mem_open(struct inode *inode, struct file *f)
{
	struct proc_inode *p = proc_inode(inode);
	uint64_t space = proc_source()->space_id(p->process);
	int r = check_inspect(p);

	/* The memory is that of now: after an exec there is nothing here. */
	f->priv = (void *)space;
	return r;
}

/* One page's worth at most a step, through a buffer: the two address spaces are two. */
static ssize_t mem_transfer(struct file *f, struct iter *it, off64_t *pos, bool write)
{
	struct proc_inode *p = proc_inode(f->inode);
	char *buf = kmalloc(PAGE_SIZE);
	ssize_t done = 0, got = 0;

	if (!buf)
		return -ENOMEM;
	while (iter_left(it)) {
		size_t n = min(iter_left(it), PAGE_SIZE - (size_t)*pos % PAGE_SIZE);

		got = write && iter_copy_from(it, buf, n) != n ? -EFAULT : 0;
		if (!got)
			got = proc_source()->memory(p->process, (uint64_t)f->priv, (uint64_t)*pos,
						    buf, n, write);
		if (got > 0 && !write && iter_copy_to(it, buf, (size_t)got) != (size_t)got)
			got = -EFAULT;
		if (got <= 0)
			break;
		*pos += (off64_t)got;
		done += got;
		if ((size_t)got < n)
			break;
	}
	kfree(buf);
	return done ? done : got;
}

static ssize_t mem_read(struct file *f, struct iter *it, off64_t *pos)
{
	return mem_transfer(f, it, pos, false);
}

static ssize_t mem_write(struct file *f, struct iter *it, off64_t *pos)
{
	return mem_transfer(f, it, pos, true);
}

static off64_t mem_llseek(struct file *f, off64_t offset, int whence)
{
	return whence == SEEK_END ? -EINVAL : file_llseek_size(f, offset, whence, 0, INT64_MAX);
}

/* --- tables ------------------------------------------------------------------------------- */

#define COMMON .setattr = proc_setattr, .stat_update = refresh_owner

static const struct inode_ops pid_dir_ops = {COMMON, .lookup = pid_dir_lookup};
static const struct inode_ops task_ops = {COMMON, .lookup = task_lookup};
static const struct inode_ops fd_dir_ops = {COMMON, .lookup = fd_lookup};
static const struct inode_ops fdinfo_dir_ops = {COMMON, .lookup = fdinfo_lookup};
static const struct inode_ops fd_link_ops = {COMMON, .readlink = link_readlink,
					     .follow = fd_follow};
static const struct inode_ops place_link_ops = {COMMON, .readlink = link_readlink,
						.follow = place_follow};
static const struct inode_ops self_link_ops = {.setattr = proc_setattr, .readlink = self_readlink};
static const struct inode_ops text_inode_ops = {COMMON};
static const struct inode_ops fdinfo_inode_ops = {COMMON};

static const struct file_ops pid_dir_file_ops = {.readdir = pid_dir_readdir};
static const struct file_ops task_file_ops = {.readdir = task_readdir};
static const struct file_ops fd_dir_file_ops = {.readdir = fd_readdir};
static const struct file_ops fdinfo_dir_file_ops = {.readdir = fdinfo_readdir};
static const struct file_ops text_file_ops = {.open = pid_text_open,
					      .release = proc_text_release,
					      .read = pid_text_read,
					      .write = pid_text_write};
static const struct file_ops fdinfo_file_ops = {
	.open = pid_text_open, .release = proc_text_release, .read = fdinfo_read};
static const struct file_ops mem_file_ops = {
	.open = mem_open, .read = mem_read, .write = mem_write, .llseek = mem_llseek};
static const struct file_ops mounts_file_ops = {
	.open = pid_text_open, .release = proc_text_release, .read = mounts_read};

static const struct proc_entry entries[] = {
	{"fd", S_IFDIR | 0500, &fd_dir_ops, &fd_dir_file_ops, true},
	{"fdinfo", S_IFDIR | 0555, &fdinfo_dir_ops, &fdinfo_dir_file_ops, true},
	{"task", S_IFDIR | 0555, &task_ops, &task_file_ops, false},
	{"exe", S_IFLNK | 0777, &place_link_ops, NULL, true},
	{"cwd", S_IFLNK | 0777, &place_link_ops, NULL, true},
	{"root", S_IFLNK | 0777, &place_link_ops, NULL, true},
	{"mounts", S_IFREG | 0444, &text_inode_ops, &mounts_file_ops, true},
	{"mem", S_IFREG | 0600, &text_inode_ops, &mem_file_ops, true},
	{"mountinfo", S_IFREG | 0444, &text_inode_ops, &mounts_file_ops, true},
};
static const size_t entry_count = ARRAY_SIZE(entries);
