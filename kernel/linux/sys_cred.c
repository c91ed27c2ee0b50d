/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Users, groups, capabilities. A change builds a new set of credentials and installs it for the
 * calling thread. Rules: credentials(7), setresuid(2), capabilities(7).
 */
#include <lib/compiler.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/capability.h>

#define KEEP UINT32_MAX

int64_t sys_getuid(void)
{
	return current()->cred->uid;
}
int64_t sys_geteuid(void)
{
	return current()->cred->euid;
}
int64_t sys_getgid(void)
{
	return current()->cred->gid;
}
int64_t sys_getegid(void)
{
	return current()->cred->egid;
}

static struct cred *begin(void)
{
	return cred_clone(current()->cred, current()->cred->group_count);
}

/* Capabilities follow the user ids: capabilities(7), "Effect of user ID changes". */
static void commit(struct cred *c)
{
	const struct cred *old = current()->cred;
	bool had = !old->uid || !old->euid || !old->suid, has = !c->uid || !c->euid || !c->suid;

	if (had && !has)
		c->cap_permitted = c->cap_effective = 0;
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
	cred_install(c);
}

static bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == KEEP || id == a || id == b || id == c;
}

int64_t sys_setresuid(unsigned r, unsigned e, unsigned s)
{
	const struct cred *old = current()->cred;
	struct cred *c;

	if (!cred_capable(old, CAP_SETUID) && (!one_of(r, old->uid, old->euid, old->suid) ||
					       !one_of(e, old->uid, old->euid, old->suid) ||
					       !one_of(s, old->uid, old->euid, old->suid)))
		return -EPERM;
	c = begin();
	if (!c)
		return -ENOMEM;
	if (r != KEEP && cred_set_uid(c, r)) {
		cred_put(c);
		return -EAGAIN;
	}
	c->euid = e == KEEP ? c->euid : e;
	c->suid = s == KEEP ? c->suid : s;
	c->fsuid = c->euid;
	commit(c);
	return 0;
}

int64_t sys_setresgid(unsigned r, unsigned e, unsigned s)
{
	const struct cred *old = current()->cred;
	struct cred *c;

	if (!cred_capable(old, CAP_SETGID) && (!one_of(r, old->gid, old->egid, old->sgid) ||
					       !one_of(e, old->gid, old->egid, old->sgid) ||
					       !one_of(s, old->gid, old->egid, old->sgid)))
		return -EPERM;
	c = begin();
	if (!c)
		return -ENOMEM;
	c->gid = r == KEEP ? c->gid : r;
	c->egid = e == KEEP ? c->egid : e;
	c->sgid = s == KEEP ? c->sgid : s;
	c->fsgid = c->egid;
	commit(c);
	return 0;
}

int64_t sys_setuid(unsigned id)
{
	if (id == KEEP)
		return -EINVAL;
	if (cred_capable(current()->cred, CAP_SETUID))
		return sys_setresuid(id, id, id);
	return sys_setresuid(KEEP, id, KEEP);
}

int64_t sys_setgid(unsigned id)
{
	if (id == KEEP)
		return -EINVAL;
	if (cred_capable(current()->cred, CAP_SETGID))
		return sys_setresgid(id, id, id);
	return sys_setresgid(KEEP, id, KEEP);
}

/* The saved id follows when the real one is set or the effective one becomes something else. */
int64_t sys_setreuid(unsigned r, unsigned e)
{
	const struct cred *old = current()->cred;
	bool saved = r != KEEP || (e != KEEP && e != old->uid);

	if (!cred_capable(old, CAP_SETUID) && !one_of(r, old->uid, old->euid, old->euid))
		return -EPERM;
	return sys_setresuid(r, e, saved ? (e == KEEP ? old->euid : e) : KEEP);
}

int64_t sys_setregid(unsigned r, unsigned e)
{
	const struct cred *old = current()->cred;
	bool saved = r != KEEP || (e != KEEP && e != old->gid);

	if (!cred_capable(old, CAP_SETGID) && !one_of(r, old->gid, old->egid, old->egid))
		return -EPERM;
	return sys_setresgid(r, e, saved ? (e == KEEP ? old->egid : e) : KEEP);
}

static int put_three(uaddr_t a, uint32_t va, uaddr_t b, uint32_t vb, uaddr_t c, uint32_t vc)
{
	return put_user(a, va) || put_user(b, vb) || put_user(c, vc) ? -EFAULT : 0;
}

int64_t sys_getresuid(uaddr_t r, uaddr_t e, uaddr_t s)
{
	const struct cred *c = current()->cred;

	return put_three(r, c->uid, e, c->euid, s, c->suid);
}

int64_t sys_getresgid(uaddr_t r, uaddr_t e, uaddr_t s)
{
	const struct cred *c = current()->cred;

	return put_three(r, c->gid, e, c->egid, s, c->sgid);
}

