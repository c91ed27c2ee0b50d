/* SPDX-License-Identifier: BSD-2-Clause */
#include "pidfd.h"

#include "process.h"

#include <base/stats.h>
#include <vfs/file.h>
#include <vfs/poll.h>

#include <linux/fcntl.h>

/* Readable when the process has ended, hung up when its parent knows. */
static unsigned pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct process *p = f->priv;
	enum process_state state;

	poll_wait(pt, &p->ended);
	state = __atomic_load_n(&p->state, __ATOMIC_ACQUIRE);
	return (state != PROC_ALIVE ? EPOLLIN | EPOLLRDNORM : 0) |
	       (state == PROC_REAPED ? EPOLLHUP : 0);
}

static void pidfd_show_info(struct file *f, struct text *out)
{
	struct process *p = f->priv;
	int32_t pid = READ_ONCE(p->state) == PROC_REAPED ? -1 : p->pid;

	text_printf(out, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static void pidfd_release(struct file *f)
{
	if (f->priv)
		process_put(f->priv);
}

static const struct file_ops pidfd_ops = {
	.flags = FILE_OPS_STREAM | FILE_OPS_EVENT,
	.release = pidfd_release,
	.poll = pidfd_poll,
	.show_info = pidfd_show_info,
};

int pidfd_create(struct process *p, unsigned flags, struct file **out)
{
	int r = file_create_event("[pidfd]", O_RDWR | flags, &pidfd_ops, p, out);

	if (!r && p)
		process_get(p);
	return r;
}

void pidfd_bind(struct file *f, struct process *p)
{
	f->priv = process_get(p);
}

struct process *pidfd_process(struct file *f)
{
	return f->ops == &pidfd_ops ? process_get(f->priv) : NULL;
}
