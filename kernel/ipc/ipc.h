/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IPC_IPC_H
#define IPC_IPC_H

void ipc_init(void); /* at boot, once there are files and processes */

#endif
