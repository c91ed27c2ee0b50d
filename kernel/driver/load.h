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
	} areas[IMAGE_AREAS]; /* final protections: RX, R, RW */
	struct image_contents contents;
	struct image_names names; /* of its functions, in names_memory */
	void *names_memory;	  /* or NULL: there are none */
};

/* Why something was refused: a sentence. */
struct driver_message {
	char text[IMAGE_ERROR_SIZE];
};

struct driver_uses;

/*
 * Check the object file, lay it out, link it against the kernel and the installed drivers, and
 * protect it: ready for its init to be called. The drivers whose exports it found are added to
 * `uses`, also on failure. 0; or -errno with a message, and nothing else is left behind. Context:
 * process.
 */
int driver_image_load(struct driver_image *d, struct driver_uses *uses, const void *bytes,
		      size_t size, struct driver_message *m);
/* No code of it may run any more, and nothing points to it. Context: process. */
void driver_image_free(struct driver_image *d);

#endif
