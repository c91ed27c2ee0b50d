/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DRIVER_BUILTIN_H
#define DRIVER_BUILTIN_H

/* Install the drivers that are part of the kernel image. Context: process, once. */
void driver_install_builtin(void);

#endif
