/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracing of threads: what proc/ keeps of it, and what linux/ calls. ptrace.c explains. */
#ifndef PROC_PTRACE_H
#define PROC_PTRACE_H

#include <base/types.h>
#include <lib/list.h>
#include <proc/signal.h>
#include <sched/blocker.h>

struct proc_thread;
struct process;
struct thread;
struct vm_space;
struct wait_result;

enum trace_state {
	TRACE_RUNNING,	 /* or not traced at all */
	TRACE_STOPPED,	 /* parked in a stop: its registers may be looked at */
	TRACE_LISTENING, /* parked in a stop of its process, and the tracer waits for its end */
	TRACE_DEAD,	 /* has ended; its tracer has not waited for it yet */
};

/* Where a stopped thread stands. */
enum trace_place {
	TRACE_AT_SIGNAL, /* about to take a signal, which the tracer may change */
	TRACE_AT_ENTRY,	 /* a system call begins */
	TRACE_AT_EXIT,	 /* ... ends */
	TRACE_AT_EVENT,	 /* inside a system call */
	TRACE_AT_STEP,	 /* the first instruction of a handler, after a single step */
	TRACE_AT_GROUP,	 /* its process stops, or a trap that was asked for */
};

/*
 * Of each thread, in its proc_thread. All [PROC_TREE], changed by the tracer while the thread is
 * stopped and else by the thread itself; a look at `tracer` or `trap` without the lock is a hint.
 */
struct trace {
	struct thread *tracer;	 /* NULL: not traced */
	struct list link;	 /* in the tracer's tracees */
	struct list tracees;	 /* those of this thread */
	struct thread *thread;	 /* whose it is; NULL when it is dead */
	struct process *process; /* of a dead one, with a reference */
	int32_t tid;		 /* likewise */
	enum trace_state state;
	enum trace_place place;
	bool seized;	   /* PTRACE_SEIZE: stops of the process are told as such */
	bool capable;	   /* the tracer had CAP_SYS_PTRACE when it attached */
	unsigned trap;	   /* TRACE_TRAP_*: it is to stop at the next opportunity */
	bool unreported;   /* a wait of the tracer has not told of the stop */
	bool has_info;	   /* the stop has a siginfo */
	bool syscalls;	   /* resumed to stop at system calls */
	bool step;	   /* ... after an instruction */
	bool exit_told;	   /* of the thread's end, by an event */
	bool forced_step;  /* the step flag in the registers is the tracer's */
	uint32_t options;  /* TRACE_O_* */
	int code;	   /* of the stop: a signal, and an event << 8; of a dead one: status */
	int trap_signal;   /* of a new stop of a process that is stopped already; or 0 */
	int resume_signal; /* what the tracer resumed it with */
	uint64_t message;  /* what the tracer may ask about the stop */
	struct signal_info info; /* of the stop */
	struct blocker resume;
};

#define TRACE_TRAP_STOP	  1 /* any stop will do */
#define TRACE_TRAP_NOTIFY 2 /* the state of the process is to be told */

/* Options, as Linux numbers them (checked in linux/): bit n is event n. */
#define TRACE_O_SYSGOOD	 1U
#define TRACE_O_EXITKILL (1U << 20)

enum trace_event {
	TRACE_FORK = 1,
	TRACE_VFORK,
	TRACE_CLONE,
	TRACE_EXEC,
	TRACE_VFORK_DONE,
	TRACE_EXIT,
	TRACE_STOP = 128,
};

/* Messages of stops at system calls. */
#define TRACE_MESSAGE_ENTRY 1
#define TRACE_MESSAGE_EXIT  2

/* [a] Threads that are traced, and one more while all calls are logged: while it is 0, a system
 * call looks no further. */
extern uint32_t trace_watched;

