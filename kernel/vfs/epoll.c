/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Epoll: many files watched for long, with work per event and not per file.
 *
 * An instance (struct epoll, behind an open file) has items, each one pair of file and descriptor
 * number. EPOLL_CTL_ADD asks the file's poll operation for its blockers and hangs a node on
 * each, which stays there (BLOCKER_STAY). When a blocker wakes, item_wake puts the item on the
 * ready list and wakes a thread in epoll_wait. That thread takes items off the ready list and asks
 * the file's poll operation what is true now; only that answer is reported. So the ready list may
 * hold too much, never too little, and nothing ever walks over all items.
 *
 * States of an item:
 *	idle	list_empty(&ready)
 *	ready	on ep->ready; once, so that a wake-up adds nothing
 *
 *	idle -> ready	item_wake, EPOLL_CTL_ADD and MOD
 *	ready -> ready	a scan that finds events of a level-triggered item reports them and leaves
 * it where it is: the next scan is to look again ready -> idle	a scan takes an item off and then
 * looks: wake-ups from here on make it ready again. Edge-triggered and ONESHOT ones at once; others
 * that seemed to have no events, and are put back if the second look finds some
 *
 * A ONESHOT item that was reported is disabled: nothing but EPOLLET, ONESHOT, EXCLUSIVE and WAKEUP
 * is left of its events, and it is not made ready until EPOLL_CTL_MOD.
 *
 * Wake-ups only append to the ready list, under ready_lock; all else that changes it holds ep->lock
 * as well. So who holds that may walk forwards without ready_lock.
 *
 * Lifetimes. An item does not count its file. The file's list `watchers` names the item, and the
 * last file_put() calls epoll_file_closed() before anything of the file goes: that takes the items
 * out one by one, each under its instance's lock, and so waits for a scan that is looking at the
 * file. An instance that goes (epoll_release) takes its items off the blockers first and off
 * file->watchers last, so a file that is closing meanwhile finds either the item, and waits
 * for the instance's lock, or no trace of it. Who finds an item through a file takes a reference
 * to the instance under file->lock; the instance's own file keeps one until it has no items.
 * Removing a node waits out its wake function (blocker_remove), so items are freed at once, and
 * instances after a grace period because of their blockers.
 *
 * Locks, in order:
 *	epoll_nest_lock  when the watched file is an instance itself (epoll_nest.c)
 *	ep->lock         items, scans. Held over poll operations of the files and over the store of
 *	                 events into the program. Nests from the watching instance to the watched
 *	file->lock       file->watchers, for a few stores
 *	a blocker of a file (BLOCKER_OUTER), then ep->ready_lock. item_wake runs with the first
 *	                 held, in interrupts too, and drops the second before it wakes anybody:
 *	                 ep->wait (BLOCKER) and ep->poll_wait (BLOCKER_OUTER, from the watched
 *	                 instance up; there are no cycles)
 *
 * Rejected: a reference from the item to the file (closing the last descriptor would not close),
 * and a batch that a scan takes the whole list into (each item then crosses ready_lock twice, and
 * threads that come meanwhile must be told that there is something to wait for).
 */
#include "epoll_internal.h"

#include "anon.h"
#include "inode.h"
#include "user_limit.h"
#include <base/cred.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <sched/thread.h>

/* What is left of a disabled item. */
#define BEHAVIOUR (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)
/* What may stand beside EPOLLEXCLUSIVE. */
#define EXCLUSIVE_OK \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

static const struct file_ops epoll_file_ops;

bool file_is_epoll(const struct file *f)
{
	return f->ops == &epoll_file_ops;
}

