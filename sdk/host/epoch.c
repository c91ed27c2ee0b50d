/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/epoch.h>. Sections are numbered as they begin: a grace period is over when no task is in a
 * section with a smaller number. Deferred calls wait in a list, in order, for a task that makes
 * them.
 */
#include "host.h"
#include "task.h"
#include <banos/epoch.h>
#include <base/owner.h>
#include <lib/errno.h>
#include <sched/epoch.h>
#include <sched/gate.h>

struct deferred {
	struct list link;
	struct owner *owner;
	Banos_Epoch_Function function;
	void *ctx;
	uint64_t number; /* sections below it must end before */
};

BUILD_ASSERT(sizeof(struct deferred) <= sizeof(Banos_Epoch_Head), "fits");

static uint64_t next_number = 1;
static struct list waiting = LIST_INIT(waiting);
static uint64_t deferred_count, called_count;

void banos_epoch_enter(void)
{
	struct task *t = task_self();

	if (t->epochs++ == 0)
		t->epoch_since = next_number++;
}

void banos_epoch_exit(void)
{
	struct task *t = task_self();
	char where[WHERE_SIZE];

	if (t->epochs == 0)
		host_complain("%s: banos_epoch_exit outside a section",
			      images_where(api_caller(), where));
	else
		t->epochs--;
}

static bool is_over(const void *on)
{
	uint64_t number = *(const uint64_t *)on;
	struct task *t;

	list_for_each_entry(t, &tasks, link)
		if (t->epochs && t->epoch_since < number)
			return false;
	return true;
}

/* --- deferred calls -------------------------------------------------------------------------- */

static bool some_due(const void *on)
{
	const struct deferred *d = list_first_entry_or_null(&waiting, struct deferred, link);

	return d && is_over(&d->number);
}

static void serve(void *arg)
{
	for (;;) {
		struct deferred d, *head;

		task_wait(some_due, NULL, NEVER, false, "a deferred call");
		head = list_first_entry_or_null(&waiting, struct deferred, link);
		if (!head)
			continue;
		list_del(&head->link);
		d = *head;
		task_self()->deferred = true;
		GATE_CALL_VOID(d.owner, "a deferred function",
			       d.function(d.ctx, (Banos_Epoch_Head *)head));
		task_self()->deferred = false;
		d.owner->deferred--;
		called_count++;
	}
}

void epoch_begin(void)
{
	task_create("deferred calls", serve, NULL, TASK_SERVICE);
}

int32_t banos_epoch_defer(Banos_Driver *driver, Banos_Epoch_Function function, void *ctx,
			  Banos_Epoch_Head *head)
{
	struct owner *owner = owner_find(driver);
	struct deferred *d = (struct deferred *)head;

	if (!owner || !function || !head)
		return -EINVAL;
	*d = (struct deferred){
		.owner = owner, .function = function, .ctx = ctx, .number = next_number++};
	list_add_tail(&d->link, &waiting);
	owner->deferred++;
	deferred_count++;
	return 0;
}

/* --- waiting --------------------------------------------------------------------------------- */

void epoch_wait(void)
{
	uint64_t number = next_number++;

	task_wait(is_over, &number, NEVER, false, "epoch sections to end");
}

static bool is_called(const void *on)
{
	return called_count >= *(const uint64_t *)on;
}

void epoch_barrier(void)
{
	uint64_t count = deferred_count;

	task_wait(is_called, &count, NEVER, false, "deferred calls");
}

void banos_epoch_wait(void)
{
	epoch_wait();
}

void banos_epoch_barrier(void)
{
	epoch_barrier();
}
