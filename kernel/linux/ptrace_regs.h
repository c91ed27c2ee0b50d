/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a traced thread as Linux shows them. All are for trace_with(): the thread stands
 * still, and they do not sleep.
 */
#ifndef LINUX_PTRACE_REGS_H
#define LINUX_PTRACE_REGS_H

#include <base/types.h>

struct thread;

/* Words of struct user_regs_struct, in its order. */
#define USER_REGS 27

uint64_t ptrace_get_reg(struct thread *t, unsigned i);
/* 0, or -EIO for what must not be in it. */
int ptrace_set_reg(struct thread *t, unsigned i, uint64_t value);

/* A word of struct user at an offset: 0 or -EIO. */
int ptrace_peek_user(struct thread *t, uint64_t offset, uint64_t *value);
int ptrace_poke_user(struct thread *t, uint64_t offset, uint64_t value);

/* The sets of registers by their numbers (NT_*): the size, or -EINVAL when there is none. */
int64_t ptrace_regset_size(unsigned type);
/* All of it into or out of a buffer of that size; `size` is what there is of it to set. */
void ptrace_regset_get(struct thread *t, unsigned type, void *out);
int ptrace_regset_set(struct thread *t, unsigned type, const void *in, size_t size);

#endif
