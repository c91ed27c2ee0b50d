/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BUS_BUS_H
#define BUS_BUS_H

/* At boot, in a thread, before drivers and terminals. */
void bus_init(void);

#endif
