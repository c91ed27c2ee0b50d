/* SPDX-License-Identifier: MIT */
/*
 * A modern virtio device on PCI for banos-host (Virtual I/O Device 1.2: 2.7, split queues; 4.1,
 * PCI): what all kinds have in common. The kind is a file beside it (virtio.h).
 *
 * A request takes 1 to 20 us, by chance, so that they are done in another order than they came.
 * Interrupts: a message for each queue; options: message=1: one for all; line=1: none but a line.
 * queue=N: entries of a queue.
 *
 * What a driver must not do is told: registers of another width, settings at the wrong time, queues
 * that cannot be, buffers in the wrong order, a descriptor that is given twice.
 *
 * What scripts can break (fault NAME WORD), until `fault NAME none`:
 *	used-index	it has finished more than it was given
 *	id, other	it has finished what cannot be, or what it was not given
 *	twice		it finishes each request twice
 *	long		it says that it has written more than there was room for
 *	short		it writes the last byte only, and says that this was all
 *	silent		it finishes nothing
 *	needs-reset	it says that it needs a reset, and does nothing
 *	generation	its configuration never comes to rest
 *	stuck		it does not come to rest when it is reset
 *	features	it refuses the features that were agreed on
 *	no-vector	it takes no message for a queue
 *	no-queue	it has no queues
 *	doorbell	the doorbells of its queues lie outside of its registers
 */
#include "virtio.h"
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_COMMON   0x0000
#define AT_ISR	    0x1000
#define AT_CONFIG   0x2000
#define AT_NOTIFY   0x3000
#define BAR	    4
#define BAR_LENGTH  0x4000
#define NOTIFY_STEP 4
#define CONFIG_MOST 256
#define QUEUE_USUAL 64

static const char *const fault_names[VIRTIO_BROKEN_COUNT] = {
	[VIRTIO_BROKEN_SILENT] = "silent",
	[VIRTIO_BROKEN_USED_INDEX] = "used-index",
	[VIRTIO_BROKEN_ID] = "id",
	[VIRTIO_BROKEN_OTHER] = "other",
	[VIRTIO_BROKEN_TWICE] = "twice",
	[VIRTIO_BROKEN_LONG] = "long",
	[VIRTIO_BROKEN_SHORT] = "short",
	[VIRTIO_BROKEN_NEEDS_RESET] = "needs-reset",
	[VIRTIO_BROKEN_GENERATION] = "generation",
	[VIRTIO_BROKEN_STUCK] = "stuck",
	[VIRTIO_BROKEN_FEATURES] = "features",
	[VIRTIO_BROKEN_NO_VECTORS] = "no-vector",
	[VIRTIO_BROKEN_NO_QUEUE] = "no-queue",
	[VIRTIO_BROKEN_DOORBELL] = "doorbell",
};

const Banos_Model_Host *virtio_host;

void virtio_complain(struct virtio *v, const char *format, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	virtio_host->complain(v->device, text);
}

/* --- registers -------------------------------------------------------------------------------- */

static void reset(struct virtio *v)
{
	virtio_forget(v);
	v->status = 0;
	v->agreed = 0;
	v->isr = 0;
	v->config_vector = VIRTIO_NO_VECTOR;
	memset(v->queues, 0, sizeof(v->queues));
	for (unsigned i = 0; i < VIRTIO_MODEL_QUEUES; i++) {
		v->queues[i].size = i < virtio_kind.queues ? v->queue_size : 0;
		v->queues[i].vector = VIRTIO_NO_VECTOR;
	}
	virtio_host->interrupt(v->device, 0, 0);
}

