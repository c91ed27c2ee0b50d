/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory policies, on a machine whose memory is one node: which node memory is to come from is
 * kept, checked and told as Linux does, and it always comes from node 0.
 *
 * A policy is 16 bits: Linux's mode and mode flags, and POLICY_NODE when node 0 is in its set. With
 * MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES Linux remembers nodes that are not there; here
 * such sets are -EINVAL.
 */
#include "pidfd_arg.h"

#include <arch/page.h>
#include <base/cred.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <linux/capability.h>
#include <linux/mempolicy.h>

#define POLICY_NODE 0x100U
#define MODES	    0xffU
#define NODES_MAX   1024UL /* bits that a set of nodes may have */

/* --- sets of nodes --------------------------------------------------------------------------- */

/* What a set says: node 0 is in it; so is another. */
struct nodes {
	bool first, other;
};

/* -EFAULT, -EINVAL: bits beyond what a set may have. */
static int get_nodes(uaddr_t from, unsigned long max, struct nodes *n)
{
	uint64_t word;

	*n = (struct nodes){0};
	max--;
	if (!max || !from)
		return 0;
	if (max > PAGE_SIZE * 8)
		return -EINVAL;
	for (unsigned long at = 0; at < max; at += 64) {
		if (get_user(word, from + at / 8))
			return -EFAULT;
		if (max - at < 64)
			word &= (1UL << (max - at)) - 1;
		if (at >= NODES_MAX && word)
			return -EINVAL;
		n->first |= !at && word & 1;
		n->other |= at ? word != 0 : word > 1;
	}
	return 0;
}

static int put_nodes(uaddr_t to, unsigned long max, bool first)
{
	size_t size = ALIGN_UP(max - 1, 64) / 8;
	uint64_t word = first;

	if (size > 8) {
		if (size > PAGE_SIZE)
			return -EINVAL;
		if (clear_user(to + 8, size - 8))
			return -EFAULT;
		size = 8;
	}
	return copy_to_user(to, &word, size);
}

/* --- policies -------------------------------------------------------------------------------- */

static int check_mode(unsigned long mode)
{
	unsigned long flags = mode & MPOL_MODE_FLAGS;

	mode &= ~(unsigned long)MPOL_MODE_FLAGS;
	if (mode >= MPOL_MAX)
		return -EINVAL;
	if (flags & MPOL_F_STATIC_NODES && flags & MPOL_F_RELATIVE_NODES)
		return -EINVAL;
	return flags & MPOL_F_NUMA_BALANCING && mode != MPOL_BIND ? -EINVAL : 0;
}

/* The policy of these: 0 or -EINVAL. */
static int make(unsigned mode_and_flags, const struct nodes *n, unsigned *policy)
{
	unsigned flags = mode_and_flags & MPOL_MODE_FLAGS, mode = mode_and_flags & MODES;
	unsigned placed = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);
	bool empty = !n->first && !n->other;

	*policy = 0;
	if (mode == MPOL_DEFAULT)
		return empty ? 0 : -EINVAL;
	if (mode == MPOL_LOCAL || (mode == MPOL_PREFERRED && empty)) {
		*policy = MPOL_LOCAL | flags;
		return empty && !placed ? 0 : -EINVAL;
	}
	if (!n->first || (placed && n->other))
		return -EINVAL;
	*policy = mode | flags | POLICY_NODE;
	return 0;
}

int64_t sys_set_mempolicy(int mode, uaddr_t unodes, unsigned long max)
{
	struct nodes n;
	unsigned policy;
	int r = check_mode((unsigned)mode);

	if (!r)
		r = get_nodes(unodes, max, &n);
	if (!r)
		r = make((unsigned)mode, &n, &policy);
	if (!r)
		proc_thread(current())->mem_policy = (uint16_t)policy;
	return r;
}

/* Of the page at addr, which is faulted in: always 0. */
static int node_of(uint64_t addr)
{
	char c;

	return copy_from_user(&c, addr, 1) ? -EFAULT : 0;
}

static int ask(uaddr_t addr, unsigned long flags, unsigned *value, bool *first)
{
	unsigned policy = proc_thread(current())->mem_policy;
	int r = 0;

	if (flags & MPOL_F_ADDR)
		r = vm_get_policy(current()->space, addr, &policy);
	else if (addr)
		r = -EINVAL;
	if (r)
		return r;
	*first = policy & POLICY_NODE;
	*value = policy & ~POLICY_NODE;
	if (!(flags & MPOL_F_NODE))
		return 0;
	*value = 0;
	if (flags & MPOL_F_ADDR)
		return node_of(addr);
	return (policy & MODES) == MPOL_INTERLEAVE ? 0 : -EINVAL;
}

