/* SPDX-License-Identifier: MIT */
/* virtio's entropy device (Virtual I/O Device 1.2, 5.4), as a model for banos-host. See virtio.h.
 */
#include "virtio.h"

static uint32_t configure(struct virtio *v, uint8_t *bytes, uint32_t most)
{
	(void)v, (void)bytes, (void)most;
	return 0;
}

/* It may give less than it was asked for, but not nothing. */
static uint32_t serve(struct virtio *v, struct virtio_request *r)
{
	uint32_t length = r->in_room;

	if (r->out_length || !length) {
		virtio_complain(v, "a request with %u bytes to be read, and room for %u",
				r->out_length, length);
		return 0;
	}
	if (virtio_host->random(2))
		length = 1 + (uint32_t)virtio_host->random(length);
	for (uint32_t i = 0; i < length; i++)
		r->in[i] = (uint8_t)virtio_host->random(256);
	return length;
}

const struct virtio_kind virtio_kind = {
	.name = "virtio-rng",
	.number = 4,
	.class_code = 0x00ff00,
	.queues = 1,
	.size = sizeof(struct virtio),
	.configure = configure,
	.serve = serve,
};
