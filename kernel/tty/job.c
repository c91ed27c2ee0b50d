/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Job control: which process group may use a terminal, who is told what is typed, and what
 * happens when a session or a line ends.
 *
 * A terminal is the controlling terminal of at most one session (tty->session), and one group of
 * that session is in the foreground (tty->foreground). proc/ keeps the other direction,
 * session->tty. Transitions:
 *
 *	no session -> session	tty_acquire: TIOCSCTTY, or the open of a session leader without one
 *	foreground changes	tty_set_foreground: TIOCSPGRP
 *	session -> no session	tty_give_up (TIOCNOTTY by the leader), the leader's exit (hook from
 *				proc/), tty_hangup (the line is gone)
 *
 * A hangup is counted in tty->hangups; a file remembers the count at its open and is dead once they
 * differ, so that nothing has to find the open files.
 *
 * TIOCNOTTY by another than the leader is about that process alone (process->left_tty).
 *
 * Locks: session changes under tty->lock, together with the session's pointer back, and like
 * foreground under input_lock, where the input interrupt reads them.
 * Signals are sent with no lock of ours held (PROC_TREE comes before them). A group may end
 * between the read and the signal: then nobody gets it, as when it had ended a moment earlier.
 */
#include "tty.h"
#include "tty_internal.h"
#include <lib/errno.h>
#include <linux/eventpoll.h>
#include <asm/signal.h>
#include <proc/process.h>
#include <proc/signal.h>
#include <sched/thread.h>

static int32_t foreground_of(struct tty *tty)
{
	return __atomic_load_n(&tty->foreground, __ATOMIC_RELAXED);
}

static void set_owner(struct tty *tty, int32_t session, int32_t foreground)
{
	uint64_t flags = spin_lock_irq(&tty->input_lock);

	tty->session = session;
	__atomic_store_n(&tty->foreground, foreground, __ATOMIC_RELAXED);
	spin_unlock_irq(&tty->input_lock, flags);
}

void tty_signal(struct tty *tty, int signal)
{
	int32_t pgid = foreground_of(tty);

	if (pgid)
		signal_send_group(pgid, signal, NULL);
}

/* --- background processes -----------------------------------------------------------------------
 */

/*
 * May the caller go on, though it may be in the background? Otherwise its whole group gets the
 * signal, and the call is made again once it continues.
 */
