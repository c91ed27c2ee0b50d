/* SPDX-License-Identifier: BSD-2-Clause */
/* Names, limits, power, odds and ends of one process or the system. */
#include <arch/power.h>
#include <arch/thread.h>
#include <base/log.h>
#include <base/random.h>
#include <banos/meta.h>
#include <driver/registry.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <proc/cpu_clock.h>
#include <proc/proc_internal.h>
#include <proc/uts.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/fdtable.h>
#include <vfs/mount.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/personality.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

int64_t sys_uname(uaddr_t out)
{
	struct new_utsname u = {.sysname = "Linux",
				.release = UTS_RELEASE,
				.version = UTS_VERSION,
				.machine = "x86_64"};

	uts_nodename(u.nodename, sizeof(u.nodename));
	uts_domainname(u.domainname, sizeof(u.domainname));
	if ((proc_thread(current())->personality & PERSON_TYPE) == PER_LINUX32)
		memcpy(u.machine, "i686", sizeof("i686"));
	return put_user(out, u);
}

BUILD_ASSERT(PERSON_NOT_RANDOM == ADDR_NO_RANDOMIZE && PERSON_READ_IS_EXEC == READ_IMPLIES_EXEC,
	     "personality");

/* What is not there is refused: Linux would take it. */
int64_t sys_personality(unsigned persona)
{
	struct proc_thread *d = proc_thread(current());
	uint32_t old = d->personality, type = persona & PERSON_TYPE;

	if (persona == UINT32_MAX)
		return old;
	if (persona & ~(PERSON_TYPE | PERSON_NOT_RANDOM | PERSON_READ_IS_EXEC) ||
	    (type != PER_LINUX && type != PER_LINUX32))
		return -EINVAL;
	d->personality = persona;
	return old;
}

static int64_t set_name(uaddr_t name, int len, void (*set)(const char *name))
{
	char text[65] = {0};

	if (!cred_capable(current()->cred, CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > 64)
		return -EINVAL;
	if (copy_from_user(text, name, (size_t)len))
		return -EFAULT;
	set(text);
	return 0;
}

int64_t sys_sethostname(uaddr_t name, int len)
{
	return set_name(name, len, uts_set_nodename);
}

int64_t sys_setdomainname(uaddr_t name, int len)
{
	return set_name(name, len, uts_set_domainname);
}

int64_t sys_sysinfo(uaddr_t out)
{
	struct sysinfo si = {0};
	struct frame_stats fs;
	uint64_t loads[3];
	unsigned runnable, threads;

	frame_stats(&fs);
	sched_load(&runnable, &threads, loads);
	si.uptime = (long)(clock_mono_ns() / NSEC_PER_SEC);
	for (unsigned i = 0; i < 3; i++)
		si.loads[i] = loads[i] << (SI_LOAD_SHIFT - 11);
	si.totalram = fs.total * PAGE_SIZE;
	si.freeram = fs.free * PAGE_SIZE;
	si.procs = (uint16_t)process_count();
	si.mem_unit = 1;
	return put_user(out, si);
}

int64_t sys_getrandom(uaddr_t buf, size_t n, unsigned flags)
{
	uint8_t piece[256];
	size_t done = 0;

	if (flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	n = min(n, (size_t)0x7ffff000);
	while (done < n) {
		size_t part = min(n - done, sizeof(piece)), left;

		random_bytes(piece, part);
		left = copy_to_user_partial(buf + done, piece, part);
		done += part - left;
		if (left)
			return done ? (int64_t)done : -EFAULT;
		if (done < n && signal_pending_current())
			break;
	}
	return (int64_t)done;
}

int64_t sys_arch_prctl(int op, unsigned long arg)
{
	uint64_t v;

	switch (op) {
	case ARCH_SET_FS:
		if (arg >= USER_END)
			return -EPERM;
		arch_set_fs_base(arg);
		return 0;
	case ARCH_SET_GS:
		if (arg >= USER_END)
			return -EPERM;
		arch_set_gs_base(arg);
		return 0;
	case ARCH_GET_FS:
		v = current()->arch.fs_base;
		return put_user(arg, v);
	case ARCH_GET_GS:
		v = current()->arch.gs_base;
		return put_user(arg, v);
	default:
		return -EINVAL;
	}
}

int64_t sys_reboot(unsigned magic1, unsigned magic2, unsigned command, uaddr_t arg)
{
	if (!cred_capable(current()->cred, CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != LINUX_REBOOT_MAGIC1 ||
	    (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
	     magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (command) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0; /* there is no such key */
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		vfs_sync();
		driver_event(BANOS_EVENT_SHUTDOWN, 0);
		log_info("reboot: restarting");
		power_reset();
	case LINUX_REBOOT_CMD_POWER_OFF:
	case LINUX_REBOOT_CMD_HALT:
		vfs_sync();
		driver_event(BANOS_EVENT_SHUTDOWN, 0);
		log_info("reboot: power off");
		power_off();
	default:
		return -EINVAL;
	}
}

/* --- limits
 * ---------------------------------------------------------------------------------------- */

struct limit64 {
	uint64_t cur, max;
};

static int set_limit(struct process *p, unsigned resource, const struct limit64 *l)
{
	struct rlimit_pair *old = &p->limits[resource];
	struct vm_space *space;
	uint64_t irq;
	int r = 0;

	if (l->cur > l->max)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && l->max > FD_LIMIT_MAX)
		return -EPERM;
	irq = spin_lock_irq(&proc_tree_lock);
	if (l->max > old->max && !cred_capable(current()->cred, CAP_SYS_RESOURCE))
		r = -EPERM;
	else
		*old = (struct rlimit_pair){l->cur, l->max};
	if (!r && resource == RLIMIT_CPU)
		cpu_timers_changed_locked(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	space = r ? NULL : process_space(p);
	if (space)
		process_limits_to_space(p, space);
	vm_space_put(space);
	return r;
}

/* Another's limits are ours to change if all its ids are our real ones: prlimit(2). */
static bool may_limit(struct process *p)
{
	const struct cred *me = current()->cred;
	struct cred *c;
	bool may;

	if (p == process_current() || cred_capable(me, CAP_SYS_RESOURCE))
		return true;
	c = process_cred(p);
	may = me->uid == c->uid && me->uid == c->euid && me->uid == c->suid && me->gid == c->gid &&
	      me->gid == c->egid && me->gid == c->sgid;
	cred_put(c);
	return may;
}

int64_t sys_prlimit64(int pid, unsigned resource, uaddr_t unew, uaddr_t uold)
{
	struct limit64 new, old;
	struct process *p;
	int64_t r = 0;

	if (unew && get_user(new, unew))
		return -EFAULT;
	p = pid ? process_find(pid) : process_get(process_current());
	if (!p)
		return -ESRCH;
	if (!may_limit(p))
		r = -EPERM;
	else if (resource >= RLIMIT_COUNT)
		r = -EINVAL;
	if (!r) {
		old = (struct limit64){p->limits[resource].cur, p->limits[resource].max};
		if (unew)
			r = set_limit(p, resource, &new);
	}
	if (!r && uold && put_user(uold, old))
		r = -EFAULT;
	process_put(p);
	return r;
}

int64_t sys_getrlimit(unsigned resource, uaddr_t out)
{
	if (resource >= RLIMIT_COUNT)
		return -EINVAL;
	return out ? sys_prlimit64(0, resource, 0, out) : -EFAULT;
}

int64_t sys_setrlimit(unsigned resource, uaddr_t in)
{
	return in ? sys_prlimit64(0, resource, in, 0) : -EFAULT;
}
