/* SPDX-License-Identifier: MIT */
/* Processors, and data of which each has its own. Interface "banos.core". */
#ifndef BANOS_CPU_H
#define BANOS_CPU_H

#include <banos/driver.h>

typedef struct Banos_Percpu Banos_Percpu;

BANOS_API_BEGIN

/* Processors that run: their numbers are 0 to this less one. Does not change. Context: any. Since
 * 0.9. */
uint32_t banos_cpu_count(void);
/* The one that runs this. It may be another by the time the caller looks, unless the caller is in
 * an interrupt, an epoch section, or has a spinlock. Context: any. Since 0.9. */
uint32_t banos_cpu_self(void);

/*
 * `size` zeroed bytes for each processor, aligned to a cache line each, in *percpu. 0; -EINVAL for
 * size 0 or above 65,536; -ENOMEM. Context: any. Since 0.9.
 */
int32_t banos_percpu_create(Banos_Driver *driver, uint64_t size, Banos_Percpu **percpu);
/* The bytes of one processor; NULL for one that is not there. Context: any. Since 0.9. */
void *banos_percpu_get(Banos_Percpu *percpu, uint32_t cpu);
/* NULL is allowed. Context: any. Since 0.9. */
void banos_percpu_destroy(Banos_Percpu *percpu);

BANOS_API_END

#endif
