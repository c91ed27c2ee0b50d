/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What /proc shows of a process: the table that procfs reads (vfs/proc_source.h). The texts have
 * the formats of Linux, because programs parse them.
 *
 * A process is handed out as a counted reference. What belongs to one of its threads (files, root
 * and directory) is found by tid under PROC_TREE and taken with a reference unless it is already
 * on its way out; the pointer in the thread may change or vanish at any time after that.
 */
#include "proc_files.h"

#include "proc_internal.h"
#include "uts.h"

#include <base/cred.h>
#include <base/log.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vfs/proc_source.h>
#include <vm/space.h>

#define TICK_NS (NSEC_PER_SEC / 100)

typedef unsigned long long ull;

/* --- finding ------------------------------------------------------------------------------ */

static void *source_find(int32_t pid)
{
	return process_find(pid);
}

static void source_put(void *process)
{
	process_put(process);
}

static int32_t source_next(int32_t after)
{
	struct process *p = process_next(after);
	int32_t pid = p ? p->pid : 0;

	if (p)
		process_put(p);
	return pid;
}

static int32_t source_next_thread(void *process, int32_t after)
{
	struct process *p = process;
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t;
	int32_t best = 0;

	/* The first thread is shown also after its end, for as long as the process is. */
	if (p->pid > after && p->state != PROC_REAPED)
		best = p->pid;
	list_for_each_entry(t, &p->threads, process_link) {
		if (t->tid > after && (!best || t->tid < best))
			best = t->tid;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return best;
}

/* The thread; the caller holds proc_tree_lock. */
static struct thread *thread_by_tid(struct process *p, int32_t tid)
{
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link) {
		if (t->tid == tid)
			return t;
	}
	return NULL;
}

/* The one with the tid, or any if the first thread, whose tid is the pid, has left. */
static struct thread *thread_for(struct process *p, int32_t tid)
{
	struct thread *t = thread_by_tid(p, tid);

	if (!t && tid == p->pid)
		t = list_first_entry_or_null(&p->threads, struct thread, process_link);
	return t;
}

static bool source_has_thread(void *process, int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct process *p = process;
	bool found = thread_by_tid(p, tid) || (tid == p->pid && p->state != PROC_REAPED);

	spin_unlock_irq(&proc_tree_lock, irq);
	return found;
}

static bool source_gone(void *process)
{
	return READ_ONCE(((struct process *)process)->state) == PROC_REAPED;
}

static int32_t source_of_thread(const struct thread *t)
{
	return t->process ? t->process->pid : 0;
}

static int32_t source_self(void)
{
	return source_of_thread(current());
}

static int32_t source_self_thread(void)
{
	return current()->tid;
}

/* --- who may look (see access.c) ------------------------------------------------------------ */

static void source_owner(void *process, uint32_t *uid, uint32_t *gid, bool *dumpable)
{
	struct process *p = process;
	struct cred *c = process_cred(p);

	*uid = c ? c->euid : 0;
	*gid = c ? c->egid : 0;
	*dumpable = READ_ONCE(p->dumpable);
	if (c)
		cred_put(c);
}

static bool source_may_inspect(void *process)
{
	return process_may_inspect(process);
}

/* --- files -------------------------------------------------------------------------------- */

static struct fd_table *source_files(void *process, int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_for(process, tid);
	struct fd_table *table = t ? READ_ONCE(t->files) : NULL;

	/* The spinlock is a read section too. */
	if (table && !fd_table_try_get(table))
		table = NULL;
	spin_unlock_irq(&proc_tree_lock, irq);
	return table;
}

static struct fs_context *source_fs(void *process, int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_for(process, tid);
	struct fs_context *fs = t ? READ_ONCE(t->fs) : NULL;

	if (fs && !fs_context_try_get(fs))
		fs = NULL;
	spin_unlock_irq(&proc_tree_lock, irq);
	return fs;
}

static struct file *source_exe(void *process)
{
	struct process *p = process;
	struct file *f;

	/* exec replaces it and puts the old one, whose memory outlives this section. */
	epoch_enter();
	f = __atomic_load_n(&p->exe, __ATOMIC_ACQUIRE);
	if (f && !file_try_get(f))
		f = NULL;
	epoch_exit();
	return f;
}

/* --- memory ------------------------------------------------------------------------------- */

