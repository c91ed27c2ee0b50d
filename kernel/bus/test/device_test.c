/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and drivers that find each other: two drivers, devices of a bus of the test's own. */
#include <banos/device.h>
#include <base/ktest.h>
#include <bus/device.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/test/test_driver.h>

#define ANY BANOS_MATCH_ANY

struct test_bus_driver {
	struct test_driver base;
	Banos_Match matches[2];
	Banos_List list;
	Banos_Device_Driver *registered;
	int answer; /* of probe */
	unsigned probes, removes, shutdowns;
	uint32_t last_match;
	Banos_Device *has; /* the last that it took */
	int own_end, own_remove;
	bool forget;
	Banos_Device *child;
	bool with_child;
};

static struct test_bus_driver bus, one, two;

static Banos_Match match_of(uint32_t vendor, uint32_t device, uint64_t data)
{
	return (Banos_Match){.bus = "test",
			     .vendor = vendor,
			     .device = device,
			     .subvendor = ANY,
			     .subdevice = ANY,
			     .data = data};
}

static bool begin(struct test_bus_driver *d)
{
	memset(d, 0, sizeof(*d));
	if (!test_driver_begin(&d->base))
		return false;
	d->matches[0] = match_of(1, ANY, 10);
	d->matches[1] = match_of(1, 2, 20);
	d->list = (Banos_List)BANOS_LIST(d->matches);
	d->base.owner.matches = &d->list;
	return true;
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	struct test_bus_driver *d = ctx;
	Banos_Device_Desc desc = {.size = sizeof(desc), .bus = "below", .name = "child"};

	d->probes++;
	d->last_match = match;
	if (d->answer < 0)
		return d->answer;
	desc.parent = device;
	desc.vendor = 77;
	if (d->with_child)
		ktest_check_eq(banos_device_add(&d->base.record, &desc, NULL, d, &d->child), 0);
	d->has = device;
	d->own_end = banos_device_driver_unregister(d->registered);
	return 0;
}

static void remove(void *data)
{
	struct test_bus_driver *d = data;

	d->removes++;
	d->own_remove = banos_device_remove(d->has);
	if (d->child && !d->forget)
		ktest_check_eq(banos_device_remove(d->child), 0);
	d->child = NULL;
	d->has = NULL;
}

static void shutdown(void *data)
{
	((struct test_bus_driver *)data)->shutdowns++;
}

static const Banos_Device_Ops ops = {
	.size = sizeof(ops), .probe = probe, .remove = remove, .shutdown = shutdown};

static int32_t enlist(struct test_bus_driver *d)
{
	return banos_device_driver_register(&d->base.record, &ops, d, &d->registered);
}

static int32_t add(const char *name, uint32_t vendor, uint32_t device, Banos_Device **out)
{
	Banos_Device_Desc desc = {.size = sizeof(desc),
				  .bus = "test",
				  .name = name,
				  .vendor = vendor,
				  .device = device,
				  .subvendor = ANY,
				  .subdevice = ANY};

	return banos_device_add(&bus.base.record, &desc, NULL, &bus, out);
}

static void finish(void)
{
	test_driver_end(&bus.base);
	test_driver_end(&one.base);
	test_driver_end(&two.base);
}

KTEST(a_driver_gets_its_devices)
{
	Banos_Device *a, *b, *c;
	Banos_Device_Info info = {.size = sizeof(info)};
	Banos_Device_Driver *again;

	if (!begin(&bus) || !begin(&one) || !begin(&two))
		return;
	ktest_check_eq(add("a", 1, 1, &a), 0);
	ktest_check_eq(add("b", 5, 1, &b), 0);
	ktest_check_eq(enlist(&one), sizeof(ops));
	ktest_check_eq(banos_device_driver_register(&one.base.record, &ops, &one, &again), -EEXIST);
	ktest_check(!again);
	ktest_check_eq(one.probes, 1);
	ktest_check_eq(one.last_match, 0);
	ktest_check_eq(one.own_end, -EDEADLK);
	/* One that comes later, and is named better. */
	ktest_check_eq(add("c", 1, 2, &c), 0);
	ktest_check_eq(one.probes, 2);
	ktest_check_eq(one.last_match, 1);
	ktest_check_eq(one.own_end, -EDEADLK);
	ktest_check(one.has == c);
	ktest_check_eq(banos_device_match_data(c), 20);
	ktest_check_eq(banos_device_match_data(a), 10);
	ktest_check_eq(banos_device_info(c, &info), 0);
	ktest_check(strcmp(info.name, "c") == 0 && info.device == 2);
	ktest_check(banos_device_context(&bus.base.record, c) == &bus);
	ktest_check(!banos_device_context(&one.base.record, c));
	ktest_check_eq(add("c", 1, 2, &b), -EEXIST);
	/* It goes: its driver lets go of it, but may not wait for that in the callback. */
	ktest_check_eq(banos_device_remove(c), 0);
	ktest_check_eq(one.removes, 1);
	ktest_check_eq(one.own_remove, -EDEADLK);
	ktest_check_eq(banos_device_driver_unregister(one.registered), 0);
	ktest_check_eq(one.removes, 2);
	ktest_check_eq(banos_device_remove(a), 0);
	/* b's pointer was overwritten by the failure: what is left is found by its owner. */
	while (owner_newest(&bus.base.owner))
		owner_newest(&bus.base.owner)->class->release(owner_newest(&bus.base.owner));
	finish();
}

