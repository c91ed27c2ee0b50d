/* SPDX-License-Identifier: BSD-2-Clause */
/* Within proc/ and for linux/: creation, end, the per-thread part. */
#ifndef PROC_INTERNAL_H
#define PROC_INTERNAL_H

#include <proc/process.h>
#include <proc/ptrace.h>
#include <sched/thread.h>

/* What proc/ keeps of a thread: thread->proc_data. */
struct proc_thread {
	sigset64_t blocked;    /* [SIGNAL] changed by the thread itself */
	sigset64_t awaited;    /* [SIGNAL] out of blocked for a wait (signal_await) */
	sigset64_t saved_mask; /* by itself: to be restored after a call with its own mask */
	bool restore_saved;    /* by itself */
	bool stop_taken;       /* [SIGNAL] took a stop signal, and no SIGCONT came after it */
	bool leaving;	       /* [SIGNAL] ends: takes no signal for the process any more */
	uint32_t stop_number;  /* [PROC_TREE] of the stop in which it has parked */
	struct signal_pending pending; /* [SIGNAL] sent to this thread */
	uaddr_t altstack_base;	       /* by itself */
	uint64_t altstack_size;
	uint32_t altstack_flags;
	uaddr_t clear_child_tid;    /* by itself: written 0 and woken at the thread's end */
	uaddr_t robust_list;	    /* by itself */
	struct rb_root pi_held;	    /* [FUTEX_PI] pi_chain.c: locks it owns, that others wait for */
	struct pi_waiter *pi_waits; /* [FUTEX_PI] its own wait for such a lock */
	bool pi_left;		    /* [FUTEX_PI] it will own none any more */
	bool no_new_privs;	    /* by itself, and its exec */
	bool over_limit;	    /* by itself: became a user who has too many threads */
	bool reset_on_fork;	    /* [a] SCHED_RESET_ON_FORK: children get no special rights */
	uint16_t mem_policy;	    /* by itself: as linux/sys_mempolicy.c numbers them */
	uint32_t personality;	    /* by itself: PERSON_* */
	uint16_t ioprio;	    /* [a] as ioprio_set gave it; nothing looks at it */
	nsec_t cpu_left;	    /* [PROC_TREE] cpu_clock.c */
	/* restart_syscall: how an interrupted sleep goes on; see linux/. */
	int64_t (*restart)(struct proc_thread *p);
	uint64_t restart_args[4];
	struct trace trace; /* ptrace.c */
};

/* Bits of proc_thread->personality, numbered as Linux does. */
#define PERSON_TYPE	    0xffU
#define PERSON_NOT_RANDOM   0x40000U  /* new programs lie where they always do */
#define PERSON_READ_IS_EXEC 0x400000U /* what may be read may be executed */

/* Of a thread that may be ending: hold PROC_TREE, and see that it is on its process's list. */
static inline struct proc_thread *proc_thread(struct thread *t)
{
	return t->proc_data;
}

/* --- tables of ids; PROC_TREE held --- */
/* A free number, or this one: -EAGAIN, -EINVAL, -EEXIST. */
int32_t pid_alloc_locked(int32_t want);
void pid_release_locked(int32_t id); /* once nothing has this id any more */
int pid_insert_process(struct process *p);
int pid_insert_thread(struct thread *t);
/* Under a number that will be its own; over another thread's entry this cannot fail. */
int pid_insert_thread_as(struct thread *t, int32_t tid);
void pid_remove_process(struct process *p);
void pid_remove_thread(struct thread *t);
/* The same, but the number stays taken until pid_release_locked(). */
void pid_leave_thread(struct thread *t);
/* Without a reference: of this number; or the one that has a thread of this number. */
struct process *process_find_locked(int32_t pid);
struct process *process_of_id_locked(int32_t id);
struct thread *thread_find_locked(int32_t tid);
struct pgroup *pgroup_find_locked(int32_t pgid);
/* A thread by id with a reference, or NULL. */
struct thread *thread_find(int32_t tid);
/* The first one with a number greater than `after`, with a reference; NULL at the end. */
struct thread *thread_next(int32_t after);
/* Its credentials as they are now, with a reference. */
struct cred *thread_cred(struct thread *t);
/* The process of a thread that may be ending, with a reference, or NULL. */
struct process *thread_process(struct thread *t);

