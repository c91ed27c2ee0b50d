/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' grace periods: <banos/epoch.h>. What is deferred needs no owner_object: a driver is
 * unmapped after an epoch_barrier, so that whatever it has deferred has run by then.
 */
#include <banos/epoch.h>
#include <banos/export.h>
#include <base/owner.h>
#include <lib/errno.h>
#include <sched/banos_sleep.h>
#include <sched/epoch.h>
#include <sched/gate.h>

struct deferred {
	struct epoch_head head;
	struct owner *owner;
	Banos_Epoch_Function function;
	void *ctx;
};

BUILD_ASSERT(sizeof(struct deferred) <= sizeof(Banos_Epoch_Head), "fits");

void banos_epoch_enter(void)
{
	epoch_enter();
}
BANOS_EXPORT(banos_epoch_enter);

void banos_epoch_exit(void)
{
	epoch_exit();
}
BANOS_EXPORT(banos_epoch_exit);

static void run(struct epoch_head *head)
{
	struct deferred d = *container_of(head, struct deferred, head);

	GATE_CALL_VOID(d.owner, "a deferred function", d.function(d.ctx, (Banos_Epoch_Head *)head));
	__atomic_sub_fetch(&d.owner->deferred, 1, __ATOMIC_RELEASE);
}

int32_t banos_epoch_defer(Banos_Driver *driver, Banos_Epoch_Function function, void *ctx,
			  Banos_Epoch_Head *head)
{
	struct owner *owner = owner_find(driver);
	struct deferred *d = (struct deferred *)head;

	if (!owner || !function || !head)
		return -EINVAL;
	d->owner = owner;
	d->function = function;
	d->ctx = ctx;
	__atomic_add_fetch(&owner->deferred, 1, __ATOMIC_RELAXED);
	epoch_defer(&d->head, run);
	return 0;
}
BANOS_EXPORT(banos_epoch_defer);

void banos_epoch_wait(void)
{
	banos_may_sleep(__func__);
	epoch_wait();
}
BANOS_EXPORT(banos_epoch_wait);

void banos_epoch_barrier(void)
{
	banos_may_sleep(__func__);
	epoch_barrier();
}
BANOS_EXPORT(banos_epoch_barrier);