static void set_status(struct virtio *v, uint8_t value)
{
	if (!value) {
		reset(v);
		return;
	}
	if (v->status & ~value & ~VIRTIO_CONFIG_S_NEEDS_RESET)
		virtio_complain(v, "bits of the status are taken back: %#x after %#x", value,
				v->status);
	if (value & VIRTIO_CONFIG_S_FEATURES_OK && !(v->status & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    (virtio_is_broken(v, VIRTIO_BROKEN_FEATURES) || v->agreed & ~v->features ||
	     !virtio_has(v, VIRTIO_F_VERSION_1)))
		value &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	if (value & VIRTIO_CONFIG_S_DRIVER_OK && !(value & VIRTIO_CONFIG_S_FEATURES_OK))
		virtio_complain(v, "DRIVER_OK without FEATURES_OK");
	v->status |= value;
}

static void set_features(struct virtio *v, uint32_t value)
{
	unsigned shift = 32 * v->feature_selects[1];

	if (v->status & VIRTIO_CONFIG_S_FEATURES_OK)
		virtio_complain(v, "features are written after FEATURES_OK");
	else if (shift < 64)
		v->agreed = (v->agreed & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
	else if (value)
		virtio_complain(v, "features are agreed on that it does not have");
}

static struct virtio_model_queue *selected(struct virtio *v)
{
	return v->selected < virtio_kind.queues && !virtio_is_broken(v, VIRTIO_BROKEN_NO_QUEUE)
		       ? &v->queues[v->selected]
		       : NULL;
}

static uint64_t read_queue(struct virtio *v, uint64_t offset)
{
	const struct virtio_model_queue *q = selected(v);

	if (!q)
		return offset == VIRTIO_PCI_COMMON_Q_MSIX ? VIRTIO_NO_VECTOR : 0;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return q->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return virtio_is_broken(v, VIRTIO_BROKEN_NO_VECTORS) ? VIRTIO_NO_VECTOR : q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return q->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return virtio_is_broken(v, VIRTIO_BROKEN_DOORBELL) ? 0xfff0 : v->selected;
	}
	return 0;
}

static void put_half(uint64_t *address, int high, uint32_t value)
{
	*address = high ? (*address & 0xffffffffu) | (uint64_t)value << 32
			: (*address & ~0xffffffffull) | value;
}

static void enable(struct virtio *v, struct virtio_model_queue *q, uint64_t value)
{
	if (value != 1)
		virtio_complain(v, "a queue is enabled by %u", (unsigned)value);
	if (!(v->status & VIRTIO_CONFIG_S_FEATURES_OK))
		virtio_complain(v, "a queue is enabled before FEATURES_OK");
	if (!q->descriptors || q->descriptors % 16 || !q->available || q->available % 2 ||
	    !q->used || q->used % 4)
		virtio_complain(v, "the tables of a queue are not where they can be");
	q->enabled = 1;
}

static void set_queue_size(struct virtio *v, struct virtio_model_queue *q, uint16_t size)
{
	if (!size || size & (size - 1) || size > v->queue_size)
		virtio_complain(v, "a queue is to have %u entries", size);
	else
		q->size = size;
}

static void write_queue(struct virtio *v, uint64_t offset, uint32_t value)
{
	struct virtio_model_queue *q = selected(v);

	if (!q) {
		virtio_complain(v, "queue %u is set up, which is not there", v->selected);
		return;
	}
	if (q->enabled)
		virtio_complain(v, "queue %u is changed after it was enabled", v->selected);
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		set_queue_size(v, q, (uint16_t)value);
		return;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		q->vector = value < v->own.msix ? (uint16_t)value : VIRTIO_NO_VECTOR;
		return;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		enable(v, q, value);
		return;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		put_half(&q->descriptors, offset == VIRTIO_PCI_COMMON_Q_DESCHI, value);
		return;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		put_half(&q->available, offset == VIRTIO_PCI_COMMON_Q_AVAILHI, value);
		return;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		put_half(&q->used, offset == VIRTIO_PCI_COMMON_Q_USEDHI, value);
		return;
	}
	virtio_complain(v, "a register that is only to be read is written: %#x", (unsigned)offset);
}

/* Bytes of each register of the common part (4.1.4.3). */
static uint32_t width_at(uint64_t offset)
{
	if (offset < VIRTIO_PCI_COMMON_MSIX || offset >= VIRTIO_PCI_COMMON_Q_DESCLO)
		return 4;
	return offset == VIRTIO_PCI_COMMON_STATUS || offset == VIRTIO_PCI_COMMON_CFGGENERATION ? 1
											       : 2;
}

static int is_register(struct virtio *v, uint64_t offset, uint32_t width)
{
	if (offset <= VIRTIO_PCI_COMMON_Q_USEDHI && width == width_at(offset))
		return 1;
	virtio_complain(v, "an access of %u bytes at %#x of the common part", width,
			(unsigned)offset);
	return 0;
}

