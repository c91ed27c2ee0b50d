/* SPDX-License-Identifier: BSD-2-Clause */
/* What an access to memory does: for programs that expect some to fault. */
#ifndef TESTS_GUEST_TOUCH_H
#define TESTS_GUEST_TOUCH_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

static sigjmp_buf back;

/* The handler of SIGSEGV and SIGBUS. */
static void on_fault(int signal)
{
	siglongjmp(back, signal);
}

/* "works", or the signal by name. */
static const char *touch(volatile char *p, bool write)
{
	int signal = sigsetjmp(back, 1);

	if (signal)
		return sigabbrev_np(signal);
	if (write)
		*p = 1;
	else
		(void)*p;
	return "works";
}

#endif