/* The program's bytes [start, end), at most `most`. */
static int show_memory(struct process *p, bool environment, struct text *out)
{
	struct vm_space *s = process_space(p);
	uint64_t start, end;
	char buf[256];

	if (!s)
		return 0;
	start = environment ? s->env_start : s->arg_start;
	end = environment ? s->env_end : s->arg_end;
	while (start < end) {
		size_t n = min(sizeof(buf), (size_t)(end - start));
		size_t got = vm_access(s, start, buf, n, false, false);

		text_write(out, buf, got);
		start += got;
		if (got < n)
			break;
	}
	vm_space_put(s);
	return 0;
}

static int show_cmdline(void *process, int32_t tid, struct text *out)
{
	return show_memory(process, false, out);
}

static int show_environ(void *process, int32_t tid, struct text *out)
{
	return show_memory(process, true, out);
}

static int show_auxv(void *process, int32_t tid, struct text *out)
{
	struct vm_space *s = process_space(process);

	if (!s)
		return 0;
	text_write(out, (const char *)s->auxv, s->auxv_words * sizeof(s->auxv[0]));
	vm_space_put(s);
	return 0;
}

static const char *region_name(const struct vm_region_info *r, char *path)
{
	const char *name;

	if (r->flags & VM_HEAP)
		return "[heap]";
	if (r->flags & VM_STACK)
		return "[stack]";
	if (r->flags & (VM_VDSO | VM_CLOCK_PAGE))
		return r->flags & VM_VDSO ? "[vdso]" : "[vvar]";
	if (!r->file)
		return "";
	name = file_path(r->file, path, PATH_TEXT_MAX);
	return IS_ERR(name) ? "(too long)" : name;
}

void proc_show_region(const struct vm_region_info *r, char *path, struct text *out)
{
	uint32_t major = 0, minor = 0;
	uint64_t ino = 0;
	const char *name = region_name(r, path);
	size_t start = out->len, width;

	if (r->file)
		file_identity(r->file, &major, &minor, &ino);
	text_printf(out, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (ull)r->start,
		    (ull)r->end, r->prot & VM_READ ? 'r' : '-', r->prot & VM_WRITE ? 'w' : '-',
		    r->prot & VM_EXEC ? 'x' : '-', r->flags & VM_SHARED ? 's' : 'p', (ull)r->offset,
		    major, minor, (ull)ino);
	if (*name) {
		width = out->len - start;
		text_printf(out, "%*s%s", width < 73 ? (int)(73 - width) : 0, "", name);
	}
	text_printf(out, "\n");
}

static int show_maps(void *process, int32_t tid, struct text *out)
{
	struct vm_space *s = process_space(process);
	struct vm_region_info r = {0};
	char *path;

	if (!s)
		return 0;
	path = kmalloc(PATH_TEXT_MAX);
	while (path && vm_region_next(s, r.end, &r)) {
		proc_show_region(&r, path, out);
		if (r.file)
			file_put(r.file);
	}
	vm_space_put(s);
	kfree(path);
	return path ? 0 : -ENOMEM;
}

static int show_statm(void *process, int32_t tid, struct text *out)
{
	struct vm_space *s = process_space(process);

	if (!s) {
		text_printf(out, "0 0 0 0 0 0 0\n");
		return 0;
	}
	text_printf(out, "%llu %lld %lld %llu 0 %llu 0\n", (ull)s->total_pages,
		    (long long)s->resident, (long long)s->resident_file,
		    (ull)((s->code_end - s->code_start + PAGE_SIZE - 1) / PAGE_SIZE),
		    (ull)s->total_pages);
	vm_space_put(s);
	return 0;
}

/* --- threads ------------------------------------------------------------------------------ */

/* What the texts tell of one thread, copied at one moment. */
struct thread_view {
	char name[THREAD_NAME_SIZE];
	uint64_t user_ns, system_ns, voluntary, forced;
	nsec_t start_ns;
	uint32_t cpu;
	int nice;
	unsigned policy, rt_priority, running_priority;
	unsigned threads;
	sigset64_t pending, blocked;
	int32_t tracer;
};

static void view_thread(struct process *p, int32_t tid, struct thread_view *v)
{
	struct usage u;
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_for(p, tid);

	*v = (struct thread_view){.start_ns = p->start_ns, .threads = p->thread_count};
	memcpy(v->name, p->name, sizeof(v->name));
	if (t) {
		memcpy(v->name, t->name, sizeof(v->name));
		thread_times(t, &v->user_ns, &v->system_ns);
		v->voluntary = t->switches_voluntary;
		v->forced = t->switches_forced;
		v->start_ns = t->start_ns;
		v->cpu = t->cpu;
		v->nice = t->sched.nice;
		v->policy = t->sched.policy;
		v->rt_priority = t->sched.own_priority;
		v->running_priority = t->sched.rt_priority;
		v->pending = proc_thread(t)->pending.set;
		v->blocked = proc_thread(t)->blocked;
		v->tracer = trace_of(t)->tracer ? trace_of(t)->tracer->tid : 0;
	}
	v->name[sizeof(v->name) - 1] = 0;
	spin_unlock_irq(&proc_tree_lock, irq);
	if (tid == p->pid) {
		usage_of_process(p, &u);
		v->user_ns = u.user_ns;
		v->system_ns = u.system_ns;
	}
}