int64_t sys_get_mempolicy(uaddr_t umode, uaddr_t unodes, unsigned long max, uaddr_t addr,
			  unsigned long flags)
{
	unsigned value = 0;
	bool first = true;
	int r = 0;

	if ((unodes && max < 1) ||
	    flags & ~(unsigned long)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED)
		r = flags & (MPOL_F_NODE | MPOL_F_ADDR) ? -EINVAL : 0;
	else
		r = ask(addr, flags, &value, &first);
	if (!r && umode)
		r = put_user(umode, value);
	if (!r && unodes)
		r = put_nodes(unodes, max, first);
	return r;
}

int64_t sys_mbind(uaddr_t start, unsigned long length, unsigned long mode, uaddr_t unodes,
		  unsigned long max, unsigned flags)
{
	struct nodes n;
	uint64_t end;
	unsigned policy;
	int r = check_mode(mode);

	if (!r)
		r = get_nodes(unodes, max, &n);
	if (r)
		return r;
	if (flags & ~(unsigned)MPOL_MF_VALID)
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !cred_capable(current()->cred, CAP_SYS_NICE))
		return -EPERM;
	length = ALIGN_UP(length, PAGE_SIZE); /* as Linux, which lets the largest wrap to 0 */
	if (start & ~PAGE_MASK || add_overflow(start, length, &end))
		return -EINVAL;
	if (end == start)
		return 0;
	r = make((unsigned)mode, &n, &policy);
	return r ? r : vm_set_policy(current()->space, start, length, policy, !policy);
}

int64_t sys_set_mempolicy_home_node(uaddr_t start, unsigned long length, unsigned long node,
				    unsigned long flags)
{
	unsigned policy;
	uint64_t end;
	int r;

	if (start & ~PAGE_MASK || flags || node)
		return -EINVAL;
	length = ALIGN_UP(length, PAGE_SIZE);
	if (add_overflow(start, length, &end))
		return -EINVAL;
	if (end == start)
		return 0;
	r = vm_find_policy(current()->space, start, end, &policy);
	if (r)
		return r;
	policy &= MODES;
	/* The only node is everybody's home already. */
	return policy == MPOL_BIND || policy == MPOL_PREFERRED_MANY ? 0 : -EOPNOTSUPP;
}

/* --- moving ---------------------------------------------------------------------------------- */

/* The space of a process (0: the caller's), with a reference. -ESRCH, -EPERM, -EINVAL: none. */
static int space_of(int pid, struct vm_space **out)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct process *p = pid ? process_of_id_locked(pid) : process_current();
	int r;

	if (p)
		process_get(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	if (!p)
		return -ESRCH;
	*out = process_space(p);
	r = !process_may_trace(p) ? -EPERM : *out ? 0 : -EINVAL;
	process_put(p);
	if (r)
		vm_space_put(*out);
	return r;
}

int64_t sys_migrate_pages(int pid, unsigned long max, uaddr_t ufrom, uaddr_t uto)
{
	struct nodes from, to;
	struct vm_space *s;
	int r = get_nodes(ufrom, max, &from);

	if (!r)
		r = get_nodes(uto, max, &to);
	if (!r)
		r = space_of(pid, &s);
	if (r)
		return r;
	vm_space_put(s);
	if (to.other && !cred_capable(current()->cred, CAP_SYS_NICE))
		return -EPERM;
	return to.first ? 0 : -EINVAL; /* nothing is left to be moved */
}

/* Where it is, or why it is nowhere; with a node, whether it may be moved there. */
static int page_status(struct vm_space *s, uint64_t addr, uaddr_t unode, int *status)
{
	int node = 0;

	if (unode && get_user(node, unode))
		return -EFAULT;
	if (node)
		return -ENODEV;
	*status = vm_page_state(s, addr);
	return 0;
}

static int64_t move_or_ask(struct vm_space *s, unsigned long count, uaddr_t upages, uaddr_t unodes,
			   uaddr_t ustatus)
{
	uint64_t addr;
	int status, r;

	for (unsigned long i = 0; i < count; i++) {
		if (get_user(addr, upages + i * 8))
			return -EFAULT;
		r = page_status(s, addr, unodes ? unodes + i * 4 : 0, &status);
		if (r)
			return r;
		if (put_user(ustatus + i * 4, status))
			return -EFAULT;
		if (signal_pending_current())
			return -EINTR;
	}
	return 0;
}

int64_t sys_move_pages(int pid, unsigned long count, uaddr_t upages, uaddr_t unodes,
		       uaddr_t ustatus, int flags)
{
	struct vm_space *s;
	int64_t r;

	if (flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !cred_capable(current()->cred, CAP_SYS_NICE))
		return -EPERM;
	r = space_of(pid, &s);
	if (r)
		return r;
	r = move_or_ask(s, count, upages, unodes, ustatus);
	vm_space_put(s);
	return r;
}
