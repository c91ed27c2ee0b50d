/* SPDX-License-Identifier: BSD-2-Clause */
/* Where proc/ leaves its table and procfs finds it. */
#include "proc_source.h"

static const struct proc_source *source;

void proc_source_register(const struct proc_source *s)
{
	__atomic_store_n(&source, s, __ATOMIC_RELEASE);
}

const struct proc_source *proc_source(void)
{
	return __atomic_load_n(&source, __ATOMIC_ACQUIRE);
}
