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
 * Locks: session and foreground change under input_lock; the input interrupt reads them there.
 * Signals are sent with no lock of ours held (PROC_TREE comes before them). A group may end
 * between the read and the signal: then nobody gets it, as when it had ended a moment earlier.
 */
#include "tty.h"
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

int tty_acquire(struct tty *tty, bool steal)
{
	struct process *p = process_current();
	int r;

	if (is_session_leader(p) && session_tty() == tty)
		return 0;
	r = session_set_tty(tty, steal);
	if (!r)
		set_owner(tty, process_sid(p), process_pgid(p));
	return r;
}

/* The session loses the terminal, and its foreground group is told; if it is stopped, it goes on.
 */
static void end_session(struct tty *tty, bool resume)
{
	int32_t pgid = foreground_of(tty);

	set_owner(tty, 0, 0);
	if (!pgid)
		return;
	signal_send_group(pgid, SIGHUP, NULL);
	if (resume)
		signal_send_group(pgid, SIGCONT, NULL);
}

/*
 * Here a terminal belongs to a session as a whole, so a member that is not the leader cannot drop
 * it for itself alone, as it can on Linux: it is refused rather than told a lie.
 */
int tty_give_up(struct tty *tty)
{
	if (session_tty() != tty)
		return -ENOTTY;
	if (!is_session_leader(process_current()))
		return -EPERM;
	session_clear_tty(tty);
	end_session(tty, true);
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
	WRITE_ONCE(tty->stopped, 0);
	tty->ldisc.stopped = false;
	tty_unlock_both(tty, flags);
	blocker_wake(&tty->readers, ~0u, EPOLLIN | EPOLLHUP);
	blocker_wake(&tty->writers, ~0u, EPOLLOUT | EPOLLHUP);
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
	end_session(tty, false);
}

/*
 * The leader alone is told; the foreground group learns of it when the leader exits
 * (session_lose_tty remembers it).
 */
void tty_hangup(struct tty *tty)
{
	int32_t sid = READ_ONCE(tty->session);
	struct process *leader;

	kill_files(tty);
	leader = sid ? session_lose_tty(sid, tty, foreground_of(tty)) : NULL;
	set_owner(tty, 0, 0);
	if (leader) {
		signal_send_process(leader, SIGHUP, NULL);
		signal_send_process(leader, SIGCONT, NULL);
		process_put(leader);
	}
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
