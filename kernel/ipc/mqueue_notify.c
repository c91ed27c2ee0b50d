/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling a process that a message has come into an empty queue: once for each request, and only
 * if no receiver was waiting for it. The request ends when the process closes a descriptor of the
 * queue.
 */
#include "mqueue_internal.h"

#include <base/cred.h>
#include <lib/errno.h>
#include <proc/process.h>
#include <proc/signal.h>
#include <sched/thread.h>
#include <vfs/file.h>
#include <vfs/poll.h>

#include <asm-generic/siginfo.h>

struct process *mqueue_forget_owner(struct mqueue *q)
{
	struct process *p = q->owner;

	q->owner = NULL;
	q->notice = (struct mqueue_notice){0};
	return p;
}

static void send_signal(struct mqueue *q)
{
	struct signal_info info = {.signo = q->notice.sig,
				   .code = SI_MESGQ,
				   .pid = process_current()->pid,
				   .uid = vfs_cred()->uid,
				   .value = q->notice.value};

	if (q->notice.how == SIGEV_SIGNAL && q->notice.sig)
		signal_send_process(q->owner, q->notice.sig, &info);
}

void mqueue_tell(struct mqueue *q)
{
	/* process_put() defers what could not be done under a lock. */
	if (q->owner && q->count == 1) {
		send_signal(q);
		process_put(mqueue_forget_owner(q));
	}
	blocker_wake(&q->poll, ~0U, EPOLLIN);
}

/* The end of the caller's request, if there is one. */
static void withdraw(struct mqueue *q, bool touch)
{
	struct process *p = NULL;

	spin_lock(&q->lock);
	if (q->owner && q->owner == current()->process) {
		p = mqueue_forget_owner(q);
	}
	spin_unlock(&q->lock);
	if (!p)
		return;
	process_put(p);
	if (touch)
		inode_touch(&q->inode, TOUCH_ATIME | TOUCH_CTIME);
}

void mqueue_closed(struct file *f)
{
	withdraw(mqueue_of(f), false);
}

int mqueue_notify(struct file *f, const struct mqueue_notice *n)
{
	struct mqueue *q = mqueue_of(f);
	int r = 0;

	if (!n) {
		withdraw(q, true);
		return 0;
	}
	spin_lock(&q->lock);
	if (q->owner) {
		r = -EBUSY;
	} else {
		q->owner = process_get(process_current());
		q->notice = *n;
	}
	spin_unlock(&q->lock);
	if (!r)
		inode_touch(&q->inode, TOUCH_ATIME | TOUCH_CTIME);
	return r;
}
