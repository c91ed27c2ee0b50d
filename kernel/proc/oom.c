/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When memory is used up by programs, one of them ends so that the others go on.
 *
 * Who comes here: a page fault (of a program, or of the kernel's copies for it) that got no frame;
 * nobody else. Calls that allocate just fail with -ENOMEM. What faults may use ends a little before
 * memory does (FRAME_USER), so the kernel can still work while this goes on.
 *
 * The victim is the process with the most resident memory, shifted by its adjustment
 * (/proc/PID/oom_score_adj: -1000 never, 1000 first); the first process never is. It gets SIGKILL,
 * with all others that share its memory, and its private memory is freed at once (vm_space_reap),
 * because it may wait for a lock that the faulting thread holds, and then could not end by itself.
 * What it shares with others goes when it has ended. While there is a victim that still has
 * memory, no other is chosen for PATIENCE: who faults meanwhile sleeps a little and tries again.
 * Nor is one chosen while memory only waits for a grace period, unless HURRIES of them brought
 * none.
 *
 * Lock: `lock` is the last of all sleeping ones, because a fault may come with nearly any of them
 * held. Within it nothing sleeps and address spaces are locked by trying only.
 */
#include "oom.h"

#include "proc_internal.h"

#include <base/log.h>
#include <lib/errno.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/mutex.h>
#include <vm/space.h>

#include <asm/signal.h>

#define PATIENCE (2 * NSEC_PER_SEC)
#define PAUSE	 (5 * NSEC_PER_MSEC)
#define HURRIES	 10

static struct mutex lock = MUTEX_INIT(LOCK_OOM);
static struct vm_space *victim; /* [lock] with a reference, or NULL */
static nsec_t chosen_at;	/* [lock] */
static unsigned hurried;	/* [lock] grace periods since a fault got memory */
static uint64_t hurried_at;	/* [lock] the last of them */

/* How much speaks for this one; 0: it must not be. */
static uint64_t score(struct process *p, struct vm_space *s, uint64_t total)
{
	int64_t resident = __atomic_load_n(&s->resident, __ATOMIC_RELAXED);
	int64_t adjust = READ_ONCE(p->oom_adjust), points;

	if (p->pid == 1 || adjust <= OOM_ADJUST_NEVER || READ_ONCE(s->dying))
		return 0;
	points = resident + adjust * (int64_t)(total / 1000);
	return points > 0 ? (uint64_t)points : 1;
}

unsigned process_oom_score(struct process *p)
{
	struct vm_space *s = process_space(p);
	struct frame_stats frames;
	int64_t thousandths;

	if (!s || READ_ONCE(p->oom_adjust) <= OOM_ADJUST_NEVER) {
		vm_space_put(s);
		return 0;
	}
	frame_stats(&frames);
	thousandths =
		__atomic_load_n(&s->resident, __ATOMIC_RELAXED) * 1000 / (int64_t)frames.total +
		READ_ONCE(p->oom_adjust);
	vm_space_put(s);
	return (unsigned)(max(1000 + thousandths, (int64_t)0) * 2 / 3); /* Linux's scale */
}

/* The process to end, with references to it and its memory; NULL: there is none. */
static struct process *choose(struct vm_space **space)
{
	struct process *p, *best = NULL;
	struct frame_stats frames;
	uint64_t most = 0;

	frame_stats(&frames);
	*space = NULL;
	for (int32_t pid = 0; (p = process_next(pid)) != NULL; process_put(p)) {
		struct vm_space *s = process_space(p);
		uint64_t points = s ? score(p, s, frames.total) : 0;

		pid = p->pid;
		if (points > most) {
			if (best)
				process_put(best);
			vm_space_put_later(*space);
			best = process_get(p);
			*space = s;
			most = points;
		} else {
			vm_space_put_later(s);
		}
	}
	return best;
}

static void end_all_with(struct vm_space *s)
{
	struct process *p;

	for (int32_t pid = 0; (p = process_next(pid)) != NULL; process_put(p)) {
		struct vm_space *its = process_space(p);

		pid = p->pid;
		if (its == s)
			signal_send_process(p, SIGKILL, NULL);
		vm_space_put_later(its);
	}
}

/* Holds lock. False: nobody can be ended. */
static bool kill_one(void)
{
	struct process *p = choose(&victim);
	struct frame_stats frames;
	struct slab_stats slab;

	if (!p)
		return false;
	chosen_at = clock_mono_ns();
	frame_stats(&frames);
	slab_stats(&slab);
	WRITE_ONCE(victim->dying, true);
	log_warn("memory: used up: killed %s (%d), which had %lu KiB; more memory for the machine "
		 "or a limit for the program (ulimit -v) prevents that",
		 p->name, p->pid,
		 (unsigned long)__atomic_load_n(&victim->resident, __ATOMIC_RELAXED) * 4);
	log_info("memory: %lu KiB of %lu are free, %lu in slabs", (unsigned long)frames.free * 4,
		 (unsigned long)frames.total * 4, (unsigned long)slab.pages * 4);
	end_all_with(victim);
	process_put(p);
	return true;
}

static bool make_room(void)
{
	bool waiting, more = true;

	mutex_lock(&lock);
	if (frame_user_available()) {
		hurried = 0;
		mutex_unlock(&lock);
		return true; /* somebody was faster */
	}
	if (hurried < HURRIES && epoch_hurry()) {
		/* Many threads may come within one; each sleeps a little. */
		if (epoch_periods() != hurried_at) {
			hurried_at = epoch_periods();
			hurried++;
		}
		mutex_unlock(&lock);
		return true;
	}
	waiting = victim && READ_ONCE(victim->refs) > 1 && clock_mono_ns() - chosen_at < PATIENCE;
	if (!waiting) {
		vm_space_put_later(victim);
		victim = NULL;
		hurried = 0;
		more = kill_one();
	}
	if (more)
		vm_space_reap(victim);
	mutex_unlock(&lock);
	return more;
}

/* Is somebody going on to use it? */
static bool used_further(struct vm_space *s)
{
	struct process *p;
	bool used = false;

	for (int32_t pid = 0; (p = process_next(pid)) != NULL; process_put(p)) {
		struct vm_space *its = process_space(p);

		pid = p->pid;
		used |= its == s && !READ_ONCE(p->exiting);
		vm_space_put_later(its);
	}
	return used;
}

int process_release_memory(struct process *p)
{
	struct vm_space *s = process_space(p);
	int r = -EINVAL;

	if (!s)
		return -ESRCH;
	if (READ_ONCE(p->exiting) && !used_further(s)) {
		WRITE_ONCE(s->dying, true);
		r = vm_space_reap(s) ? 0 : -EAGAIN;
	}
	vm_space_put(s);
	return r;
}

/* From a fault: true to try again, false when the thread is to end itself or nothing helps. */
static bool out_of_memory(void)
{
	if (!current()->process || !make_room() || thread_interrupted(WAIT_KILLABLE))
		return false;
	return !thread_sleep_until(clock_mono_ns() + PAUSE, WAIT_KILLABLE);
}

void oom_init(void)
{
	vm_out_of_memory_hook = out_of_memory;
}
