/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files whose text is made on demand. The text is made when a read starts at position 0 and
 * kept with the open file, so that a program that reads it in pieces gets pieces of one
 * picture, and one that seeks back to 0 gets a new one.
 *
 * f->priv points to the current text, counted, and is exchanged under text_lock; readers copy
 * from their reference without a lock, so a pread beside a read is harmless.
 */
#include "procfs.h"

#include <arch/page.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <mem/slab.h>

struct made_text {
	uint32_t refs; /* [a] the file's and readers' */
	struct text text;
};

static struct spinlock text_lock = SPINLOCK_INIT(LOCK_VFS_MISC); /* file->priv of all of ours */

static void made_put(struct made_text *m)
{
	if (m && __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		text_free(&m->text);
		kfree(m);
	}
}

/* The file's text with a reference, or NULL. */
static struct made_text *made_get(struct file *f)
{
	struct made_text *m;

	spin_lock(&text_lock);
	m = f->priv;
	if (m)
		__atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
	spin_unlock(&text_lock);
	return m;
}

/* A new text becomes the file's; *out has a reference for the caller. */
static int made_renew(struct file *f, proc_show_fn show, struct made_text **out)
{
	struct made_text *m = kzalloc(sizeof(*m)), *old;
	int r;

	if (!m)
		return -ENOMEM;
	r = show(f, &m->text);
	if (!r && m->text.failed)
		r = -ENOMEM;
	m->refs = 1;
	if (r) {
		made_put(m);
		return r;
	}
	m->refs = 2;
	spin_lock(&text_lock);
	old = f->priv;
	f->priv = m;
	spin_unlock(&text_lock);
	made_put(old);
	*out = m;
	return 0;
}

int proc_text_open(struct file *f)
{
	f->priv = NULL;
	return 0;
}

void proc_text_release(struct file *f)
{
	made_put(f->priv);
}

ssize_t proc_text_read(struct file *f, struct iter *it, off64_t *pos, proc_show_fn show)
{
	struct made_text *m = *pos ? made_get(f) : NULL;
	size_t n = 0, copied;

	if (!m) {
		int r = made_renew(f, show, &m);

		if (r)
			return r;
	}
	if ((size_t)*pos < m->text.len)
		n = min(iter_left(it), m->text.len - (size_t)*pos);
	copied = n ? iter_copy_to(it, m->text.data + *pos, n) : 0;
	made_put(m);
	*pos += (off64_t)copied;
	return n && !copied ? -EFAULT : (ssize_t)copied;
}

int proc_text_input(struct iter *it, char **out, size_t *len)
{
	size_t n = iter_left(it);
	char *text;

	if (n >= PAGE_SIZE)
		return -EINVAL;
	text = kzalloc(n + 1);
	if (!text)
		return -ENOMEM;
	if (iter_copy_from(it, text, n) != n) {
		kfree(text);
		return -EFAULT;
	}
	*out = text;
	*len = n;
	return 0;
}
