/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What threads and processes have used. A thread's use goes to its process when it leaves, a
 * process's to its parent when it is reaped. All sums are under PROC_TREE.
 */
#include "proc_internal.h"

#include <vm/space.h>

void usage_add(struct usage *to, const struct usage *from)
{
	to->user_ns += from->user_ns;
	to->system_ns += from->system_ns;
	to->minor_faults += from->minor_faults;
	to->voluntary += from->voluntary;
	to->forced += from->forced;
	to->resident_max = max(to->resident_max, from->resident_max);
}

/* Of the memory: faults and size belong to the space. */
static void add_space(struct usage *u, const struct vm_space *s)
{
	int64_t pages = s ? READ_ONCE(s->resident) : 0;

	u->minor_faults += s ? READ_ONCE(s->minor_faults) : 0;
	u->resident_max = max(u->resident_max, pages > 0 ? (uint64_t)pages : 0);
}

static void add_thread(struct usage *u, struct thread *t)
{
	nsec_t user, system;

	thread_times(t, &user, &system);
	u->user_ns += user;
	u->system_ns += system;
	u->voluntary += READ_ONCE(t->switches_voluntary);
	u->forced += READ_ONCE(t->switches_forced);
}

void usage_of_thread(struct thread *t, struct usage *u)
{
	*u = (struct usage){0};
	add_thread(u, t);
	add_space(u, t == current() ? t->space : NULL);
}

void usage_leave_locked(struct process *p, struct thread *t)
{
	add_thread(&p->used, t);
}

void usage_leave_space_locked(struct process *p)
{
	add_space(&p->used, p->space);
}

void usage_of_process_locked(struct process *p, struct usage *u)
{
	struct thread *t;

	*u = p->used;
	list_for_each_entry(t, &p->threads, process_link)
		add_thread(u, t);
	add_space(u, p->space);
}

void usage_of_process(struct process *p, struct usage *u)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	usage_of_process_locked(p, u);
	spin_unlock_irq(&proc_tree_lock, irq);
}

void usage_of_children(struct process *p, struct usage *u)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	*u = p->children_used;
	spin_unlock_irq(&proc_tree_lock, irq);
}
