/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of the kernel's command line. */
#ifndef LIB_CMDLINE_H
#define LIB_CMDLINE_H

#include <stddef.h>
#include <stdbool.h>

/*
 * Finds the word `key=value` or `key` in `line`. Words are separated by white space; double quotes
 * anywhere in a word keep white space in it and are dropped from the value; a missing closing
 * quote reaches to the end. The last occurrence counts, so that what is appended overrides.
 * Context: any. Returns: true when found, with the value ("" for a bare word) in `buf`, cut to
 * `size` and terminated. buf may be NULL with size 0.
 */
bool cmdline_get(const char *line, const char *key, char *buf, size_t size);

#endif
