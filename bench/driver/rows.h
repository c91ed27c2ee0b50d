/* SPDX-License-Identifier: MIT */
/*
 * What the device /dev/bench answers to, on Linux (bench/driver/linux) and on Banos
 * (bench/driver/rows.c): ioctls, as <linux/ioctl.h> encodes them, and QEMU's device edu.
 */
#ifndef BENCH_DRIVER_ROWS_H
#define BENCH_DRIVER_ROWS_H

#define BENCH_NUMBER 0x80044201u /* _IOR('B', 1, int): gives 42 */
/* _IOWR('B', ., uint64_t): so many calls of a function of another driver, of its own, or of the
 * kernel; gives how many. */
#define BENCH_IMPORTED 0xc0084202u
#define BENCH_LOCAL    0xc0084203u
#define BENCH_KERNEL   0xc0084205u
/* _IOR('B', 4, uint64_t): cycles from telling edu to interrupt to its handler's first instruction.
 */
#define BENCH_INTERRUPT 0x80084204u

#define BENCH_ANSWER 42

#define EDU_VENDOR    0x1234
#define EDU_DEVICE    0x11e8
#define EDU_ASKS      0x24
#define EDU_RAISE     0x60
#define EDU_DONE      0x64
#define EDU_REGISTERS 0xa0

#endif
