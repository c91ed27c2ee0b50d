/* SPDX-License-Identifier: MIT */
/*
 * virtio's disk (Virtual I/O Device 1.2, 5.2), as a model for banos-host. See virtio.h.
 *
 * Options: size=BYTES (65536), block=BYTES (512), segments=N (of a request: 16), ro: it is only to
 * be read; plain: it can neither flush nor erase. Faults of its own:
 *	error		requests end with an error
 *	status		they end with a status that there is not
 *	unsupported	they end as if it did not know them
 */
#include "virtio.h"
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR	    512u
#define LONGEST	    (1u << 20) /* bytes of a segment */
#define ERASE_MOST  64u	       /* sectors at once */
#define STATUS_WILD 9

struct disk {
	struct virtio v;
	uint8_t *bytes;
	uint64_t size;
	uint32_t block, segments;
	uint8_t status; /* of all requests; 0: as it should be */
};

static struct disk *of(struct virtio *v)
{
	return (struct disk *)v;
}

static int option(struct virtio *v, const char *name, const char *value)
{
	struct disk *d = of(v);

	if (!strcmp(name, "size") && value)
		d->size = strtoull(value, NULL, 0);
	else if (!strcmp(name, "block") && value)
		d->block = (uint32_t)strtoul(value, NULL, 0);
	else if (!strcmp(name, "segments") && value)
		d->segments = (uint32_t)strtoul(value, NULL, 0);
	else if (!strcmp(name, "ro"))
		v->features |= 1u << VIRTIO_BLK_F_RO;
	else if (!strcmp(name, "plain"))
		v->features &= ~(1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_DISCARD |
				 1ull << VIRTIO_BLK_F_WRITE_ZEROES);
	else
		return 0;
	return 1;
}

static int begin(struct virtio *v)
{
	struct disk *d = of(v);

	d->size = d->size ? d->size : 65536;
	d->block = d->block ? d->block : SECTOR;
	d->segments = d->segments ? d->segments : 16;
	d->bytes = calloc(1, d->size);
	return d->bytes ? 0 : -1;
}

static void end(struct virtio *v)
{
	free(of(v)->bytes);
}

static uint32_t configure(struct virtio *v, uint8_t *bytes, uint32_t most)
{
	const struct disk *d = of(v);
	struct virtio_blk_config c = {
		.capacity = d->size / SECTOR,
		.size_max = LONGEST,
		.seg_max = d->segments,
		.blk_size = d->block,
		.max_discard_sectors = ERASE_MOST,
		.max_discard_seg = 1,
		.discard_sector_alignment = d->block / SECTOR,
		.max_write_zeroes_sectors = ERASE_MOST,
		.max_write_zeroes_seg = 1,
	};
	uint32_t length = sizeof(c) < most ? sizeof(c) : most;

	memcpy(bytes, &c, length);
	return length;
}

/* --- requests --------------------------------------------------------------------------------- */

/* Is it a run of whole blocks of this disk? */
static int is_run(struct disk *d, uint64_t sector, uint64_t length)
{
	if (length && length % d->block == 0 && sector * SECTOR % d->block == 0 &&
	    sector <= d->size / SECTOR && length <= d->size - sector * SECTOR)
		return 1;
	virtio_complain(&d->v, "a request for %llu bytes from sector %llu on",
			(unsigned long long)length, (unsigned long long)sector);
	return 0;
}

/* A feature that the operation needs. */
static int agreed(struct disk *d, unsigned bit)
{
	if (virtio_has(&d->v, bit))
		return 1;
	virtio_complain(&d->v, "a request needs feature %u, which was not agreed on", bit);
	return 0;
}

static uint8_t do_read(struct disk *d, uint64_t sector, struct virtio_request *r)
{
	if (!is_run(d, sector, r->in_room - 1))
		return VIRTIO_BLK_S_IOERR;
	memcpy(r->in, d->bytes + sector * SECTOR, r->in_room - 1);
	return VIRTIO_BLK_S_OK;
}

static uint8_t do_write(struct disk *d, uint64_t sector, const uint8_t *data, uint32_t length)
{
	if (virtio_has(&d->v, VIRTIO_BLK_F_RO)) {
		virtio_complain(&d->v, "a request changes what is only to be read");
		return VIRTIO_BLK_S_IOERR;
	}
	if (!is_run(d, sector, length))
		return VIRTIO_BLK_S_IOERR;
	memcpy(d->bytes + sector * SECTOR, data, length);
	return VIRTIO_BLK_S_OK;
}

