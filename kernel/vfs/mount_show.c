/* SPDX-License-Identifier: BSD-2-Clause */
/* How mounts appear in /proc/PID/mounts and mountinfo. */
#include "mount.h"

#include "dentry.h"
#include "super.h"
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

static void show_flags(const struct mount *m, struct text *out)
{
	static const struct {
		unsigned flag;
		const char *text;
	} names[] = {{MOUNT_NOSUID, ",nosuid"},
		     {MOUNT_NODEV, ",nodev"},
		     {MOUNT_NOEXEC, ",noexec"},
		     {MOUNT_NOATIME, ",noatime"},
		     {MOUNT_NODIRATIME, ",nodiratime"}};

	text_printf(out, "%s", m->flags & MOUNT_READONLY ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (m->flags & names[i].flag)
			text_printf(out, "%s", names[i].text);
	}
	if (!(m->flags & (MOUNT_NOATIME | MOUNT_STRICTATIME)))
		text_printf(out, ",relatime");
}

/* Blanks and backslashes in names as octal, as getmntent(3) expects. */
static void show_escaped(const char *s, struct text *out)
{
	for (; *s; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\')
			text_printf(out, "\\%03o", (unsigned char)*s);
		else
			text_write(out, s, 1);
	}
}

/* Where in its filesystem the mount's root is: "/" unless it is a bind mount. */
static void show_root(const struct mount *m, char *buf, struct text *out)
{
	char *text = dentry_text(m->root, buf, PATH_TEXT_MAX);

	show_escaped(IS_ERR(text) ? "/" : text, out);
}

static void show_line(const struct mount *m, const char *where, struct text *out)
{
	show_escaped(m->source, out);
	text_printf(out, " ");
	show_escaped(where, out);
	text_printf(out, " %s ", m->super->type->name);
	show_flags(m, out);
}

static void show_info_line(const struct mount *m, const char *where, char *buf, struct text *out)
{
	struct super *s = m->super;

	text_printf(out, "%u %u %u:%u ", m->id, m->parent ? m->parent->id : m->id,
		    DEV_MAJOR(s->dev), DEV_MINOR(s->dev));
	show_root(m, buf, out);
	text_printf(out, " ");
	show_escaped(where, out);
	text_printf(out, " ");
	show_flags(m, out);
	text_printf(out, " - %s ", s->type->name);
	show_escaped(m->source, out);
	text_printf(out, " rw");
}

struct show {
	struct text *out;
	bool info;
	char *path, *root; /* room for two paths */
};

static void show_mount(struct mount *m, void *ctx)
{
	struct path p = {.mount = m, .dentry = m->root};
	struct show *s = ctx;
	bool outside;
	char *where = path_text(p, s->path, PATH_TEXT_MAX, NULL, &outside);

	if (IS_ERR(where))
		return;
	/* path_text stops at the caller's root; what is not below that does not exist for it. */
	if (outside && !mount_is_first(m))
		return;
	if (s->info)
		show_info_line(m, where, s->root, s->out);
	else
		show_line(m, where, s->out);
	if (m->super->ops->show_options)
		m->super->ops->show_options(m->super, s->out);
	text_printf(s->out, s->info ? "\n" : " 0 0\n");
}

void mount_show(bool info, struct text *out)
{
	struct show s = {.out = out, .info = info, .path = kmalloc(2 * PATH_TEXT_MAX)};

	if (!s.path) {
		out->failed = true;
		return;
	}
	s.root = s.path + PATH_TEXT_MAX;
	mount_for_each(show_mount, &s);
	kfree(s.path);
}
