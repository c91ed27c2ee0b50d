/* SPDX-License-Identifier: MIT */
/*
 * Simulated virtio devices for banos-host: what a kind of device says to the part that all have in
 * common (virtio.c, virtio-queue.c). A kind is a file beside them that defines `virtio_kind`:
 *
 *	gcc -shared -fPIC -I SDK/include -o virtio-rng.so virtio.c virtio-queue.c virtio-rng.c
 */
#ifndef MODEL_VIRTIO_H
#define MODEL_VIRTIO_H

#include <banos-host/model.h>

#define VIRTIO_MODEL_QUEUES 8
#define VIRTIO_MODEL_SIZE   256 /* entries of a queue at most */

#define VIRTIO_NO_VECTOR 0xffff

/* What scripts can break: virtio.c. */
enum {
	VIRTIO_BROKEN_SILENT,
	VIRTIO_BROKEN_USED_INDEX,
	VIRTIO_BROKEN_ID,
	VIRTIO_BROKEN_OTHER,
	VIRTIO_BROKEN_TWICE,
	VIRTIO_BROKEN_LONG,
	VIRTIO_BROKEN_SHORT,
	VIRTIO_BROKEN_NEEDS_RESET,
	VIRTIO_BROKEN_GENERATION,
	VIRTIO_BROKEN_STUCK,
	VIRTIO_BROKEN_FEATURES,
	VIRTIO_BROKEN_NO_VECTORS,
	VIRTIO_BROKEN_NO_QUEUE,
	VIRTIO_BROKEN_DOORBELL,
	VIRTIO_BROKEN_COUNT
};

/* What of a request has come from the driver's memory, and what goes there. */
struct virtio_request {
	uint32_t queue;
	const uint8_t *out; /* the driver's bytes */
	uint32_t out_length;
	uint8_t *in; /* room for the device's; zeroes */
	uint32_t in_room;
	uint32_t segments; /* descriptors */
	uint32_t longest;  /* bytes of the longest of them */
};

struct virtio;

struct virtio_kind {
	const char *name;
	uint32_t number; /* of the kind: 4 is the entropy device */
	uint32_t class_code;
	uint32_t queues;
	uint64_t features; /* but for those of queues and transport */
	uint32_t size;	   /* of its state, which begins with a struct virtio */
	/* A word of the options, with what stands behind =, or NULL; 0: it is none of its. */
	int (*option)(struct virtio *v, const char *name, const char *value);
	/* All options are there: 0, or the device cannot be made. */
	int (*begin)(struct virtio *v);
	void (*end)(struct virtio *v);
	/* Its configuration, up to `most` bytes; how many there are. */
	uint32_t (*configure)(struct virtio *v, uint8_t *bytes, uint32_t most);
	/* Do it; how many bytes of r->in are to be written. */
	uint32_t (*serve)(struct virtio *v, struct virtio_request *r);
	/* `fault` of scripts. 0: it is none of its. */
	int (*fault)(struct virtio *v, const char *word);
	uint8_t *(*medium)(struct virtio *v, uint64_t *size);
};

extern const struct virtio_kind virtio_kind;

struct virtio_model_queue {
	uint16_t size, enabled, vector;
	uint64_t descriptors, available, used; /* where */
	uint16_t taken;			       /* of what is available */
	uint16_t done;			       /* the index of the used table */
	uint8_t under_way[VIRTIO_MODEL_SIZE];  /* by the first descriptor */
};

/* A request that has come, until its time. */
struct virtio_waiting {
	struct virtio_waiting *next;
	uint64_t number;
	uint32_t queue;
	uint16_t head;
};

struct virtio {
	Banos_Model_Device *device;
	Banos_Model own;
	uint8_t parts[5][20]; /* capabilities */
	uint64_t features;    /* offered; of the lowest 64 */
	uint64_t agreed;
	uint32_t feature_selects[2]; /* the device's, the driver's */
	uint8_t status, generation, isr;
	uint16_t config_vector, selected;
	uint16_t queue_size;
	struct virtio_model_queue queues[VIRTIO_MODEL_QUEUES];
	struct virtio_waiting *waiting;
	uint64_t last_number;
	uint32_t faults;
};

static inline int virtio_is_broken(const struct virtio *v, unsigned fault)
{
	return (int)(v->faults >> fault & 1);
}

/* --- virtio-queue.c --- */
/* The doorbell of a queue. */
void virtio_notify(struct virtio *v, uint32_t index);
/* A request's time has come. */
void virtio_due(void *state, uint64_t number);
/* What waits is forgotten. */
void virtio_forget(struct virtio *v);
/* Do its interrupts go by messages, or by a line? */
int virtio_by_message(const struct virtio *v);

/* The services of banos-host. */
extern const Banos_Model_Host *virtio_host;
void virtio_complain(struct virtio *v, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));
/* Has the driver agreed on that feature? */
static inline int virtio_has(const struct virtio *v, unsigned bit)
{
	return (int)(v->agreed >> bit & 1);
}

#endif
