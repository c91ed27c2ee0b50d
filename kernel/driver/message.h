/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DRIVER_MESSAGE_H
#define DRIVER_MESSAGE_H

#include <base/types.h>

/*
 * Why the last call of this thread was refused: the text, which is the caller's to kfree; NULL when
 * there is none, or no memory. It is told once. Context: process.
 */
char *driver_message_take(size_t *length);

#endif