static uint64_t read_common(struct virtio *v, uint64_t offset)
{
	uint64_t offered =
		v->feature_selects[0] < 2 ? v->features >> 32 * v->feature_selects[0] : 0;
	uint64_t agreed = v->feature_selects[1] < 2 ? v->agreed >> 32 * v->feature_selects[1] : 0;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return v->feature_selects[0];
	case VIRTIO_PCI_COMMON_DF:
		return offered & 0xffffffffu;
	case VIRTIO_PCI_COMMON_GFSELECT:
		return v->feature_selects[1];
	case VIRTIO_PCI_COMMON_GF:
		return agreed & 0xffffffffu;
	case VIRTIO_PCI_COMMON_MSIX:
		return v->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return virtio_kind.queues;
	case VIRTIO_PCI_COMMON_STATUS:
		return v->status | (virtio_is_broken(v, VIRTIO_BROKEN_STUCK) ? 0x10 : 0);
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		v->generation =
			(uint8_t)(v->generation + virtio_is_broken(v, VIRTIO_BROKEN_GENERATION));
		return v->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return v->selected;
	}
	return read_queue(v, offset);
}

static void write_common(struct virtio *v, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		v->feature_selects[0] = value;
		return;
	case VIRTIO_PCI_COMMON_GFSELECT:
		v->feature_selects[1] = value;
		return;
	case VIRTIO_PCI_COMMON_GF:
		set_features(v, value);
		return;
	case VIRTIO_PCI_COMMON_MSIX:
		v->config_vector = value < v->own.msix ? (uint16_t)value : VIRTIO_NO_VECTOR;
		return;
	case VIRTIO_PCI_COMMON_STATUS:
		set_status(v, (uint8_t)value);
		return;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		v->selected = (uint16_t)value;
		return;
	}
	write_queue(v, offset, value);
}

static uint64_t read_config(struct virtio *v, uint64_t offset, uint32_t width)
{
	uint8_t bytes[CONFIG_MOST + 8] = {0};
	uint64_t value = 0;

	virtio_kind.configure(v, bytes, CONFIG_MOST);
	if (offset < CONFIG_MOST)
		memcpy(&value, bytes + offset, width);
	return value;
}

static uint64_t read(void *state, uint32_t bar, uint64_t offset, uint32_t width)
{
	struct virtio *v = state;
	uint8_t isr = v->isr;

	(void)bar;
	if (offset >= AT_NOTIFY)
		return 0;
	if (offset >= AT_CONFIG)
		return read_config(v, offset - AT_CONFIG, width);
	if (offset < AT_ISR)
		return is_register(v, offset, width) ? read_common(v, offset) : UINT64_MAX;
	if (offset != AT_ISR || width != 1)
		return 0;
	/* Who reads it takes the request back. */
	v->isr = 0;
	if (!virtio_by_message(v))
		virtio_host->interrupt(v->device, 0, 0);
	return isr;
}

static void write(void *state, uint32_t bar, uint64_t offset, uint32_t width, uint64_t value)
{
	struct virtio *v = state;
	uint64_t index = (offset - AT_NOTIFY) / NOTIFY_STEP;

	(void)bar;
	if (offset >= AT_NOTIFY) {
		if (width != 2 || offset % NOTIFY_STEP || index >= virtio_kind.queues ||
		    value != index)
			virtio_complain(v, "doorbell %u is written with %u", (unsigned)index,
					(unsigned)value);
		else
			virtio_notify(v, (uint32_t)index);
	} else if (offset < AT_ISR) {
		if (is_register(v, offset, width))
			write_common(v, offset, (uint32_t)value);
	} else {
		virtio_complain(v, "a place that is only to be read is written: %#x",
				(unsigned)offset);
	}
}

/* --- coming and going ------------------------------------------------------------------------- */

/* "name=value,name,...": 0: one is not known. */
static int take_options(struct virtio *v, const char *options)
{
	char *copy = strdup(options), *rest = copy, *word, *value;
	int known = copy != NULL;

	while (known && (word = strsep(&rest, ",")) != NULL) {
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if (!strcmp(word, "line"))
			v->own.msix = 0;
		else if (!strcmp(word, "message"))
			v->own.msix = 1;
		else if (!strcmp(word, "queue") && value)
			v->queue_size = (uint16_t)strtoul(value, NULL, 0);
		else if (*word && !(virtio_kind.option && virtio_kind.option(v, word, value)))
			known = 0;
	}
	free(copy);
	return known && v->queue_size && v->queue_size <= VIRTIO_MODEL_SIZE;
}

