/* SPDX-License-Identifier: BSD-2-Clause */
/* syslog(2): the kernel log for dmesg and klogd. */
#include <base/cred.h>
#include <base/log.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <mem/slab.h>
#include <proc/signal.h>
#include <syscalls_proto.h>
#include <vfs/inode.h>
#include <vfs/kmsg.h>
#include <vm/usercopy.h>

/* The actions, which no UAPI header names. */
enum {
	ACTION_CLOSE,
	ACTION_OPEN,
	ACTION_READ,
	ACTION_READ_ALL,
	ACTION_READ_CLEAR,
	ACTION_CLEAR,
	ACTION_CONSOLE_OFF,
	ACTION_CONSOLE_ON,
	ACTION_CONSOLE_LEVEL,
	ACTION_SIZE_UNREAD,
	ACTION_SIZE_BUFFER,
};

#define LOG_TEXT_SIZE (256 * 1024) /* what programs should allocate for everything */
#define LINE_SIZE     1100

static uint64_t cleared; /* [a] records before it are not shown by READ_ALL */
static uint64_t unread;	 /* [a] the next record of READ */

/* "<6>[    1.234567] text\n" of the record at *seq, which advances. Length or -EAGAIN. */
static int format_line(uint64_t *seq, char *line)
{
	enum log_level level;
	nsec_t time;
	int head, n;
	char *text = kmalloc(LINE_SIZE);

	if (!text)
		return -ENOMEM;
	n = log_read(seq, text, LINE_SIZE - 64, &level, &time);
	if (n >= 0) {
		n = min(n, LINE_SIZE - 64);
		head = format(line, LINE_SIZE, "<%d>[%5llu.%06llu] ", (int)level,
			      (unsigned long long)(time / NSEC_PER_SEC),
			      (unsigned long long)(time % NSEC_PER_SEC / 1000));
		memcpy(line + head, text, (size_t)n);
		n += head;
		line[n++] = '\n';
	}
	kfree(text);
	return n;
}

static int line_length(uint64_t seq, char *line)
{
	return format_line(&seq, line);
}

/* The newest lines that fit, in order. */
static int64_t read_all(uaddr_t buf, size_t size, char *line)
{
	uint64_t from = max(log_first(), __atomic_load_n(&cleared, __ATOMIC_RELAXED)), seq;
	uint64_t end = log_next();
	size_t total = 0, done = 0;
	int n;

	for (seq = from; seq < end; seq++) {
		n = line_length(seq, line);
		if (n > 0)
			total += (size_t)n;
	}
	for (seq = from; seq < end && total > size; seq++) {
		n = line_length(seq, line);
		if (n > 0)
			total -= (size_t)n;
	}
	while (seq < end) {
		n = format_line(&seq, line);
		if (n < 0 || (size_t)n > size - done)
			break;
		if (copy_to_user(buf + done, line, (size_t)n))
			return -EFAULT;
		done += (size_t)n;
	}
	return (int64_t)done;
}

/* Wait for something unread and take what fits. */
static int64_t read_new(uaddr_t buf, size_t size, char *line)
{
	uint64_t seq = __atomic_load_n(&unread, __ATOMIC_RELAXED);
	size_t done = 0;

	if (kmsg_wait(seq))
		return -ERESTARTSYS;
	for (;;) {
		uint64_t next = seq;
		int n = format_line(&next, line);

		if (n < 0 || (size_t)n > size - done)
			break;
		if (copy_to_user(buf + done, line, (size_t)n))
			return -EFAULT;
		done += (size_t)n;
		seq = next;
	}
	__atomic_store_n(&unread, seq, __ATOMIC_RELAXED);
	return (int64_t)done;
}

static int64_t read_action(int action, uaddr_t buf, int len)
{
	char *line;
	int64_t r;

	if (!buf || len < 0)
		return -EINVAL;
	if (len == 0)
		return 0;
	line = kmalloc(LINE_SIZE);
	if (!line)
		return -ENOMEM;
	if (action == ACTION_READ)
		r = read_new(buf, (size_t)len, line);
	else
		r = read_all(buf, (size_t)len, line);
	kfree(line);
	if (r >= 0 && action == ACTION_READ_CLEAR)
		__atomic_store_n(&cleared, log_next(), __ATOMIC_RELAXED);
	return r;
}

static int64_t unread_size(void)
{
	char *line = kmalloc(LINE_SIZE);
	uint64_t seq = max(log_first(), __atomic_load_n(&unread, __ATOMIC_RELAXED));
	int64_t total = 0;

	if (!line)
		return -ENOMEM;
	while (seq < log_next()) {
		int n = format_line(&seq, line);

		if (n < 0)
			break;
		total += n;
	}
	kfree(line);
	return total;
}

int64_t sys_syslog(int action, uaddr_t buf, int len)
{
	static int level_before_off = -1;
	bool harmless = action == ACTION_READ_ALL || action == ACTION_SIZE_BUFFER;

	if (!harmless && !cred_capable(vfs_cred(), CAP_SYSLOG) &&
	    !cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EPERM;
	switch (action) {
	case ACTION_CLOSE:
	case ACTION_OPEN:
		return 0;
	case ACTION_READ:
	case ACTION_READ_ALL:
	case ACTION_READ_CLEAR:
		return read_action(action, buf, len);
	case ACTION_CLEAR:
		__atomic_store_n(&cleared, log_next(), __ATOMIC_RELAXED);
		return 0;
	case ACTION_CONSOLE_OFF:
		level_before_off = log_set_console_level(LOG_ERROR - 2);
		return 0;
	case ACTION_CONSOLE_ON:
		if (level_before_off >= 0)
			log_set_console_level(level_before_off);
		level_before_off = -1;
		return 0;
	case ACTION_CONSOLE_LEVEL:
		if (len < 1 || len > 8)
			return -EINVAL;
		/* Linux prints what is below the number, we what is at most it. */
		log_set_console_level(len - 1);
		level_before_off = -1;
		return 0;
	case ACTION_SIZE_UNREAD:
		return unread_size();
	case ACTION_SIZE_BUFFER:
		return LOG_TEXT_SIZE;
	default:
		return -EINVAL;
	}
}
