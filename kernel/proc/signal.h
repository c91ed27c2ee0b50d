/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals: sending and state. Delivery to a handler is in linux/signal_frame.c. */
#ifndef PROC_SIGNAL_H
#define PROC_SIGNAL_H

#include <base/spinlock.h>
#include <base/types.h>
#include <lib/list.h>
#include <sched/blocker.h>
#include <sched/epoch.h>

struct posix_timer;
struct process;
struct thread;
struct user;

#define SIGNAL_COUNT 64	     /* numbers 1..64 */
typedef uint64_t sigset64_t; /* bit n-1 is signal n */
#define SIGBIT(sig) (1ULL << ((sig)-1))

/* What accompanies a signal; siginfo_t is built from it at delivery. */
struct signal_info {
	int32_t signo, code, err;
	int32_t pid;
	uint32_t uid;
	int32_t status;	  /* SIGCHLD */
	uint64_t address; /* faults */
	uint64_t value;	  /* sigqueue, timers */
	int32_t timer_id, overrun;
	int64_t utime, stime;
	struct posix_timer *timer; /* whose it is, with a reference, until posix_timer_taken() */
};

struct signal_queued {
	struct list link;
	struct user *user;	   /* who is charged for it; NULL: nobody */
	struct posix_timer *timer; /* that it is a part of; NULL: it is allocated */
	struct signal_info info;
};

struct signal_action {
	uaddr_t handler; /* 0 default, 1 ignore */
	uint64_t flags;	 /* SA_* */
	uaddr_t restorer;
	sigset64_t mask;
};

struct signal_pending {
	sigset64_t set;	   /* [SIGNAL] */
	struct list queue; /* [SIGNAL] signal_queued, oldest first */
};

/* What a process does with its signals; clone(CLONE_SIGHAND) shares it between processes. */
struct signal_actions {
	uint32_t refs;	      /* [a] processes */
	struct spinlock lock; /* SIGNAL: inside the lock of a process's signal_state */
	struct signal_action table[SIGNAL_COUNT]; /* [lock]; a handler alone may be read without */
};

/* Where threads wait for signals to arrive; see signal_watch.c. */
struct signal_watch {
	uint32_t refs;		/* [a] */
	bool left;		/* [a] the process has gone */
	struct blocker arrived; /* BLOCKER_OUTER */
	struct epoch_head epoch;
};

struct signal_state {
	struct spinlock lock;		/* SIGNAL */
	struct signal_pending shared;	/* for any thread */
	struct signal_actions *actions; /* [PROC_TREE and lock to change] never NULL */
	struct signal_watch *watch;	/* [a] NULL until somebody wants it; then for good */
};

/*
 * Send a signal; info may be NULL (SI_KERNEL). 0, or -EAGAIN when a queued real-time signal
 * exceeds the limit. No permission check. Context: any.
 */
int signal_send_process(struct process *p, int sig, const struct signal_info *info);
int signal_send_thread(struct thread *t, int sig, const struct signal_info *info);
/* To every member of a process group; 0, or -ESRCH when there is no such group. Context: any. */
int signal_send_group(int32_t pgid, int sig, const struct signal_info *info);

/* For the current thread: would `sig` be ignored, or is it blocked? (tty job control) */
bool signal_is_ignored_or_blocked(int sig);
/* Does the current thread have a signal to handle? Sleeping calls return -EINTR then. */
bool signal_pending_current(void);

#endif
