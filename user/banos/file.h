/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver object that is looked at in this process. */
#ifndef USER_BANOS_FILE_H
#define USER_BANOS_FILE_H

#include "banos.h"

#include <driver/image.h>

struct file {
	struct file *next;
	const char *path;
	const char *name; /* of the driver */
	struct image image;
	struct image_plan plan;
	struct image_contents contents;
	uint8_t *memory;

	/* Of banos probe. */
	enum {
		FILE_NEW,
		FILE_BEGUN, /* what it needs is being installed */
		FILE_OVER,  /* it was installed, or cannot be */
	} state;
	struct file *wanted_by; /* begun: the one that needs it, if it is not for a device */
	bool optional;		/* that one does without */
	bool told;		/* why it cannot be installed */
};

/* NULL after a message. */
struct file *file_read(const char *path);
/* Element i of these lists, with texts that can be read. */
void file_match(const struct file *f, uint32_t i, Banos_Match *match);
void file_dependency(const struct file *f, uint32_t i, Banos_Dependency *dependency);

#endif
