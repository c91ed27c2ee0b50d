/* SPDX-License-Identifier: MIT */
/* For the bench, on Linux: a function that the driver rows calls. */
#include <linux/module.h>

u64 bench_callee(u64 value);
u64 bench_callee(u64 value)
{
	return value + 1;
}
EXPORT_SYMBOL_GPL(bench_callee);

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("a function that the bench's driver calls");
