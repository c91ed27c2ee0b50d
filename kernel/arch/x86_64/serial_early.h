/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef X86_SERIAL_EARLY_H
#define X86_SERIAL_EARLY_H

#include <stddef.h>

/* Write text with newlines expanded. Context: any. */
void serial_early_write(const char *text, size_t len);

#endif
