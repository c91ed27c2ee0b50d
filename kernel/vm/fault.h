/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VM_FAULT_H
#define VM_FAULT_H

#include <vm/space.h>

#define VM_ACCESS_READ	1
#define VM_ACCESS_WRITE 2
#define VM_ACCESS_EXEC	4

#define VM_FAULT_USER  1 /* the program itself, not a copy by the kernel */
#define VM_FAULT_FORCE 2 /* write although the region is read-only (vm_access) */

struct vm_fault_result {
	int sig, code; /* what the program gets: SIGSEGV or SIGBUS */
};

/*
 * Make the page at addr accessible. 0, or -EFAULT (result says what signal), -ENOMEM (result:
 * SIGBUS; the caller may kill). Context: process, interrupts on, no lock of vm held.
 */
int vm_fault(struct vm_space *s, uint64_t addr, unsigned access, unsigned flags,
	     struct vm_fault_result *result);

#endif