/* --- groups; PROC_TREE held --- */
struct pgroup *pgroup_create(int32_t pgid, struct session *s); /* allocates; NULL */
void pgroup_join_locked(struct process *p, struct pgroup *g);
void pgroup_leave_locked(struct process *p);
bool pgroup_orphaned_locked(const struct pgroup *g, const struct process *ignore);

/* --- life --- */
struct fork_args {
	bool share_space, share_files, share_fs, share_signals, reset_signals, vfork, thread;
	bool share_sem_undo;
	bool sibling;	 /* a child of our parent: CLONE_PARENT */
	int32_t want_id; /* this number, or 0: any */
	int exit_signal;
	bool traced;	/* by our tracer, if we have one */
	uint64_t stack; /* 0: the parent's */
	bool set_tls;
	uint64_t tls;
	uaddr_t clear_child_tid;
	uaddr_t set_child_tid; /* written by the child itself before it runs */
};
/*
 * A copy of the current process (or a thread in it), which everybody can see but which does not
 * run yet: thread_start() it, then drop the reference. 0 or -errno; -ERESTARTNOINTR: signals first.
 */
int process_fork(const struct fork_args *a, struct thread **out);
/* Wait until a vfork child lets go of the memory; its id was returned by process_fork. False: we
 * are to end first. */
bool process_wait_vfork(int32_t pid);
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
/* -EAGAIN if the thread became a user who had too many threads, and still has. */
int process_exec_check_user(void);

/* End the whole process with a status as wait4 reports it (code << 8, or signal). */
_Noreturn void process_exit_group(int status);
/* End the calling thread only. */
_Noreturn void process_exit_thread(int status);
/* The end begins, whatever the threads are doing. PROC_TREE held. */
void process_end_locked(struct process *p, int status);
/*
 * Kill all other threads of the process and wait until they are gone (exec); the caller has the
 * process's number then. 0, -EAGAIN when another thread was first, -ENOMEM.
 */
int process_end_other_threads(void);

/* Called by a thread on its way out while its address space is still there; set once by linux/. */
extern void (*thread_exit_user_hook)(struct thread *t);
/* First code of a new user thread before it enters user mode; set once by linux/. */
extern void (*thread_start_user_hook)(uaddr_t set_child_tid, int32_t tid);

/*
 * Semaphore operations that are undone at the end, which ipc/ keeps; set once by it. A new thread
 * shares what the current one has: 0 or -ENOMEM. A thread, the current one or one that never ran,
 * has none any more.
 */
extern int (*thread_sem_undo_share_hook)(struct thread *child);
extern void (*thread_sem_undo_leave_hook)(struct thread *t);

/* Of thread tid (0: the caller's): 0, -ESRCH, -EPERM. */
int proc_thread_robust_list(int32_t tid, uaddr_t *head);
/*
 * May the caller look into p, or into a thread of it? By its filesystem ids, as for /proc, or by
 * its real ones, as for calls that attach.
 */
/*
 * May the caller look into p: by its file system ids, or its real ones? Take what is to be looked
 * at (memory, descriptors) first and ask then: exec changes rights, memory and descriptors in one
 * moment, so who may see it after that may see what was there before, too.
 */
bool process_may_inspect(struct process *p);
bool process_may_trace(struct process *p);
bool thread_may_trace_locked(const struct thread *t); /* PROC_TREE held */

/* What it was set to; with `set`, after that is set. Of one that is ending: false, 0. */
bool thread_reset_on_fork(struct thread *t, const bool *set);
int thread_ioprio(struct thread *t, const int *set);

struct process *process_alloc(void);
void process_discard(struct process *p); /* one that was never published */
int proc_thread_attach(struct thread *t);
void proc_thread_detach(struct thread *t);
void proc_thread_free(struct proc_thread *d);

/* --- waiting --- */
#define WAIT_EXITED	  1
#define WAIT_STOPPED	  2
#define WAIT_CONTINUED	  4
#define WAIT_NOHANG	  8
#define WAIT_NOREAP	  16
#define WAIT_OTHER_SIGNAL 32 /* only children whose exit signal is not SIGCHLD: __WCLONE */
#define WAIT_ANY_SIGNAL	  64 /* whatever it is: __WALL */
struct wait_result {
	int32_t pid;
	uint32_t uid;
	int status;
	bool trapped;	   /* a stop of a thread that we trace */
	struct usage used; /* by the child and its waited-for children */
};
/*
 * which: > 0 that child, 0 any of our group, -1 any, < -1 any of group -which. 1 with a result, 0
 * with NOHANG and none, -ECHILD, -EINTR.
 */
