/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why something was refused, as a sentence. It goes to the log, and is kept for the thread that
 * asked until that reads it (banos_message), so that `banos` can say it without guessing at the
 * log. A few are kept, the oldest goes first: threads that do not ask leave nothing behind.
 */
#include "message.h"

#include "instance.h"
#include <base/log.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/thread.h>

#define KEPT_MAX  16
#define LOG_PIECE 400 /* bytes of a message in one line of the log */

struct kept {
	struct list link; /* [messages_lock] oldest first */
	int32_t tid;
	char text[];
};

static struct list messages = LIST_INIT(messages); /* [messages_lock] */
static unsigned message_count;			   /* [messages_lock] */
static struct spinlock messages_lock = SPINLOCK_INIT(LOCK_DRIVER_LIST);

int driver_refuse(struct driver_message *m, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format_v(m->text, sizeof(m->text), fmt, ap);
	va_end(ap);
	return error;
}

/* One line of the log does not hold every message: lists of names can be long. */
static void log_text(const char *text)
{
	size_t left = strlen(text), n;

	while (left > LOG_PIECE) {
		for (n = LOG_PIECE; n > 0 && text[n] != ' '; n--)
			;
		n = n ? n : LOG_PIECE;
		log_error("drivers: %.*s", (int)n, text);
		text += n;
		left -= n;
	}
	log_error("drivers: %s", text);
}

/* The message of this thread, off the list, or NULL. messages_lock held. */
static struct kept *take_locked(int32_t tid)
{
	struct kept *k;

	list_for_each_entry(k, &messages, link) {
		if (k->tid == tid) {
			list_del(&k->link);
			message_count--;
			return k;
		}
	}
	return NULL;
}

static void keep(const char *text)
{
	size_t size = strlen(text) + 1;
	struct kept *k = kmalloc(sizeof(*k) + size), *old, *oldest = NULL;

	if (!k)
		return;
	k->tid = current()->tid;
	memcpy(k->text, text, size);
	spin_lock(&messages_lock);
	old = take_locked(k->tid);
	if (message_count == KEPT_MAX) {
		oldest = list_first_entry(&messages, struct kept, link);
		list_del(&oldest->link);
		message_count--;
	}
	list_add_tail(&k->link, &messages);
	message_count++;
	spin_unlock(&messages_lock);
	kfree(old);
	kfree(oldest);
}

void driver_message_tell(const struct driver_message *m)
{
	if (!m->text[0])
		return;
	log_text(m->text);
	keep(m->text);
}

char *driver_message_take(size_t *length)
{
	struct kept *k;
	char *text;

	spin_lock(&messages_lock);
	k = take_locked(current()->tid);
	spin_unlock(&messages_lock);
	if (!k)
		return NULL;
	text = kstrdup(k->text);
	*length = strlen(k->text);
	kfree(k);
	return text;
}
