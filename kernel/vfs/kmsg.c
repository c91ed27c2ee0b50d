/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/kmsg: the kernel log, a record a read; what is written becomes a record. */
#include "kmsg.h"

#include "chardev.h"
#include "inode.h"
#include "poll.h"
#include <base/log.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <mem/slab.h>
#include <sched/clock.h>

#define RECORD_SIZE 1100
#define RECHECK_NS  (NSEC_PER_SEC / 2)

static struct blocker waiters; /* woken by new records */

/*
 * The log may be written with any lock held and from any context, where no blocker can be
 * woken. Then the wake-up is left out, and a waiting reader finds the record at its next
 * look, RECHECK_NS later at most; only a reader that waits ever looks.
 */
static void new_record(void)
{
	if (blocker_has_waiters(&waiters) && preempt_count() == 0 && !in_interrupt() &&
	    irq_enabled())
		blocker_wake(&waiters, ~0U, EPOLLIN | EPOLLRDNORM);
}

int kmsg_wait(uint64_t seq)
{
	int r = 0;

	while (log_next() <= seq && r != -EINTR)
		r = WAIT_UNTIL(&waiters, log_next() > seq, clock_mono_ns() + RECHECK_NS,
			       WAIT_INTERRUPTIBLE);
	return r == -EINTR ? r : 0;
}

/* f->pos is the sequence number of the next record to read. */
static int kmsg_open(struct inode *inode, struct file *f)
{
	f->pos = (off64_t)log_first();
	return 0;
}

/* "6,17,1234567,-;text\n" into line; its length, or -EAGAIN. */
static int format_record(uint64_t *seq, char *line)
{
	enum log_level level;
	nsec_t time;
	char *text = kmalloc(RECORD_SIZE);
	int n;

	if (!text)
		return -ENOMEM;
	n = log_read(seq, text, RECORD_SIZE - 80, &level, &time);
	if (n >= 0)
		n = format(line, RECORD_SIZE, "%d,%llu,%llu,-;%.*s\n", (int)level,
			   (unsigned long long)(*seq - 1), (unsigned long long)(time / 1000),
			   min(n, RECORD_SIZE - 80), text);
	kfree(text);
	return n;
}

static ssize_t read_record(struct file *f, struct iter *it, char *line)
{
	uint64_t seq;
	int n;

	for (;;) {
		seq = (uint64_t)__atomic_load_n(&f->pos, __ATOMIC_RELAXED);
		n = format_record(&seq, line);
		if (n != -EAGAIN || (f->flags & O_NONBLOCK))
			break;
		if (kmsg_wait(seq))
			return -EINTR;
	}
	if (n < 0)
		return n;
	if ((size_t)n > iter_left(it))
		return -EINVAL;
	if (iter_copy_to(it, line, (size_t)n) != (size_t)n)
		return -EFAULT;
	__atomic_store_n(&f->pos, (off64_t)seq, __ATOMIC_RELAXED);
	return n;
}

static ssize_t kmsg_read(struct file *f, struct iter *it, off64_t *pos)
{
	char *line = kmalloc(RECORD_SIZE);
	ssize_t n = line ? read_record(f, it, line) : -ENOMEM;

	kfree(line);
	return n;
}

/* "<6>text": an urgency in front is taken off. */
static enum log_level parse_level(const char **text)
{
	const char *s = *text;
	unsigned level = 0;

	if (*s++ != '<')
		return LOG_NOTICE;
	while (*s >= '0' && *s <= '9' && level < 1024)
		level = level * 10 + (unsigned)(*s++ - '0');
	if (*s != '>' || s == *text + 1)
		return LOG_NOTICE;
	*text = s + 1;
	return (enum log_level)(level & 7);
}

static ssize_t kmsg_write(struct file *f, struct iter *it, off64_t *pos)
{
	size_t n = iter_left(it);
	const char *text;
	char *line;
	enum log_level level;

	if (n > RECORD_SIZE - 1)
		return -EINVAL;
	line = kzalloc(RECORD_SIZE);
	if (!line)
		return -ENOMEM;
	if (iter_copy_from(it, line, n) != n) {
		kfree(line);
		return -EFAULT;
	}
	text = line;
	level = parse_level(&text);
	log_printf(level, "%s", text);
	kfree(line);
	return (ssize_t)n;
}

static off64_t kmsg_llseek(struct file *f, off64_t offset, int whence)
{
	if (offset != 0)
		return -ESPIPE;
	if (whence == SEEK_SET || whence == SEEK_DATA)
		f->pos = (off64_t)log_first();
	else if (whence == SEEK_END)
		f->pos = (off64_t)log_next();
	else
		return -EINVAL;
	return 0;
}

static unsigned kmsg_poll(struct file *f, struct poll_table *pt)
{
	poll_wait(pt, &waiters);
	return EPOLLOUT | EPOLLWRNORM | (log_next() > (uint64_t)f->pos ? EPOLLIN | EPOLLRDNORM : 0);
}

static const struct file_ops kmsg_ops = {
	.flags = FILE_OPS_STREAM,
	.open = kmsg_open,
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
};

int kmsg_init(void)
{
	blocker_init_class(&waiters, LOCK_BLOCKER_OUTER);
	log_set_hook(new_record);
	return chardev_register("kmsg", DEV_MAKE(1, 11), 0600, &kmsg_ops, NULL);
}
