/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_PROC_FILES_H
#define PROC_PROC_FILES_H

/* Processes appear in /proc from now on. At boot, before procfs is mounted. */
void proc_files_init(void);

#endif
