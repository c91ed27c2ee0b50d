/* SPDX-License-Identifier: BSD-2-Clause */
/* Error numbers (Linux's, from the UAPI headers) and their way through pointers. */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

#include <asm/errno.h>
#include <lib/compiler.h>

/*
 * Results that never reach a program but travel inside the kernel between a system call and the
 * return to user mode, which restarts the call or turns them into -EINTR. The numbers are Linux's,
 * because a tracer can see them.
 */
#define ERESTARTSYS    512 /* restart if the handler has SA_RESTART */
#define ERESTARTNOINTR 513 /* always restart */
#define ERESTARTNOHAND 514 /* restart only if no handler ran */
#define ERESTART_RESTARTBLOCK \
	516 /* restart through restart_syscall(2), with the time that is left */

#define MAX_ERRNO 4095

/* Takes a negative or positive errno. Returns: its name ("ENOENT"), or "E?" when unknown. */
const char *errno_name(int e);

/* A negative errno as a pointer: the last page of the address space is never mapped. */
static inline void *ERR_PTR(long error)
{
	return (void *)(intptr_t)error;
}

static inline long PTR_ERR(const void *p)
{
	return (long)(intptr_t)p;
}

static inline bool IS_ERR(const void *p)
{
	return unlikely((uintptr_t)p >= (uintptr_t)-MAX_ERRNO);
}

#endif
