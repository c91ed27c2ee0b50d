/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts: one source, those who handle it, where it arrives. irq.c has the states. */
#ifndef BUS_IRQ_H
#define BUS_IRQ_H

#include <arch/irq.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <lib/list.h>

struct irq_source;

/* The kernel chooses. */
#define IRQ_ANY_CPU UINT32_MAX

/* What a handler says; the numbers of <banos/irq.h>. */
enum irq_answer { IRQ_NONE, IRQ_HANDLED, IRQ_WAKE };

struct irq_handler {
	/* Hard interrupt context, never twice at a time. */
	enum irq_answer (*fn)(struct irq_handler *h);
	/* It has said IRQ_WAKE; irq_handler_done() follows. Hard interrupt context. */
	void (*wake)(struct irq_handler *h);
	const char *name;	   /* [I] for messages and /proc/interrupts */
	struct irq_source *source; /* [I] while attached */
	struct irq_handler *next;  /* [source->lock to write; readers a] */
	bool attached;		   /* [source->lock] */
	bool masked;		   /* [source->lock] by its owner */
	bool working;		   /* [source->lock] it was woken, and the source is masked */
};

/* How a kind of source is made to be silent and where it arrives. source->lock is held. */
struct irq_source_ops {
	const char *kind; /* "IO-APIC" */
	/* NULL: it cannot be masked; it is only not listened to. */
	void (*set_mask)(struct irq_source *s, bool masked);
	/* Its vector is to arrive on that processor; masked afterwards, if it can be. */
	void (*route)(struct irq_source *s, const struct cpu *c);
};

struct irq_source {
	const struct irq_source_ops *ops; /* [I] */
	struct irq_vector vector;	  /* [I] */
	uint32_t number;	      /* [I] as its kind counts: a line, a message of a device */
	bool level;		      /* [I] it asks for as long as it needs something */
	struct spinlock lock;	      /* IRQ_SOURCE */
	struct irq_handler *handlers; /* [lock to write; readers a] */
	uint32_t masks;		      /* [lock] reasons to be masked */
	bool silent;		      /* [lock] masked in the hardware */
	bool running;		      /* [lock] its handlers are being called */
	bool pending;		      /* [lock] it has come, and nobody has been called */
	bool storm;		      /* [lock] masked because nobody handled it */
	uint32_t seen, unhandled;     /* [lock] in this window: judge() */
	struct cpu *cpu;	      /* [lock] where it arrives, while there are handlers */
	uint64_t *counts;	      /* [a] arrivals by processor; each writes its own */
	struct list link;	      /* [sources_lock] */
};

/* A source without handlers, masked. 0, -ENOSPC, -ENOMEM. Context: process. */
int irq_source_init(struct irq_source *s, const struct irq_source_ops *ops, uint32_t number,
		    bool level);
/* It has no handlers. When this returns nothing refers to it. Context: process. */
void irq_source_fini(struct irq_source *s);

/* It is called from here on; `cpu` as in banos_irq_bind(). fn, wake, name, masked are set. Context:
 * process. */
void irq_attach(struct irq_source *s, struct irq_handler *h, uint32_t cpu);
/* When it returns h is not being called and will not be. Context: process. */
void irq_detach(struct irq_handler *h);
/* Context: any. */
void irq_handler_set_masked(struct irq_handler *h, bool masked);
/* What irq_handler.wake asked for is done. Context: any. */
void irq_handler_done(struct irq_handler *h);
/* 0 or -EINVAL. Context: any. */
int irq_set_cpu(struct irq_handler *h, uint32_t cpu);

/* A line with all its handlers; irq_line.c. */
struct irq_line;

/* shared: whoever else has it must share it, too. 0, -EBUSY, -EINVAL, -ENOSPC, -ENOMEM. Context:
 * process. */
int irq_line_get(const struct irq_mode *mode, bool shared, struct irq_line **out);
/* Context: process. */
void irq_line_put(struct irq_line *line);
struct irq_source *irq_line_source(struct irq_line *line);

/* A handler of the kernel's own for a legacy interrupt, alone on its line. Context: process. */
int irq_attach_isa(unsigned isa, struct irq_handler *h);

/* /proc/interrupts, at boot. */
void irq_show_init(void);

#endif
