/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between processors (kernel/lib/mailbox.h, kernel/sched/message.c): no message is left
 * behind, and processors that wait for each other do not wait for ever.
 *
 * Each of two processors calls the other and waits, serving its own mailbox; a third one, whose own
 * mailbox is not looked at, raises WAKE at both. Interrupts come at any step of the thread unless
 * it has them off, as one of the two has for the whole wait. A message that is left behind is a processor that never ends its wait, which
 * spin reports as an invalid end state, or a WAKE that nobody has seen at the end.
 *
 * All accesses to the word and the stack of calls are locked instructions, so no store buffer can
 * change their order; spin's interleavings are all there are.
 *
 * FAULT: FAULT_LEAVE       attention ends by a store instead of a compare-and-exchange
 * FAULT: FAULT_ITEMS_FIRST the calls are taken before the word
 * FAULT: FAULT_NO_LOOK     who ends its attention does not look again
 * FAULT: FAULT_DEAF        both have interrupts off and do not serve while they wait
 * FAULT: FAULT_RAISE_FIRST the bit is set before the call is in the stack
 */
#define CPUS 2
#define CALL 1
#define WAKE 2
#define ATTENTIVE 4

byte pending[CPUS];
bool called[CPUS];	/* the stack: there is one caller */
bool done[CPUS];	/* the call to this processor has been answered */
bool need[CPUS];	/* what WAKE speaks of */
bool irq[CPUS];		/* the interrupt is on its way */
bool irq_off[CPUS];
bool in_irq[CPUS];	/* the thread stands still */
byte ended;

/* A step of the thread of processor `me`. */
#define STEP(x) atomic { !in_irq[me] -> x }

inline serve_step(cpu, kinds, took)
{
#ifdef FAULT_ITEMS_FIRST
	atomic { took = called[cpu]; called[cpu] = false };
	atomic { kinds = pending[cpu] & (CALL | WAKE); pending[cpu] = ATTENTIVE };
#else
	atomic { kinds = pending[cpu] & (CALL | WAKE); pending[cpu] = ATTENTIVE };
	atomic {
		took = false;
		if
		:: kinds & CALL -> took = called[cpu]; called[cpu] = false
		:: else
		fi
	};
#endif
	if
	:: kinds & WAKE -> need[cpu] = false
	:: else
	fi;
	if
	:: took -> done[cpu] = true
	:: else
	fi
}

proctype handler(byte me)
{
	byte kinds;
	bool took, mine;

end:	do
	:: atomic { irq[me] && !irq_off[me] -> irq[me] = false; in_irq[me] = true };
		atomic { mine = !(pending[me] & ATTENTIVE); pending[me] = pending[me] | ATTENTIVE };
		do
		:: serve_step(me, kinds, took);
			if
			:: !mine -> break
#ifdef FAULT_LEAVE
			:: mine -> pending[me] = 0; break
#else
			:: atomic { mine && pending[me] == ATTENTIVE -> pending[me] = 0 }; break
			:: mine && pending[me] != ATTENTIVE
#endif
			fi
		od;
		in_irq[me] = false
	od
}

/* The bit, and the interrupt if the word was 0; the two are steps of their own. */
inline send(to, kind, was)
{
	atomic { was = pending[to]; pending[to] = pending[to] | kind };
	if
	:: was == 0 -> irq[to] = true
	:: else
	fi
}

proctype thread(byte me)
{
	byte other = 1 - me, was, kinds;
	bool took, off;

#ifdef FAULT_DEAF
	off = true;
#else
	off = me == 1;	/* one of the callers has interrupts off */
#endif
	STEP(irq_off[me] = true);
#ifdef FAULT_RAISE_FIRST
	send(other, CALL, was);
	called[other] = true;
#else
	called[other] = true;
	send(other, CALL, was);
#endif
	irq_off[me] = off;
	STEP(pending[me] = pending[me] | ATTENTIVE);
	do
	:: !in_irq[me] && done[other] -> break
#ifdef FAULT_DEAF
	:: atomic { !off && !in_irq[me] && (pending[me] & (CALL | WAKE)) -> irq_off[me] = true };
#else
	:: atomic { !in_irq[me] && (pending[me] & (CALL | WAKE)) -> irq_off[me] = true };
#endif
		serve_step(me, kinds, took);
		irq_off[me] = off
	od;
	STEP(irq_off[me] = true);
	do
#ifdef FAULT_NO_LOOK
	:: atomic { pending[me] = pending[me] & (CALL | WAKE) }; break
#else
	:: atomic { pending[me] == ATTENTIVE -> pending[me] = 0 }; break
	:: pending[me] != ATTENTIVE -> serve_step(me, kinds, took)
#endif
	od;
	irq_off[me] = false;
	ended++
}

proctype waker()
{
	byte was, to = 0;

	do
	:: to < CPUS ->
		need[to] = true;
		send(to, WAKE, was);
		to++
	:: else -> break
	od;
	ended++
}

init {
	atomic {
		run handler(0); run handler(1);
		run thread(0); run thread(1);
		run waker()
	};
	/* All at rest: nothing may be left. */
	(ended == CPUS + 1 && !irq[0] && !irq[1] && !in_irq[0] && !in_irq[1]);
	assert(!need[0] && !need[1]);
	assert(!pending[0] && !pending[1])
}
