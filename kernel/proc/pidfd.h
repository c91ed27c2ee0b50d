/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that name a process and never another one of the same number. */
#ifndef PROC_PIDFD_H
#define PROC_PIDFD_H

#include <base/types.h>

struct file;
struct process;

/* A file naming p (NULL: to be told by pidfd_bind, before anybody uses it). -ENOMEM. */
int pidfd_create(struct process *p, unsigned flags, struct file **out);
void pidfd_bind(struct file *f, struct process *p);
/* The process of such a file with a reference; NULL: it is another kind of file. */
struct process *pidfd_process(struct file *f);

#endif
