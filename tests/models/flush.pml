/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dropping translations (kernel/sched/flush.c): nobody uses a frame through a stale translation, and
 * nobody walks a page table, once either has been freed.
 *
 * One processor uses a space: it touches a page, runs a kernel thread (lazy) and comes back, or
 * loads another space and comes back. While it has the space loaded it may walk the tables at any
 * moment, on its own account too. It has one translation and one cached upper entry. Two others
 * change the tables: one unmaps the page and frees its frame, one unlinks an empty table and frees
 * it. The two have a ticket each, and are merged in the queue.
 *
 * Spin explores all orders of the steps, each of which all see at once. An x86 processor keeps stores
 * back behind later loads: in the three places where that would hurt the kernel has a fence, and the
 * faults swap the store and the load.
 *
 * FAULT: FAULT_SENDER_FENCE  lazy is looked at before the ticket is seen
 * FAULT: FAULT_TARGET_FENCE  the ticket is looked at before the end of laziness is seen
 * FAULT: FAULT_BITS_EARLY    the sender looks who has the space before the entry is seen changed
 * FAULT: FAULT_NOT_OWED      the end of laziness does not look for tickets
 * FAULT: FAULT_NO_LET_GO     a lazy processor keeps tables that are freed
 * FAULT: FAULT_BUSY_LATE     the end of laziness comes after the load of another space
 * FAULT: FAULT_DONE_EARLY    the tickets are acknowledged before the ranges are dropped
 * FAULT: FAULT_UPTO_LATE     the count is read after the ranges were taken
 */
#define STEPS 3
#define UNMAPPER 0
#define FREER 1

bool entry = true, upper = true;	/* in memory: of the page, and of the (other) table */
bool tlb, cached;			/* in the processor: the translation, the upper entry */
bool frame_freed, table_freed;
bool in_cpus = true;		/* of the processor in space->cpus */
bool loaded = true;			/* the space is what it has loaded */
bool lazy;				/* as others see it */
byte posted, done, queued;		/* queued: ranges that wait, a bit for each sender */
bool queue_lock;
bool flush_irq, call_irq, call_done;
bool in_irq;
byte ended;

inline drop(ranges)
{
	if
	:: ranges & 1 -> tlb = false
	:: else
	fi;
	if
	:: ranges & 2 -> cached = false
	:: else
	fi
}

inline drain(upto, ranges)
{
	atomic { !queue_lock -> queue_lock = true };
#ifndef FAULT_UPTO_LATE
	upto = posted;
#endif
	ranges = queued;
	queued = 0;
	queue_lock = false;
#ifdef FAULT_UPTO_LATE
	upto = posted;
#endif
#ifdef FAULT_DONE_EARLY
	done = upto;
	drop(ranges);
#else
	drop(ranges);
	done = upto;
#endif
}

proctype handler()
{
	byte upto, ranges;

end:	do
	:: atomic { flush_irq && !in_irq -> flush_irq = false; in_irq = true };
		drain(upto, ranges);
		in_irq = false
	:: atomic { call_irq && !in_irq -> call_irq = false; in_irq = true };
		if
		:: loaded && lazy -> atomic { loaded = false; tlb = false; cached = false }; in_cpus = false
		:: else
		fi;
		call_done = true;
		in_irq = false
	od
}

/* Walks that nobody asked for. */
proctype walker()
{
end:	do
	:: atomic { loaded && (cached || upper) -> assert(!table_freed); cached = true }
	:: atomic { loaded && entry -> tlb = true }
	od
}

/* Interrupts are off in a switch: one step as far as handlers go, but not for the senders. */
#define OFF  atomic { !in_irq -> in_irq = true }
#define ON   in_irq = false

proctype target()
{
	byte n, upto, ranges, ticket;

	do
	:: n < STEPS && loaded && !lazy ->	/* the program touches the page */
		n++;
		atomic { !in_irq && loaded -> assert(!tlb || !frame_freed) }
	:: n < STEPS && !lazy ->		/* a kernel thread, and back */
		n++;
		OFF;
		lazy = true;
		ON;
		OFF;
		if
		:: loaded ->
#ifdef FAULT_TARGET_FENCE
			ticket = posted;
			lazy = false;
			if
			:: ticket != done -> drain(upto, ranges)
			:: else
			fi
#else
			lazy = false;
#ifndef FAULT_NOT_OWED
			if
			:: posted != done -> drain(upto, ranges)
			:: else
			fi
#endif
#endif
		:: else ->			/* it has let go: load again */
#ifdef FAULT_BUSY_LATE
			in_cpus = true;
			atomic { loaded = true; tlb = false; cached = false };
			lazy = false
#else
			lazy = false;
			in_cpus = true;
			atomic { loaded = true; tlb = false; cached = false }
#endif
		fi;
		ON
	:: n < STEPS && !lazy && loaded ->	/* another space, lazily, and back */
		n++;
		OFF;
		atomic { loaded = false; tlb = false; cached = false };
		in_cpus = false;
		lazy = true;
		ON;
		OFF;
#ifdef FAULT_BUSY_LATE
		in_cpus = true;
		atomic { loaded = true; tlb = false; cached = false };
		lazy = false;
#else
		lazy = false;
		in_cpus = true;
		atomic { loaded = true; tlb = false; cached = false };
#endif
		ON
	:: n == STEPS -> break
	od;
	/* Once more the program. */
	atomic { !in_irq -> assert(!tlb || !frame_freed) };
	ended++
}

inline post(who, ticket)
{
	atomic { !queue_lock -> queue_lock = true };
	queued = queued | (1 << who);
	posted++;
	ticket = posted;
	queue_lock = false
}

proctype sender(byte who)
{
	byte ticket;
	bool has, spared;

#ifdef FAULT_BITS_EARLY
	has = in_cpus;
#endif
	if
	:: who == UNMAPPER -> entry = false
	:: who == FREER -> upper = false
	fi;
#ifndef FAULT_BITS_EARLY
	has = in_cpus;
#endif
	if
	:: has ->
#ifdef FAULT_SENDER_FENCE
		spared = lazy;
		post(who, ticket);
#else
		post(who, ticket);
		spared = lazy;
#endif
		if
		:: !spared -> flush_irq = true; (done >= ticket)
		:: spared && who == FREER ->
#ifndef FAULT_NO_LET_GO
			call_irq = true;
			call_done
#else
			skip
#endif
		:: else
		fi
	:: else
	fi;
	if
	:: who == UNMAPPER -> frame_freed = true
	:: who == FREER -> table_freed = true
	fi;
	ended++
}

init {
	atomic {
		run handler(); run walker(); run target();
		run sender(UNMAPPER); run sender(FREER)
	};
	(ended == 3)
}
