/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes (kernel/sched/mutex.c): three threads take one, two of them twice; one may give up when a
 * signal comes. A newcomer may look on and take it when it is free, also before those who sleep.
 *
 * What must hold: one owner at a time; nobody sleeps for ever, and the signs for waiters are gone
 * when they are; nobody is overtaken by newcomers after it was woken and looked in vain; those who
 * sleep get it in their order; an unlock does not touch the mutex when it could have been freed.
 *
 * Blockers and the scheduler are taken as right: see blocker.pml. A sleep ends when `woken` is set.
 *
 * FAULT: FAULT_FREE_WAKE     an unlock makes the mutex free and wakes outside waiters.lock
 * FAULT: FAULT_ALL_GONE      an unlock that finds the list empty makes it free under waiters.lock
 * FAULT: FAULT_MARK          a sleeper marks the word without a look whether it is free
 * FAULT: FAULT_NO_HANDOFF    one that was woken and came too late does not ask for a hand-over
 * FAULT: FAULT_SIGNAL        one that a signal woke leaves without a look whether it is free
 * FAULT: FAULT_BARGE         a newcomer takes it while it is promised
 * FAULT: FAULT_KEEP_MARK     the last to leave the list leaves the sign
 * FAULT: FAULT_NOT_HEAD      one that a signal woke takes it though others sleep longer
 */
#define THREADS 3
#define NOBODY 3
#define ENTRIES 5

byte owner = NOBODY;
bool has_waiters, handoff;	/* with owner, one word: each step is one atomic operation */
bool lock;			/* waiters.lock */
chan list = [THREADS] of { byte };
bool on_list[THREADS], woken[THREADS], signalled[THREADS];
byte inside;			/* in the critical section */
bool late[THREADS];		/* the oldest on the list was woken, and looked in vain */
byte entries;			/* threads that have come in, or gone without */
byte done;
bool freed;			/* the last who had it has freed it */

inline take_lock()
{
	atomic { !lock -> lock = true }
}

inline newcomer_takes()
{
	assert(!late[0] && !late[1] && !late[2]);
	owner = me;
	have = true
}

#ifdef FAULT_BARGE
#define MAY_TAKE (owner == NOBODY || handoff)
#else
#define MAY_TAKE (owner == NOBODY)
#endif

inline unlink_me(me)
{
	d_step {
		list??eval(me);
		on_list[me] = false;
		late[me] = false
	}
#ifndef FAULT_KEEP_MARK
	if
	:: empty(list) -> atomic { has_waiters = false; handoff = false }
	:: else
	fi
#endif
}

proctype thread(byte me; byte times; bool interruptible)
{
	byte rounds = 0, head;
	bool have, last;

	do
	:: rounds == times -> break
	:: else ->
		rounds++;
		have = false;
		/* Newcomer: the fast path, or a look while waiting awake. */
		atomic {
			if
			:: MAY_TAKE -> assert(owner == NOBODY); newcomer_takes()
			:: true -> skip		/* it was not, or spinning is not worth it */
			fi
		};
		if
		:: have -> skip
		:: else ->
			take_lock();
			/* take_or_mark */
#ifdef FAULT_MARK
			atomic { has_waiters = true };
#else
			atomic {
				if
				:: owner == NOBODY -> newcomer_takes()
				:: else -> has_waiters = true
				fi
			};
#endif
			if
			:: have -> lock = false
			:: else ->
				list!me;
				on_list[me] = true;
sleep:				woken[me] = false;
				lock = false;
				if
				:: woken[me]
				:: interruptible && signalled[me] -> skip
				fi;
				take_lock();
				if
				:: !on_list[me] -> assert(owner == me); have = true
				:: else ->
					head = NOBODY;
					if
					:: nempty(list) -> list?<head>
					fi;
#ifdef FAULT_SIGNAL
					if
					:: interruptible && signalled[me] ->
						unlink_me(me); entries++; lock = false; goto next
					:: else
					fi;
#endif
					atomic {
						if
#ifdef FAULT_NOT_HEAD
						:: owner == NOBODY ->
							assert(head == me);
#else
						:: owner == NOBODY && head == me ->
#endif
							owner = me; have = true
						:: else
						fi
					};
					if
					:: have -> unlink_me(me)
					:: else ->
						if
						:: interruptible && signalled[me] ->
							unlink_me(me); entries++; lock = false; goto next
						:: else ->
							if
							:: head == me ->
#ifndef FAULT_NO_HANDOFF
								handoff = true;
#endif
								late[me] = true
							:: else
							fi;
							goto sleep
						fi
					fi
				fi;
				lock = false
			fi
		fi;
		inside++;
		assert(inside == 1);
		entries++;
		last = entries == ENTRIES;
		inside--;
		/* unlock */
again:		assert(owner == me && !freed);
		have = false;
		atomic {
			if
			:: !has_waiters && !handoff -> owner = NOBODY; have = true
			:: else
			fi
		};
		if
		:: have -> skip
		:: else ->
			head = NOBODY;
#ifdef FAULT_FREE_WAKE
			if
			:: nempty(list) -> list?<head>
			:: empty(list)
			fi;
			owner = NOBODY;
			if
			:: head != NOBODY -> woken[head] = true
			:: else
			fi;
			goto next;
#endif
			take_lock();
			if
			:: empty(list) ->	/* they have given up */
#ifdef FAULT_ALL_GONE
				owner = NOBODY;
				assert(!freed);
				lock = false;
				goto next;
#endif
				assert(!has_waiters && !handoff);
				lock = false;
				goto again
			:: nempty(list) -> list?<head>
			fi;
			if
			:: !handoff -> owner = NOBODY; woken[head] = true
			:: else ->
				atomic {
					list?head; on_list[head] = false; late[head] = false;
					owner = head; handoff = false; has_waiters = nempty(list)
				};
				woken[head] = true
			fi;
			assert(!freed);
			lock = false
		fi;
		freed = last;
next:		skip
	od;
	atomic {
		done++;
		if
		:: done == THREADS ->
			assert(owner == NOBODY && !has_waiters && !handoff && !lock)
		:: else
		fi
	}
}

/* A signal stays until the thread has done. */
proctype signal()
{
	signalled[0] = true
}

init {
	atomic {
		run thread(0, 2, true); run thread(1, 2, false); run thread(2, 1, false);
		run signal()
	}
}
