/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers of timer_create: posix_timer.c. Numbers belong to the calling process. */
#ifndef PROC_POSIX_TIMER_H
#define PROC_POSIX_TIMER_H

#include <proc/cpu_clock.h>
#include <proc/signal.h>

struct posix_timer;

enum timer_base { TIMER_BASE_MONO, TIMER_BASE_WALL, TIMER_BASE_CPU };

struct posix_timer_args {
	enum timer_base base;
	enum cpu_clock_kind cpu_kind;
	struct process *cpu_process; /* of processor time: a reference is taken */
	struct thread *cpu_thread;   /* NULL: the process's */
	bool silent;		     /* SIGEV_NONE */
	int32_t thread;		     /* SIGEV_THREAD_ID: whom to tell; 0: the process */
	int sig;
	bool value_is_id;
	uint64_t value;
};

/* The new number, -EAGAIN, -EINVAL (no such thread). Context of all: process. */
int posix_timer_create(const struct posix_timer_args *a);
/* -EINVAL: no such timer. */
int posix_timer_delete(int32_t id);
/* value 0 disarms; absolute: of the clock. The old values are those of posix_timer_get. */
int posix_timer_set(int32_t id, bool absolute, nsec_t value, nsec_t interval, nsec_t *old_value,
		    nsec_t *old_interval);
int posix_timer_get(int32_t id, nsec_t *value, nsec_t *interval);
int posix_timer_overrun(int32_t id);

/* exec, or the end: all of them go. */
void posix_timers_delete_all(struct process *p);

/* --- for signals --- */
/* A timer's signal has been taken; no lock held. Fills in the overrun, drops the reference. */
void posix_timer_taken(struct signal_info *info);
void posix_timer_get_ref(struct posix_timer *pt);
void posix_timer_put(struct posix_timer *pt);

#endif
