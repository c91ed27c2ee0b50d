/* SPDX-License-Identifier: BSD-2-Clause */
/* Within proc/ and for linux/: creation, end, the per-thread part. */
#ifndef PROC_INTERNAL_H
#define PROC_INTERNAL_H

#include <proc/process.h>
#include <sched/thread.h>

/* What proc/ keeps of a thread: thread->proc_data. */
struct proc_thread {
	sigset64_t blocked;    /* [SIGNAL] changed by the thread itself */
	sigset64_t awaited;    /* [SIGNAL] out of blocked for a wait (signal_await) */
	sigset64_t saved_mask; /* by itself: to be restored after a call with its own mask */
	bool restore_saved;    /* by itself */
	struct signal_pending pending; /* [SIGNAL] sent to this thread */
	uaddr_t altstack_base;	       /* by itself */
	uint64_t altstack_size;
	uint32_t altstack_flags;
	uaddr_t clear_child_tid; /* by itself: written 0 and woken at the thread's end */
	uaddr_t robust_list;	 /* by itself */
	/* restart_syscall: how an interrupted sleep goes on; see linux/. */
	int64_t (*restart)(struct proc_thread *p);
	uint64_t restart_args[4];
};

static inline struct proc_thread *proc_thread(struct thread *t)
{
	return t->proc_data;
}

/* --- tables of ids; PROC_TREE held --- */
int32_t pid_alloc_locked(void);	     /* or -EAGAIN */
void pid_release_locked(int32_t id); /* once nothing has this id any more */
int pid_insert_process(struct process *p);
int pid_insert_thread(struct thread *t);
void pid_remove_process(struct process *p);
void pid_remove_thread(struct thread *t);
struct process *process_find_locked(int32_t pid); /* no reference */
struct pgroup *pgroup_find_locked(int32_t pgid);
/* A thread by id with a reference, or NULL. */
struct thread *thread_find(int32_t tid);
/* The process of a thread that may be ending, with a reference, or NULL. */
struct process *thread_process(struct thread *t);
int32_t thread_next_tid(struct process *p, int32_t after);

/* --- groups; PROC_TREE held --- */
struct pgroup *pgroup_create(int32_t pgid, struct session *s); /* allocates; NULL */
void pgroup_join_locked(struct process *p, struct pgroup *g);
void pgroup_leave_locked(struct process *p);
bool pgroup_orphaned_locked(const struct pgroup *g, const struct process *ignore);

/* --- life --- */
struct fork_args {
	bool share_space, share_files, share_fs, share_signals, vfork, thread;
	int exit_signal;
	uint64_t stack; /* 0: the parent's */
	bool set_tls;
	uint64_t tls;
	uaddr_t clear_child_tid;
	uaddr_t set_child_tid; /* written by the child itself before it runs */
};
/* A copy of the current process (or a thread in it): the new id, or -errno. */
int process_fork(const struct fork_args *a, int32_t *tid);
/* Wait until a vfork child lets go of the memory; its id was returned by process_fork. */
void process_wait_vfork(int32_t pid);
/* exec or exit: the parent of a vfork may run again. */
void process_release_vfork(struct process *p);
/* The first process: runs fn in a kernel thread that becomes it. */
int process_create_first(int (*fn)(void));

struct exec_args {
	const char *path;  /* as given */
	struct file *file; /* opened for exec; consumed */
	char *strings;	   /* argv then envp strings, each with its NUL */
	size_t strings_size;
	unsigned argc, envc;
};
/* Replace the current program. 0, or -errno with the caller as it was. */
int process_exec(const struct exec_args *a);

/* End the whole process with a status as wait4 reports it (code << 8, or signal). */
_Noreturn void process_exit_group(int status);
/* End the calling thread only. */
_Noreturn void process_exit_thread(int status);
/* Kill all other threads of the process and wait until they are gone (exec). */
int process_end_other_threads(void);

/* Called by a thread on its way out while its address space is still there; set once by linux/. */
extern void (*thread_exit_user_hook)(struct thread *t);
/* First code of a new user thread before it enters user mode; set once by linux/. */
extern void (*thread_start_user_hook)(uaddr_t set_child_tid, int32_t tid);

struct process *process_alloc(void);
void process_discard(struct process *p); /* one that was never published */
int proc_thread_attach(struct thread *t);
void proc_thread_detach(struct thread *t);

/* --- waiting --- */
#define WAIT_EXITED    1
#define WAIT_STOPPED   2
#define WAIT_CONTINUED 4
#define WAIT_NOHANG    8
#define WAIT_NOREAP    16
struct wait_result {
	int32_t pid;
	uint32_t uid;
	int status;
	uint64_t user_ns, system_ns; /* of the child and its waited-for children */
};
/*
 * which: > 0 that child, 0 any of our group, -1 any, < -1 any of group -which. 1 with a result, 0
 * with NOHANG and none, -ECHILD, -EINTR.
 */
int process_wait(int32_t which, unsigned options, struct wait_result *out);

/* --- signals --- */
void signal_state_init(struct signal_state *s);
/* Copy actions for fork. */
void signal_state_copy(struct signal_state *to, struct signal_state *from);
/* exec: handlers back to default. */
void signal_state_exec(struct signal_state *s);
void signal_flush_pending(struct signal_pending *p); /* frees what is queued; no lock: at the end */
/* Take the next signal that the current thread must act on: false when there is none. */
bool signal_dequeue(struct signal_info *info, struct signal_action *action);
/* Take a pending signal in `set` (sigtimedwait): its number, or 0. */
int signal_take(sigset64_t set, struct signal_info *info);
/* Forget a pending signal that is ignored from now on. SIGNAL held. */
void signal_discard_current(int sig);
/* Replace the current thread's mask. */
void signal_set_mask(sigset64_t mask);
/* Unblock `set` to wait for it: what was blocked of it stays pending even if ignored. 0: blocked
 * again.
 */
void signal_await(sigset64_t set);
/* Recompute THREAD_WORK_SIGNAL of the current thread. */
void signal_recompute(void);
sigset64_t signal_pending_set(void);
/* Do what the default action says (term, core, stop, ignore). Returns for stop and ignore. */
void signal_default(const struct signal_info *info);
/* Deliver a synchronous fault: cannot be blocked or ignored. */
void signal_force(int sig, const struct signal_info *info);
/* Stopped: wait for the continue. */
void signal_stop_here(void);
bool signal_default_ignores(int sig);
/* Permission to send: 0, -EPERM. */
int signal_permitted(struct process *to, int sig);
/* Tell the parent of p. PROC_TREE held. */
void signal_notify_parent_locked(struct process *p, int code, int status);
void signal_send_group_locked(struct pgroup *g, int sig, const struct signal_info *info);
/* kill(2) with pid <= 0 forms. */
int signal_kill(int32_t pid, int sig, const struct signal_info *info);
void process_wake_all_threads_locked(struct process *p, uint32_t work);

/* Credentials of the current thread: take over `c`. */
void cred_install(struct cred *c);
/* Sessions and groups. */
int process_setsid(void);
int process_setpgid(int32_t pid, int32_t pgid);

#endif
