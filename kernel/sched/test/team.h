/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads for tests: several at once, ended before the caller goes on. */
#ifndef SCHED_TEST_TEAM_H
#define SCHED_TEST_TEAM_H

#include <base/types.h>

#define MS NSEC_PER_MSEC
#define US NSEC_PER_USEC

typedef void (*team_fn)(void *ctx, unsigned i);

/* Run fn(ctx, 0..n-1), each in a thread of its own, and wait until all have returned. */
void team_run(unsigned n, team_fn fn, void *ctx);
/* The same, thread i bound to processor i % cpu_count(). */
void team_run_bound(unsigned n, team_fn fn, void *ctx);
/*
 * Stresses end by time, not by count, since a machine with more processors than its host has is
 * slower by orders of magnitude: true for a second from the (first) start of the team.
 */
bool team_time(void);
/* Start without waiting; team_wait() waits for all that were started since. */
void team_start(unsigned n, team_fn fn, void *ctx, bool bound);
void team_wait(void);

/* The current thread runs on this processor only, until the next call; -1: anywhere. */
void bind_to(int cpu);
void sleep_ns(nsec_t ns);
/* Wait until *word reaches at least `value`, at most 10 s: false if it did not. */
bool reaches(const uint32_t *word, uint32_t value);
/* A cheap random number: each thread keeps a state of its own, which must not start at 0. */
uint32_t noise(uint32_t *state);

#endif
