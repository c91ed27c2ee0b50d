/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blockers (kernel/sched/blocker.c) and what they need of the scheduler (thread_unblock, schedule):
 * two threads wait for a token; a waker gives one and wakes one of them. The first waiter passes the
 * token on in the same way if it gets it, or may time out and do without.
 *
 * What must hold: nobody sleeps for ever (no token and no wake-up is lost, though one of the waiters
 * may have given up when it is woken); a waker touches no node that its owner has taken back; and
 * nobody who runs is off the run queue.
 *
 * Spin explores all orders of the steps, each of which all see at once. The one pair where the kernel
 * counts on fences is "node on the list, look at the condition" against "condition, look at the
 * list": the faults swap the two steps of a side, as a store buffer would.
 *
 * FAULT: FAULT_WAITER_FENCE  the waiter looks at the condition before its node is seen on the list
 * FAULT: FAULT_WAKER_FENCE   the waker looks at the list before its token is seen
 * FAULT: FAULT_GIVEN_UP      a waiter that has timed out counts as woken
 * FAULT: FAULT_STATE_LATE    SLEEPING is set after the look at the condition, without another
 * FAULT: FAULT_TOUCH_LATE    the waker unlinks after it has let go of the node
 * FAULT: FAULT_NO_REMOVE     the waiter goes on while its node is on the list
 */
#define WAITERS 2
#define NONE 0
#define WOKEN 1
#define TIMEDOUT 2
#define WAITING 3

byte tokens;			/* the condition */
byte wait[WAITERS];
bool sleeping[WAITERS];		/* thread->state */
bool on_rq[WAITERS] = true;
bool linked[WAITERS];		/* on the blocker's list */
bool seen[WAITERS];		/* likewise, as who does not hold the lock sees it */
bool named[WAITERS];		/* node->blocker is set */
bool is_node[WAITERS];		/* the memory is a node, not something else on the stack */
bool lock;			/* of the blocker */
bool armed, firing;

inline take_lock()
{
	atomic { !lock -> lock = true }
}

/* Under the lock of the thread and its queue. */
inline unblock(t)
{
	atomic {
		if
		:: sleeping[t] -> sleeping[t] = false; on_rq[t] = true
		:: else
		fi
	}
}

/* Off the processor if it is still to sleep: one step under the queue's lock. */
inline schedule(t)
{
	atomic {
		if
		:: sleeping[t] -> on_rq[t] = false
		:: else
		fi
	};
	on_rq[t]
}

inline remove_node(t)
{
	do
	:: !named[t] -> break
	:: else ->
		take_lock();
		if
		:: named[t] -> linked[t] = false; seen[t] = false; named[t] = false
		:: else
		fi;
		lock = false
	od
}

proctype waiter(byte me)
{
	byte end;
	bool saw;

again:	is_node[me] = true;
	wait[me] = WAITING;
#ifndef FAULT_STATE_LATE
	sleeping[me] = true;
#endif
	take_lock();
	linked[me] = true;
	named[me] = true;
#ifdef FAULT_WAITER_FENCE
	saw = tokens > 0;
	seen[me] = true;
	lock = false;
#else
	seen[me] = true;
	lock = false;
	saw = tokens > 0;
#endif
	end = WOKEN;
	if
	:: saw -> skip
	:: else ->
		armed = armed || me == 0;
#ifdef FAULT_STATE_LATE
		sleeping[me] = true;
		schedule(me);
#endif
		do
		:: wait[me] != WAITING -> break
		:: else ->
			schedule(me);
			sleeping[me] = true
		od;
		end = wait[me];
		if
		:: me == 0 -> atomic { !firing -> armed = false }	/* timer_cancel_sync */
		:: else
		fi
	fi;
	wait[me] = NONE;
	sleeping[me] = false;
	assert(on_rq[me]);
#ifndef FAULT_NO_REMOVE
	remove_node(me);
#endif
	is_node[me] = false;
	atomic {
		if
		:: end == TIMEDOUT	/* as a futex does: no other look */
		:: end != TIMEDOUT && tokens > 0 ->
			tokens--;
			if
			:: me == 0 -> run waker()
			:: else
			fi
		:: end != TIMEDOUT && tokens == 0 -> goto again
		fi
	}
}

proctype timer()
{
end:	do
	:: atomic { armed -> firing = true; armed = false };
		if
		:: atomic { wait[0] == WAITING -> wait[0] = TIMEDOUT }; unblock(0)
		:: atomic { wait[0] != WAITING -> skip }
		fi;
		firing = false
	od
}

proctype waker()
{
	byte n = 0, woken = 0;
	bool counts, nobody;

#ifdef FAULT_WAKER_FENCE
	nobody = !seen[0] && !seen[1];
	tokens++;
#else
	tokens++;
	nobody = !seen[0] && !seen[1];
#endif
	if
	:: nobody -> goto out
	:: else
	fi;
	take_lock();
	do
	:: n < WAITERS && woken == 0 && linked[n] ->
		assert(is_node[n]);
		counts = false;
		atomic {
			if
			:: wait[n] == WAITING -> wait[n] = WOKEN; counts = true
			:: else
			fi
		};
		if
		:: counts -> unblock(n)
		:: else
		fi;
		assert(is_node[n]);
#ifdef FAULT_TOUCH_LATE
		named[n] = false;
		assert(is_node[n]);
		linked[n] = false;
		seen[n] = false;
#else
		linked[n] = false;
		seen[n] = false;
		named[n] = false;	/* the last touch: the owner may go on */
#endif
#ifdef FAULT_GIVEN_UP
		woken++;
#else
		woken = woken + counts;
#endif
		n++
	:: n < WAITERS && woken == 0 && !linked[n] -> n++
	:: n == WAITERS || woken > 0 -> break
	od;
	lock = false;
out:	skip
}

init {
	atomic {
		run waiter(0); run waiter(1);
		run timer();
		run waker()
	}
}
