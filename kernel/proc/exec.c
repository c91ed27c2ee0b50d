/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec: build the new program in an address space of its own, then, when nothing can fail any more,
 * put it in the place of the old one. Until that point the caller's memory, descriptors and
 * handlers are untouched, and an error leaves them so.
 *
 * Program files are hostile: elf.c checks every header against the file's size and the address
 * space before anything is mapped. Scripts (#!) are resolved up to four deep.
 */
#include "elf.h"
#include "posix_timer.h"
#include "proc_internal.h"
#include "vdso.h"

#include <arch/thread.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/random.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vfs/inode.h>
#include <vm/space.h>

#include <asm/signal.h>
#include <linux/auxvec.h>
#include <linux/capability.h>
#include <linux/resource.h>

#define STACK_TOP   (USER_END - PAGE_SIZE)
#define STACK_START (33 * PAGE_SIZE) /* as much as on Linux; more comes by itself */
#define STACK_GAP   (1UL << 20)
/* Room kept for it below: at least this, so that the limit may be raised; at most so
 * much that position-independent programs still lie below the mappings. */
#define STACK_ROOM_MIN (128UL << 20)
#define STACK_ROOM_MAX (USER_END / 4)
#define STACK_RANDOM   (1UL << 34)
#define MMAP_RANDOM    (1UL << 40)
#define BRK_RANDOM     (1UL << 25)

struct auxv_builder {
	uint64_t *words;
	unsigned n;
};

static void aux(struct auxv_builder *b, uint64_t type, uint64_t value)
{
	b->words[b->n++] = type;
	b->words[b->n++] = value;
}

uint64_t exec_random_pages(uint64_t bytes)
{
	if (proc_thread(current())->personality & PERSON_NOT_RANDOM)
		return 0;
	return random_below(bytes >> PAGE_SHIFT) << PAGE_SHIFT;
}

/*
 * The stack starts small and grows down to its limit as it is touched. Mappings begin below the
 * room that the limit gives it, so that it can.
 */
static int map_stack(struct vm_space *s, bool executable, uint64_t *top)
{
	uint64_t room = clamp(s->limit_stack, STACK_ROOM_MIN, STACK_ROOM_MAX), at;
	struct vm_map_args a = {.length = STACK_START,
				.prot = VM_READ | VM_WRITE | (executable ? VM_EXEC : 0),
				.flags = VM_STACK | VM_GROWSDOWN | VM_MAY_WRITE,
				.fixed = true};

	*top = STACK_TOP - exec_random_pages(STACK_RANDOM);
	a.addr = *top - STACK_START;
	s->mmap_base =
		ALIGN_DOWN(*top - room - STACK_GAP - exec_random_pages(MMAP_RANDOM), PAGE_SIZE);
	return vm_map(s, &a, &at);
}

static int put(struct vm_space *s, uint64_t at, const void *from, size_t n)
{
	return vm_access(s, at, (void *)from, n, true, true) == n ? 0 : -ENOMEM;
}

/* argc, argv, envp and auxv below the strings; *sp is where the program starts. */
static int fill_stack(struct vm_space *s, const struct exec_args *args, const struct cred *c,
		      bool secure, const struct elf_program *prog, uint64_t vdso, uint64_t top,
		      uint64_t *sp)
{
	static const char platform[] = "x86_64";
	uint8_t seed[16];
	uint64_t at = top - 8, strings, platform_at, seed_at, name_at;
	uint64_t *words;
	size_t count = 1 + args->argc + 1 + args->envc + 1, n = 0;
	const char *p = args->strings;
	struct auxv_builder b;
	int r;

	at -= strlen(args->path) + 1;
	name_at = at;
	at -= args->strings_size;
	strings = at;
	at -= sizeof(platform);
	platform_at = at;
	at = ALIGN_DOWN(at, 16) - sizeof(seed);
	seed_at = at;
	random_bytes(seed, sizeof(seed));
	if (put(s, name_at, args->path, strlen(args->path) + 1) ||
	    put(s, strings, args->strings, args->strings_size) ||
	    put(s, platform_at, platform, sizeof(platform)) || put(s, seed_at, seed, sizeof(seed)))
		return -ENOMEM;

	b = (struct auxv_builder){s->auxv, 0};
	aux(&b, AT_SYSINFO_EHDR, vdso);
	aux(&b, AT_PHDR, prog->phdr);
	aux(&b, AT_PHENT, sizeof(struct elf64_phdr));
	aux(&b, AT_PHNUM, prog->phnum);
	aux(&b, AT_PAGESZ, PAGE_SIZE);
	aux(&b, AT_BASE, prog->interpreter_base);
	aux(&b, AT_FLAGS, 0);
	aux(&b, AT_ENTRY, prog->program_entry);
	aux(&b, AT_UID, c->uid);
	aux(&b, AT_EUID, c->euid);
	aux(&b, AT_GID, c->gid);
	aux(&b, AT_EGID, c->egid);
	aux(&b, AT_SECURE, secure);
	aux(&b, AT_CLKTCK, 100);
	aux(&b, AT_HWCAP, arch_hwcap());
	aux(&b, AT_PLATFORM, platform_at);
	aux(&b, AT_RANDOM, seed_at);
	aux(&b, AT_EXECFN, name_at);
	aux(&b, AT_MINSIGSTKSZ, arch_signal_frame_size());
	aux(&b, AT_NULL, 0);
	s->auxv_words = b.n;

	at = ALIGN_DOWN(seed_at - (count + b.n) * 8, 16);
	words = kmalloc((count + b.n) * 8);
	if (!words)
		return -ENOMEM;
	words[n++] = args->argc;
	s->arg_start = strings;
	for (unsigned i = 0; i < args->argc + args->envc; i++) {
		if (i == args->argc) {
			words[n++] = 0;
			s->arg_end = s->env_start = strings + (uint64_t)(p - args->strings);
		}
		words[n++] = strings + (uint64_t)(p - args->strings);
		p += strlen(p) + 1;
	}
	if (!args->envc) {
		words[n++] = 0;
		s->arg_end = s->env_start = strings + (uint64_t)(p - args->strings);
	}
	s->env_end = strings + (uint64_t)(p - args->strings);
	words[n++] = 0;
	memcpy(&words[n], s->auxv, b.n * 8);
	r = put(s, at, words, (n + b.n) * 8);
	kfree(words);
	s->stack_top = top;
	*sp = at;
	return r;
}

static void place_heap(struct vm_space *s, uint64_t end)
{
	s->brk_start = ALIGN_UP(end, PAGE_SIZE) + exec_random_pages(BRK_RANDOM);
	s->brk = s->brk_start;
}

/* Could others move the root or working directory under the new program's feet? PROC_TREE held. */
static bool shares_directories(struct thread *me)
{
	uint32_t ours = 0;
	struct thread *t;

	/* Our own threads end before the program begins. */
	list_for_each_entry(t, &me->process->threads, process_link)
		ours += t->fs == me->fs;
	return __atomic_load_n(&me->fs->users, __ATOMIC_RELAXED) > ours;
}

static void take_real_ids(struct cred *c)
{
	c->euid = c->uid;
	c->egid = c->gid;
}

static void take_no_capabilities(struct cred *c, const struct cred *old)
{
	c->cap_permitted &= old->cap_permitted;
	c->cap_effective &= c->cap_permitted;
}

/* Somebody else has a hand in the program: it gets no more rights than it had. */
static void lower(struct cred *c, const struct cred *old)
{
	if (c->euid == old->euid && c->egid == old->egid &&
	    !(c->cap_permitted & ~old->cap_permitted))
		return;
	if (!cred_capable(old, CAP_SETUID))
		take_real_ids(c);
	take_no_capabilities(c, old);
}

/* PROC_TREE held. */
static void lower_if_shared(struct cred *c, const struct cred *old)
{
	if (shares_directories(current()))
		lower(c, old);
}

/* A tracer rules the program: one without CAP_SYS_PTRACE lends it no rights. PROC_TREE held. */
static void lower_if_traced(struct cred *c, const struct cred *old)
{
	const struct trace *tr = trace_of(current());

	if (trace_is_on(tr) && !tr->capable)
		lower(c, old);
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
}

/*
 * Set-id bits give the file's owner, unless the mount says no, the caller has given up such rights
 * or shares what the program would trust. *secure: the rights are, or would have been, others than
 * its user's.
 */
static struct cred *exec_cred(struct file *f, bool *secure)
{
	struct cred *old = current()->cred, *c = cred_clone(old, old->group_count);
	bool no_new = proc_thread(current())->no_new_privs;
	unsigned mode;
	uint32_t uid, gid;
	uint64_t irq;

	if (!c)
		return NULL;
	file_exec_attributes(f, &mode, &uid, &gid);
	if (no_new)
		mode = 0;
	if (mode & 04000)
		c->euid = uid;
	if ((mode & 02010) == 02010)
		c->egid = gid;
	*secure = c->euid != old->uid || c->egid != old->gid;
	if (*secure && no_new)
		take_real_ids(c);
	if (c->euid == 0) {
		c->cap_permitted = c->cap_effective = cred_root.cap_permitted;
	} else if (c->uid != 0) {
		c->cap_permitted = c->cap_effective = 0;
	} else {
		c->cap_effective = 0;
	}
	if (no_new)
		take_no_capabilities(c, old);
	irq = spin_lock_irq(&proc_tree_lock);
	lower_if_shared(c, old);
	lower_if_traced(c, old);
	spin_unlock_irq(&proc_tree_lock, irq);
	return c;
}

/* The point of no return: nothing from here on can fail. */
static void commit(const struct exec_args *args, struct vm_space *space, struct cred *cred,
		   struct fd_table *files, struct signal_actions *actions, uint64_t entry,
		   uint64_t sp)
{
	struct thread *t = current();
	struct process *p = t->process;
	struct vm_space *old = t->space;
	struct fd_table *old_files = t->files;
	struct file *old_exe;
	const char *name = strrchr(args->path, '/');
	/* A program that may be run and not read is not to be read through its process. */
	bool readable = inode_permission(args->file->inode, t->cred, MAY_READ) == 0, changes_id;
	uint64_t irq;

	name = name ? name + 1 : args->path;
	if (thread_exit_user_hook)
		thread_exit_user_hook(t); /* clear_child_tid, in the old memory */
	proc_thread(t)->clear_child_tid = 0;
	proc_thread(t)->robust_list = 0;
	fd_table_inherit_locks(files, old_files);
	irq = spin_lock_irq(&proc_tree_lock);
	/* A tracer, or somebody who shares our directories, may have come since. */
	lower_if_shared(cred, t->cred);
	lower_if_traced(cred, t->cred);
	changes_id = cred->euid != t->cred->euid || cred->egid != t->cred->egid;
	/* Who may look into the program and what is to be seen change in one moment. */
	cred = cred_exchange_locked(cred);
	p->dumpable = !changes_id && readable;
	p->space = space;
	t->space = space;
	t->files = files;
	old_exe = p->exe;
	p->exe = file_get(args->file);
	p->exec_done = true;
	p->exit_signal = SIGCHLD; /* what clone chose was for the old program */
	/* All of it: PR_GET_NAME shows what is behind the end as well. */
	memset(p->name, 0, sizeof(p->name));
	memset(t->name, 0, sizeof(t->name));
	strlcpy(p->name, name, sizeof(p->name));
	strlcpy(t->name, name, sizeof(t->name));
	spin_unlock_irq(&proc_tree_lock, irq);
	cred_put(cred);
	vm_space_switch(space);
	process_release_vfork(p);
	vm_space_put(old);
	fd_table_leave(old_files);
	file_put(old_exe);
	if (changes_id)
		WRITE_ONCE(p->death_signal, 0);
	posix_timers_delete_all(p);
	signal_state_exec(&p->signals, actions);
	proc_thread(t)->altstack_size = 0;
	proc_thread(t)->altstack_flags = 0;
	proc_thread(t)->restart = NULL;
	fd_table_exec_close(t->files);
	arch_reset_user(t, entry, sp);
}

int process_exec_check_user(void)
{
	struct thread *t = current();

	if (proc_thread(t)->over_limit && process_over_limit(t->cred->user))
		return -EAGAIN;
	proc_thread(t)->over_limit = false;
	return 0;
}

int process_exec(const struct exec_args *args)
{
	struct thread *t = current();
	int32_t old_tid = t->tid;
	struct elf_program prog = {0};
	struct vm_space *space;
	struct signal_actions *actions = NULL;
	struct fd_table *files = NULL;
	struct cred *cred;
	uint32_t personality;
	bool secure;
	uint64_t vdso, top, sp;
	int r;

	space = vm_space_create();
	if (!space)
		return -ENOMEM;
	/* Before anything is placed: rights that are not the caller's are not for it to aim at. */
	cred = exec_cred(args->file, &secure);
	if (!cred) {
		vm_space_put(space);
		return -ENOMEM;
	}
	personality = proc_thread(t)->personality;
	if (secure)
		proc_thread(t)->personality &= ~(PERSON_NOT_RANDOM | PERSON_READ_IS_EXEC);
	process_limits_to_space(t->process, space);
	space->limit_pages = UINT64_MAX; /* obeyed from the commit on: nobody could be told */
	r = map_stack(space, false, &top);
	if (!r)
		r = elf_load(space, args->file, &prog);
	if (!r)
		r = vdso_map(space, &vdso);
	if (r)
		goto out;
	place_heap(space, prog.end);
	r = -ENOMEM;
	files = fd_table_clone(t->files);  /* others may share the old one */
	actions = signal_actions_create(); /* the old ones may be shared, too */
	if (!files || !actions)
		goto out;
	r = fill_stack(space, args, cred, secure, &prog, vdso, top, &sp);
	if (r)
		goto out;
	r = process_end_other_threads();
	if (r)
		goto out;
	process_limits_to_space(t->process, space);
	commit(args, space, cred, files, actions, prog.entry, sp);
	trace_exec(old_tid);
	return 0;
out:
	proc_thread(t)->personality = personality;
	signal_actions_put(actions);
	cred_put(cred);
	fd_table_leave(files);
	vm_space_put(space);
	return r;
}
