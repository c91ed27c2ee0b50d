/* SPDX-License-Identifier: BSD-2-Clause */
/* Installed drivers. */
#ifndef DRIVER_REGISTRY_H
#define DRIVER_REGISTRY_H

#include "load.h"
#include <base/types.h>

/*
 * Install a driver from the bytes of its object file, which stay the caller's. parameters: words
 * NAME=VALUE, or NULL. Returns the number of the instance, or -errno after a message in the log
 * (message.h); then nothing is left of it. The caller checks who may do this. Context: process.
 */
int driver_install(const void *bytes, size_t size, const char *parameters);

/*
 * Remove an instance. 0; -ENOENT: there is none; -EBUSY: it is in use, or cannot be removed; or
 * what its quiesce or uninit returned; it goes on then. A message says why. The caller checks who
 * may do this. Context: process.
 */
int driver_remove(int instance);
/* The newest instance of the driver with that name. */
int driver_remove_name(const char *name);

/* From now on nothing is installed any more, until the next boot. */
void driver_lock(void);
/* Tell all that want to know: BANOS_EVENT_*. Context: process. */
void driver_event(uint32_t event, uint64_t argument);

/* Where an instance lies in memory: false if there is no such instance. For tests. */
bool driver_image_of(int instance, struct driver_image *out);

/* Once at boot, before the first installation. 0. */
int driver_init(void);

#endif