/* --- for the tracer (ptrace.c). -ESRCH: not its tracee, or not stopped --- */
int trace_me(void);
int trace_attach(int32_t tid, bool seize, uint32_t options);
int trace_detach(int32_t tid, int sig);
enum trace_how { TRACE_CONTINUE, TRACE_SYSCALLS, TRACE_STEP };
int trace_resume(int32_t tid, enum trace_how how, int sig);
int trace_kill(int32_t tid);
int trace_interrupt(int32_t tid); /* -EIO: not seized */
int trace_listen(int32_t tid);	  /* -EIO: not seized, or in another stop */
/* Calls fn(t, arg), which must not sleep, while t stands still. Returns: what fn does. */
int trace_with(int32_t tid, int (*fn)(struct thread *t, void *arg), void *arg);
/* Its memory, with a reference. */
int trace_space(int32_t tid, struct vm_space **out);
/* In trace_with(): of t. */
struct trace *trace_of(struct thread *t);
sigset64_t trace_get_mask(struct thread *t);
void trace_set_mask(struct thread *t, sigset64_t mask);
/* Signals pending from the `skip`th on, those that have a siginfo; returns how many. */
unsigned trace_peek_signals(struct thread *t, bool shared, uint64_t skip, unsigned n,
			    struct signal_info *out);

/* --- for the thread itself (ptrace_stop.c) --- */
static inline bool trace_watching(void)
{
	return unlikely(READ_ONCE(trace_watched));
}
/* A system call begins: false if it is to be left out. */
bool trace_syscall_enter(void);
/* THREAD_WORK_TRACE: it ends. */
void trace_syscall_exit(void);
/* Would the event stop the current thread? Then it does, with the message. */
bool trace_wants(enum trace_event event);
void trace_event(enum trace_event event, uint64_t message);
/* The thread ends, or begins the end of its process; told once, and not if others end it. */
void trace_exit_event(int status);
/* The thread, of which this was the number, has a new program. */
void trace_exec(int32_t old_tid);
/* A signal is being taken: what to take instead, in *info; 0: nothing. */
int trace_signal(struct signal_info *info);
/* A handler is set up: take the step flag away; afterwards: stop, if it was a step. */
bool trace_before_handler(void);
void trace_after_handler(void);
/* The step flag of a tracer that has gone: take it away. True if it was one. */
bool trace_drop_step(void);
/* The process stops, or a trap was asked for. */
void trace_group_stop(void);

/* --- within proc/, PROC_TREE held (ptrace_end.c, and ptrace.c where not said) --- */
void trace_init(struct trace *tr);
static inline bool trace_is_on(const struct trace *tr)
{
	return READ_ONCE(tr->tracer) != NULL;
}
/* A child of the current thread, or a thread it makes, is traced like itself. (ptrace.c) */
void trace_inherit_locked(struct thread *child);
/* SIGCONT comes: whoever has seized a thread hears of it. (ptrace.c) */
void trace_notify_locked(struct process *p);
/* No longer traced; a stopped one goes on with sig. (ptrace.c) */
void trace_unlink_locked(struct trace *tr, int sig);
/* Tell the tracer of a stop or an end. (ptrace_stop.c) */
void trace_tell_locked(struct trace *tr, int code, int status);
/*
 * The thread, off its process's list, has ended. True: its proc_thread belongs to its tracer now.
 */
bool trace_end_locked(struct thread *t, int status);
/* As a tracer: processes that nobody has to wait for go to `dead`, by all_link. */
void trace_leave_locked(struct thread *t, struct list *dead);
/* The zombie p waits for its tracer, which is not its parent. */
bool trace_hides_locked(const struct process *p);
/* ... which is told of it now. */
void trace_tell_zombie_locked(struct process *p);
/* Its first thread is traced by a thread of `by`. */
bool trace_leader_by_locked(const struct process *p, const struct process *by);
/* It is reaped. */
void trace_drop_leader_locked(struct process *p);
/*
 * What tracees of the process's threads have to tell: 1; 0: there are some (`which` and options as
 * in process_wait); -ECHILD. A process that is to be put goes to *dead.
 */
int trace_look_locked(int32_t which, unsigned options, struct wait_result *out,
		      struct process **dead);

#endif
