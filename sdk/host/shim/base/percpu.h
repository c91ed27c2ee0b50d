/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched/thread.h>
