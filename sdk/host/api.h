/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of the functions of the ABI, as thunks.S and api.c use it. */
#ifndef HOST_API_H
#define HOST_API_H

#include <base/types.h>

enum api_context {
	API_ANY,
	API_SLEEPS,	  /* may sleep */
	API_NO_INTERRUPT, /* does not sleep, but is not for interrupts */
};

struct api_function {
	const char *name;
	void (*function)(void); /* of whatever type */
	uint32_t context;
};

/* For thunks.S: the function to call, and afterwards. */
void (*host_api_enter(uint32_t index, uintptr_t from))(void);
void host_api_leave(void);

#endif
