/* SPDX-License-Identifier: MIT */
#include <stddef.h>

void *memset(void *to, int byte, size_t n);

void *memset(void *to, int byte, size_t n)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
	return start;
}