KTEST(the_better_match_is_asked_first)
{
	Banos_Device *a;

	if (!begin(&bus) || !begin(&one) || !begin(&two))
		return;
	one.list.count = 1; /* vendor only */
	ktest_check(enlist(&one) > 0);
	ktest_check(enlist(&two) > 0);
	ktest_check_eq(add("a", 1, 2, &a), 0);
	ktest_check_eq(one.probes, 0);
	ktest_check_eq(two.probes, 1);
	/* It goes; the other gets it. */
	ktest_check_eq(banos_device_driver_unregister(two.registered), 0);
	ktest_check_eq(two.removes, 1);
	ktest_check_eq(one.probes, 1);
	ktest_check_eq(banos_device_remove(a), 0);
	/* One that refuses leaves it to the next. */
	ktest_check(enlist(&two) > 0);
	two.answer = -EIO;
	ktest_check_eq(add("a", 1, 2, &a), 0);
	ktest_check_eq(two.probes, 2);
	ktest_check_eq(one.probes, 2);
	device_shutdown_all();
	ktest_check_eq(one.shutdowns, 1);
	ktest_check_eq(two.shutdowns, 0);
	ktest_check_eq(banos_device_driver_unregister(one.registered), 0);
	ktest_check_eq(banos_device_driver_unregister(two.registered), 0);
	ktest_check_eq(banos_device_remove(a), 0);
	ktest_check_eq(one.removes, 2);
	ktest_check_eq(two.removes, 1);
	finish();
}

KTEST(what_hangs_on_a_device_goes_first)
{
	Banos_Device *a;

	if (!begin(&bus) || !begin(&one) || !begin(&two))
		return;
	one.with_child = true;
	ktest_check(enlist(&one) > 0);
	ktest_check_eq(add("a", 1, 1, &a), 0);
	ktest_check(one.child != NULL);
	ktest_check_eq(a->children, 1);
	ktest_check_eq(banos_device_remove(a), 0);
	/* It forgets its child, which is taken back when it has let go of the device. */
	one.forget = true;
	ktest_check_eq(add("a", 1, 1, &a), 0);
	ktest_check_eq(banos_device_remove(a), 0);
	ktest_check(!owner_newest_of(&one.base.owner, a));
	/* A driver that forgets to unregister loses the device. */
	ktest_check_eq(add("a", 1, 1, &a), 0);
	while (owner_newest(&one.base.owner))
		owner_newest(&one.base.owner)->class->release(owner_newest(&one.base.owner));
	ktest_check_eq(one.removes, 2);
	ktest_check_eq(a->state, DEVICE_FREE);
	ktest_check_eq(banos_device_remove(a), 0);
	finish();
}

KTEST(bad_devices_and_drivers)
{
	Banos_Device_Desc desc = {.size = sizeof(desc), .bus = "test", .name = "a"}, d;
	Banos_Device_Ops few = {.size = sizeof(few), .probe = probe};
	Banos_Device *a;
	char long_name[100];

	if (!begin(&bus) || !begin(&one) || !begin(&two))
		return;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	static const char *const names[] = {NULL, "", "a b", "a/b", "\xff"};
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		d = desc;
		d.name = names[i];
		ktest_check_eq(banos_device_add(&bus.base.record, &d, NULL, NULL, &a), -EINVAL);
		d = desc;
		d.bus = names[i];
		ktest_check_eq(banos_device_add(&bus.base.record, &d, NULL, NULL, &a), -EINVAL);
	}
	d = desc;
	d.name = long_name;
	ktest_check_eq(banos_device_add(&bus.base.record, &d, NULL, NULL, &a), -EINVAL);
	d = desc;
	d.compatible = long_name;
	ktest_check_eq(banos_device_add(&bus.base.record, &d, NULL, NULL, &a), -EINVAL);
	d = desc;
	d.flags = 1;
	ktest_check_eq(banos_device_add(&bus.base.record, &d, NULL, NULL, &a), -EINVAL);
	ktest_check_eq(banos_device_add(&bus.base.record, &desc, NULL, NULL, &a), 0);
	/* Only who has a device may hang something on it. */
	d = desc;
	d.name = "b";
	d.parent = a;
	ktest_check_eq(banos_device_add(&bus.base.record, &d, NULL, NULL, &a), -EINVAL);
	ktest_check_eq(banos_device_driver_register(&one.base.record, &few, NULL, &one.registered),
		       -EINVAL);
	one.base.owner.matches = NULL;
	ktest_check_eq(enlist(&one), -EINVAL);
	ktest_check_eq(banos_device_remove(d.parent), 0);
	ktest_check_eq(banos_device_remove(NULL), 0);
	ktest_check_eq(banos_device_driver_unregister(NULL), 0);
	finish();
}
