/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VM_BOOT_H
#define VM_BOOT_H

void vm_init(void);

#endif
