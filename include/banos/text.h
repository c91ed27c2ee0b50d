/* SPDX-License-Identifier: MIT */
/*
 * Text nodes: files below /proc/driver whose text is made when somebody reads it. Interface
 * "banos.text".
 */
#ifndef BANOS_TEXT_H
#define BANOS_TEXT_H

#include <banos/driver.h>

typedef struct Banos_Text_Node Banos_Text_Node;
/* Where a text is being made. */
typedef struct Banos_Text Banos_Text;

typedef struct Banos_Text_Desc {
	uint32_t size;	  /* of this structure */
	uint32_t flags;	  /* 0 */
	const char *name; /* below /proc/driver: letters, digits, . _ - and slashes; 55 bytes (so
			   * a PCI device's name, with its colons, is none) */
	uint32_t mode;	  /* permissions; 0: 0444, or 0644 with a store function */
	uint32_t zero;
} Banos_Text_Desc;

BANOS_SIZE(Banos_Text_Desc, 24);
BANOS_OFFSET(Banos_Text_Desc, name, 8);
BANOS_OFFSET(Banos_Text_Desc, mode, 16);

typedef struct Banos_Text_Ops {
	uint32_t size;
	uint32_t flags; /* 0 */
	/* Write the whole text. Context: may sleep. */
	void (*show)(void *ctx, Banos_Text *text);
	/* Somebody has written `length` bytes (a terminator follows them): bytes taken, or -errno.
	 * NULL: nobody may. Context: may sleep. */
	int64_t (*store)(void *ctx, const char *text, uint64_t length);
} Banos_Text_Ops;

BANOS_SIZE(Banos_Text_Ops, 24);
BANOS_OFFSET(Banos_Text_Ops, show, 8);
BANOS_OFFSET(Banos_Text_Ops, store, 16);

BANOS_API_BEGIN

/*
 * A node in *node, which is empty until the driver's init is over; desc and ops are copied. Returns
 * how many bytes of ops this kernel uses; -EINVAL, -E2BIG as for character devices; -EEXIST;
 * -ENOMEM. Context: may sleep. Since 0.9.
 */
int32_t banos_text_register(Banos_Driver *driver, const Banos_Text_Desc *desc,
			    const Banos_Text_Ops *ops, void *ctx, Banos_Text_Node **node);
/* No callback runs or will when it returns. NULL is allowed. 0; -EDEADLK from a callback of the
 * node. Context: may sleep. Since 0.9. */
int32_t banos_text_unregister(Banos_Text_Node *node);
/* Append to a text, in show. Context: may sleep. Since 0.9. */
void banos_text_write(Banos_Text *text, const char *bytes, uint64_t length);

BANOS_API_END

#endif
