/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes, their families, groups and sessions.
 *
 * Life of a process: process_create (fork) -> alive -> zombie (last thread gone; memory, files
 * released; the parent has been told) -> reaped by the parent's wait or at once when the
 * parent ignores children -> freed when the last reference goes, after a grace period.
 *
 * One spinlock, PROC_TREE, covers the shape: the pid table, parents, children, groups,
 * sessions, states of exit. It is held for short, bounded work only.
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include <base/cred.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <lib/list.h>
#include <proc/cpu_clock.h>
#include <proc/signal.h>
#include <sched/blocker.h>
#include <sched/epoch.h>
#include <sched/mutex.h>
#include <sched/timer.h>
#include <vm/radix.h>

struct file;
struct thread;
struct tty;
struct vm_space;

#define PID_MAX	     32768
#define RLIMIT_COUNT 16

struct session {
	uint32_t refs;		/* [PROC_TREE] groups in it */
	int32_t sid;		/* [I] */
	struct tty *tty;	/* [PROC_TREE] controlling terminal, or NULL */
	struct process *leader; /* [PROC_TREE] NULL once it is gone */
	int32_t lost_group;	/* [PROC_TREE] foreground when the terminal hung up, or 0 */
};

struct pgroup {
	int32_t pgid;		 /* [I] */
	struct list members;	 /* [PROC_TREE] process->group_link */
	struct session *session; /* [I] */
};

enum process_state { PROC_ALIVE, PROC_ZOMBIE, PROC_REAPED };

struct rlimit_pair {
	uint64_t cur, max;
};

/* What was used: getrusage. */
struct usage {
	uint64_t user_ns, system_ns;
	uint64_t minor_faults;
	uint64_t voluntary, forced; /* switches */
	uint64_t resident_max;	    /* pages */
};

/* setitimer(ITIMER_VIRTUAL), (ITIMER_PROF) */
struct cpu_alarm {
	struct cpu_timer timer;
	nsec_t interval; /* [PROC_TREE] */
};

struct process {
	uint32_t refs;		  /* [a] */
	int32_t pid;		  /* [I] */
	enum process_state state; /* [PROC_TREE] */
	bool exec_done;		/* [PROC_TREE] has called exec: setpgid by the parent is refused */
	bool dumpable;		/* [a] */
	int16_t oom_adjust;	/* [a] -1000 to 1000: oom.c */
	bool subreaper;		/* [PROC_TREE] orphans below it become its children */
	bool left_tty;		/* [PROC_TREE] the session's terminal is not its own (TIOCNOTTY) */
	bool under_reaper;	/* [PROC_TREE] some ancestor may be one */
	int32_t death_signal;	/* [a] sent to it when its parent ends; 0: none */
	bool exiting;		/* [PROC_TREE] all threads are on their way out */
	bool vfork_pending;	/* [PROC_TREE] the parent waits until we exec or exit */
	struct process *parent; /* [PROC_TREE] */
	int32_t parent_tid;	/* [PROC_TREE] the thread of it that made us, while it lives */
	struct list children;	/* [PROC_TREE] */
	struct list sibling;	/* [PROC_TREE] in parent->children */
	struct list threads;	/* [PROC_TREE] thread->process_link; the first one first */
	uint32_t thread_count;	/* [PROC_TREE] in the list */
	uint32_t staying_count; /* [PROC_TREE] of those, that have not begun to end */
	uint32_t live_count;	/* [PROC_TREE] of those, that have not let go of the memory */
	struct pgroup *group;	/* [PROC_TREE] */
	struct list group_link; /* [PROC_TREE] */
	struct list all_link;	/* [PROC_TREE] in become_zombie's list of the dead */
	struct blocker ended;	/* BLOCKER_OUTER: it becomes a zombie, is reaped (pidfd) */
	struct blocker child_event; /* woken at a child's exit, stop, continue */
	struct blocker vfork_done;  /* vfork_pending */
	struct blocker resume;	    /* threads of a stopped process wait here */
	struct blocker thread_gone; /* exec waits for the other threads to end */
	int32_t exit_status;	    /* [PROC_TREE] as wait4 reports it */
	int32_t exit_signal;	    /* [PROC_TREE] sent to the parent; 0: none */
	int32_t stop_signal;	    /* [PROC_TREE] signal that stopped it */
	uint32_t corpses; /* [PROC_TREE] its other threads that are dead and not waited for by a
			   * tracer */
	struct proc_thread *leader_trace;     /* [PROC_TREE] of its first thread, dead and traced */
	struct thread *exec_thread;	      /* [PROC_TREE] survives an exec under way */
	struct cred *last_cred;		      /* [PROC_TREE] of the last thread, once it is gone */
	struct timer alarm;		      /* setitimer(ITIMER_REAL): alarm.c */
	nsec_t alarm_interval;		      /* [a] */
	bool stopping;			      /* [PROC_TREE] threads park: signal_stop.c */
	bool stopped;			      /* [PROC_TREE] all have */
	uint32_t stop_number;		      /* [PROC_TREE] counts the stops */
	uint32_t parked;		      /* [PROC_TREE] threads that have, in this stop */
	bool stop_reported, continue_pending; /* [PROC_TREE] for wait */
	struct signal_state signals;	      /* [SIGNAL lock inside] */
	struct vm_space *space;		      /* [PROC_TREE] all threads share it */
	struct file *exe;		      /* [PROC_TREE] program file */
	char name[16];			      /* the first thread's name, for lists */
	struct rlimit_pair limits[RLIMIT_COUNT]; /* [PROC_TREE] */
	nsec_t start_ns;			 /* [I] monotonic */
	struct cpu_alarm cpu_alarms[2];		 /* by enum cpu_clock_kind */
	struct radix timers;			 /* [PROC_TREE] of timer_create, by number */
	int32_t next_timer;			 /* [PROC_TREE] */
	struct list cpu_timers;	    /* [PROC_TREE] armed timers on processor time: cpu_clock.c */
	bool has_budgets;	    /* [PROC_TREE] some thread has one */
	struct usage used;	    /* [PROC_TREE] by threads that are gone */
	struct usage children_used; /* [PROC_TREE] by reaped children and theirs */
	struct epoch_head epoch;
};

