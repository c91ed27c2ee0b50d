/* SPDX-License-Identifier: BSD-2-Clause */
/* Where interrupts come from in banos-host: lines, and messages of simulated devices. */
#ifndef HOST_IRQ_H
#define HOST_IRQ_H

#include <banos/irq.h>
#include <base/owner.h>

struct irq_source {
	struct list link; /* in sources */
	char name[48];
	bool level;    /* asks as long as it is asserted; else once each time */
	bool asserted; /* of a level */
	bool pending;  /* of an edge or message: has come, is not delivered */
	bool masked;
	bool given_up;	  /* nobody handles it */
	bool in_service;  /* its handlers are called */
	uint32_t threads; /* of a level: those that must return first */
	uint32_t unhandled;
	struct list irqs; /* bound */
	/* Of legacy lines: */
	uint32_t asking; /* devices that assert it */
	uint32_t users;
	uint32_t mode; /* BANOS_IRQ_* */
};

void irq_source_init(struct irq_source *s, bool level, const char *format, ...) __printf_like(3, 4);
void irq_source_fini(struct irq_source *s);
/* An edge or a message; or the level changes. */
void irq_source_set(struct irq_source *s, bool on);
/* One interrupt without cause. */
void irq_source_spurious(struct irq_source *s);
/* One of the devices that share a line begins to assert it, or ends. */
void irq_line_share(struct irq_source *line, bool on);
/* The line of that number, or NULL. */
struct irq_source *irq_line(uint32_t number);

/* A driver's interrupt from it; give_back is called when it is freed. NULL: no memory. */
Banos_Irq *irq_create(struct owner *owner, const void *scope, struct irq_source *source,
		      void (*give_back)(struct irq_source *source, void *ctx), void *ctx);

/* Once: who delivers. */
void irq_begin(void);

#endif