static void ep_put(struct epoll *ep)
{
	if (__atomic_sub_fetch(&ep->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	user_put(ep->user);
	kfree_deferred(ep, epoch);
}

/* --- the ready list ----------------------------------------------------------------------- */

static bool may_have_events(const struct epoll *ep)
{
	return !list_empty(&ep->ready);
}

/* At the end of the list, unless it is there. Holds: ready_lock. A walk that meets it sees all of
 * it. */
static void append_ready(struct epoll_item *it)
{
	struct list *head = &it->ep->ready;

	if (!list_empty(&it->ready)) {
		it->hit = true;
		return;
	}
	it->ready.next = head;
	it->ready.prev = head->prev;
	__atomic_store_n(&head->prev->next, &it->ready, __ATOMIC_RELEASE);
	head->prev = &it->ready;
}

static void make_ready(struct epoll_item *it)
{
	uint64_t irq = spin_lock_irq(&it->ep->ready_lock);

	append_ready(it);
	spin_unlock_irq(&it->ep->ready_lock, irq);
}

/* True if a thread in epoll_wait was woken. Context: any, ready_lock not held. */
static bool wake_waiters(struct epoll *ep)
{
	bool woke = blocker_wake(&ep->wait, 1, 0);

	blocker_wake(&ep->poll_wait, ~0U, EPOLLIN | EPOLLRDNORM);
	return woke;
}

/* A watched file's blocker wakes. Context: any, even interrupts, with the blocker locked. */
static bool item_wake(struct blocker_node *node, uintptr_t key)
{
	struct epoll_item *it = container_of(node, struct epoll_node, node)->item;
	struct epoll *ep = it->ep;
	uint64_t irq = spin_lock_irq(&ep->ready_lock);
	uint32_t events = it->events;
	bool wanted = events & ~(uint32_t)BEHAVIOUR && (!key || key & events);

	if (wanted)
		append_ready(it);
	spin_unlock_irq(&ep->ready_lock, irq);
	/* Only an exclusive listener uses up a wake-up, and only if somebody got it. */
	return wanted && wake_waiters(ep) && events & EPOLLEXCLUSIVE;
}

static void set_events(struct epoll_item *it, uint32_t events)
{
	uint64_t irq = spin_lock_irq(&it->ep->ready_lock);

	it->events = events;
	spin_unlock_irq(&it->ep->ready_lock, irq);
}

/* --- listeners ---------------------------------------------------------------------------- */

struct item_table {
	struct poll_table table;
	struct epoll_item *item;
	int error;
};

static struct epoll_node *node_new(struct epoll_item *it)
{
	struct epoll_node *n;

	if (it->nodes < EPOLL_NODES_INLINE)
		return &it->few[it->nodes++];
	n = kmalloc(sizeof(*n));
	if (n) {
		n->next = it->more;
		it->more = n;
	}
	return n;
}

static void item_queue(struct poll_table *pt, struct blocker *b)
{
	struct item_table *t = container_of(pt, struct item_table, table);
	struct epoll_node *n = node_new(t->item);

	if (!n) {
		t->error = -ENOMEM;
		return;
	}
	n->item = t->item;
	blocker_node_init_fn(&n->node, item_wake, BLOCKER_STAY);
	blocker_add(b, &n->node);
}

static void stop_listening(struct epoll_item *it)
{
	for (unsigned i = 0; i < it->nodes; i++)
		blocker_remove(&it->few[i].node);
	while (it->more) {
		struct epoll_node *n = it->more;

		blocker_remove(&n->node);
		it->more = n->next;
		kfree(n);
	}
}

/* --- items -------------------------------------------------------------------------------- */

/* <0, 0, >0 as (file, fd) is before, at, or behind the item. */
static int item_compare(const struct file *file, int fd, const struct epoll_item *it)
{
	if (file != it->file)
		return (uintptr_t)file < (uintptr_t)it->file ? -1 : 1;
	return fd < it->fd ? -1 : fd > it->fd;
}

/* Holds: ep->lock. */
static struct epoll_item *item_find(struct epoll *ep, const struct file *file, int fd)
{
	struct rb_node *n = ep->items.node;

	while (n) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);
		int c = item_compare(file, fd, it);

		if (c == 0)
			return it;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

/* Into the tree and onto the file's list. Holds: ep->lock, and the nest lock for an instance. */
static void item_link(struct epoll_item *it)
{
	struct rb_node **link = &it->ep->items.node, *parent = NULL;

	while (*link) {
		struct epoll_item *at = rb_entry(*link, struct epoll_item, node);

		parent = *link;
		link = item_compare(it->file, it->fd, at) < 0 ? &parent->left : &parent->right;
	}
	rb_link(&it->node, parent, link);
	rb_insert_fixup(&it->node, &it->ep->items);
	spin_lock(&it->file->lock);
	list_add(&it->watcher, &it->file->watchers);
	spin_unlock(&it->file->lock);
	if (file_is_epoll(it->file))
		list_add(&it->nested, &it->ep->nested);
}

/*
 * The end of an item. Its place among the file's watchers is the last thing given up, since it is
 * what keeps the file. Holds: ep->lock, and the nest lock for an instance.
 */
static void item_remove(struct epoll_item *it)
{
	struct epoll *ep = it->ep;
	uint64_t irq;

	stop_listening(it);
	irq = spin_lock_irq(&ep->ready_lock);
	list_del(&it->ready);
	spin_unlock_irq(&ep->ready_lock, irq);
	rb_erase(&it->node, &ep->items);
	list_del(&it->nested);
	spin_lock(&it->file->lock);
	list_del(&it->watcher);
	spin_unlock(&it->file->lock);
	user_give(ep->user, USER_EPOLL_WATCHES, 1);
	kfree(it);
}

static int item_add(struct epoll *ep, struct file *file, int fd, uint32_t events, uint64_t data)
{
	struct epoll_item *it;
	struct item_table t = {.table.queue = item_queue};
	unsigned found;
	int r;

	r = user_limit_take(ep->user, USER_EPOLL_WATCHES);
	if (r)
		return r;
	it = kzalloc(sizeof(*it));
	if (!it) {
		user_give(ep->user, USER_EPOLL_WATCHES, 1);
		return -ENOMEM;
	}
	t.item = it;
	it->ep = ep;
	it->file = file;
	it->fd = fd;
	it->events = events;
	it->data = data;
	list_init(&it->ready);
	list_init(&it->nested);
	item_link(it);
	if (file_is_epoll(file))
		t.error = epoll_nest_check_paths(file->priv);
	found = t.error ? 0 : file_poll(file, &t.table);
	if (t.error) {
		item_remove(it);
		return t.error;
	}
	if (found & events) {
		make_ready(it);
		wake_waiters(ep);
	}
	return 0;
}

static int item_modify(struct epoll_item *it, uint32_t events, uint64_t data)
{
	if (it->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	/* The nodes are there: what happens from here on is seen, by them or by this look. */
	set_events(it, events);
	it->data = data;
	if (file_poll(it->file, NULL) & events) {
		make_ready(it);
		wake_waiters(it->ep);
	}
	return 0;
}

static int ctl_locked(struct epoll *ep, int op, int fd, struct file *target,
		      const struct epoll_interest *in)
{
	struct epoll_item *it = item_find(ep, target, fd);
	uint32_t events = in->events | EPOLLERR | EPOLLHUP;

	switch (op) {
	case EPOLL_CTL_ADD:
		return it ? -EEXIST : item_add(ep, target, fd, events, in->data);
	case EPOLL_CTL_MOD:
		return it ? item_modify(it, events, in->data) : -ENOENT;
	case EPOLL_CTL_DEL:
		if (!it)
			return -ENOENT;
		item_remove(it);
		return 0;
	default:
		return -EINVAL;
	}
}

int epoll_ctl(struct file *f, int op, int fd, struct file *target, const struct epoll_interest *in)
{
	struct epoll *ep = f->priv;
	bool nested = file_is_epoll(target);
	int r = 0;

	if (!target->ops->poll)
		return -EPERM;
	if (f == target || !file_is_epoll(f))
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && in->events & EPOLLEXCLUSIVE &&
	    (op == EPOLL_CTL_MOD || (op == EPOLL_CTL_ADD && nested) ||
	     in->events & ~(uint32_t)EXCLUSIVE_OK))
		return -EINVAL;
	if (nested) {
		mutex_lock(&epoll_nest_lock);
		if (op == EPOLL_CTL_ADD)
			r = epoll_nest_check(ep, target->priv);
	}
	if (!r) {
		mutex_lock(&ep->lock);
		r = ctl_locked(ep, op, fd, target, in);
		mutex_unlock(&ep->lock);
	}
	if (nested)
		mutex_unlock(&epoll_nest_lock);
	return r;
}

/* --- closing ------------------------------------------------------------------------------ */

/* An instance that watches f, with a reference. */
static struct epoll *first_watcher(struct file *f)
{
	struct epoll *ep = NULL;

	spin_lock(&f->lock);
	if (!list_empty(&f->watchers)) {
		ep = list_first_entry(&f->watchers, struct epoll_item, watcher)->ep;
		__atomic_fetch_add(&ep->refs, 1, __ATOMIC_RELAXED);
	}
	spin_unlock(&f->lock);
	return ep;
}

/* The first watcher of f if it still belongs to ep. Holds: ep->lock, so it stays. */
static struct epoll_item *first_item_of(struct file *f, const struct epoll *ep)
{
	struct epoll_item *it;

	spin_lock(&f->lock);
	it = list_first_entry_or_null(&f->watchers, struct epoll_item, watcher);
	spin_unlock(&f->lock);
	return it && it->ep == ep ? it : NULL;
}

void epoll_file_closed(struct file *f)
{
	bool nested = file_is_epoll(f);
	struct epoll_item *it;
	struct epoll *ep;

	/* Nobody can add a watcher any more: for that one needs a reference. */
	while (!list_empty(&f->watchers)) {
		ep = first_watcher(f);
		if (!ep)
			return;
		if (nested)
			mutex_lock(&epoll_nest_lock);
		mutex_lock(&ep->lock);
		it = first_item_of(f, ep);
		if (it)
			item_remove(it);
		mutex_unlock(&ep->lock);
		if (nested)
			mutex_unlock(&epoll_nest_lock);
		ep_put(ep);
	}
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->priv;
	struct rb_node *n;

	/* Few instances watch others, but only the lock tells. */
	mutex_lock(&epoll_nest_lock);
	mutex_lock(&ep->lock);
	while (!list_empty(&ep->nested))
		item_remove(list_first_entry(&ep->nested, struct epoll_item, nested));
	mutex_unlock(&ep->lock);
	mutex_unlock(&epoll_nest_lock);
	mutex_lock(&ep->lock);
	while ((n = rb_first(&ep->items)) != NULL)
		item_remove(rb_entry(n, struct epoll_item, node));
	mutex_unlock(&ep->lock);
	ep_put(ep);
}

/* --- scans -------------------------------------------------------------------------------- */

/* All of these hold ep->lock. */

/* What is behind a place on the ready list, or NULL. */
static struct epoll_item *next_ready(const struct epoll *ep, const struct list *place)
{
	struct list *next = __atomic_load_n(&place->next, __ATOMIC_ACQUIRE);

	return next == &ep->ready ? NULL : container_of(next, struct epoll_item, ready);
}

/* Off the list; returns what was behind it. */
static struct epoll_item *take_off(struct epoll_item *it)
{
	uint64_t irq = spin_lock_irq(&it->ep->ready_lock);
	struct epoll_item *next = next_ready(it->ep, &it->ready);

	list_del(&it->ready);
	spin_unlock_irq(&it->ep->ready_lock, irq);
	return next;
}

/* The next scan begins with it. At no moment does the list look empty to who looks without a lock.
 */
static void start_with(struct epoll_item *it)
{
	struct list *head = &it->ep->ready, *to = &it->ready;
	uint64_t irq = spin_lock_irq(&it->ep->ready_lock);

	if (head->next != to) {
		struct list *first = head->next, *last = head->prev, *before = to->prev;

		last->next = first;
		first->prev = last;
		__atomic_store_n(&head->next, to, __ATOMIC_RELEASE);
		to->prev = head;
		before->next = head;
		head->prev = before;
	}
	spin_unlock_irq(&it->ep->ready_lock, irq);
}

static uint32_t look(struct epoll_item *it)
{
	return file_poll(it->file, NULL) & it->events;
}

/* It seemed to have no events: off the list unless it has some. What it has, and what was behind
 * it. */
static uint32_t look_again(struct epoll_item *it, struct epoll_item **next)
{
	struct epoll *ep = it->ep;
	uint64_t irq = spin_lock_irq(&ep->ready_lock);
	uint32_t found;

	it->hit = false;
	spin_unlock_irq(&ep->ready_lock, irq);
	found = look(it);
	irq = spin_lock_irq(&ep->ready_lock);
	*next = next_ready(ep, &it->ready);
	if (!found && !it->hit)
		list_del(&it->ready);
	spin_unlock_irq(&ep->ready_lock, irq);
	return found;
}

/*
 * What is ready now may concern another thread, whose wake-up was ours. No fence: who sleeps though
 * something is on the list has put its node on `wait` before that was put there.
 */
static void wake_another(struct epoll *ep)
{
	if (may_have_events(ep) && blocker_has_waiters(&ep->wait))
		blocker_wake_one(&ep->wait);
}

/* How many, or what emit said if there was none. */
static int scan(struct epoll *ep, unsigned max, epoll_emit_fn emit, void *ctx)
{
	struct epoll_item *it = next_ready(ep, &ep->ready);
	/* What becomes ready from here on is for the next scan: no item is reported twice. */
	const struct list *last = READ_ONCE(ep->ready.prev);
	int count = 0, r = 0;

	if (it && last == &ep->ready)
		last = &it->ready; /* it is just being appended */
	while (it && (unsigned)count < max) {
		struct epoll_item *this = it;
		bool stays = !(this->events & (EPOLLET | EPOLLONESHOT));
		uint32_t found = stays ? look(this) : 0;

		if (found) {
			it = next_ready(ep, &this->ready);
		} else if (stays) {
			found = look_again(this, &it);
		} else {
			it = take_off(this);
			found = look(this);
		}
		if (&this->ready == last)
			it = NULL;
		if (!found)
			continue;
		r = emit(ctx, found, this->data);
		if (r) {
			make_ready(this);
			wake_waiters(ep); /* who has not seen it meanwhile */
			break;
		}
		if (this->events & EPOLLONESHOT)
			set_events(this, this->events & BEHAVIOUR);
		count++;
	}
	if (it && !r)
		start_with(it);
	wake_another(ep);
	return count ? count : r;
}

int epoll_wait(struct file *f, unsigned max, nsec_t deadline, epoll_emit_fn emit, void *ctx)
{
	struct epoll *ep = f->priv;
	int n, r = 0;

	for (;;) {
		if (may_have_events(ep)) {
			mutex_lock(&ep->lock);
			n = scan(ep, max, emit, ctx);
			mutex_unlock(&ep->lock);
			if (n)
				return n;
		}
		if (!deadline || r == -ETIMEDOUT)
			return 0;
		if (r || thread_interrupted(WAIT_INTERRUPTIBLE))
			return -EINTR;
		r = WAIT_UNTIL(&ep->wait, may_have_events(ep), deadline, WAIT_INTERRUPTIBLE);
	}
}

/* --- the file ----------------------------------------------------------------------------- */

/* An instance is readable while an item has events. What has none leaves the ready list. */
static unsigned epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->priv;
	struct epoll_item *it;
	bool found = false;

	poll_wait(pt, &ep->poll_wait);
	if (!may_have_events(ep))
		return 0;
	mutex_lock(&ep->lock);
	it = next_ready(ep, &ep->ready);
	while (it && !found) {
		struct epoll_item *this = it;

		found = look(this) || look_again(this, &it);
	}
	mutex_unlock(&ep->lock);
	return found ? EPOLLIN | EPOLLRDNORM : 0;
}

static void epoll_show_info(struct file *f, struct text *out)
{
	struct epoll *ep = f->priv;
	struct rb_node *n;

	mutex_lock(&ep->lock);
	rb_for_each(n, &ep->items) {
		struct epoll_item *it = rb_entry(n, struct epoll_item, node);

		text_printf(out, "tfd: %8d events: %8x data: %16llx  pos:%lli ino:%llx sdev:%llx\n",
			    it->fd, it->events, (unsigned long long)it->data,
			    it->file->ops->flags & FILE_OPS_STREAM
				    ? 0
				    : (long long)READ_ONCE(it->file->pos),
			    (unsigned long long)it->file->inode->ino,
			    (unsigned long long)it->file->inode->dev);
	}
	mutex_unlock(&ep->lock);
}

static const struct file_ops epoll_file_ops = {
	.flags = FILE_OPS_STREAM | FILE_OPS_EVENT,
	.release = epoll_release,
	.poll = epoll_poll,
	.show_info = epoll_show_info,
};

int epoll_create(struct file **out)
{
	struct epoll *ep = kzalloc(sizeof(*ep));
	int r;

	if (!ep)
		return -ENOMEM;
	ep->refs = 1;
	mutex_init(&ep->lock, LOCK_EPOLL);
	spin_init(&ep->ready_lock, LOCK_EPOLL_READY);
	blocker_init(&ep->wait);
	blocker_init_class(&ep->poll_wait, LOCK_BLOCKER_OUTER);
	list_init(&ep->ready);
	list_init(&ep->nested);
	r = file_create_event("[eventpoll]", O_RDWR, &epoll_file_ops, ep, out);
	if (r) {
		kfree(ep);
		return r;
	}
	ep->user = user_get(vfs_cred()->user);
	ep->file = *out;
	return 0;
}