/* proc_tree_lock is PROC_TREE above. */
extern struct spinlock proc_tree_lock;

/* The calling thread's process; not from kernel threads. */
struct process *process_current(void);
/* By pid, with a reference; NULL when there is none (zombies are found). Context: any. */
struct process *process_find(int32_t pid);
struct process *process_get(struct process *p);
void process_put(struct process *p);
/* The first process with a pid greater than `after`, with a reference; NULL at the end. */
struct process *process_next(int32_t after);
unsigned process_count(void);

/* Ids of a process as they are now. Context: any. */
int32_t process_pgid(struct process *p);
int32_t process_sid(struct process *p);
int32_t process_ppid(struct process *p);

/* A letter as /proc/PID/stat shows: R S D T Z; of the thread tid. */
char thread_state_letter(struct process *p, int32_t tid);
/* Credentials of its first thread, with a reference. */
struct cred *process_cred(struct process *p);
/* What its threads, live and dead, have used so far; what its reaped children have. */
void usage_of_process(struct process *p, struct usage *u);
void usage_of_children(struct process *p, struct usage *u);
uint64_t process_limit(struct process *p, unsigned resource);
/* Tell an address space what the limits of its process are now. */
void process_limits_to_space(struct process *p, struct vm_space *s);
/* Address space with a reference (vm_space_put), or NULL for zombies. */
struct vm_space *process_space(struct process *p);

/* The real-time interval timer: ns left (0: off) and interval. Set is for the process itself. */
void process_alarm_init(struct process *p);
void process_alarm_get(struct process *p, nsec_t *value, nsec_t *interval);
void process_alarm_set(struct process *p, nsec_t value, nsec_t interval, nsec_t *old_value,
		       nsec_t *old_interval);

/* The same for those on processor time. */
void process_cpu_alarms_init(struct process *p);
void process_cpu_alarm_get(struct process *p, enum cpu_clock_kind kind, nsec_t *value,
			   nsec_t *interval);
void process_cpu_alarm_set(struct process *p, enum cpu_clock_kind kind, nsec_t value,
			   nsec_t interval, nsec_t *old_value, nsec_t *old_interval);

/* --- sessions and terminals (tty/ calls these) --- */
/* Make `tty` the controlling terminal of the current process's session: 0, or -EPERM. */
int session_set_tty(struct tty *tty);
/* The controlling terminal of the current process or NULL (valid while the caller's session lives).
 */
struct tty *session_tty(void);
/* Session sid has no terminal any more, if it was this one. */
void session_clear_tty(int32_t sid, struct tty *tty);
/* The current process alone leaves its session's terminal, and so do its children to come. */
void session_leave_tty(void);
/*
 * The terminal of session sid hung up while pgid was in the foreground: the leader's exit will tell
 * that group. The leader with a reference; NULL if it is gone or has another terminal.
 */
struct process *session_lose_tty(int32_t sid, struct tty *tty, int32_t pgid);
/* Of the caller's session? Does the group exist in the caller's session? */
bool session_has_group(int32_t pgid);
/* True if the group has no member whose parent is outside it in the same session. */
bool pgroup_is_orphaned(int32_t pgid);
/* True if some process group with this id exists. */
bool pgroup_exists(int32_t pgid);
/* Hook set once by tty/: device number (as /proc/PID/stat has it) and foreground group. Context:
 * any. */
extern void (*session_tty_info_hook)(struct tty *tty, uint32_t *number, int32_t *foreground);
/* Of p's controlling terminal: 0 and -1 without one. */
void process_tty_info(struct process *p, uint32_t *number, int32_t *foreground);
/* Hook set once by tty/: a session leader that has a terminal exits. Called with no lock held. */
extern void (*session_leader_exit_hook)(struct tty *tty, int32_t sid);

#endif
