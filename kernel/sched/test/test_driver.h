/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the driver ABI's parts: an owner without an image. */
#ifndef SCHED_TEST_TEST_DRIVER_H
#define SCHED_TEST_TEST_DRIVER_H

#include <banos/driver.h>
#include <base/ktest.h>
#include <sched/gate.h>

struct test_driver {
	Banos_Driver record;
	struct owner owner;
};

static inline bool test_driver_begin(struct test_driver *d)
{
	*d = (struct test_driver){.record = {.name = "test"}};
	if (!ktest_check_eq(gate_init(&d->owner.gate), 0))
		return false;
	owner_publish(&d->owner, &d->record, "test");
	return true;
}

/* Nothing of it is left. */
static inline void test_driver_end(struct test_driver *d)
{
	ktest_check(owner_newest(&d->owner) == NULL);
	owner_shut(&d->owner);
	owner_withdraw(&d->owner);
	gate_fini(&d->owner.gate);
}

#endif
