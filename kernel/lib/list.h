/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intrusive lists. `struct list` is circular and doubly linked and serves both as head and as
 * link. `struct hlist_head` is a single pointer, for hash tables whose many heads should be small.
 * Nothing here locks: the owner of the head says what protects it.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <lib/compiler.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
	return READ_ONCE(head->next) == head;
}

static inline void list_insert_between_(struct list *link, struct list *prev, struct list *next)
{
	link->prev = prev;
	link->next = next;
	prev->next = link;
	next->prev = link;
}

/* Behind `head`, which may also be a link in the middle of a list. */
static inline void list_add(struct list *link, struct list *head)
{
	list_insert_between_(link, head, head->next);
}

/* Before `head`: at the end of the list, or before a link in its middle. */
static inline void list_add_tail(struct list *link, struct list *head)
{
	list_insert_between_(link, head->prev, head);
}

/*
 * Takes `link` out and leaves it as an empty list, so that a second list_del does nothing and
 * list_empty(link) tells whether it is on a list.
 */
static inline void list_del(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

static inline void list_move_tail(struct list *link, struct list *head)
{
	list_del(link);
	list_add_tail(link, head);
}

/* Moves all of `from` to the end of `to`, in order; `from` is empty afterwards. */
static inline void list_splice_tail(struct list *from, struct list *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(link, type, member) container_of(link, type, member)
/* These two demand a list that is not empty. */
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member)  list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_next_entry(pos, member) list_entry((pos)->member.next, __typeof__(*(pos)), member)
#define list_prev_entry(pos, member) list_entry((pos)->member.prev, __typeof__(*(pos)), member)

/* The body must not remove `pos`; for that there is the _safe form. */
#define list_for_each_entry(pos, head, member)                                                 \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_next_entry(pos, member))

#define list_for_each_entry_reverse(pos, head, member)                                         \
	for (pos = list_entry((head)->prev, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_entry(pos->member.prev, __typeof__(*pos), member))

/* The body may remove `pos`, and nothing else. */
#define list_for_each_entry_safe(pos, tmp, head, member)               \
	for (pos = list_entry((head)->next, __typeof__(*pos), member), \
	    tmp = list_next_entry(pos, member);                        \
	     &pos->member != (head); pos = tmp, tmp = list_next_entry(tmp, member))

struct hlist_node {
	struct hlist_node *next;
	struct hlist_node **at; /* the pointer that points here; NULL when on no chain */
};

struct hlist_head {
	struct hlist_node *first;
};

static inline void hlist_init(struct hlist_node *node)
{
	node->next = NULL;
	node->at = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !READ_ONCE(node->at);
}

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !READ_ONCE(head->first);
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	node->next = head->first;
	node->at = &head->first;
	if (head->first)
		head->first->at = &node->next;
	head->first = node;
}

/* Harmless on a node that is on no chain. */
static inline void hlist_del(struct hlist_node *node)
{
	if (!node->at)
		return;
	*node->at = node->next;
	if (node->next)
		node->next->at = node->at;
	hlist_init(node);
}

#define hlist_entry_or_null_(node, type, member)                              \
	({                                                                    \
		struct hlist_node *hlist_node_ = (node);                      \
		hlist_node_ ? container_of(hlist_node_, type, member) : NULL; \
	})

/* `pos` is NULL after a loop without break. The body must not remove `pos`. */
#define hlist_for_each_entry(pos, head, member)                                        \
	for (pos = hlist_entry_or_null_((head)->first, __typeof__(*pos), member); pos; \
	     pos = hlist_entry_or_null_(pos->member.next, __typeof__(*pos), member))

/* The body may remove `pos`; `tmp` is a struct hlist_node *. */
#define hlist_for_each_entry_safe(pos, tmp, head, member)                         \
	for (pos = hlist_entry_or_null_((head)->first, __typeof__(*pos), member); \
	     pos && (tmp = pos->member.next, true);                               \
	     pos = hlist_entry_or_null_(tmp, __typeof__(*pos), member))

#endif
