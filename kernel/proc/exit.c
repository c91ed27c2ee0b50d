/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of threads and processes, and waiting for children.
 *
 * A thread ends by itself, in process_exit_thread(): it takes no more signals for the process,
 * lets go of files, memory and the rest one by one, all of which may sleep, and leaves the
 * process's list last. The one that finds the list empty makes the process a zombie: gives its
 * children to init, tells the parent, hangs up the terminal if it led a session. exit_group marks
 * the process and kills the other threads first.
 *
 * The first thread may end before the others: its number stays taken, since it is the process's.
 * The process's status is that of exit_group or of the signal that ended it; without one, that of
 * the thread that is the last to begin its end (p->exiting is set with exit_status).
 *
 * exec by one of several threads (process_end_other_threads) marks itself in exec_thread; the
 * others end as they would in exit_group, and the survivor takes over the process's number. The
 * place of that number in the table of threads is prepared while failing is still possible: the
 * first thread leaves it to the survivor instead of removing itself.
 *
 * A zombie is reaped by its parent's wait, or at once if the parent ignores SIGCHLD. The process's
 * table reference goes with the reaping; its memory with the last reference.
 */
#include "cpu_clock.h"
#include "signal_internal.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <sched/clock.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vm/space.h>

#include <asm-generic/siginfo.h>
#include <asm/signal.h>

void (*session_leader_exit_hook)(struct tty *tty, int32_t sid);

void process_wake_all_threads_locked(struct process *p, uint32_t work)
{
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link)
		signal_poke(t, work);
}

/* Take p out of the tree: nobody finds it any more. PROC_TREE held. */
static void reap_locked(struct process *p)
{
	trace_drop_leader_locked(p);
	WRITE_ONCE(p->state, PROC_REAPED);
	list_del(&p->sibling);
	p->parent = NULL;
	if (p->group->session->leader == p) {
		p->group->session->leader = NULL;
		p->group->session->tty = NULL;
	}
	pgroup_leave_locked(p);
	pid_remove_process(p);
	user_give(p->last_cred->user, USER_THREADS, 1);
	blocker_wake_all(&p->ended);
}

static bool parent_ignores_children(struct process *parent)
{
	const struct signal_action *a = &parent->signals.actions->table[SIGCHLD - 1];

	return a->handler == 1 || a->flags & SA_NOCLDWAIT;
}

/*
 * POSIX: p, whose parent `holder` was or is, ties its group to the rest of the session. When an
 * exit (of `leaving`, or of the holder) cuts the last such tie, stopped members would stay so for
 * ever: they get SIGHUP and SIGCONT. PROC_TREE held.
 */
static void check_tie_locked(struct process *p, const struct process *holder,
			     const struct process *leaving)
{
	struct pgroup *g = p->group;
	struct process *m;
	bool stopped = false;

	if (!holder->group || holder->group == g || holder->group->session != g->session ||
	    !pgroup_orphaned_locked(g, leaving))
		return;
	list_for_each_entry(m, &g->members, group_link)
		stopped |= m != leaving && m->stopped;
	if (stopped) {
		signal_send_group_locked(g, SIGHUP, NULL);
		signal_send_group_locked(g, SIGCONT, NULL);
	}
}

/* Who gets p's children: the nearest ancestor that wants orphans and lives, or init. */
static struct process *reaper_of(struct process *p)
{
	struct process *a = p->under_reaper ? p->parent : NULL;

	while (a && !(a->subreaper && a->thread_count && !a->exiting))
		a = a->under_reaper ? a->parent : NULL;
	return a ? a : process_find_locked(1);
}

