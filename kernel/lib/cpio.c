/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reader for newc cpio archives in memory: the format of the initramfs.
 *
 * An archive is a row of entries: a header of 110 ASCII characters (a magic number and 13 fields
 * of 8 hexadecimal digits), the name with its NUL, padding to 4, the data, padding to 4; the entry
 * named TRAILER!!! ends it. Padding counts from the start of the archive, and boot loaders put
 * further archives at a multiple of 4, so alignment from the start of the buffer is the same.
 *
 * The archive comes from whoever starts the machine, and may be cut or damaged. So the reader is
 * a pure function of the buffer: it never writes, checks every length against what is left with
 * arithmetic that cannot wrap, and names the first thing that is wrong. Policy (what to do with
 * "..", hard links, devices) stays with the caller.
 */
#include <lib/cpio.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/string.h>

#define MAGIC_LENGTH 6
#define FIELD_LENGTH 8
#define HEADER_SIZE  110

/* The order of the fields in the header. */
enum field {
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_SIZE,
	F_DEV_MAJOR,
	F_DEV_MINOR,
	F_RDEV_MAJOR,
	F_RDEV_MINOR,
	F_NAME_SIZE,
	F_CHECK,
	F_COUNT
};

BUILD_ASSERT(MAGIC_LENGTH + F_COUNT * FIELD_LENGTH == HEADER_SIZE, "newc header");

void cpio_init(struct cpio_reader *r, const void *base, size_t size)
{
	r->base = base;
	r->size = size;
	r->offset = 0;
	r->error = NULL;
}

static int fail(struct cpio_reader *r, const char *error)
{
	r->error = error;
	return -EINVAL;
}

static bool parse_hex(const unsigned char *digits, uint32_t *value)
{
	uint32_t v = 0;

	for (int i = 0; i < FIELD_LENGTH; i++) {
		unsigned c = digits[i];

		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else if (c >= 'A' && c <= 'F')
			c -= 'A' - 10;
		else
			return false;
		v = v << 4 | c;
	}
	*value = v;
	return true;
}

/* Takes the next `n` bytes and the padding behind them; padding may be missing at the very end. */
static const unsigned char *take(const struct cpio_reader *r, size_t *offset, size_t n)
{
	const unsigned char *p = r->base + *offset;
	size_t left = r->size - *offset;

	if (n > left)
		return NULL;
	*offset += n;
	*offset += min((size_t)(-*offset & 3), left - n);
	return p;
}

static void fill(struct cpio_entry *e, const uint32_t f[F_COUNT])
{
	e->size = f[F_SIZE];
	e->mode = f[F_MODE];
	e->uid = f[F_UID];
	e->gid = f[F_GID];
	e->mtime = f[F_MTIME];
	e->nlink = f[F_NLINK];
	e->ino = f[F_INO];
	e->dev_major = f[F_DEV_MAJOR];
	e->dev_minor = f[F_DEV_MINOR];
	e->rdev_major = f[F_RDEV_MAJOR];
	e->rdev_minor = f[F_RDEV_MINOR];
}

/* The entry at r->offset, which moves behind it only when all of it is sound. */
static int parse_entry(struct cpio_reader *r, struct cpio_entry *e)
{
	const unsigned char *header = r->base + r->offset;
	uint32_t f[F_COUNT];
	size_t offset = r->offset + HEADER_SIZE; /* header and name are padded as one */

	if (r->size - r->offset < HEADER_SIZE)
		return fail(r, "the archive ends inside a header");
	if (memcmp(header, "070701", MAGIC_LENGTH) && memcmp(header, "070702", MAGIC_LENGTH))
		return fail(r, "no newc header here (a compressed archive is not supported)");
	for (int i = 0; i < F_COUNT; i++)
		if (!parse_hex(header + MAGIC_LENGTH + i * FIELD_LENGTH, &f[i]))
			return fail(r, "a header field is not hexadecimal");
	if (!f[F_NAME_SIZE])
		return fail(r, "an entry has no name");
	e->name = (const char *)take(r, &offset, f[F_NAME_SIZE]);
	if (!e->name)
		return fail(r, "the archive ends inside a name");
	e->name_length = f[F_NAME_SIZE] - 1;
	if (memchr(e->name, 0, f[F_NAME_SIZE]) != e->name + e->name_length)
		return fail(r, "a name is not terminated at its length");
	e->data = take(r, &offset, f[F_SIZE]);
	if (!e->data)
		return fail(r, "the archive ends inside a file");
	fill(e, f);
	r->offset = offset;
	return 1;
}

int cpio_next(struct cpio_reader *r, struct cpio_entry *e)
{
	if (r->error)
		return -EINVAL;
	for (;;) {
		/* No header begins with a zero byte, so these are the gaps between archives. */
		while (r->offset < r->size && !r->base[r->offset])
			r->offset++;
		if (r->offset == r->size)
			return 0;

		int result = parse_entry(r, e);

		if (result < 0 || strcmp(e->name, "TRAILER!!!"))
			return result;
	}
}
