/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_BOOT_H
#define LINUX_BOOT_H

/* Sets the hooks of proc/ that reach user memory. */
void linux_init(void);
/* Start the first program with its arguments; from the thread that becomes it. 0 or -errno. */
int linux_exec_kernel(const char *path, const char *const *argv, const char *const *envp);

#endif