static uint8_t do_erase(struct disk *d, const uint8_t *data, uint32_t length)
{
	struct virtio_blk_discard_write_zeroes range;

	if (length != sizeof(range)) {
		virtio_complain(&d->v, "%u bytes say what is to be erased", length);
		return VIRTIO_BLK_S_IOERR;
	}
	memcpy(&range, data, sizeof(range));
	if (range.num_sectors > ERASE_MOST || range.flags ||
	    !is_run(d, range.sector, (uint64_t)range.num_sectors * SECTOR)) {
		virtio_complain(&d->v, "%u sectors are to be erased, with flags %#x",
				range.num_sectors, range.flags);
		return VIRTIO_BLK_S_IOERR;
	}
	memset(d->bytes + range.sector * SECTOR, 0, (uint64_t)range.num_sectors * SECTOR);
	return VIRTIO_BLK_S_OK;
}

static uint8_t operate(struct disk *d, const struct virtio_blk_outhdr *head,
		       struct virtio_request *r)
{
	const uint8_t *data = r->out + sizeof(*head);
	uint32_t length = r->out_length - (uint32_t)sizeof(*head);

	if (head->type != VIRTIO_BLK_T_IN && r->in_room != 1)
		virtio_complain(&d->v, "operation %u has room for %u bytes", head->type,
				r->in_room);
	switch (head->type) {
	case VIRTIO_BLK_T_IN:
		return length ? VIRTIO_BLK_S_IOERR : do_read(d, head->sector, r);
	case VIRTIO_BLK_T_OUT:
		return do_write(d, head->sector, data, length);
	case VIRTIO_BLK_T_FLUSH:
		return agreed(d, VIRTIO_BLK_F_FLUSH) && !length && !head->sector
			       ? VIRTIO_BLK_S_OK
			       : VIRTIO_BLK_S_IOERR;
	case VIRTIO_BLK_T_DISCARD:
		return agreed(d, VIRTIO_BLK_F_DISCARD) ? do_erase(d, data, length)
						       : VIRTIO_BLK_S_UNSUPP;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return agreed(d, VIRTIO_BLK_F_WRITE_ZEROES) ? do_erase(d, data, length)
							    : VIRTIO_BLK_S_UNSUPP;
	}
	virtio_complain(&d->v, "there is no operation %u", head->type);
	return VIRTIO_BLK_S_UNSUPP;
}

static uint32_t serve(struct virtio *v, struct virtio_request *r)
{
	struct disk *d = of(v);
	struct virtio_blk_outhdr head;

	if (r->out_length < sizeof(head) || !r->in_room) {
		virtio_complain(v, "a request without a header, or without room for a status");
		return 0;
	}
	/* Header and status are not counted. */
	if (r->segments > d->segments + 2 || r->longest > LONGEST)
		virtio_complain(v, "a request has %u segments, of %u bytes at most", r->segments,
				r->longest);
	memcpy(&head, r->out, sizeof(head));
	r->in[r->in_room - 1] = d->status ? d->status : operate(d, &head, r);
	return r->in_room;
}

static int fault(struct virtio *v, const char *word)
{
	struct disk *d = of(v);

	if (!strcmp(word, "none"))
		d->status = 0;
	else if (!strcmp(word, "error"))
		d->status = VIRTIO_BLK_S_IOERR;
	else if (!strcmp(word, "unsupported"))
		d->status = VIRTIO_BLK_S_UNSUPP;
	else if (!strcmp(word, "status"))
		d->status = STATUS_WILD;
	else
		return 0;
	return 1;
}

static uint8_t *medium(struct virtio *v, uint64_t *size)
{
	*size = of(v)->size;
	return of(v)->bytes;
}

const struct virtio_kind virtio_kind = {
	.name = "virtio-blk",
	.number = 2,
	.class_code = 0x010000,
	.queues = 1,
	.features = 1u << VIRTIO_BLK_F_SIZE_MAX | 1u << VIRTIO_BLK_F_SEG_MAX |
		    1u << VIRTIO_BLK_F_BLK_SIZE | 1u << VIRTIO_BLK_F_FLUSH |
		    1u << VIRTIO_BLK_F_DISCARD | 1u << VIRTIO_BLK_F_WRITE_ZEROES,
	.size = sizeof(struct disk),
	.option = option,
	.begin = begin,
	.end = end,
	.configure = configure,
	.serve = serve,
	.fault = fault,
	.medium = medium,
};
