/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork, vfork, clone: a new process, or a new thread in this one.
 *
 * Everything that can fail (memory, ids, limits) is gathered first in a process and a thread that
 * nobody can see. Then, under PROC_TREE, both are entered into the tables and the tree in one step,
 * and the thread is started. Until that step a failure undoes itself in reverse order and leaves
 * the caller as it was.
 */
#include "cpu_clock.h"
#include "proc_internal.h"

#include <arch/enter.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vm/space.h>

#include <linux/capability.h>
#include <linux/resource.h>

void (*thread_exit_user_hook)(struct thread *t);
void (*thread_start_user_hook)(uaddr_t set_child_tid, int32_t tid);
int (*thread_sem_undo_share_hook)(struct thread *child);
void (*thread_sem_undo_leave_hook)(struct thread *t);

static struct slab_cache *thread_data_cache;

struct process *process_alloc(void)
{
	struct process *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;
	p->state = PROC_ALIVE;
	p->dumpable = true;
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->threads);
	list_init(&p->group_link);
	list_init(&p->all_link);
	list_init(&p->cpu_timers);
	blocker_init_class(&p->ended, LOCK_BLOCKER_OUTER);
	blocker_init(&p->child_event);
	blocker_init(&p->vfork_done);
	blocker_init(&p->resume);
	blocker_init(&p->thread_gone);
	if (signal_state_init(&p->signals)) {
		kfree(p);
		return NULL;
	}
	process_alarm_init(p);
	process_cpu_alarms_init(p);
	p->start_ns = clock_mono_ns();
	return p;
}

/* The per-thread part; 0 or -ENOMEM. */
int proc_thread_attach(struct thread *t)
{
	struct proc_thread *d;

	if (!thread_data_cache)
		thread_data_cache = slab_cache_create("proc_thread", sizeof(*d), 0);
	d = slab_zalloc(thread_data_cache);
	if (!d)
		return -ENOMEM;
	list_init(&d->pending.queue);
	trace_init(&d->trace);
	t->proc_data = d;
	return 0;
}

void proc_thread_detach(struct thread *t)
{
	struct proc_thread *d = t->proc_data;

	t->proc_data = NULL;
	if (d)
		proc_thread_free(d);
}

void proc_thread_free(struct proc_thread *d)
{
	signal_flush_pending(&d->pending);
	slab_free(thread_data_cache, d);
}

static void child_main(void *arg)
{
	struct thread *t = current();
	uaddr_t set_tid = (uaddr_t)arg;

	if (set_tid)
		thread_start_user_hook(set_tid, t->tid);
	arch_enter_user();
}

/* The thread of the child: registers, vector state, mask, name. */
static struct thread *copy_thread(const struct fork_args *a)
{
	struct thread *me = current(), *t = thread_create(me->name);
	struct trap_frame *f;

	if (!t)
		return NULL;
	if (arch_thread_alloc_user(t, me) || proc_thread_attach(t)) {
		thread_put(t);
		return NULL;
	}
	arch_thread_setup(t, child_main, (void *)a->set_child_tid);
	f = arch_user_frame(&t->arch);
	*f = *arch_user_frame(&me->arch);
	f->rax = 0;
	f->error = (uint64_t)-1; /* not a call to be restarted */
	if (proc_thread(me)->trace.forced_step)
		arch_set_user_step(t, false);
	if (a->stack)
		f->rsp = a->stack;
	if (a->set_tls)
		t->arch.fs_base = a->tls;
	proc_thread(t)->blocked = proc_thread(me)->blocked;
	proc_thread(t)->clear_child_tid = a->clear_child_tid;
	if (!a->share_space || a->vfork) {
		proc_thread(t)->altstack_base = proc_thread(me)->altstack_base;
		proc_thread(t)->altstack_size = proc_thread(me)->altstack_size;
		proc_thread(t)->altstack_flags = proc_thread(me)->altstack_flags;
	}
	cred_put(t->cred);
	t->cred = cred_get(me->cred);
	memcpy(t->affinity, me->affinity, sizeof(t->affinity));
	t->sched.nice = me->sched.nice;
	t->sched.weight = me->sched.weight;
	proc_thread(t)->no_new_privs = proc_thread(me)->no_new_privs;
	t->sched.policy = me->sched.policy;
	/* What is lent to us is not the child's. */
	t->sched.rt_priority = t->sched.own_priority = me->sched.own_priority;
	proc_thread(t)->ioprio = proc_thread(me)->ioprio;
	proc_thread(t)->mem_policy = proc_thread(me)->mem_policy;
	proc_thread(t)->personality = proc_thread(me)->personality;
	if (proc_thread(me)->reset_on_fork) {
		/* The child is ordinary. */
		bool special = t->sched.rt_priority || t->sched.nice < 0;

		t->sched.policy = t->sched.rt_priority ? THREAD_NORMAL : t->sched.policy;
		t->sched.rt_priority = t->sched.own_priority = 0;
		if (special)
			thread_set_nice(t, 0);
	}
	return t;
}

