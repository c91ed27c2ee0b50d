/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptrace: decoding of its requests. What they do is in proc/ptrace.c, registers in ptrace_regs.c.
 *
 * A request of a stopped thread first asks whether it is that (-ESRCH comes before everything
 * else), then copies what the tracer passes, and works on the copy in trace_with().
 */
#include "ptrace_regs.h"
#include "siginfo.h"

#include <arch/thread.h>
#include <arch/vector.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <asm/ptrace-abi.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/ptrace.h>

BUILD_ASSERT(TRACE_O_SYSGOOD == PTRACE_O_TRACESYSGOOD && TRACE_O_EXITKILL == PTRACE_O_EXITKILL,
	     "options");

static bool valid_signal(uint64_t sig)
{
	return sig <= SIGNAL_COUNT;
}

/* Seccomp is not there to be suspended. */
static bool valid_options(uint64_t options)
{
	return !(options & (~(uint64_t)PTRACE_O_MASK | PTRACE_O_SUSPEND_SECCOMP));
}

static bool exists(int pid)
{
	struct thread *t = thread_find(pid);
	struct process *p = t ? NULL : process_find(pid);

	if (t)
		thread_put(t);
	if (p)
		process_put(p);
	return t || p;
}

static int64_t seize(int pid, uint64_t addr, uint64_t options)
{
	if (!exists(pid))
		return -ESRCH;
	if (addr || options & ~(uint64_t)PTRACE_O_MASK)
		return -EIO;
	if (!valid_options(options))
		return -EINVAL;
	return trace_attach(pid, true, (uint32_t)options);
}

/* --- memory ---------------------------------------------------------------------------------- */

static int64_t access_memory(int pid, uint64_t addr, uint64_t *word, bool write)
{
	struct vm_space *s;
	int r = trace_space(pid, &s);
	size_t n;

	if (r)
		return r;
	n = vm_access(s, addr, word, sizeof(*word), write, true);
	vm_space_put(s);
	return n == sizeof(*word) ? 0 : -EIO;
}

static int64_t peek(int pid, uint64_t addr, uaddr_t out)
{
	uint64_t word = 0;
	int64_t r = access_memory(pid, addr, &word, false);

	return r ? r : put_user(out, word);
}

/* --- registers ------------------------------------------------------------------------------- */

struct word_args {
	uint64_t offset, value;
};

static int peek_word(struct thread *t, void *arg)
{
	struct word_args *w = arg;

	return ptrace_peek_user(t, w->offset, &w->value);
}

static int poke_word(struct thread *t, void *arg)
{
	struct word_args *w = arg;

	return ptrace_poke_user(t, w->offset, w->value);
}

static int64_t peek_user(int pid, uint64_t offset, uaddr_t out)
{
	struct word_args w = {.offset = offset};
	int r = trace_with(pid, peek_word, &w);

	return r ? r : put_user(out, w.value);
}

struct set_args {
	unsigned type;
	size_t size;
	void *buf;
};

static int get_set(struct thread *t, void *arg)
{
	struct set_args *a = arg;

	ptrace_regset_get(t, a->type, a->buf);
	return 0;
}

static int set_set(struct thread *t, void *arg)
{
	struct set_args *a = arg;

	return ptrace_regset_set(t, a->type, a->buf, a->size);
}

/* At most *n bytes of a set of registers; *n becomes what it was. */
static int64_t transfer(int pid, unsigned type, uaddr_t at, uint64_t *n, bool set)
{
	struct set_args a = {.type = type};
	int64_t size = ptrace_regset_size(type);
	int64_t r;

	if (size < 0 || *n % 8)
		return -EINVAL;
	*n = min(*n, (uint64_t)size);
	a.size = *n;
	a.buf = kzalloc(max((size_t)size, vector_size())); /* export gives the whole area */
	if (!a.buf)
		return -ENOMEM;
	r = set && copy_from_user(a.buf, at, *n) ? -EFAULT : 0;
	if (!r)
		r = trace_with(pid, set ? set_set : get_set, &a);
	if (!r && !set && copy_to_user(at, a.buf, *n))
		r = -EFAULT;
	kfree(a.buf);
	return r;
}

static int64_t whole_set(int pid, unsigned type, uaddr_t at, bool set)
{
	uint64_t n = (uint64_t)ptrace_regset_size(type);

	return transfer(pid, type, at, &n, set);
}

