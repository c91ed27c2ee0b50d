/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc shows of processes: proc_files.c, proc_more.c. */
#ifndef PROC_PROC_FILES_H
#define PROC_PROC_FILES_H

#include <base/stats.h>
#include <base/types.h>

struct vm_region_info;

void proc_files_init(void); /* at boot */

/* A line of maps. path: room for PATH_TEXT_MAX. */
void proc_show_region(const struct vm_region_info *r, char *path, struct text *out);

/* Rows of the table in proc_files.c (vfs/proc_source.h). */
int proc_show_smaps(void *process, int32_t tid, struct text *out);
int proc_show_smaps_rollup(void *process, int32_t tid, struct text *out);
int proc_show_oom_score(void *process, int32_t tid, struct text *out);
int proc_show_oom_adjust(void *process, int32_t tid, struct text *out);
ssize_t proc_store_oom_adjust(void *process, int32_t tid, const char *text, size_t len);
ssize_t proc_store_comm(void *process, int32_t tid, const char *text, size_t len);
int proc_show_wchan(void *process, int32_t tid, struct text *out);
uint64_t proc_space_id(void *process);
ssize_t proc_access_memory(void *process, uint64_t space, uint64_t at, void *buf, size_t n,
			   bool write);

#endif
