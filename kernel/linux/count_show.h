/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_COUNT_SHOW_H
#define LINUX_COUNT_SHOW_H

/* The counting kernel's file in /proc; in others nothing. */
void count_show_init(void);

#endif
