/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process table: ids, lookup, what others may ask of a process.
 *
 * One number space serves processes, threads, groups and sessions. A number is free when none of
 * them has it. Numbers are given out in rising order, so that a number is not reused soon.
 * Four radix trees map numbers to processes, threads, groups and sessions; all change under
 * proc_tree_lock. Lookups take it too: it is held for a few instructions.
 */
#include "process.h"

#include "proc_internal.h"

#include <base/panic.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <vm/radix.h>
#include <vm/space.h>

#include <linux/resource.h>

struct spinlock proc_tree_lock = SPINLOCK_INIT(LOCK_PROC_TREE);

static DECLARE_BITMAP(ids, PID_MAX);			  /* [proc_tree_lock] numbers in use */
static int32_t last_id;					  /* [proc_tree_lock] */
static struct radix processes, threads, groups, sessions; /* [proc_tree_lock] */
static unsigned process_total;				  /* [proc_tree_lock to write] */

int32_t pid_alloc_locked(int32_t want)
{
	size_t id;

	if (want) {
		if (want < 1 || want >= PID_MAX)
			return -EINVAL;
		if (bit_test(ids, (size_t)want))
			return -EEXIST;
		bit_set(ids, (size_t)want);
		return want;
	}
	id = bitmap_find_zero(ids, PID_MAX, (size_t)last_id + 1);
	if (id >= PID_MAX)
		id = bitmap_find_zero(ids, PID_MAX, last_id < 300 ? 1 : 300);
	if (id >= PID_MAX)
		id = bitmap_find_zero(ids, PID_MAX, 1);
	if (id >= PID_MAX)
		return -EAGAIN;
	bit_set(ids, id);
	last_id = (int32_t)id;
	return last_id;
}

void pid_release_locked(int32_t id)
{
	uint64_t i = (uint64_t)id;

	if (!radix_find(&processes, i) && !radix_find(&threads, i) && !radix_find(&groups, i) &&
	    !radix_find(&sessions, i))
		bit_clear(ids, i);
}

int pid_insert_process(struct process *p)
{
	int r = radix_insert(&processes, (uint64_t)p->pid, p);

	if (!r)
		WRITE_ONCE(process_total, process_total + 1);
	return r;
}

int pid_insert_thread_as(struct thread *t, int32_t tid)
{
	return radix_insert(&threads, (uint64_t)tid, t);
}

int pid_insert_thread(struct thread *t)
{
	return pid_insert_thread_as(t, t->tid);
}

void pid_remove_process(struct process *p)
{
	if (radix_remove(&processes, (uint64_t)p->pid))
		WRITE_ONCE(process_total, process_total - 1);
	pid_release_locked(p->pid);
}

void pid_remove_thread(struct thread *t)
{
	radix_remove(&threads, (uint64_t)t->tid);
	pid_release_locked(t->tid);
}

void pid_leave_thread(struct thread *t)
{
	radix_remove(&threads, (uint64_t)t->tid);
}

struct process *process_find_locked(int32_t pid)
{
	return pid > 0 ? radix_find(&processes, (uint64_t)pid) : NULL;
}

struct thread *thread_find_locked(int32_t tid)
{
	return tid > 0 ? radix_find(&threads, (uint64_t)tid) : NULL;
}

struct process *process_of_id_locked(int32_t id)
{
	struct process *p = process_find_locked(id);
	struct thread *t = p ? NULL : thread_find_locked(id);

	return t ? t->process : p;
}

struct pgroup *pgroup_find_locked(int32_t pgid)
{
	return pgid > 0 ? radix_find(&groups, (uint64_t)pgid) : NULL;
}

struct process *process_current(void)
{
	return current()->process;
}

struct process *process_get(struct process *p)
{
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
	return p;
}

void process_put(struct process *p)
{
	if (__atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (p->last_cred)
		cred_put(p->last_cred);
	signal_actions_put(p->signals.actions);
	signal_watch_leave(p);
	kfree_deferred(p, epoch);
}

struct process *process_find(int32_t pid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct process *p = process_find_locked(pid);

	if (p)
		process_get(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	return p;
}

struct process *process_next(int32_t after)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock), id = (uint64_t)after + 1;
	struct process *p = radix_next(&processes, &id);

	if (p)
		process_get(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	return p;
}

unsigned process_count(void)
{
	return READ_ONCE(process_total);
}

struct thread *thread_find(int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_find_locked(tid);

	if (t)
		thread_get(t);
	spin_unlock_irq(&proc_tree_lock, irq);
	return t;
}

struct thread *thread_next(int32_t after)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock), id = (uint64_t)after + 1;
	struct thread *t = radix_next(&threads, &id);

	if (t)
		thread_get(t);
	spin_unlock_irq(&proc_tree_lock, irq);
	return t;
}

struct cred *thread_cred(struct thread *t)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct cred *c = cred_get(t->cred);

	spin_unlock_irq(&proc_tree_lock, irq);
	return c;
}

struct process *thread_process(struct thread *t)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct process *p = list_empty(&t->process_link) ? NULL : process_get(t->process);

	spin_unlock_irq(&proc_tree_lock, irq);
	return p;
}