static int show_comm(void *process, int32_t tid, struct text *out)
{
	struct thread_view v;

	view_thread(process, tid, &v);
	text_printf(out, "%s\n", v.name);
	return 0;
}

static void signal_sets(struct process *p, sigset64_t *pending, sigset64_t *ignored,
			sigset64_t *caught)
{
	uint64_t irq = spin_lock_irq(&p->signals.lock);

	*pending = p->signals.shared.set;
	*ignored = *caught = 0;
	for (int i = 1; i <= SIGNAL_COUNT; i++) {
		uaddr_t handler = READ_ONCE(p->signals.actions->table[i - 1].handler);

		if (handler == 1)
			*ignored |= SIGBIT(i);
		else if (handler)
			*caught |= SIGBIT(i);
	}
	spin_unlock_irq(&p->signals.lock, irq);
}

static void show_stat_memory(struct process *p, bool addresses, struct text *out)
{
	struct vm_space *s = process_space(p);

	if (!s) {
		text_printf(out, "0 0 18446744073709551615 0 0 0 0 0 ");
		return;
	}
	text_printf(out, "%llu %lld %llu %llu %llu %llu 0 0 ", (ull)(s->total_pages * PAGE_SIZE),
		    (long long)s->resident, (ull)process_limit(p, RLIMIT_RSS),
		    addresses ? (ull)s->code_start : 1, addresses ? (ull)s->code_end : 1,
		    addresses ? (ull)s->stack_top : 0);
	vm_space_put(s);
}

static void show_stat_layout(struct process *p, bool addresses, struct text *out)
{
	struct vm_space *s = addresses ? process_space(p) : NULL;

	if (!s) {
		text_printf(out, "0 0 0 0 0 0 0 ");
		return;
	}
	text_printf(out, "0 0 %llu %llu %llu %llu %llu ", (ull)s->brk_start, (ull)s->arg_start,
		    (ull)s->arg_end, (ull)s->env_start, (ull)s->env_end);
	vm_space_put(s);
}

static int show_stat(void *process, int32_t tid, struct text *out)
{
	struct process *p = process;
	sigset64_t pending, ignored, caught;
	struct usage children;
	struct thread_view v;
	struct vm_space *s = process_space(p);
	uint64_t faults = s ? s->minor_faults : 0;
	bool addresses = process_may_inspect(p); /* where a program lies is not for everybody */
	int32_t foreground;
	uint32_t number;

	process_tty_info(p, &number, &foreground);
	if (s)
		vm_space_put(s);
	view_thread(p, tid, &v);
	signal_sets(p, &pending, &ignored, &caught);
	usage_of_children(p, &children);
	text_printf(out, "%d (%s) %c %d %d %d %u %d 0 %llu 0 0 0 ", tid, v.name,
		    thread_state_letter(p, tid), process_ppid(p), process_pgid(p), process_sid(p),
		    number, foreground, (ull)faults);
	text_printf(out, "%llu %llu %llu %llu %d %d %u 0 %llu ", (ull)(v.user_ns / TICK_NS),
		    (ull)(v.system_ns / TICK_NS), (ull)(children.user_ns / TICK_NS),
		    (ull)(children.system_ns / TICK_NS),
		    v.running_priority ? -1 - (int)v.running_priority : 20 + v.nice, v.nice,
		    v.threads, (ull)(v.start_ns / TICK_NS));
	show_stat_memory(p, addresses, out);
	text_printf(out, "%llu 0 %llu %llu 0 0 0 %d %u %u %u 0 0 0 ", (ull)(pending & INT32_MAX),
		    (ull)(ignored & INT32_MAX), (ull)(caught & INT32_MAX), p->exit_signal, v.cpu,
		    v.rt_priority,
		    v.policy == THREAD_IDLE ? 5 : v.policy); /* as Linux numbers them */
	show_stat_layout(p, addresses, out);
	text_printf(out, "%d\n", addresses ? p->exit_status : 0);
	return 0;
}

