/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports: who may have them, and accesses outside the range. */
#include <banos/port.h>
#include <base/ktest.h>
#include <lib/errno.h>
#include <sched/test/test_driver.h>

static struct test_driver driver;

static int32_t claim(uint32_t first, uint32_t count, Banos_Ports **ports)
{
	return banos_ports_claim(&driver.record, first, count, 0, ports);
}

KTEST(nobody_gets_what_another_has)
{
	Banos_Ports *a, *b, *c;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(claim(0x350, 16, &a), 0);
	ktest_check_eq(claim(0x350, 16, &b), -EBUSY);
	ktest_check(!b);
	ktest_check_eq(claim(0x34f, 2, &b), -EBUSY);
	ktest_check_eq(claim(0x35f, 1, &b), -EBUSY);
	ktest_check_eq(claim(0x340, 0x40, &b), -EBUSY);
	ktest_check_eq(claim(0x358, 2, &b), -EBUSY);
	ktest_check_eq(claim(0x34f, 1, &b), 0);
	ktest_check_eq(claim(0x360, 1, &c), 0);
	banos_ports_release(a);
	ktest_check_eq(claim(0x358, 2, &a), 0);
	banos_ports_release(a);
	banos_ports_release(b);
	banos_ports_release(c);
	banos_ports_release(NULL);
	test_driver_end(&driver);
}

KTEST(the_kernels_own_ports)
{
	static const uint16_t taken[] = {0x20, 0x21, 0xa1,  0x40,  0x43,  0x70,
					 0x71, 0x80, 0xcf8, 0xcff, 0x3f8, 0x3ff};
	Banos_Ports *p;

	if (!test_driver_begin(&driver))
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(taken); i++)
		ktest_check_eq(claim(taken[i], 1, &p), -EBUSY);
	ktest_check_eq(claim(0, 65536, &p), -EBUSY);
	ktest_check_eq(claim(65535, 1, &p), 0);
	banos_ports_release(p);
	ktest_check_eq(claim(65535, 2, &p), -EINVAL);
	ktest_check_eq(claim(65536, 1, &p), -EINVAL);
	ktest_check_eq(claim(UINT32_MAX, UINT32_MAX, &p), -EINVAL);
	ktest_check_eq(claim(0x300, 0, &p), -EINVAL);
	ktest_check_eq(claim(0x300, UINT32_MAX, &p), -EINVAL);
	ktest_check_eq(banos_ports_claim(&driver.record, 0x300, 1, 1, &p), -EINVAL);
	ktest_check_eq(banos_ports_claim(NULL, 0x300, 1, 0, &p), -EINVAL);
	test_driver_end(&driver);
}

/* Where nothing is, reads give ones; the range ends that are checked are our own. */
KTEST(access_stays_inside)
{
	uint32_t buffer[4] = {1, 2, 3, 4};
	Banos_Ports *p;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(claim(0x300, 4, &p), 0);
	ktest_check_eq(banos_port_r8(p, 3), 0xff);
	ktest_check_eq(banos_port_r16(p, 2), 0xffff);
	ktest_check_eq(banos_port_r32(p, 0), 0xffffffff);
	ktest_check_eq(banos_port_r8(p, 4), 0xff);
	ktest_check_eq(banos_port_r32(p, 1), 0xffffffff);
	ktest_check_eq(banos_port_r16(p, UINT32_MAX), 0xffff);
	banos_port_w8(p, 3, 1);
	banos_port_w16(p, 3, 1);
	banos_port_w32(p, UINT32_MAX, 1);
	ktest_check_eq(banos_port_read(p, 0, 4, buffer, 3), 0);
	ktest_check_eq(buffer[0], 0xffffffff);
	ktest_check_eq(buffer[2], 0xffffffff);
	ktest_check_eq(buffer[3], 4);
	ktest_check_eq(banos_port_write(p, 2, 2, buffer, 3), 0);
	ktest_check_eq(banos_port_write(p, 3, 1, buffer, 3), 0);
	ktest_check_eq(banos_port_read(p, 1, 4, buffer, 1), -EINVAL);
	ktest_check_eq(banos_port_read(p, 0, 3, buffer, 1), -EINVAL);
	ktest_check_eq(banos_port_write(p, 0, 8, buffer, 1), -EINVAL);
	banos_ports_release(p);
	test_driver_end(&driver);
}