int64_t sys_setfsuid(unsigned id)
{
	const struct cred *old = current()->cred;
	uint32_t was = old->fsuid;
	struct cred *c;

	if (cred_capable(old, CAP_SETUID) || one_of(id, old->uid, old->euid, old->suid)) {
		c = id == KEEP ? NULL : begin();
		if (c) {
			c->fsuid = id;
			cred_install(c);
		}
	}
	return was;
}

int64_t sys_setfsgid(unsigned id)
{
	const struct cred *old = current()->cred;
	uint32_t was = old->fsgid;
	struct cred *c;

	if (cred_capable(old, CAP_SETGID) || one_of(id, old->gid, old->egid, old->sgid)) {
		c = id == KEEP ? NULL : begin();
		if (c) {
			c->fsgid = id;
			cred_install(c);
		}
	}
	return was;
}

int64_t sys_getgroups(int n, uaddr_t out)
{
	const struct cred *c = current()->cred;

	if (n < 0 || (n && (uint32_t)n < c->group_count))
		return -EINVAL;
	if (n && copy_to_user(out, c->groups, c->group_count * sizeof(c->groups[0])))
		return -EFAULT;
	return c->group_count;
}

static void sort(uint32_t *a, uint32_t n)
{
	/* Heap sort: a hostile list of 65,536 must not take quadratic time. */
	for (uint32_t start = n / 2, end = n; end > 1;) {
		uint32_t root, child, v;

		if (start) {
			start--;
		} else {
			end--;
			v = a[end];
			a[end] = a[0];
			a[0] = v;
		}
		for (root = start; (child = 2 * root + 1) < end; root = child) {
			if (child + 1 < end && a[child] < a[child + 1])
				child++;
			if (a[root] >= a[child])
				break;
			v = a[root];
			a[root] = a[child];
			a[child] = v;
		}
	}
}

int64_t sys_setgroups(int n, uaddr_t in)
{
	struct cred *c;

	if (!cred_capable(current()->cred, CAP_SETGID))
		return -EPERM;
	if (n < 0 || n > CRED_GROUPS_MAX)
		return -EINVAL;
	c = cred_clone(current()->cred, (uint32_t)n);
	if (!c)
		return -ENOMEM;
	if (copy_from_user(c->groups, in, (size_t)n * sizeof(c->groups[0]))) {
		cred_put(c);
		return -EFAULT;
	}
	c->group_count = (uint32_t)n;
	sort(c->groups, c->group_count);
	cred_install(c);
	return 0;
}

/* --- capabilities: version 3, the caller's own
 * ------------------------------------------------------ */

int64_t sys_capget(uaddr_t uheader, uaddr_t udata)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2];
	uint32_t version = _LINUX_CAPABILITY_VERSION_3;
	struct process *p;
	struct cred *c;

	if (get_user(h.version, uheader))
		return -EFAULT;
	if (h.version != _LINUX_CAPABILITY_VERSION_3) {
		if (put_user(uheader, version))
			return -EFAULT;
		return udata ? -EINVAL : 0;
	}
	if (!udata)
		return 0;
	if (get_user(h, uheader))
		return -EFAULT;
	if (h.pid < 0)
		return -EINVAL;
	p = h.pid ? process_find(h.pid) : process_get(process_current());
	if (!p)
		return -ESRCH;
	c = process_cred(p);
	process_put(p);
	for (unsigned i = 0; i < 2; i++) {
		d[i].effective = (uint32_t)(c->cap_effective >> 32 * i);
		d[i].permitted = (uint32_t)(c->cap_permitted >> 32 * i);
		d[i].inheritable = (uint32_t)(c->cap_inheritable >> 32 * i);
	}
	cred_put(c);
	return put_user(udata, d);
}

int64_t sys_capset(uaddr_t uheader, uaddr_t udata)
{
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2];
	const struct cred *old = current()->cred;
	uint64_t effective, permitted, inheritable;
	struct cred *c;

	if (get_user(h, uheader) || get_user(d, udata))
		return -EFAULT;
	if (h.version != _LINUX_CAPABILITY_VERSION_3)
		return -EINVAL;
	if (h.pid && h.pid != process_current()->pid)
		return -EPERM;
	effective = (uint64_t)d[1].effective << 32 | d[0].effective;
	permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted;
	inheritable = (uint64_t)d[1].inheritable << 32 | d[0].inheritable;
	if (permitted & ~old->cap_permitted || effective & ~permitted ||
	    inheritable & ~(old->cap_inheritable | old->cap_permitted))
		return -EPERM;
	c = begin();
	if (!c)
		return -ENOMEM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	cred_install(c);
	return 0;
}
