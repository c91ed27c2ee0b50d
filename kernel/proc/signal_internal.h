/* SPDX-License-Identifier: BSD-2-Clause */
/* Among the files of signals: pending sets, waking of threads. */
#ifndef PROC_SIGNAL_INTERNAL_H
#define PROC_SIGNAL_INTERNAL_H

#include "posix_timer.h"
#include "proc_internal.h"
#include <base/user.h>

#include <asm/signal.h>

#define RT_FIRST     32
#define STOP_SIGNALS (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define UNBLOCKABLE  (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

/* --- pending sets (signal_queue.c); the process's signal lock is held --- */
/* 0, or -EAGAIN when a signal that must be queued cannot be. */
int signal_add(struct signal_pending *pending, int sig, const struct signal_info *info,
	       struct user *payer, uint64_t limit);
/* An entry of its own, that is on no set. */
void signal_add_own(struct signal_pending *pending, struct signal_queued *own);
void signal_unqueue(struct signal_pending *pending, struct signal_queued *own);
void signal_discard(struct signal_pending *pending, sigset64_t set);
/* Take the oldest `sig` out; the set has it. Afterwards, without locks: posix_timer_taken(). */
void signal_remove(struct signal_pending *pending, int sig, struct signal_info *info);

/* --- waking (signal_send.c) --- */
/* Let t look: it leaves an interruptible wait, and user mode. */
void signal_poke(struct thread *t, uint32_t work);
/*
 * The current thread takes no signal of `set` any more: those that are pending for the process
 * get other threads to look. Context: process; no locks.
 */
void signal_retarget(sigset64_t set);

/* --- stops (signal_stop.c); PROC_TREE held --- */
void signal_resume_locked(struct process *p, bool tell);

#endif