static int64_t regset(int pid, uint64_t type, uaddr_t uiov, bool set)
{
	struct {
		uint64_t base, len;
	} iov;
	int64_t r;

	if (get_user(iov, uiov))
		return -EFAULT;
	r = transfer(pid, type > UINT32_MAX ? 0 : (unsigned)type, iov.base, &iov.len, set);
	if (!r && put_user(uiov + 8, iov.len))
		r = -EFAULT;
	return r;
}

/* --- what the stop is ------------------------------------------------------------------------ */

static int get_message(struct thread *t, void *arg)
{
	*(uint64_t *)arg = trace_of(t)->message;
	return 0;
}

static int get_info(struct thread *t, void *arg)
{
	if (!trace_of(t)->has_info)
		return -EINVAL;
	*(struct signal_info *)arg = trace_of(t)->info;
	return 0;
}

static int set_info(struct thread *t, void *arg)
{
	if (!trace_of(t)->has_info)
		return -EINVAL;
	trace_of(t)->info = *(struct signal_info *)arg;
	return 0;
}

static int64_t put_info(uaddr_t out, const struct signal_info *info)
{
	struct siginfo si;

	siginfo_encode(&si, info);
	return copy_to_user(out, &si, sizeof(si));
}

static int64_t get_siginfo(int pid, uaddr_t out)
{
	struct signal_info info;
	int r = trace_with(pid, get_info, &info);

	return r ? r : put_info(out, &info);
}

static int64_t set_siginfo(int pid, uaddr_t in)
{
	struct signal_info info;
	struct siginfo si;

	if (copy_from_user(&si, in, sizeof(si)))
		return -EFAULT;
	siginfo_decode(&info, &si);
	return trace_with(pid, set_info, &info);
}

static int get_syscall(struct thread *t, void *arg)
{
	static const unsigned args[6] = {14, 13, 12, 7, 9, 8}; /* rdi rsi rdx r10 r8 r9 */
	const struct trace *tr = trace_of(t);
	struct ptrace_syscall_info *info = arg;
	int64_t value = (int64_t)ptrace_get_reg(t, 10);

	info->arch = AUDIT_ARCH_X86_64;
	info->instruction_pointer = ptrace_get_reg(t, 16);
	info->stack_pointer = ptrace_get_reg(t, 19);
	/* Only such stops can be told from others. */
	if (tr->code != (SIGTRAP | 0x80))
		return offsetof(struct ptrace_syscall_info, entry);
	if (tr->place == TRACE_AT_ENTRY) {
		info->op = PTRACE_SYSCALL_INFO_ENTRY;
		info->entry.nr = ptrace_get_reg(t, 15);
		for (unsigned i = 0; i < 6; i++)
			info->entry.args[i] = ptrace_get_reg(t, args[i]);
		return offsetof(struct ptrace_syscall_info, entry) + sizeof(info->entry);
	}
	info->op = PTRACE_SYSCALL_INFO_EXIT;
	info->exit.rval = value;
	info->exit.is_error = value < 0 && value >= -MAX_ERRNO;
	return offsetof(struct ptrace_syscall_info, exit.is_error) + 1;
}

static int64_t syscall_info(int pid, uint64_t size, uaddr_t out)
{
	struct ptrace_syscall_info info = {0};
	int r = trace_with(pid, get_syscall, &info);

	if (r < 0)
		return r;
	return copy_to_user(out, &info, min((size_t)size, (size_t)r)) ? -EFAULT : r;
}

/* --- signals --------------------------------------------------------------------------------- */

#define PEEK_AT_ONCE 8

struct peek_args {
	bool shared;
	uint64_t skip;
	unsigned n;
	struct signal_info *info;
};

static int peek_infos(struct thread *t, void *arg)
{
	struct peek_args *p = arg;

	return (int)trace_peek_signals(t, p->shared, p->skip, p->n, p->info);
}

static int64_t peek_some(int pid, const struct ptrace_peeksiginfo_args *a, struct signal_info *info,
			 uaddr_t out)
{
	struct peek_args p = {.shared = a->flags & PTRACE_PEEKSIGINFO_SHARED, .info = info};
	int done = 0, got;

	while (done < a->nr) {
		p.skip = a->off + (uint64_t)done;
		p.n = min((unsigned)(a->nr - done), (unsigned)PEEK_AT_ONCE);
		got = p.skip < a->off ? 0 : trace_with(pid, peek_infos, &p);
		if (got <= 0)
			return done ? done : got;
		for (int i = 0; i < got; i++, done++)
			if (put_info(out + (uint64_t)done * sizeof(struct siginfo), &info[i]))
				return done ? done : -EFAULT;
		if (signal_pending_current())
			break;
	}
	return done;
}