static int copy_tables(struct thread *t, const struct fork_args *a)
{
	struct thread *me = current();

	t->files = a->share_files ? fd_table_join(me->files) : fd_table_clone(me->files);
	t->fs = a->share_fs ? fs_context_join(me->fs) : fs_context_clone(me->fs);
	return t->files && t->fs ? 0 : -ENOMEM;
}

static int copy_space(struct thread *t, const struct fork_args *a)
{
	if (a->share_space) {
		t->space = vm_space_get(current()->space);
		return 0;
	}
	return vm_space_clone(current()->space, &t->space);
}

static struct process *copy_process(const struct fork_args *a)
{
	struct process *me = process_current(), *p = process_alloc();
	uint64_t irq;

	if (!p)
		return NULL;
	if (a->share_signals)
		signal_state_share(&p->signals, &me->signals);
	else
		signal_state_copy(&p->signals, &me->signals);
	if (a->reset_signals)
		signal_state_reset(&p->signals);
	irq = spin_lock_irq(&proc_tree_lock);
	memcpy(p->limits, me->limits, sizeof(p->limits));
	memcpy(p->name, current()->name, sizeof(p->name));
	p->exe = me->exe ? file_get(me->exe) : NULL;
	p->dumpable = me->dumpable;
	p->oom_adjust = me->oom_adjust;
	p->left_tty = me->left_tty;
	spin_unlock_irq(&proc_tree_lock, irq);
	p->exit_signal = a->sibling ? me->exit_signal : a->exit_signal;
	p->vfork_pending = a->vfork;
	return p;
}

static void drop_thread(struct thread *t)
{
	thread_sem_undo_leave_hook(t);
	fd_table_leave(t->files);
	t->files = NULL;
	if (t->fs)
		fs_context_leave(t->fs);
	t->fs = NULL;
	if (t->space)
		vm_space_put(t->space);
	t->space = NULL;
	proc_thread_detach(t);
	t->process = NULL;
	thread_put(t);
}

void process_discard(struct process *p)
{
	file_put(p->exe);
	signal_flush_pending(&p->signals.shared);
	process_put(p);
}

/* Threads count, too. */
static bool charge_thread(void)
{
	struct cred *c = current()->cred;
	uint64_t limit = process_limit(process_current(), RLIMIT_NPROC);

	if (!c->uid || cred_capable(c, CAP_SYS_RESOURCE) || cred_capable(c, CAP_SYS_ADMIN))
		limit = RLIM_INFINITY;
	return user_take(c->user, USER_THREADS, 1, limit);
}

/* Enter a new process and its thread. PROC_TREE held. */
static int enter_process_locked(struct process *p, struct thread *t, const struct fork_args *a)
{
	struct process *me = process_current();
	int r = pid_insert_process(p);

	if (r)
		return r;
	p->parent = a->sibling ? me->parent : me;
	p->parent_tid = a->sibling ? me->parent_tid : current()->tid;
	p->under_reaper = p->parent->subreaper || p->parent->under_reaper;
	list_add_tail(&p->sibling, &p->parent->children);
	pgroup_join_locked(p, me->group);
	p->space = t->space;
	return 0;
}

/* Enter the new thread (and process, unless it is ours) where everybody sees them. */
static int publish_locked(struct process *p, struct thread *t, const struct fork_args *a)
{
	struct process *me = process_current();
	int32_t id;
	int r;

	/* What is sent to us before this moment is not sent to the child: act on it first. */
	if (signal_pending_current() || me->exiting || me->exec_thread ||
	    (me->stopping && !trace_is_on(trace_of(current()))))
		return -ERESTARTNOINTR;
	id = pid_alloc_locked(a->want_id);
	if (id < 0)
		return id;
	t->tid = id;
	if (!a->thread)
		p->pid = id;
	r = pid_insert_thread(t);
	if (r) {
		pid_release_locked(id);
		return r;
	}
	if (!a->thread)
		r = enter_process_locked(p, t, a);
	if (r) {
		pid_remove_thread(t);
		return r;
	}
	t->process = p;
	list_add_tail(&t->process_link, &p->threads);
	p->thread_count++;
	p->staying_count++;
	p->live_count++;
	cpu_timers_changed_locked(p);
	if (a->traced)
		trace_inherit_locked(t);
	/* What is pending for the process may have been left to us. */
	if (p->signals.shared.set || p->stopping)
		t->work |= THREAD_WORK_SIGNAL;
	/* The table holds a reference of the thread, besides the one it has to itself. */
	thread_get(t);
	process_get(p);
	return 0;
}

