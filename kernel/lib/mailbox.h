/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mailbox: what many senders want of one receiver. A word of bits says that there is something,
 * a stack of items says what; the senders learn whether they have to interrupt the receiver.
 *
 * The word `pending` has a bit for each kind of message, and ATTENTIVE, which only the receiver
 * changes: "I look at the word again before I go on to anything else".
 *
 *	sender: put what is to be done where the receiver finds it (a push, or memory of one's own);
 *		then pending |= kind, and interrupt only if pending was 0
 *	receiver, at the interrupt: pending = ATTENTIVE; do all that was in it; and again, until a
 *		compare-and-exchange from ATTENTIVE to 0 succeeds
 *	receiver, when it waits itself: pending |= ATTENTIVE; serve in a loop; in the end the same
 *		compare-and-exchange
 *
 * Invariant: a bit that is set is served. Whoever turns the word from 0 to something interrupts.
 * Who finds it not 0 finds one of two things: another's bit, whose interrupt is on its way and is
 * followed by a look at the whole word; or ATTENTIVE, which is given up only in one step with the
 * finding that there is no other bit. tests/models/message.pml explores the orders of the steps.
 *
 * All accesses to the word are exchanges, which are full barriers: what a sender stored before it
 * set the bit is seen by the receiver that takes the bit.
 *
 * Rejected: an interrupt whenever the stack was empty (one word for each kind of message, so one
 * interrupt for each kind); a separate flag for attention (a store and a load, with a fence between
 * on both sides, instead of one exchange).
 */
#ifndef LIB_MAILBOX_H
#define LIB_MAILBOX_H

#include <lib/compiler.h>

#define MAILBOX_ATTENTIVE (1u << 31)

struct mailbox_item {
	struct mailbox_item *next; /* [a] while it is in a box */
};

struct mailbox {
	uint32_t pending;	    /* [a] kinds, and MAILBOX_ATTENTIVE */
	struct mailbox_item *items; /* [a] newest first */
};

enum mailbox_answer {
	MAILBOX_INTERRUPT, /* it was asleep to messages: interrupt it */
	MAILBOX_COALESCED, /* an interrupt is under way */
	MAILBOX_ATTENDED,  /* it is looking */
};

static inline enum mailbox_answer mailbox_raise(struct mailbox *m, uint32_t kind)
{
	uint32_t was = __atomic_fetch_or(&m->pending, kind, __ATOMIC_SEQ_CST);

	if (was & MAILBOX_ATTENTIVE)
		return MAILBOX_ATTENDED;
	return was ? MAILBOX_COALESCED : MAILBOX_INTERRUPT;
}

/* Before mailbox_raise. */
static inline void mailbox_push(struct mailbox *m, struct mailbox_item *item)
{
	struct mailbox_item *head = __atomic_load_n(&m->items, __ATOMIC_RELAXED);

	do
		__atomic_store_n(&item->next, head, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&m->items, &head, item, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

/* --- Only the receiver. --- */

/* Everything that was pushed, oldest first: a list by `next`, or NULL. */
static inline struct mailbox_item *mailbox_take_items(struct mailbox *m)
{
	struct mailbox_item *i = __atomic_exchange_n(&m->items, NULL, __ATOMIC_ACQUIRE);
	struct mailbox_item *in_order = NULL;

	while (i) {
		struct mailbox_item *next = i->next;

		i->next = in_order;
		in_order = i;
		i = next;
	}
	return in_order;
}

/* Is there anything to serve? */
static inline bool mailbox_filled(const struct mailbox *m)
{
	return __atomic_load_n(&m->pending, __ATOMIC_RELAXED) & ~MAILBOX_ATTENTIVE;
}

/* From now on nobody interrupts. Returns false if that was so already. */
static inline bool mailbox_attend(struct mailbox *m)
{
	return !(__atomic_fetch_or(&m->pending, MAILBOX_ATTENTIVE, __ATOMIC_SEQ_CST) &
		 MAILBOX_ATTENTIVE);
}

/* The kinds that were raised; attentive before and afterwards. */
static inline uint32_t mailbox_take(struct mailbox *m)
{
	return __atomic_exchange_n(&m->pending, MAILBOX_ATTENTIVE, __ATOMIC_SEQ_CST) &
	       ~MAILBOX_ATTENTIVE;
}

/* Stop being attentive, if there is nothing to serve: else false, and take again. */
static inline bool mailbox_leave(struct mailbox *m)
{
	uint32_t nothing = MAILBOX_ATTENTIVE;

	return __atomic_compare_exchange_n(&m->pending, &nothing, 0, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

#endif