static int64_t peek_siginfo(int pid, uaddr_t uargs, uaddr_t out)
{
	struct ptrace_peeksiginfo_args a;
	struct signal_info *info;
	int64_t r;

	if (get_user(a, uargs))
		return -EFAULT;
	if (a.flags & ~(uint32_t)PTRACE_PEEKSIGINFO_SHARED || a.nr < 0)
		return -EINVAL;
	info = kmalloc(PEEK_AT_ONCE * sizeof(*info));
	if (!info)
		return -ENOMEM;
	r = peek_some(pid, &a, info, out);
	kfree(info);
	return r;
}

static int get_mask(struct thread *t, void *arg)
{
	*(sigset64_t *)arg = trace_get_mask(t);
	return 0;
}

static int set_mask(struct thread *t, void *arg)
{
	trace_set_mask(t, *(sigset64_t *)arg);
	return 0;
}

static int64_t mask(int pid, uint64_t size, uaddr_t at, bool set)
{
	sigset64_t m;
	int r;

	if (size != sizeof(m))
		return -EINVAL;
	if (set)
		return get_user(m, at) ? -EFAULT : trace_with(pid, set_mask, &m);
	r = trace_with(pid, get_mask, &m);
	return r ? r : put_user(at, m);
}

/* --- the call -------------------------------------------------------------------------------- */

static int set_options(struct thread *t, void *arg)
{
	trace_of(t)->options = (uint32_t)(uintptr_t)arg;
	return 0;
}

static int nothing(struct thread *t, void *arg)
{
	return 0;
}

/* Requests that make the thread run on. */
static int64_t run_on(long request, int pid, uint64_t sig)
{
	enum trace_how how = request == PTRACE_SYSCALL	    ? TRACE_SYSCALLS
			     : request == PTRACE_SINGLESTEP ? TRACE_STEP
							    : TRACE_CONTINUE;

	if (!valid_signal(sig))
		return -EIO;
	return request == PTRACE_DETACH ? trace_detach(pid, (int)sig)
					: trace_resume(pid, how, (int)sig);
}

/* Requests that look at it or change it. */
static int64_t look(long request, int pid, uint64_t addr, uint64_t data)
{
	struct word_args w = {.offset = addr, .value = data};
	uint64_t word = data;
	int64_t r;

	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(pid, addr, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return access_memory(pid, addr, &word, true);
	case PTRACE_PEEKUSR:
		return peek_user(pid, addr, data);
	case PTRACE_POKEUSR:
		return trace_with(pid, poke_word, &w);
	case PTRACE_GETREGS:
	case PTRACE_SETREGS:
		return whole_set(pid, NT_PRSTATUS, data, request == PTRACE_SETREGS);
	case PTRACE_GETFPREGS:
	case PTRACE_SETFPREGS:
		return whole_set(pid, NT_PRFPREG, data, request == PTRACE_SETFPREGS);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return regset(pid, addr, data, request == PTRACE_SETREGSET);
	case PTRACE_SETOPTIONS:
	case PTRACE_OLDSETOPTIONS:
		return valid_options(data) ? trace_with(pid, set_options, (void *)data) : -EINVAL;
	case PTRACE_GETEVENTMSG:
		r = trace_with(pid, get_message, &word);
		return r ? r : put_user(data, word);
	case PTRACE_GETSIGINFO:
		return get_siginfo(pid, data);
	case PTRACE_SETSIGINFO:
		return set_siginfo(pid, data);
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(pid, addr, data);
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK:
		return mask(pid, addr, data, request == PTRACE_SETSIGMASK);
	case PTRACE_GET_SYSCALL_INFO:
		return syscall_info(pid, addr, data);
	case PTRACE_LISTEN:
		return trace_listen(pid);
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_DETACH:
		return run_on(request, pid, data);
	default:
		return -EIO;
	}
}

int64_t sys_ptrace(long request, int pid, unsigned long addr, unsigned long data)
{
	int64_t r;

	switch (request) {
	case PTRACE_TRACEME:
		return trace_me();
	case PTRACE_ATTACH:
		return trace_attach(pid, false, 0);
	case PTRACE_SEIZE:
		return seize(pid, addr, data);
	case PTRACE_INTERRUPT:
		return trace_interrupt(pid);
	case PTRACE_KILL:
		return trace_kill(pid);
	default:
		r = trace_with(pid, nothing, NULL);
		return r ? r : look(request, pid, addr, data);
	}
}
