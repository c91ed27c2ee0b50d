/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_SIGINFO_H
#define LINUX_SIGINFO_H

#include <proc/signal.h>

struct siginfo;

/* Linux's siginfo_t from ours, and back (what a program may send itself). */
void siginfo_encode(struct siginfo *out, const struct signal_info *in);
void siginfo_decode(struct signal_info *out, const struct siginfo *in);

#endif