static int check_foreground(struct tty *tty, int signal)
{
	int32_t foreground = foreground_of(tty), own;

	if (!current()->process || session_tty() != tty)
		return 0;
	own = process_pgid(process_current());
	if (!foreground || own == foreground)
		return 0;
	/* Who does not listen is not stopped: it must not read, but it may write. */
	if (signal_is_ignored_or_blocked(signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (pgroup_is_orphaned(own))
		return -EIO;
	signal_send_group(own, signal, NULL);
	return -ERESTARTSYS;
}

int tty_check_read(struct tty *tty)
{
	return check_foreground(tty, SIGTTIN);
}

int tty_check_write(struct tty *tty)
{
	return READ_ONCE(tty->ldisc.settings.lflag) & TOSTOP ? check_foreground(tty, SIGTTOU) : 0;
}

int tty_check_change(struct tty *tty)
{
	return check_foreground(tty, SIGTTOU);
}

/* --- owners -------------------------------------------------------------------------------------
 */

int tty_get_foreground(struct tty *tty, int32_t *pgid)
{
	if (session_tty() != tty)
		return -ENOTTY;
	*pgid = foreground_of(tty);
	return 0;
}

int tty_set_foreground(struct tty *tty, int32_t pgid)
{
	int r = tty_check_change(tty);
	uint64_t flags;

	if (r)
		return r;
	if (session_tty() != tty)
		return -ENOTTY;
	if (pgid < 0)
		return -EINVAL;
	if (!pgroup_exists(pgid))
		return -ESRCH;
	if (!session_has_group(pgid))
		return -EPERM;
	flags = spin_lock_irq(&tty->input_lock);
	__atomic_store_n(&tty->foreground, pgid, __ATOMIC_RELAXED);
	spin_unlock_irq(&tty->input_lock, flags);
	return 0;
}

int tty_get_session(struct tty *tty, int32_t *sid)
{
	if (session_tty() != tty)
		return -ENOTTY;
	*sid = process_sid(process_current());
	return 0;
}

static bool is_session_leader(struct process *p)
{
	return process_sid(p) == p->pid;
}

/* tty->lock held. */
void tty_disown(struct tty *tty)
{
	session_clear_tty(tty->session, tty);
	set_owner(tty, 0, 0);
}

/* From the session that has it, if that is not sid. tty->lock held. */
static int take_from(struct tty *tty, int32_t sid, bool steal)
{
	if (!tty->session || tty->session == sid)
		return 0;
	if (!steal)
		return -EPERM;
	tty_disown(tty);
	return 0;
}

int tty_acquire(struct tty *tty, bool readable, bool steal)
{
	struct process *p = process_current();
	int32_t sid = process_sid(p);
	int r;

	if (sid != p->pid)
		return -EPERM;
	mutex_lock(&tty->lock);
	if (tty->session == sid && session_tty() == tty) {
		mutex_unlock(&tty->lock);
		return 0;
	}
	r = session_tty() || !readable ? -EPERM : take_from(tty, sid, steal);
	if (!r)
		r = session_set_tty(tty);
	if (!r)
		set_owner(tty, sid, process_pgid(p));
	mutex_unlock(&tty->lock);
	return r;
}

/*
 * The session loses the terminal, and its foreground group is told; if it is stopped, it goes on.
 * tty->lock is held, and released here.
 */
static void end_session(struct tty *tty, int32_t sid, bool resume)
{
	int32_t pgid = tty->session == sid ? foreground_of(tty) : 0;

	if (tty->session == sid)
		set_owner(tty, 0, 0);
	mutex_unlock(&tty->lock);
	if (!pgid)
		return;
	signal_send_group(pgid, SIGHUP, NULL);
	if (resume)
		signal_send_group(pgid, SIGCONT, NULL);
}

int tty_give_up(struct tty *tty)
{
	struct process *p = process_current();

	if (session_tty() != tty)
		return -ENOTTY;
	if (!is_session_leader(p)) {
		session_leave_tty();
		return 0;
	}
	mutex_lock(&tty->lock);
	session_clear_tty(p->pid, tty);
	end_session(tty, p->pid, true);
	return 0;
}

/* --- ends ---------------------------------------------------------------------------------------
 */

/* All files that are open now are dead: reads find the end, writes fail, sleepers wake. */
static void kill_files(struct tty *tty)
{
	uint64_t flags;

	__atomic_fetch_add(&tty->hangups, 1, __ATOMIC_ACQ_REL);
	flags = tty_lock_both(tty);
	ldisc_flush_input(&tty->ldisc);
	tty_stop_output(tty, TTY_STOP_TYPED | TTY_STOP_ASKED, false);
	tty->ldisc.stopped = false;
	tty_unlock_both(tty, flags);
	blocker_wake(&tty->readers, ~0u, EPOLLIN | EPOLLHUP);
	blocker_wake(&tty->writers, ~0u, EPOLLOUT | EPOLLHUP);
}

/* What was typed has gone. A pseudo-terminal has its master for what waits, and that goes, too. No
 * lock held. */
static void tell_of_room(struct tty *tty)
{
	if (!(tty->ops->flags & TTY_PORT_PTY) && tty->ops->input_room)
		tty->ops->input_room(tty);
}

/*
 * A line of its own is hung up for the next user; a pseudo-terminal has its master for that, and
 * stays as it is. Stopped groups that lose their last tie to the session are the business of proc/.
 */
static void leader_exited(struct tty *tty, int32_t sid)
{
	if (READ_ONCE(tty->session) != sid)
		return;
	if (!(tty->ops->flags & TTY_PORT_PTY))
		kill_files(tty);
	mutex_lock(&tty->lock);
	end_session(tty, sid, false);
	tell_of_room(tty);
}

/*
 * The leader alone is told; the foreground group learns of it when the leader exits
 * (session_lose_tty remembers it).
 */
void tty_hangup(struct tty *tty)
{
	struct process *leader;

	kill_files(tty);
	mutex_lock(&tty->lock);
	leader = tty->session ? session_lose_tty(tty->session, tty, foreground_of(tty)) : NULL;
	set_owner(tty, 0, 0);
	mutex_unlock(&tty->lock);
	if (leader) {
		signal_send_process(leader, SIGHUP, NULL);
		signal_send_process(leader, SIGCONT, NULL);
		process_put(leader);
	}
	tell_of_room(tty);
}

static void tty_info(struct tty *tty, uint32_t *number, int32_t *foreground)
{
	*number = tty->number;
	*foreground = READ_ONCE(tty->foreground);
}

void tty_job_init(void)
{
	session_tty_info_hook = tty_info;
	session_leader_exit_hook = leader_exited;
}
