/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers behind descriptors: timerfd. */
#ifndef VFS_TIMERFD_H
#define VFS_TIMERFD_H

#include <base/types.h>

struct file;

struct timerfd_setting {
	nsec_t value;	 /* until the next expiry; 0: disarmed */
	nsec_t interval; /* between further ones; 0: only one */
};

/* clock: CLOCK_REALTIME, MONOTONIC, BOOTTIME and their _ALARM forms. flags: O_NONBLOCK. */
int timerfd_create(int clock, unsigned flags, struct file **out);
bool file_is_timerfd(const struct file *f);
/* flags: TFD_TIMER_*. 0, or -ECANCELED: set, but the clock was set since the last setting. */
int timerfd_set(struct file *f, unsigned flags, const struct timerfd_setting *new,
		struct timerfd_setting *old);
void timerfd_get(struct file *f, struct timerfd_setting *out);

#endif
