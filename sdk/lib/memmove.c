/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>

void *memmove(void *to, const void *from, size_t n);

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	/* Behind, or in front and apart: from the front it goes well. */
	if ((uintptr_t)to - (uintptr_t)from >= n) {
		while (n--)
			*t++ = *f++;
		return to;
	}
	while (n--)
		t[n] = f[n];
	return to;
}
