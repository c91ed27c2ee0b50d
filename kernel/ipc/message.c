/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages are kept in pieces of at most a page, so that large ones need no large blocks of memory.
 * All are counted by ipc_memory_take(): queues are in the kernel's memory, and stay when programs
 * end.
 */
#include "message.h"

#include "limits.h"

#include <arch/page.h>
#include <lib/errno.h>
#include <mem/slab.h>

struct message_piece {
	struct message_piece *next;
	char data[];
};

#define FIRST_ROOM (PAGE_SIZE - sizeof(struct ipc_message))
#define PIECE_ROOM (PAGE_SIZE - sizeof(struct message_piece))

/* What the heap takes for n bytes, at most a page: above half a page, all of it. */
static uint64_t block_of(uint64_t n)
{
	return n > PAGE_SIZE / 2 ? PAGE_SIZE : n;
}

static uint64_t bytes_of(size_t size)
{
	if (size <= FIRST_ROOM)
		return block_of(sizeof(struct ipc_message) + size);
	size -= FIRST_ROOM;
	return PAGE_SIZE + size / PIECE_ROOM * PAGE_SIZE +
	       (size % PIECE_ROOM ? block_of(sizeof(struct message_piece) + size % PIECE_ROOM) : 0);
}

static void free_pieces(struct ipc_message *m)
{
	struct message_piece *p, *next;

	for (p = m->more; p; p = next) {
		next = p->next;
		kfree(p);
	}
	kfree(m);
}

/* Memory for all of it. NULL: there is none. */
static struct ipc_message *allocate(size_t size)
{
	size_t left = size - min(size, FIRST_ROOM);
	struct ipc_message *m = kmalloc(sizeof(*m) + (size - left));
	struct message_piece **at = m ? &m->more : NULL;

	if (!m)
		return NULL;
	list_init(&m->link);
	m->size = size;
	*at = NULL;
	while (left) {
		size_t n = min(left, PIECE_ROOM);

		*at = kmalloc(sizeof(**at) + n);
		if (!*at) {
			free_pieces(m);
			return NULL;
		}
		(*at)->next = NULL;
		at = &(*at)->next;
		left -= n;
	}
	return m;
}

static bool fill(struct ipc_message *m, struct iter *it)
{
	size_t left = m->size, n = min(left, FIRST_ROOM);

	if (iter_copy_from(it, m->data, n) != n)
		return false;
	for (struct message_piece *p = m->more; p; p = p->next) {
		left -= n;
		n = min(left, PIECE_ROOM);
		if (iter_copy_from(it, p->data, n) != n)
			return false;
	}
	return true;
}

int message_create(struct iter *it, int64_t type, struct ipc_message **out)
{
	size_t size = iter_left(it);
	struct ipc_message *m;

	if (!ipc_memory_take(bytes_of(size)))
		return -ENOMEM;
	m = allocate(size);
	if (!m) {
		ipc_memory_give(bytes_of(size));
		return -ENOMEM;
	}
	m->type = type;
	if (!fill(m, it)) {
		message_free(m);
		return -EFAULT;
	}
	*out = m;
	return 0;
}

bool message_copy(const struct ipc_message *m, struct iter *it, size_t n)
{
	size_t part = min(n, FIRST_ROOM);

	if (iter_copy_to(it, m->data, part) != part)
		return false;
	for (const struct message_piece *p = m->more; p && n > part; p = p->next) {
		n -= part;
		part = min(n, PIECE_ROOM);
		if (iter_copy_to(it, p->data, part) != part)
			return false;
	}
	return true;
}

void message_free(struct ipc_message *m)
{
	if (!m)
		return;
	ipc_memory_give(bytes_of(m->size));
	free_pieces(m);
}

void message_free_list(struct list *messages)
{
	struct ipc_message *m, *next;

	list_for_each_entry_safe(m, next, messages, link)
		message_free(m);
	list_init(messages);
}