static void add_part(struct virtio *v, unsigned i, uint8_t type, uint32_t offset, uint32_t length)
{
	uint32_t multiplier = NOTIFY_STEP;
	uint8_t *bytes = v->parts[i];

	bytes[VIRTIO_PCI_CAP_VNDR] = PCI_CAP_ID_VNDR;
	bytes[VIRTIO_PCI_CAP_LEN] = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? 20 : 16;
	bytes[VIRTIO_PCI_CAP_CFG_TYPE] = type;
	bytes[VIRTIO_PCI_CAP_BAR] = BAR;
	memcpy(bytes + VIRTIO_PCI_CAP_OFFSET, &offset, sizeof(offset));
	memcpy(bytes + VIRTIO_PCI_CAP_LENGTH, &length, sizeof(length));
	memcpy(bytes + VIRTIO_PCI_NOTIFY_CAP_MULT, &multiplier, sizeof(multiplier));
	v->own.capabilities[i].bytes = bytes;
	v->own.capabilities[i].length = bytes[VIRTIO_PCI_CAP_LEN];
}

/* Its registers; those of its kind only if there are any. */
static void add_parts(struct virtio *v)
{
	uint8_t bytes[CONFIG_MOST + 8];
	uint32_t length = virtio_kind.configure(v, bytes, CONFIG_MOST);

	add_part(v, 0, VIRTIO_PCI_CAP_COMMON_CFG, AT_COMMON, VIRTIO_PCI_COMMON_Q_USEDHI + 4);
	add_part(v, 1, VIRTIO_PCI_CAP_ISR_CFG, AT_ISR, 1);
	add_part(v, 2, VIRTIO_PCI_CAP_NOTIFY_CFG, AT_NOTIFY, NOTIFY_STEP * virtio_kind.queues);
	if (length)
		add_part(v, 3, VIRTIO_PCI_CAP_DEVICE_CFG, AT_CONFIG, length);
}

static void destroy(void *state)
{
	struct virtio *v = state;

	virtio_forget(v);
	if (virtio_kind.end)
		virtio_kind.end(v);
	free(v);
}

static int fault(void *state, const char *word)
{
	struct virtio *v = state;

	if (virtio_kind.fault && virtio_kind.fault(v, word) && strcmp(word, "none"))
		return 0;
	if (!strcmp(word, "none")) {
		v->faults = 0;
		return 0;
	}
	for (unsigned i = 0; i < VIRTIO_BROKEN_COUNT; i++)
		if (!strcmp(word, fault_names[i])) {
			v->faults |= 1u << i;
			return 0;
		}
	return -1;
}

static uint8_t *medium(void *state, uint64_t *size)
{
	*size = 0;
	return virtio_kind.medium ? virtio_kind.medium(state, size) : NULL;
}

static void *create(Banos_Model_Device *device, const char *options);

static Banos_Model model = {
	.size = sizeof(model),
	.vendor = 0x1af4,
	.subvendor = 0x1af4,
	.revision = 1,
	.bars = {[BAR] = {.length = BAR_LENGTH}},
	.line = 1,
	.create = create,
	.destroy = destroy,
	.read = read,
	.write = write,
	.due = virtio_due,
	.fault = fault,
	.medium = medium,
};

static void *create(Banos_Model_Device *device, const char *options)
{
	struct virtio *v = calloc(1, virtio_kind.size);

	if (!v)
		return NULL;
	v->device = device;
	v->own = model;
	v->features = virtio_kind.features | 1ull << VIRTIO_F_VERSION_1;
	v->queue_size = QUEUE_USUAL;
	if (!take_options(v, options) || (virtio_kind.begin && virtio_kind.begin(v))) {
		destroy(v);
		return NULL;
	}
	add_parts(v);
	reset(v);
	virtio_host->describe(device, &v->own);
	return v;
}

const Banos_Model *banos_model(const Banos_Model_Host *given)
{
	virtio_host = given;
	model.name = virtio_kind.name;
	model.device = (uint16_t)(0x1040 + virtio_kind.number);
	model.subdevice = (uint16_t)(0x1100 + virtio_kind.number);
	model.class_code = virtio_kind.class_code;
	model.msix = 1 + virtio_kind.queues;
	return &model;
}
