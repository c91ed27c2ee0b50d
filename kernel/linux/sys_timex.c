/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * adjtimex and clock_adjtime. The wall clock can be read with what is known of its error, and be
 * stepped by an offset; it runs as fast as the hardware counter, and cannot be made to run faster
 * or slower: what asks for that is -EOPNOTSUPP.
 */
#include "clock_id.h"

#include <base/cred.h>
#include <base/spinlock.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/capability.h>
#include <linux/time.h>
#include <linux/timex.h>

#define ERROR_UNKNOWN 16000000 /* microseconds: as much as Linux says of a clock nobody sets */
#define TOLERANCE     32768000
#define TICK	      10000
#define STATUS_SET    STA_UNSYNC /* bits that a program may change */
#define ADJ_ADJTIME   0x8000	 /* one of adjtime's two requests */
#define ADJ_READ_ONLY 0x2000
#define CAN_BE_ADJUSTED \
	(ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS | ADJ_SETOFFSET | ADJ_MICRO | ADJ_NANO | ADJ_TAI)

static struct spinlock lock = SPINLOCK_INIT(LOCK_STATS);
static struct {
	long long max_error, estimated_error;
	int status, tai;
} state = {ERROR_UNKNOWN, ERROR_UNKNOWN, STA_UNSYNC, 0}; /* [lock] */

/* Linux's order of errors. */
static int check(const struct __kernel_timex *tx)
{
	unsigned modes = tx->modes;
	bool may = cred_capable(current()->cred, CAP_SYS_TIME);
	long long limit = modes & ADJ_NANO ? (long long)NSEC_PER_SEC : 1000000;

	if (modes & ADJ_ADJTIME) {
		if (!(modes & ADJ_OFFSET))
			return -EINVAL;
		if (!(modes & ADJ_READ_ONLY))
			return may ? -EOPNOTSUPP : -EPERM;
		return 0;
	}
	if (modes && !may)
		return -EPERM;
	if (modes & ADJ_TICK && (tx->tick < 9000 || tx->tick > 11000))
		return -EINVAL;
	if (modes & ADJ_SETOFFSET && (tx->time.tv_usec < 0 || tx->time.tv_usec >= limit))
		return -EINVAL;
	return modes & ~(unsigned)CAN_BE_ADJUSTED ? -EOPNOTSUPP : 0;
}

/* Step the clock. -EINVAL: to a time that it cannot show. */
static int step(const struct __kernel_timex *tx)
{
	nsec_t part = (nsec_t)tx->time.tv_usec * (tx->modes & ADJ_NANO ? 1 : 1000);
	int64_t delta, then;

	if (mul_overflow((int64_t)tx->time.tv_sec, (int64_t)NSEC_PER_SEC, &delta) ||
	    add_overflow(delta, (int64_t)part, &delta) ||
	    add_overflow((int64_t)clock_wall_ns(), delta, &then) || then < 0)
		return -EINVAL;
	clock_wall_set((nsec_t)then);
	return 0;
}

static void change_locked(const struct __kernel_timex *tx)
{
	if (tx->modes & ADJ_STATUS)
		state.status = (state.status & ~STATUS_SET) | (tx->status & STATUS_SET);
	if (tx->modes & ADJ_NANO)
		state.status |= STA_NANO;
	if (tx->modes & ADJ_MICRO)
		state.status &= ~STA_NANO;
	if (tx->modes & ADJ_MAXERROR)
		state.max_error = clamp(tx->maxerror, 0LL, (long long)ERROR_UNKNOWN);
	if (tx->modes & ADJ_ESTERROR)
		state.estimated_error = clamp(tx->esterror, 0LL, (long long)ERROR_UNKNOWN);
	if (tx->modes & ADJ_TAI && tx->constant >= 0 && tx->constant <= 100000)
		state.tai = (int)tx->constant;
}

static int64_t adjust(uaddr_t utx)
{
	struct __kernel_timex tx;
	nsec_t now;
	int r;

	if (get_user(tx, utx))
		return -EFAULT;
	r = check(&tx);
	if (!r && tx.modes & ADJ_SETOFFSET)
		r = step(&tx);
	if (r)
		return r;
	now = clock_wall_ns();
	spin_lock(&lock);
	if (!(tx.modes & ADJ_ADJTIME))
		change_locked(&tx);
	tx = (struct __kernel_timex){.modes = tx.modes,
				     .maxerror = state.max_error,
				     .esterror = state.estimated_error,
				     .status = state.status,
				     .constant = 2,
				     .precision = 1,
				     .tolerance = TOLERANCE,
				     .tick = TICK,
				     .tai = state.tai};
	spin_unlock(&lock);
	tx.time.tv_sec = (long long)(now / NSEC_PER_SEC);
	tx.time.tv_usec = (long long)(now % NSEC_PER_SEC / (tx.status & STA_NANO ? 1 : 1000));
	if (put_user(utx, tx))
		return -EFAULT;
	return tx.status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

int64_t sys_adjtimex(uaddr_t utx)
{
	return adjust(utx);
}

int64_t sys_clock_adjtime(int clock, uaddr_t utx)
{
	struct __kernel_timex tx;
	struct clock_id c;
	int r;

	if (get_user(tx, utx))
		return -EFAULT;
	if (clock == CLOCK_REALTIME)
		return adjust(utx);
	r = clock_id_get(clock, &c);
	if (r)
		return r;
	clock_id_put(&c);
	return -EOPNOTSUPP;
}
