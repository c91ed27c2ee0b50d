/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods (kernel/sched/epoch.c) with one reader's processor: nobody uses what has been freed.
 *
 * The reader's processor reads a pointer in sections without preemption; between them it passes
 * quiescent states, or idles and is interrupted. The other one unlinks the object, notes the count,
 * waits until it has moved or the processor idles, and frees.
 *
 * Spin explores all orders of the steps, each of which all see at once. An x86 processor keeps stores
 * back behind later loads, so where the kernel counts on a fence between a store and a load,
 * the fault swaps the two.
 *
 * FAULT: FAULT_QUIESCENT_LATE  no fence between the count and what the next section reads
 * FAULT: FAULT_IDLE_FENCE      the interrupt of an idle processor reads before `idle` is seen cleared
 * FAULT: FAULT_NOTE_EARLY      the count is noted before the object is seen unlinked
 * FAULT: FAULT_IDLE_EARLY      idle is set before the last section is over
 */
#define PASSES 3

bool linked = true, freed = false, idle = false;
byte quiescent = 0;

/* A section: the pointer is read, and used later. */
inline section(got)
{
	got = linked;
	assert(!got || !freed);
	assert(!got || !freed);
	got = false
}

active proctype reader()
{
	bool got = false;
	byte passes = 0;

	do
	:: passes < PASSES ->
		passes++;
		if
		:: section(got)
		:: /* schedule() */
#ifdef FAULT_QUIESCENT_LATE
			got = linked;
			quiescent++;
			assert(!got || !freed);
			got = false
#else
			quiescent++;
			section(got)
#endif
		:: /* idle, and an interrupt that reads */
#ifdef FAULT_IDLE_EARLY
			got = linked;
			idle = true;
			assert(!got || !freed);
			got = false;
#else
			idle = true;
#endif
#ifdef FAULT_IDLE_FENCE
			got = linked;
			idle = false;
			assert(!got || !freed);
			got = false
#else
			idle = false;
			section(got)
#endif
		fi
	:: else -> break
	od;
	idle = true	/* it idles for good */
}

active proctype grace()
{
	byte noted;

#ifdef FAULT_NOTE_EARLY
	noted = quiescent;
	if
	:: idle -> linked = false; goto pass	/* seen before the store */
	:: linked = false
	fi;
#else
	linked = false;
	noted = quiescent;
#endif
	(quiescent != noted || idle);
pass:	freed = true
}
