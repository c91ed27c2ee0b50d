/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_PIDFD_ARG_H
#define LINUX_PIDFD_ARG_H

#include <base/types.h>

struct process;

/* The process that a descriptor names, with a reference; nonblock may be NULL. 0 or -EBADF. */
int pidfd_arg_get(int fd, struct process **out, bool *nonblock);

#endif
