/* SPDX-License-Identifier: BSD-2-Clause */
/* What a word of a program's memory is known by to all who have it mapped. */
#ifndef VM_FUTEX_KEY_H
#define VM_FUTEX_KEY_H

#include <base/types.h>

struct vm_object;
struct vm_space;

/*
 * The object (with a reference) and byte offset in it behind addr, if the memory is shared; object
 * NULL and addr itself if it is private to the space. 0, or -EFAULT when nothing is mapped there
 * (with write: nothing that can be written). Context: process.
 */
int vm_futex_key(struct vm_space *s, uint64_t addr, bool write, struct vm_object **object,
		 uint64_t *offset);

#endif