/* --- groups and sessions --------------------------------------------------------------------- */

struct pgroup *pgroup_create(int32_t pgid, struct session *s)
{
	struct pgroup *g = kzalloc(sizeof(*g));

	if (!g)
		return NULL;
	g->pgid = pgid;
	list_init(&g->members);
	g->session = s;
	if (radix_insert(&groups, (uint64_t)pgid, g)) {
		kfree(g);
		return NULL;
	}
	if (!s->refs && radix_insert(&sessions, (uint64_t)s->sid, s)) {
		radix_remove(&groups, (uint64_t)pgid);
		kfree(g);
		return NULL;
	}
	s->refs++;
	return g;
}

void pgroup_join_locked(struct process *p, struct pgroup *g)
{
	list_add_tail(&p->group_link, &g->members);
	p->group = g;
}

static void pgroup_release(struct pgroup *g)
{
	struct session *s = g->session;

	if (!list_empty(&g->members))
		return;
	radix_remove(&groups, (uint64_t)g->pgid);
	pid_release_locked(g->pgid);
	kfree(g);
	if (--s->refs)
		return;
	/* Its number was taken as long as a group remained, whether the leader lived or not. */
	radix_remove(&sessions, (uint64_t)s->sid);
	pid_release_locked(s->sid);
	kfree(s);
}

void pgroup_leave_locked(struct process *p)
{
	struct pgroup *g = p->group;

	list_del(&p->group_link);
	p->group = NULL;
	pgroup_release(g);
}

bool pgroup_orphaned_locked(const struct pgroup *g, const struct process *ignore)
{
	struct process *p;

	list_for_each_entry(p, &g->members, group_link) {
		if (p == ignore || p->state != PROC_ALIVE || !p->parent || !p->parent->group)
			continue;
		if (p->parent->group != g && p->parent->group->session == g->session)
			return false;
	}
	return true;
}

bool pgroup_is_orphaned(int32_t pgid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct pgroup *g = pgroup_find_locked(pgid);
	bool orphaned = !g || pgroup_orphaned_locked(g, NULL);

	spin_unlock_irq(&proc_tree_lock, irq);
	return orphaned;
}

bool pgroup_exists(int32_t pgid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	bool there = pgroup_find_locked(pgid) != NULL;

	spin_unlock_irq(&proc_tree_lock, irq);
	return there;
}

int process_setsid(void)
{
	struct process *p = process_current();
	struct session *s = kzalloc(sizeof(*s));
	struct pgroup *g;
	uint64_t irq;
	int r = -EPERM;

	if (!s)
		return -ENOMEM;
	s->sid = p->pid;
	s->leader = p;
	irq = spin_lock_irq(&proc_tree_lock);
	if (pgroup_find_locked(p->pid))
		goto out;
	r = -ENOMEM;
	g = pgroup_create(p->pid, s);
	if (!g)
		goto out;
	pgroup_leave_locked(p);
	pgroup_join_locked(p, g);
	p->left_tty = false;
	s = NULL;
	r = p->pid;
out:
	spin_unlock_irq(&proc_tree_lock, irq);
	kfree(s);
	return r;
}

static int setpgid_locked(struct process *me, struct process *p, int32_t pgid)
{
	struct pgroup *g;

	if (!p || p->state != PROC_ALIVE || (p != me && p->parent != me))
		return -ESRCH;
	if (p != me && p->exec_done)
		return -EACCES;
	if (p->group->session != me->group->session || p->group->session->leader == p)
		return -EPERM;
	g = pgroup_find_locked(pgid);
	if (g == p->group)
		return 0;
	if (g && g->session != me->group->session)
		return -EPERM;
	if (!g && pgid != p->pid)
		return -EPERM;
	if (!g)
		g = pgroup_create(pgid, p->group->session);
	if (!g)
		return -ENOMEM;
	pgroup_leave_locked(p);
	pgroup_join_locked(p, g);
	return 0;
}

