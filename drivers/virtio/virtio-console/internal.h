/* SPDX-License-Identifier: MIT */
/* Between the files of this driver; console.c has the theory. */
#ifndef VIRTIO_CONSOLE_INTERNAL_H
#define VIRTIO_CONSOLE_INTERNAL_H

#include <banos/chardev.h>
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/sync.h>
#include <banos/text.h>
#include <banos/work.h>
#include <banos/x_tty.h>
#include <banos/x_virtio.h>
#include <linux/virtio_console.h>

#include <asm-generic/errno.h>

#define PORTS_MAX   31
#define RX_COUNT    8
#define RX_SIZE	    1024u
#define TX_COUNT    8
#define TX_SIZE	    512u
#define PORT_NAME   64
#define CONTROL_IN  32 /* messages of the device that we have room for */
#define CONTROL_OUT 8  /* of ours that it has not taken yet */
#define MESSAGE_MAX 128

#define HAS(got, bit) ((got)[0] >> (bit)&1)

/* Memory that the device reaches, a token of its queue. */
struct buffer {
	uint8_t *bytes;
	uint64_t address;
};

/* What is to be said about a port: port->to_send. */
#define SEND_READY 1u
#define SEND_OPEN  2u

struct port {
	struct console *console; /* [I] */
	uint32_t id;		 /* [I] */
	Banos_Spinlock lock;
	Virtio_Queue *in, *out;		/* [lock] NULL: the device is going */
	Banos_Dma_Buffer *in_memory;	/* [I] once the port has been there; or NULL */
	Banos_Dma_Buffer *out_memory;	/* likewise */
	struct buffer rx[RX_COUNT];	/* [I] likewise */
	struct buffer tx[TX_COUNT];	/* [I] likewise */
	struct buffer *current;		/* [lock] came in, and not all of it has been taken */
	uint32_t at, end;		/* [lock] of current: the next byte, the number of bytes */
	struct buffer *free[TX_COUNT];	/* [lock] those that may be filled */
	uint32_t free_count;		/* [lock] */
	uint64_t received, sent;	/* [lock] bytes */
	uint32_t plugged;		/* [lock] the port is there */
	uint32_t failed;		/* [lock] it is, but not here */
	uint32_t host_open;		/* [lock] somebody is at the other end */
	uint32_t opened;		/* [lock] a program has the character device open */
	uint32_t is_console;		/* [lock] the port belongs to a terminal */
	uint32_t to_send;		/* [lock] SEND_* */
	char name[PORT_NAME];		/* [lock] what the host calls it */
	uint32_t number;		/* [lock] of the terminal */
	Banos_X_Tty *tty;		/* atomic, used between epochs: set by the work and probe */
	Banos_Chardev *node;		/* likewise */
	Banos_Mutex reading;		/* one reader takes bytes at a time */
	Banos_Event readable, writable; /* let one go; who has not used it up passes it on */
};

/* The queues for messages about ports. Used by the work only, but for its beginning and end. */
struct control {
	Virtio_Queue *in, *out;
	Banos_Dma_Buffer *memory;
	struct buffer rx[CONTROL_IN], tx[CONTROL_OUT];
	struct buffer *free[CONTROL_OUT];
	uint32_t free_count;
	uint32_t hello; /* to be said yet */
	uint32_t lies;
};

struct console {
	struct console *next; /* [list lock] */
	Banos_Device *device;
	Banos_Dma *dma;
	Banos_Work *work; /* messages, changes of the configuration */
	uint64_t features[2];
	uint32_t index; /* [list lock to choose] N of vportNpM */
	uint32_t port_count;
	uint32_t stopping; /* atomic */
	struct control control;
	char name[64];
	struct port ports[];
};

BANOS_API_BEGIN

extern Banos_Driver driver;

/* --- port.c: the bytes of a port --- */

void port_init(struct port *p, struct console *c, uint32_t id);
void port_fini(struct port *p);
/* Memory, at the first time, and buffers for the device to fill. 0; -ENOMEM. Context: may sleep. */
int32_t port_begin(struct port *p);
/* The queues go. */
void port_detach(struct port *p);
/* Up to `size` bytes of those that have come in: looked at; and the first so many taken. Context:
 * any. */
uint32_t port_peek(struct port *p, uint8_t *bytes, uint32_t size);
void port_drop(struct port *p, uint32_t count);
/* What has come in is thrown away. */
void port_discard(struct port *p);
/* How many of the bytes there was room for. Context: any. */
uint32_t port_put(struct port *p, const uint8_t *bytes, uint64_t count);
/* The device has taken all. Room for more? Context: any. */
uint32_t port_is_idle(struct port *p);
uint32_t port_has_room(struct port *p);
/* For the queues; ctx is the port. */
void port_on_input(void *ctx);
void port_on_output(void *ctx);

/* --- hvc.c: a port as a terminal --- */

/* 0, also when it is one; -errno. Context: may sleep. */
int32_t hvc_create(struct port *p);
void hvc_destroy(struct port *p);
void hvc_set_size(struct port *p, uint32_t rows, uint32_t columns);

/* --- vport.c: a port as a character device --- */

int32_t vport_create(struct port *p);
void vport_destroy(struct port *p);
/* Who waits looks again. */
void vport_wake(struct port *p);

/* --- control.c: messages --- */

/* Queues and memory; before the device works. 0; -errno. */
int32_t control_create(struct console *c);
void control_destroy(struct console *c);
/* Say that we are there. */
void control_begin(struct console *c);
/* What has come in, and what is to be said: by the work. */
void control_run(struct console *c);

/* --- console.c --- */

/* Have the work run. Context: any. */
void console_submit(struct console *c);

BANOS_API_END

#endif
