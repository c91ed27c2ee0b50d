/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends of the machine. Context: any. */
#ifndef ARCH_POWER_H
#define ARCH_POWER_H

_Noreturn void power_off(void);
_Noreturn void power_reset(void);

#endif