/* --- status ------------------------------------------------------------------------------- */

static const char *state_name(char letter)
{
	switch (letter) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	case 't':
		return "tracing stop";
	default:
		return "zombie";
	}
}

static void show_status_cred(struct process *p, struct text *out)
{
	struct cred *c = process_cred(p);

	if (!c)
		return;
	text_printf(out, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid,
		    c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
	text_printf(out, "Groups:\t");
	for (uint32_t i = 0; i < c->group_count; i++)
		text_printf(out, "%u ", c->groups[i]);
	text_printf(out, "\n");
	cred_put(c);
}

static void show_status_caps(struct process *p, struct text *out)
{
	struct cred *c = process_cred(p);

	if (!c)
		return;
	text_printf(out,
		    "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n"
		    "CapBnd:\t%016llx\nCapAmb:\t0000000000000000\nSeccomp:\t0\n",
		    (ull)c->cap_inheritable, (ull)c->cap_permitted, (ull)c->cap_effective,
		    (ull)(2ULL << CAP_LAST_CAP) - 1);
	cred_put(c);
}

static void show_status_memory(struct process *p, struct text *out)
{
	struct vm_space *s = process_space(p);
	int64_t resident;

	if (!s)
		return;
	resident = s->resident;
	text_printf(out,
		    "VmSize:\t%8llu kB\nVmRSS:\t%8lld kB\nRssAnon:\t%8lld kB\nRssFile:\t%8lld kB\n",
		    (ull)(s->total_pages * 4), (long long)resident * 4,
		    (long long)(resident - s->resident_file) * 4, (long long)s->resident_file * 4);
	vm_space_put(s);
}

static void show_status_files(struct process *p, int32_t tid, struct text *out)
{
	struct fd_table *t = source_files(p, tid);

	if (!t)
		return;
	epoch_enter();
	/* Only the number: the array may be replaced right after. */
	text_printf(out, "FDSize:\t%u\n", __atomic_load_n(&t->array, __ATOMIC_ACQUIRE)->capacity);
	epoch_exit();
	fd_table_put(t);
}

static int show_status(void *process, int32_t tid, struct text *out)
{
	struct process *p = process;
	struct fs_context *fs = source_fs(p, tid);
	char letter = thread_state_letter(p, tid);
	sigset64_t pending, ignored, caught;
	struct thread_view v;

	view_thread(p, tid, &v);
	signal_sets(p, &pending, &ignored, &caught);
	text_printf(out, "Name:\t%s\n", v.name);
	if (fs)
		text_printf(out, "Umask:\t%04o\n", fs->umask);
	fs_context_put(fs);
	text_printf(out,
		    "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		    letter, state_name(letter), p->pid, tid, process_ppid(p), v.tracer);
	show_status_cred(p, out);
	show_status_files(p, tid, out);
	show_status_memory(p, out);
	text_printf(out,
		    "Threads:\t%u\nSigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%"
		    "016llx\nSigCgt:\t%016llx\n",
		    v.threads, (ull)v.pending, (ull)pending, (ull)v.blocked, (ull)ignored,
		    (ull)caught);
	show_status_caps(p, out);
	text_printf(out, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		    (ull)v.voluntary, (ull)v.forced);
	return 0;
}

/* --- limits ------------------------------------------------------------------------------- */

static void show_limit(struct text *out, uint64_t v)
{
	if (v == RLIM64_INFINITY)
		text_printf(out, "%-20s ", "unlimited");
	else
		text_printf(out, "%-20llu ", (ull)v);
}

static int show_limits(void *process, int32_t tid, struct text *out)
{
	static const struct {
		const char *name, *unit;
	} rows[RLIMIT_COUNT] = {
		[RLIMIT_CPU] = {"Max cpu time", "seconds"},
		[RLIMIT_FSIZE] = {"Max file size", "bytes"},
		[RLIMIT_DATA] = {"Max data size", "bytes"},
		[RLIMIT_STACK] = {"Max stack size", "bytes"},
		[RLIMIT_CORE] = {"Max core file size", "bytes"},
		[RLIMIT_RSS] = {"Max resident set", "bytes"},
		[RLIMIT_NPROC] = {"Max processes", "processes"},
		[RLIMIT_NOFILE] = {"Max open files", "files"},
		[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
		[RLIMIT_AS] = {"Max address space", "bytes"},
		[RLIMIT_LOCKS] = {"Max file locks", "locks"},
		[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
		[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
		[RLIMIT_NICE] = {"Max nice priority", ""},
		[RLIMIT_RTPRIO] = {"Max realtime priority", ""},
		[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};
	struct rlimit_pair limits[RLIMIT_COUNT];
	struct process *p = process;
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	memcpy(limits, p->limits, sizeof(limits));
	spin_unlock_irq(&proc_tree_lock, irq);
	text_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (int i = 0; i < RLIMIT_COUNT; i++) {
		text_printf(out, "%-25s ", rows[i].name);
		show_limit(out, limits[i].cur);
		show_limit(out, limits[i].max);
		text_printf(out, "%-10s\n", rows[i].unit);
	}
	return 0;
}

/* --- the system's name -------------------------------------------------------------------- */

static void show_version(struct stats_node *n, struct text *out)
{
	text_printf(out, "Linux version %s (banos) (gcc) %s\n", UTS_RELEASE, UTS_VERSION);
}

static void show_ostype(struct stats_node *n, struct text *out)
{
	text_printf(out, "Linux\n");
}

static void show_osrelease(struct stats_node *n, struct text *out)
{
	text_printf(out, "%s\n", UTS_RELEASE);
}

static void show_osversion(struct stats_node *n, struct text *out)
{
	text_printf(out, "%s\n", UTS_VERSION);
}

static void show_hostname(struct stats_node *n, struct text *out)
{
	char name[65];

	uts_nodename(name, sizeof(name));
	text_printf(out, "%s\n", name);
}

static ssize_t store_hostname(struct stats_node *n, const char *text, size_t len)
{
	const char *end = strchr(text, '\n');
	size_t used = end ? (size_t)(end - text) : len;
	char name[65];

	if (used >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, used);
	name[used] = 0;
	uts_set_nodename(name);
	return (ssize_t)len;
}

static struct stats_node uts_nodes[] = {
	{.path = "version", .show = show_version},
	{.path = "sys/kernel/ostype", .show = show_ostype},
	{.path = "sys/kernel/osrelease", .show = show_osrelease},
	{.path = "sys/kernel/version", .show = show_osversion},
	{.path = "sys/kernel/hostname",
	 .show = show_hostname,
	 .store = store_hostname,
	 .mode = 0644},
};

/* --- the table ---------------------------------------------------------------------------- */

static const struct proc_text_file texts[] = {
	{.name = "stat", .mode = 0444, .show = show_stat, .threads = true},
	{.name = "status", .mode = 0444, .show = show_status, .threads = true},
	{.name = "statm", .mode = 0444, .show = show_statm, .threads = true},
	{.name = "cmdline", .mode = 0444, .show = show_cmdline, .threads = true},
	{.name = "comm",
	 .mode = 0644,
	 .show = show_comm,
	 .store = proc_store_comm,
	 .threads = true},
	{.name = "wchan", .mode = 0444, .show = proc_show_wchan, .threads = true},
	{.name = "oom_score", .mode = 0444, .show = proc_show_oom_score, .threads = true},
	{.name = "oom_score_adj",
	 .mode = 0644,
	 .show = proc_show_oom_adjust,
	 .store = proc_store_oom_adjust,
	 .threads = true},
	{.name = "smaps",
	 .mode = 0444,
	 .show = proc_show_smaps,
	 .protected = true,
	 .threads = true},
	{.name = "smaps_rollup",
	 .mode = 0444,
	 .show = proc_show_smaps_rollup,
	 .protected = true,
	 .threads = true},
	{.name = "maps", .mode = 0444, .show = show_maps, .protected = true, .threads = true},
	{.name = "environ", .mode = 0400, .show = show_environ, .protected = true, .threads = true},
	{.name = "auxv", .mode = 0400, .show = show_auxv, .protected = true, .threads = true},
	{.name = "limits", .mode = 0444, .show = show_limits, .threads = true},
};

static const struct proc_source source = {
	.find = source_find,
	.put = source_put,
	.next = source_next,
	.next_thread = source_next_thread,
	.has_thread = source_has_thread,
	.gone = source_gone,
	.self = source_self,
	.of_thread = source_of_thread,
	.self_thread = source_self_thread,
	.owner = source_owner,
	.may_inspect = source_may_inspect,
	.files = source_files,
	.fs = source_fs,
	.exe = source_exe,
	.space_id = proc_space_id,
	.memory = proc_access_memory,
	.texts = texts,
	.text_count = ARRAY_SIZE(texts),
};

void proc_files_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(uts_nodes); i++)
		stats_add(&uts_nodes[i]);

	proc_source_register(&source);
}