static int publish(struct process *p, struct thread *t, const struct fork_args *a)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int r = publish_locked(p, t, a);

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

int process_fork(const struct fork_args *a, struct thread **out)
{
	struct process *p;
	struct thread *t;
	int r;

	if (!charge_thread())
		return -EAGAIN;
	proc_thread(current())->over_limit = false;
	p = a->thread ? process_get(process_current()) : copy_process(a);
	if (!p) {
		r = -ENOMEM;
		goto out_charge;
	}
	t = copy_thread(a);
	if (!t) {
		r = -ENOMEM;
		goto out_process;
	}
	r = copy_tables(t, a);
	if (!r && a->share_sem_undo)
		r = thread_sem_undo_share_hook(t);
	if (!r)
		r = copy_space(t, a);
	if (!r)
		r = publish(p, t, a);
	if (r)
		goto out_thread;
	if (a->thread)
		process_put(p); /* publish took its own */
	*out = thread_get(t);
	return 0;
out_thread:
	drop_thread(t);
out_process:
	if (a->thread)
		process_put(p);
	else
		process_discard(p);
out_charge:
	user_give(current()->cred->user, USER_THREADS, 1);
	return r;
}

bool process_wait_vfork(int32_t pid)
{
	struct process *p = process_find(pid);
	int r;

	if (!p)
		return true;
	/* Killable: a parent that must die does not wait for what its child may never do. */
	r = WAIT_UNTIL(&p->vfork_done, !READ_ONCE(p->vfork_pending), NEVER, WAIT_KILLABLE);
	process_put(p);
	return !r;
}

void process_release_vfork(struct process *p)
{
	if (!READ_ONCE(p->vfork_pending))
		return;
	WRITE_ONCE(p->vfork_pending, false);
	blocker_wake_all(&p->vfork_done);
}

/* --- the first process ----------------------------------------------------------------------- */

static void default_limits(struct process *p)
{
	for (unsigned i = 0; i < RLIMIT_COUNT; i++)
		p->limits[i] = (struct rlimit_pair){RLIM_INFINITY, RLIM_INFINITY};
	p->limits[RLIMIT_STACK].cur = 8UL << 20;
	p->limits[RLIMIT_NOFILE] = (struct rlimit_pair){1024, 4096};
	p->limits[RLIMIT_CORE].cur = 0;
	p->limits[RLIMIT_MEMLOCK] = (struct rlimit_pair){64 << 10, 64 << 10};
	p->limits[RLIMIT_NICE] = (struct rlimit_pair){0, 0};
	p->limits[RLIMIT_RTPRIO] = (struct rlimit_pair){0, 0};
	p->limits[RLIMIT_MSGQUEUE] = (struct rlimit_pair){819200, 819200};
	p->limits[RLIMIT_SIGPENDING] = (struct rlimit_pair){4096, 4096};
	p->limits[RLIMIT_NPROC] = (struct rlimit_pair){4096, 4096};
}

static void first_main(void *arg)
{
	int (*fn)(void) = (int (*)(void))arg;
	int r = fn();

	if (r)
		panic("init: cannot start the first program: error %d", -r);
	arch_enter_user();
}

int process_create_first(int (*fn)(void))
{
	struct process *p = process_alloc();
	struct thread *t = thread_create("init");
	struct session *s = kzalloc(sizeof(*s));
	struct pgroup *g;
	uint64_t irq;

	if (!p || !t || !s || arch_thread_alloc_user(t, NULL) || proc_thread_attach(t))
		return -ENOMEM;
	arch_thread_setup(t, first_main, (void *)fn);
	memset(arch_user_frame(&t->arch), 0, sizeof(struct trap_frame));
	t->files = fd_table_create();
	t->fs = fs_context_create();
	if (!t->files || !t->fs)
		return -ENOMEM;
	default_limits(p);
	user_take(t->cred->user, USER_THREADS, 1, RLIM_INFINITY);
	strlcpy(p->name, "init", sizeof(p->name));
	irq = spin_lock_irq(&proc_tree_lock);
	p->pid = t->tid = pid_alloc_locked(0);
	assert(p->pid == 1);
	s->sid = 1;
	s->leader = p;
	g = pgroup_create(1, s);
	if (!g || pid_insert_process(p) || pid_insert_thread(t))
		panic("boot: out of memory for the first process");
	pgroup_join_locked(p, g);
	t->process = p;
	list_add_tail(&t->process_link, &p->threads);
	p->thread_count = p->staying_count = p->live_count = 1;
	thread_get(t);
	process_get(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	thread_start(t);
	return 0;
}