/* Descendants must look for it: those that are there already, too. */
void process_set_subreaper(bool on)
{
	struct process *me = process_current(), *p = me;
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	me->subreaper = on;
	/* Depth first; the parents lead back, so no memory is needed. */
	while (on && p) {
		if (!list_empty(&p->children)) {
			p = list_first_entry(&p->children, struct process, sibling);
		} else {
			while (p != me && p->sibling.next == &p->parent->children)
				p = p->parent;
			p = p == me ? NULL : list_next_entry(p, sibling);
		}
		if (p)
			p->under_reaper = true;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
}

/* Give the children to init, or to who wants orphans. Zombies that it does not wait for gather on
 * `dead`. PROC_TREE held. */
static void reparent_children_locked(struct process *p, struct list *dead)
{
	struct process *init = reaper_of(p), *c, *next;

	list_for_each_entry_safe(c, next, &p->children, sibling) {
		list_del(&c->sibling);
		c->parent = init;
		/* Init is told in the usual way, whatever the parent had asked for. */
		c->exit_signal = SIGCHLD;
		list_add_tail(&c->sibling, &init->children);
		if (c->death_signal && c->state == PROC_ALIVE)
			signal_send_locked(c, NULL, c->death_signal, NULL);
		check_tie_locked(c, p, NULL);
		if (c->state == PROC_ZOMBIE && process_tell_end_locked(c))
			list_add_tail(&c->all_link, dead);
	}
}

bool process_tell_end_locked(struct process *p)
{
	if (p->corpses)
		return false;
	if (trace_hides_locked(p)) {
		trace_tell_zombie_locked(p);
		return false;
	}
	if (p->exit_signal)
		signal_notify_parent_locked(p, p->exit_status & 0x7f ? CLD_KILLED : CLD_EXITED,
					    p->exit_status);
	blocker_wake_all(&p->parent->child_event);
	if (p->leader_trace || p->exit_signal != SIGCHLD || !parent_ignores_children(p->parent))
		return false;
	reap_locked(p);
	return true;
}

static void put_dead(struct list *dead)
{
	struct process *p, *next;

	list_for_each_entry_safe(p, next, dead, all_link) {
		list_del(&p->all_link);
		process_put(p);
	}
}

/* The last thread is gone. */
static void become_zombie(struct process *p)
{
	struct list dead = LIST_INIT(dead);
	struct tty *tty = NULL;
	int32_t sid = 0, lost_group = 0;
	bool reaped;
	uint64_t irq;

	if (p->pid == 1)
		panic("init ended with status %#x: the system cannot go on", p->exit_status);
	irq = spin_lock_irq(&proc_tree_lock);
	if (p->group->session->leader == p) {
		tty = p->group->session->tty;
		sid = p->group->session->sid;
		lost_group = p->group->session->lost_group;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	if (!tty && lost_group) {
		signal_send_group(lost_group, SIGHUP, NULL);
		signal_send_group(lost_group, SIGCONT, NULL);
	}
	if (tty && session_leader_exit_hook)
		session_leader_exit_hook(tty, sid);

	irq = spin_lock_irq(&proc_tree_lock);
	check_tie_locked(p, p->parent, p);
	reparent_children_locked(p, &dead);
	WRITE_ONCE(p->state, PROC_ZOMBIE);
	if (p->group->session->leader == p)
		p->group->session->leader = NULL;
	reaped = process_tell_end_locked(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	blocker_wake_all(&p->ended);
	put_dead(&dead);
	signal_flush_pending(&p->signals.shared);
	if (reaped)
		process_put(p);
}

/* Let go of everything that may sleep to let go of. */
static void release_thread(struct thread *t)
{
	struct fd_table *files = t->files;
	struct fs_context *fs = t->fs;
	struct vm_space *space = t->space;
	struct process *p = t->process;
	bool last;
	uint64_t irq;

	if (thread_exit_user_hook && space)
		thread_exit_user_hook(t);
	irq = spin_lock_irq(&proc_tree_lock);
	t->files = NULL;
	t->fs = NULL;
	last = --p->live_count == 0;
	if (last) {
		usage_leave_space_locked(p);
		p->space = NULL;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	if (last)
		process_release_vfork(p);
	if (space) {
		vm_space_switch(NULL);
		vm_space_put(space);
	}
	thread_sem_undo_leave_hook(t);
	fd_table_leave(files);
	if (fs)
		fs_context_leave(fs);
}

/* The thread's number is free, unless the survivor of an exec gets it, or its tracer wants it. */
static void leave_table_locked(struct process *p, struct thread *t, bool traced)
{
	if (p->exec_thread && t->tid == p->pid)
		pid_insert_thread_as(p->exec_thread, p->pid); /* over ours: cannot fail */
	else if (traced)
		pid_leave_thread(t);
	else
		pid_remove_thread(t);
}

static void begin_end(struct process *p, int status)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	if (--p->staying_count == 0 && !p->exiting) {
		p->exiting = true;
		p->exit_status = status;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	signal_leave();
}

_Noreturn void process_exit_thread(int status)
{
	struct thread *t = current();
	struct process *p = t->process;
	struct list dead = LIST_INIT(dead);
	struct file *exe = NULL;
	bool last, traced;
	uint64_t irq;

	trace_exit_event(status);
	begin_end(p, status);
	release_thread(t);
	irq = spin_lock_irq(&proc_tree_lock);
	list_del(&t->process_link);
	last = --p->thread_count == 0;
	signal_stop_leave_locked(p, proc_thread(t));
	usage_leave_locked(p, t);
	cpu_timers_leave_locked(p, t);
	/* Off the list it gets no more; and a timer that finds its signal unqueued looks no
	 * further. */
	signal_flush_pending(&proc_thread(t)->pending);
	if (last) {
		p->last_cred = cred_get(t->cred);
		exe = p->exe;
		p->exe = NULL;
	} else {
		user_give(t->cred->user, USER_THREADS, 1); /* for the last one the process counts */
	}
	trace_leave_locked(t, &dead);
	traced = trace_end_locked(t, status);
	leave_table_locked(p, t, traced);
	if (traced)
		t->proc_data = NULL; /* its tracer's */
	spin_unlock_irq(&proc_tree_lock, irq);
	put_dead(&dead);
	proc_thread_detach(t);
	thread_put(t); /* the table's */
	blocker_wake_all(&p->thread_gone);
	file_put(exe);
	if (last) {
		nsec_t value, interval;

		process_alarm_set(p, 0, 0, &value, &interval);
		posix_timers_delete_all(p);
		become_zombie(p);
	}
	t->process = NULL;
	process_put(p); /* the thread's */
	thread_exit();
}

void process_end_locked(struct process *p, int status)
{
	if (!p->exiting) {
		p->exiting = true;
		p->exit_status = status;
	}
	process_wake_all_threads_locked(p, THREAD_WORK_KILL | THREAD_WORK_SIGNAL);
}

_Noreturn void process_exit_group(int status)
{
	struct process *p = process_current();
	uint64_t irq;

	trace_exit_event(status);
	irq = spin_lock_irq(&proc_tree_lock);
	/* Another thread's exec is under way: it has ended us, and the process goes on. */
	if (!p->exiting && (!p->exec_thread || p->exec_thread == current())) {
		if (p->thread_count > 1) {
			process_end_locked(p, status);
		} else {
			p->exiting = true;
			p->exit_status = status;
		}
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	process_exit_thread(status);
}

/* Make sure that me can take over the process's number. PROC_TREE held. 0 or -ENOMEM. */
static int prepare_number_locked(struct process *p, struct thread *me)
{
	if (me->tid == p->pid || thread_find_locked(p->pid))
		return 0; /* the first thread lives, and will leave its place to me */
	return pid_insert_thread_as(me, p->pid);
}

static void take_number_locked(struct process *p, struct thread *me)
{
	if (me->tid == p->pid)
		return;
	pid_remove_thread(me);
	me->tid = p->pid;
	trace_of(me)->tid = p->pid;
	trace_drop_leader_locked(p); /* one that ended before */
}

int process_end_other_threads(void)
{
	struct process *p = process_current();
	struct thread *me = current(), *t;
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int r = p->exiting || p->exec_thread ? -EAGAIN : prepare_number_locked(p, me);

	if (!r) {
		p->exec_thread = me;
		list_for_each_entry(t, &p->threads, process_link)
			if (t != me)
				signal_poke(t, THREAD_WORK_KILL | THREAD_WORK_SIGNAL);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	if (r)
		return r;
	WAIT_UNTIL(&p->thread_gone, READ_ONCE(p->thread_count) == 1, NEVER, WAIT_UNINTERRUPTIBLE);
	irq = spin_lock_irq(&proc_tree_lock);
	take_number_locked(p, me);
	p->exec_thread = NULL;
	spin_unlock_irq(&proc_tree_lock, irq);
	return 0;
}

/* --- wait ------------------------------------------------------------------------------------ */

bool wait_selects_locked(const struct process *c, int32_t id, int32_t which)
{
	if (which > 0)
		return id == which;
	if (which == -1)
		return true;
	return c->group && c->group->pgid == (which ? -which : process_current()->group->pgid);
}

static bool selected(const struct process *me, const struct process *c, int32_t which,
		     unsigned options)
{
	/*
	 * A child that tells by something else than SIGCHLD is waited for only if asked for, or if
	 * it is traced.
	 */
	if (!(options & WAIT_ANY_SIGNAL) &&
	    (c->exit_signal == SIGCHLD) == !!(options & WAIT_OTHER_SIGNAL) &&
	    !trace_leader_by_locked(c, me))
		return false;
	return wait_selects_locked(c, c->pid, which);
}

static void fill(struct process *c, struct wait_result *out, int status)
{
	struct thread *t = list_first_entry_or_null(&c->threads, struct thread, process_link);
	const struct cred *cred = t ? t->cred : c->last_cred;

	out->pid = c->pid;
	out->uid = cred ? cred->uid : 0;
	out->status = status;
	out->trapped = false;
	usage_of_process_locked(c, &out->used);
	usage_add(&out->used, &c->children_used);
}

/* Does c have something to tell? PROC_TREE held. */
static bool report_locked(struct process *c, unsigned options, struct wait_result *out)
{
	if (c->state == PROC_ZOMBIE && options & WAIT_EXITED && !c->corpses &&
	    !trace_hides_locked(c)) {
		fill(c, out, c->exit_status);
		return true;
	}
	/* What we trace tells of its stops as such. */
	if (c->state == PROC_ALIVE && options & WAIT_STOPPED && c->stopped && !c->stop_reported &&
	    !trace_leader_by_locked(c, process_current())) {
		fill(c, out, c->stop_signal << 8 | 0x7f);
		if (!(options & WAIT_NOREAP))
			c->stop_reported = true;
		return true;
	}
	if (c->state == PROC_ALIVE && options & WAIT_CONTINUED && c->continue_pending) {
		fill(c, out, 0xffff);
		if (!(options & WAIT_NOREAP))
			c->continue_pending = false;
		return true;
	}
	return false;
}

/* One look: 1 found, 0 there are children but nothing to tell, -ECHILD. */
static int look(int32_t which, unsigned options, struct wait_result *out)
{
	struct process *me = process_current(), *c, *dead = NULL;
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int r = -ECHILD, traced;

	list_for_each_entry(c, &me->children, sibling) {
		if (!selected(me, c, which, options))
			continue;
		r = 0;
		if (report_locked(c, options, out)) {
			r = 1;
			if (c->state == PROC_ZOMBIE && !(options & WAIT_NOREAP)) {
				usage_add(&me->children_used, &out->used);
				reap_locked(c);
				dead = c;
			}
			break;
		}
	}
	if (r <= 0) {
		traced = trace_look_locked(which, options, out, &dead);
		r = traced == -ECHILD ? r : traced;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	if (dead)
		process_put(dead);
	return r;
}

int process_wait(int32_t which, unsigned options, struct wait_result *out)
{
	struct process *me = process_current();
	int r, w;

	for (;;) {
		struct blocker_node n;

		/* On the list before the look, so that a child that ends in between wakes us. */
		blocker_node_init(&n);
		wait_begin(WAIT_INTERRUPTIBLE);
		blocker_add(&me->child_event, &n);
		r = look(which, options, out);
		if (r || options & WAIT_NOHANG) {
			wait_end();
			blocker_remove(&n);
			return r;
		}
		w = wait_sleep(NEVER);
		blocker_remove(&n);
		if (w) {
			/* A child that ended together with the signal is reported first. */
			r = look(which, options, out);
			return r ? r : w;
		}
	}
}
