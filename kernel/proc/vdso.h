/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_VDSO_H
#define PROC_VDSO_H

#include <base/types.h>

struct vm_space;

/* Once at boot, in a thread. */
void vdso_init(void);
/* Map the clock page and the vDSO; *base: where its ELF header is. 0 or -ENOMEM. */
int vdso_map(struct vm_space *s, uint64_t *base);

#endif
