/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blockers: the one sleeping primitive under mutexes, pipes, poll, futexes, everything.
 *
 * A blocker is 16 bytes: the head of a doubly linked list of the nodes of waiting threads, first
 * come first served, and its spinlock. The state machine and the rules are in blocker.c.
 *
 * Lifetime rule: a thread that gives up waiting reads its node's `blocker` pointer without a lock,
 * so the memory of a blocker may be reused only after every processor that may have read a
 * pointer to it is done: blocker_wake_all(), so that no node names it any more, then free it with
 * epoch_defer()/kfree_deferred(), not with kfree(). Nodes with functions of their own that refuse
 * the wake-up stay: their owners take them off first.
 */
#ifndef SCHED_BLOCKER_H
#define SCHED_BLOCKER_H

#include <base/spinlock.h>
#include <base/types.h>

struct blocker_node;
struct thread;

struct blocker {
	struct blocker_node *head; /* [lock] oldest waiter; the list is circular through it */
	struct spinlock lock;
	uint32_t pad;
};
BUILD_ASSERT(sizeof(struct blocker) == 16, "a blocker is 16 bytes");

/*
 * Called with the blocker's lock held when the blocker wakes; the node is already unlinked if
 * `unlinked`. Returns true when the wake-up counts against the number to wake.
 * Must not sleep, and must not touch the same blocker. `key` is what the waker passed.
 */
typedef bool (*blocker_wake_fn)(struct blocker_node *node, uintptr_t key);

struct blocker_node {
	struct blocker *blocker;	  /* [a] the blocker whose list holds the node, or NULL */
	struct blocker_node *next, *prev; /* [blocker->lock] */
	struct thread *thread;		  /* [I] whom the default wake function wakes */
	blocker_wake_fn wake;		  /* [I] */
	uint32_t flags;			  /* [I] BLOCKER_* */
};

/* The node stays on the list after a wake-up, as a listener does (epoll); it is removed by hand. */
#define BLOCKER_STAY 1

#define BLOCKER_INIT(cls)                                \
	{                                                \
		.head = NULL, .lock = SPINLOCK_INIT(cls) \
	}
void blocker_init(struct blocker *b);
void blocker_init_class(struct blocker *b, enum lock_class class);

/* A node that wakes the current thread. */
void blocker_node_init(struct blocker_node *n);
/* A node with a function of its own. */
void blocker_node_init_fn(struct blocker_node *n, blocker_wake_fn wake, uint32_t flags);

/* Put a node at the end of the list. Context: any. */
void blocker_add(struct blocker *b, struct blocker_node *n);
/* Take it off whatever list it is on; true if it was on one. Waits out a wake function in progress.
 */
bool blocker_remove(struct blocker_node *n);

/* Wake up to `count` waiters, oldest first; returns how many wake-ups counted. Context: any. */
unsigned blocker_wake(struct blocker *b, unsigned count, uintptr_t key);
static inline void blocker_wake_one(struct blocker *b)
{
	blocker_wake(b, 1, 0);
}
static inline void blocker_wake_all(struct blocker *b)
{
	blocker_wake(b, ~0U, 0);
}
/* True if somebody waits; a hint unless the caller's own lock makes it stable. */
static inline bool blocker_has_waiters(const struct blocker *b)
{
	return __atomic_load_n(&b->head, __ATOMIC_ACQUIRE) != NULL;
}

/* How a sleep may end early. */
#define WAIT_UNINTERRUPTIBLE 0
#define WAIT_INTERRUPTIBLE   1 /* any signal that is to be handled */
#define WAIT_KILLABLE	     2 /* only one that ends the process */

/*
 * Release `lock` (a spinlock; interrupts as irq_state says, from spin_lock_irq, or NULL lock for
 * none) and wait on b, as one step: a wake-up after the release is not lost. Returns 0 when
 * woken, -ETIMEDOUT at the deadline (monotonic; NEVER for none; a past one times out at once),
 * -EINTR for a signal. The lock is not taken again. Context: process.
 */
int blocker_block(struct blocker *b, struct spinlock *lock, uint64_t irq_state, nsec_t deadline,
		  unsigned how);

/*
 * The general form, for several blockers or conditions of one's own:
 *	wait_begin(how); blocker_add(...)...; if (!condition) r = wait_sleep(deadline);
 *	else wait_end(); blocker_remove(...)...
 * Between wait_begin and wait_sleep the thread must not sleep otherwise. wait_sleep returns like
 * blocker_block.
 */
void wait_begin(unsigned how);
int wait_sleep(nsec_t deadline);
/* The same until a time of the wall clock, also if that is set meanwhile. */
int wait_sleep_wall(nsec_t at);
void wait_end(void);
/*
 * End t's wait as a waker does, without a blocker: true if it was still waiting. Only while the
 * caller knows that the wait t is in is the one it means. Context: any.
 */
bool thread_wake_wait(struct thread *t);

/*
 * Sleep on b until cond holds; evaluates to 0, -ETIMEDOUT or -EINTR. cond is evaluated with no
 * lock held and must become true before the waker calls blocker_wake.
 */
#define WAIT_UNTIL(b, cond, deadline, how)              \
	({                                              \
		struct blocker_node node_;              \
		int result_ = 0;                        \
		while (!(cond)) {                       \
			blocker_node_init(&node_);      \
			wait_begin(how);                \
			blocker_add((b), &node_);       \
			if (cond) {                     \
				wait_end();             \
				blocker_remove(&node_); \
				break;                  \
			}                               \
			result_ = wait_sleep(deadline); \
			blocker_remove(&node_);         \
			if (result_ && !(cond))         \
				break;                  \
			result_ = 0;                    \
		}                                       \
		result_;                                \
	})

#endif
