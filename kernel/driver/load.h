/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver image in the kernel's memory. */
#ifndef DRIVER_LOAD_H
#define DRIVER_LOAD_H

#include "image.h"
#include <base/types.h>

struct driver_image {
	void *allocation;  /* what kva_free_image() wants */
	uintptr_t address; /* of the image: aligned as its sections ask */
	size_t size;	   /* whole pages */
	struct {
		uintptr_t address;
		size_t size;
	} areas[IMAGE_AREAS];  /* final protections: RX, R, RW */
	Banos_Driver *record;  /* in the image */
	Banos_Export *exports; /* in the image */
	size_t export_count;
};

/*
 * Check the object file, lay it out, link it against the kernel and the installed drivers, and
 * protect it: ready for its init to be called. 0; or -errno with `error` saying why
 * (IMAGE_ERROR_SIZE bytes), and nothing is left behind. Context: process.
 */
int driver_image_load(struct driver_image *d, const void *bytes, size_t size, char *error);
/* No code of it may run any more, and nothing points to it. Context: process. */
void driver_image_free(struct driver_image *d);

#endif