int process_setpgid(int32_t pid, int32_t pgid)
{
	struct process *me = process_current(), *p;
	uint64_t irq;
	int r;

	if (pgid < 0)
		return -EINVAL;
	irq = spin_lock_irq(&proc_tree_lock);
	p = pid ? process_find_locked(pid) : me;
	r = setpgid_locked(me, p, pgid ? pgid : pid ? pid : me->pid);
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

int session_set_tty(struct tty *tty)
{
	struct process *p = process_current();
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct session *s = p->group->session;
	int r = 0;

	if (s->leader != p || (s->tty && s->tty != tty))
		r = -EPERM;
	else
		s->tty = tty;
	if (!r)
		s->lost_group = 0;
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static struct tty *tty_of_locked(const struct process *p)
{
	return p->group && !p->left_tty ? p->group->session->tty : NULL;
}

struct tty *session_tty(void)
{
	struct process *p = process_current();
	struct tty *tty = NULL;
	uint64_t irq;

	if (!p)
		return NULL;
	irq = spin_lock_irq(&proc_tree_lock);
	tty = tty_of_locked(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	return tty;
}

void session_clear_tty(int32_t sid, struct tty *tty)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct session *s = sid > 0 ? radix_find(&sessions, (uint64_t)sid) : NULL;

	if (s && s->tty == tty)
		s->tty = NULL;
	spin_unlock_irq(&proc_tree_lock, irq);
}

void session_leave_tty(void)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	process_current()->left_tty = true;
	spin_unlock_irq(&proc_tree_lock, irq);
}

struct process *session_lose_tty(int32_t sid, struct tty *tty, int32_t pgid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct process *leader = process_find_locked(sid);
	struct session *s = leader && leader->group ? leader->group->session : NULL;

	if (s && s->leader == leader && s->tty == tty) {
		s->tty = NULL;
		s->lost_group = pgid;
		process_get(leader);
	} else {
		leader = NULL;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return leader;
}

void (*session_tty_info_hook)(struct tty *tty, uint32_t *number, int32_t *foreground);

void process_tty_info(struct process *p, uint32_t *number, int32_t *foreground)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct tty *tty = tty_of_locked(p);

	*number = 0;
	*foreground = -1;
	if (tty && session_tty_info_hook)
		session_tty_info_hook(tty, number, foreground);
	spin_unlock_irq(&proc_tree_lock, irq);
}

bool session_has_group(int32_t pgid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct pgroup *g = pgroup_find_locked(pgid);
	bool has = g && g->session == process_current()->group->session;

	spin_unlock_irq(&proc_tree_lock, irq);
	return has;
}

/* --- what others ask ------------------------------------------------------------------------- */

int32_t process_pgid(struct process *p)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int32_t id = p->group ? p->group->pgid : 0;

	spin_unlock_irq(&proc_tree_lock, irq);
	return id;
}

int32_t process_sid(struct process *p)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int32_t id = p->group ? p->group->session->sid : 0;

	spin_unlock_irq(&proc_tree_lock, irq);
	return id;
}

int32_t process_ppid(struct process *p)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int32_t id = p->parent ? p->parent->pid : 0;

	spin_unlock_irq(&proc_tree_lock, irq);
	return id;
}

static char letter_of(const struct process *p, const struct thread *t)
{
	if (!t)
		return 'Z'; /* the first one: its number stays until all have ended */
	if (proc_thread((struct thread *)t)->trace.state != TRACE_RUNNING)
		return 't';
	if (p->stopping && !trace_is_on(&proc_thread((struct thread *)t)->trace))
		return 'T';
	if (READ_ONCE(t->state) == THREAD_RUNNABLE)
		return 'R';
	return READ_ONCE(t->wait) == WAIT_WAITING + WAIT_UNINTERRUPTIBLE ? 'D' : 'S';
}

char thread_state_letter(struct process *p, int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_find_locked(tid);
	char c = letter_of(p, t && t->process == p ? t : NULL);

	spin_unlock_irq(&proc_tree_lock, irq);
	return c;
}

struct cred *process_cred(struct process *p)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = list_first_entry_or_null(&p->threads, struct thread, process_link);
	/* cred_install publishes under this lock, so the set we see has a reference. */
	struct cred *c = cred_get(t ? t->cred : p->last_cred);

	spin_unlock_irq(&proc_tree_lock, irq);
	return c;
}

/* The thread counts for its real user, who may have too many with it: exec looks at that. */
static void move_user(struct thread *t, struct user *from, struct user *to)
{
	proc_thread(t)->over_limit = process_over_limit(to); /* without us, as Linux counts */
	user_take(to, USER_THREADS, 1, UINT64_MAX);
	user_give(from, USER_THREADS, 1);
}

bool process_over_limit(const struct user *u)
{
	return u->uid &&
	       user_count(u, USER_THREADS) > process_limit(process_current(), RLIMIT_NPROC);
}

struct cred *cred_exchange_locked(struct cred *c)
{
	struct thread *t = current();
	struct cred *old = t->cred;

	t->cred = c;
	if (old->user != c->user)
		move_user(t, old->user, c->user);
	if (old->euid != c->euid || old->egid != c->egid)
		t->process->dumpable = false;
	return old;
}

void cred_install(struct cred *c)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct cred *old = cred_exchange_locked(c);

	spin_unlock_irq(&proc_tree_lock, irq);
	cred_put(old);
}

uint64_t process_limit(struct process *p, unsigned resource)
{
	return READ_ONCE(p->limits[resource].cur);
}

static uint64_t pages_limit(struct process *p, unsigned resource)
{
	uint64_t bytes = process_limit(p, resource);

	return bytes == UINT64_MAX ? bytes : bytes >> PAGE_SHIFT;
}

void process_limits_to_space(struct process *p, struct vm_space *s)
{
	WRITE_ONCE(s->limit_pages, pages_limit(p, RLIMIT_AS));
	WRITE_ONCE(s->limit_locked, pages_limit(p, RLIMIT_MEMLOCK));
	WRITE_ONCE(s->limit_stack, process_limit(p, RLIMIT_STACK));
}

struct vm_space *process_space(struct process *p)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct vm_space *s = p->space ? vm_space_get(p->space) : NULL;

	spin_unlock_irq(&proc_tree_lock, irq);
	return s;
}
