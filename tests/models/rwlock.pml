/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader-writer locks (kernel/sched/rwlock.c): two writers and two readers.
 * A newcomer may take a free lock also before those who sleep.
 *
 * What must hold: a writer is alone; nobody sleeps for ever, and the signs for waiters are gone when
 * they are; a writer that was woken and looked in vain, and readers that a release finds at the front,
 * are not overtaken by newcomers; a release does not touch the lock when it could have been freed.
 *
 * Blockers and the scheduler are taken as right: see blocker.pml. A sleep ends when `woken` is set.
 *
 * FAULT: FAULT_NO_SERVE    who goes to sleep does not look whether the lock has become free
 * FAULT: FAULT_BARGE       a newcomer takes the lock while it is promised
 * FAULT: FAULT_NO_HANDOFF  a writer that was woken and came too late does not ask for the lock
 * FAULT: FAULT_PASS        a release does not keep newcomers from passing readers at the front
 * FAULT: FAULT_ALL_GONE    a release that finds the list empty lets go under waiters.lock
 * FAULT: FAULT_FAST        a release that leaves the lock free does not look for waiters
 */
#define THREADS 4
#define IS_WRITER(t) (t < 2)
#define ENTRIES 4

bool writer, waiters, handoff;	/* with readers, one word: each step is one atomic operation */
byte readers;
bool lock;			/* waiters.lock */
chan list = [THREADS] of { byte };
bool on_list[THREADS], woken[THREADS];
bool late;			/* the writer at the front was woken and looked in vain */
bool promised;			/* a release is about to serve readers at the front */
byte inside_readers, inside_writers, entries, done;
bool freed;

inline take_lock()
{
	atomic { !lock -> lock = true }
}

#ifdef FAULT_BARGE
#define PROMISE false
#else
#define PROMISE handoff
#endif
#define MAY_READ (!writer && !PROMISE && (!waiters || readers == 0))
#define MAY_WRITE (!writer && !PROMISE && readers == 0)

/* As a newcomer: one step. */
inline take(me, newcomer)
{
	atomic {
		if
		:: IS_WRITER(me) && MAY_WRITE ->
			assert(!newcomer || (!late && !promised));
			writer = true;
			have = true
		:: !IS_WRITER(me) && MAY_READ ->
			assert(!newcomer || !late);
			readers++;
			have = true
		:: else
		fi
	}
}

inline unlink_node(n)
{
	d_step {
		list??eval(n);
		on_list[n] = false
	};
	if
	:: empty(list) -> atomic { waiters = false; handoff = false }
	:: nempty(list)
	fi
}

/* Holds waiters.lock. */
inline serve()
{
	do
	:: empty(list) -> break
	:: nempty(list) ->
		list?<n>;
		atomic {
			granted = false;
			if
			:: writer -> stop = true
			:: !writer && !IS_WRITER(n) ->
				readers++; handoff = false; promised = false; granted = true
			:: !writer && IS_WRITER(n) && readers > 0 -> stop = true
			:: !writer && IS_WRITER(n) && readers == 0 && !handoff ->
				woken[n] = true; stop = true
			:: !writer && IS_WRITER(n) && readers == 0 && handoff ->
				writer = true; handoff = false; late = false; granted = true
			fi
		};
		if
		:: granted -> unlink_node(n); woken[n] = true
		:: else
		fi;
		if
		:: stop -> stop = false; break
		:: else
		fi
	od
}

proctype thread(byte me; byte times)
{
	byte rounds = 0, n = 0;
	bool have, last, granted, stop = false, slow;

	do
	:: rounds == times -> break
	:: else ->
		rounds++;
		have = false;
		take(me, true);
		if
		:: have -> skip
		:: else ->
			take_lock();
			woken[me] = false;
			list!me;
			on_list[me] = true;
			waiters = true;
#ifndef FAULT_NO_SERVE
			serve();
#endif
			lock = false;
			do
			:: woken[me];
				take_lock();
				if
				:: !on_list[me] -> have = true
				:: on_list[me] ->
					list?<n>;
					if
					:: n == me -> take(me, false)
					:: else
					fi;
					if
					:: have -> late = false; unlink_node(me)
					:: !have && n == me ->
#ifndef FAULT_NO_HANDOFF
						handoff = true;
#endif
						late = true
					:: !have && n != me
					fi
				fi;
				if
				:: have -> lock = false; break
				:: else -> woken[me] = false; lock = false
				fi
			od
		fi;
		if
		:: IS_WRITER(me) -> inside_writers++
		:: else -> inside_readers++
		fi;
		assert(inside_writers == 0 || (inside_writers == 1 && inside_readers == 0));
		entries++;
		last = entries == ENTRIES && IS_WRITER(me);	/* nobody else has it */
		if
		:: IS_WRITER(me) -> inside_writers--
		:: else -> inside_readers--
		fi;
		/* release */
again:		assert(!freed);
		atomic {
#ifdef FAULT_FAST
			slow = false;
#else
			slow = waiters && (IS_WRITER(me) || readers == 1);
#endif
			if
			:: slow
			:: !slow && IS_WRITER(me) -> writer = false
			:: !slow && !IS_WRITER(me) -> readers--
			fi
		};
		if
		:: !slow
		:: slow ->
			take_lock();
			if
			:: empty(list) ->
#ifdef FAULT_ALL_GONE
				atomic {
					if
					:: IS_WRITER(me) -> writer = false
					:: else -> readers--
					fi
				};
				assert(!freed);
				lock = false;
				goto next;
#endif
				assert(!waiters && !handoff);
				lock = false;
				goto again
			:: nempty(list)
			fi;
			list?<n>;
			if
			:: !IS_WRITER(n) ->
				promised = true;
#ifndef FAULT_PASS
				handoff = true
#endif
			:: else
			fi;
			atomic {
				if
				:: IS_WRITER(me) -> writer = false
				:: else -> readers--
				fi
			};
			serve();
			promised = false;
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
			assert(!writer && readers == 0 && !waiters && !handoff && !lock)
		:: else
		fi
	}
}

init {
	atomic {
		run thread(0, 1); run thread(1, 1); run thread(2, 1); run thread(3, 1)
	}
}