int process_wait(int32_t which, unsigned options, struct wait_result *out);

/* Of one that is a child or traced: does wait's `which` mean it? PROC_TREE held. */
bool wait_selects_locked(const struct process *c, int32_t id, int32_t which);
/*
 * A zombie is ready to be waited for: its parent is told, or first its tracer. True: nobody waits
 * for it, and it is reaped; put it. PROC_TREE held.
 */
bool process_tell_end_locked(struct process *p);

/* --- use of resources --- */
void usage_add(struct usage *to, const struct usage *from);
void usage_of_thread(struct thread *t, struct usage *u);
void usage_of_process_locked(struct process *p, struct usage *u); /* PROC_TREE held */
/* A thread leaves; the last one lets go of p->space. PROC_TREE held. */
void usage_leave_locked(struct process *p, struct thread *t);
void usage_leave_space_locked(struct process *p);

/* --- signals --- */
int signal_state_init(struct signal_state *s); /* 0 or -ENOMEM */
/* For fork: copy the actions, or share them. */
void signal_state_copy(struct signal_state *to, struct signal_state *from);
void signal_state_share(struct signal_state *to, struct signal_state *from);
/* Handlers back to default; what is ignored stays so. */
void signal_state_reset(struct signal_state *s);
/* The same for exec, in a table of its own: consumes `own`. */
void signal_state_exec(struct signal_state *s, struct signal_actions *own);
struct signal_actions *signal_actions_create(void);  /* NULL: no memory */
void signal_actions_put(struct signal_actions *a);   /* NULL is allowed */
void signal_flush_pending(struct signal_pending *p); /* frees what is queued; no lock: at the end */
/* Take the next signal that the current thread must act on: false when there is none. */
bool signal_dequeue(struct signal_info *info, struct signal_action *action);
/* Take a pending signal in `set` (sigtimedwait): its number, or 0. */
int signal_take(sigset64_t set, struct signal_info *info);
/* Forget it wherever it is pending in p, if it is ignored (now). */
void signal_discard_ignored(struct process *p, int sig);
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
/* The current thread ends: it takes no signal for the process any more. */
void signal_leave(void);
/* A stop signal takes effect: all threads stop. Returns when continued. */
void signal_stop(int sig);
/* Stopped: wait for the continue. */
void signal_stop_here(void);
/* A thread, already off the list, does not take part in a stop any more. PROC_TREE held. */
void signal_stop_leave_locked(struct process *p, struct proc_thread *d);
bool signal_default_ignores(int sig);
/* Permission to send: 0, -EPERM. */
int signal_permitted(struct process *to, int sig);
/* Tell the parent of p. PROC_TREE held. */
void signal_notify_parent_locked(struct process *p, int code, int status);
/* t: a thread, or NULL: the process. PROC_TREE held. */
int signal_send_locked(struct process *p, struct thread *t, int sig,
		       const struct signal_info *info);
/* The same with an entry that the sender owns and that is queued nowhere. True: it is now. */
bool signal_send_own_locked(struct process *p, struct thread *t, struct signal_queued *own);
void signal_send_group_locked(struct pgroup *g, int sig, const struct signal_info *info);
/* kill(2) with pid <= 0 forms. */
int signal_kill(int32_t pid, int sig, const struct signal_info *info);
/* tgkill(2); tgid <= 0: whatever process it is. */
int signal_kill_thread(int32_t tgid, int32_t tid, int sig, const struct signal_info *info);
/* Orphans among the caller's descendants become its children, or do not. */
void process_set_subreaper(bool on);
void process_wake_all_threads_locked(struct process *p, uint32_t work);

/* Of the calling process, with a reference; NULL: no memory. */
struct signal_watch *signal_watch_get(void);
void signal_watch_put(struct signal_watch *w);
void signal_watch_leave(struct process *p);
/* Its process has gone and nobody hangs on it. */
bool signal_watch_is_left(const struct signal_watch *w);
void signal_watch_wake(struct process *p);

/* Credentials of the current thread: take over `c`. */
void cred_install(struct cred *c);
/* The same with PROC_TREE held: the old ones, whose reference is the caller's now. */
struct cred *cred_exchange_locked(struct cred *c);
/* Has the user more threads than the calling process may make? Never so of the superuser. */
bool process_over_limit(const struct user *u);
/* Sessions and groups. */
int process_setsid(void);
int process_setpgid(int32_t pid, int32_t pgid);

#endif
