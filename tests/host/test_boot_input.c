/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot loader hands over: cpio archives, also damaged ones, and the command line. */
#include "test.h"
#include <sys/stat.h>
#include <lib/cmdline.h>
#include <lib/cpio.h>
#include <lib/errno.h>
#include <lib/string.h>

struct archive {
	char bytes[4096];
	size_t size;
};

static void pad(struct archive *a)
{
	while (a->size % 4)
		a->bytes[a->size++] = 0;
}

static void append(struct archive *a, const char *name, unsigned mode, const char *data,
		   size_t size)
{
	a->size += (size_t)sprintf(a->bytes + a->size,
				   "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 7u,
				   mode, 1u, 2u, 3u, 4u, (unsigned)size, 5u, 6u, 8u, 9u,
				   (unsigned)strlen(name) + 1, 0u);
	memcpy(a->bytes + a->size, name, strlen(name) + 1);
	a->size += strlen(name) + 1;
	pad(a);
	memcpy(a->bytes + a->size, data, size);
	a->size += size;
	pad(a);
}

static void sound_archives(void)
{
	struct archive a = {.size = 0};
	struct cpio_reader r;
	struct cpio_entry e;

	cpio_init(&r, "", 0);
	CHECK_EQ(cpio_next(&r, &e), 0);
	append(&a, "dir", S_IFDIR | 0755, "", 0);
	append(&a, "dir/file", S_IFREG | 0644, "hello", 5);
	append(&a, "TRAILER!!!", 0, "", 0);
	for (int i = 0; i < 512; i++)
		a.bytes[a.size++] = 0;
	append(&a, "second", S_IFREG | 0600, "", 0);
	append(&a, "TRAILER!!!", 0, "", 0);
	cpio_init(&r, a.bytes, a.size);
	CHECK_EQ(cpio_next(&r, &e), 1);
	CHECK_STR(e.name, "dir");
	CHECK_EQ(e.mode, S_IFDIR | 0755);
	CHECK_EQ(cpio_next(&r, &e), 1);
	CHECK_STR(e.name, "dir/file");
	CHECK_EQ(e.name_length, 8);
	CHECK_EQ(e.size, 5);
	CHECK(memcmp(e.data, "hello", 5) == 0);
	CHECK(e.ino == 7 && e.uid == 1 && e.gid == 2 && e.nlink == 3 && e.mtime == 4);
	CHECK(e.dev_major == 5 && e.dev_minor == 6 && e.rdev_major == 8 && e.rdev_minor == 9);
	CHECK_EQ(cpio_next(&r, &e), 1);
	CHECK_STR(e.name, "second");
	CHECK_EQ(cpio_next(&r, &e), 0);
	CHECK_EQ(cpio_next(&r, &e), 0);
	CHECK(r.error == NULL);
}

/* In a buffer of exactly the size, so that ASan sees a read past its end. Returns: entries or -1.
 */
static int count_entries(const char *bytes, size_t size)
{
	char *copy = malloc(size);
	struct cpio_reader r;
	struct cpio_entry e;
	int count = 0, result;
	unsigned sum = 0;

	memcpy(copy, bytes, size);
	cpio_init(&r, copy, size);
	while ((result = cpio_next(&r, &e)) == 1) {
		for (size_t i = 0; i < e.size; i++)
			sum += ((const unsigned char *)e.data)[i];
		CHECK_EQ(strlen(e.name), e.name_length);
		count++;
	}
	if (result < 0) {
		CHECK_EQ(result, -EINVAL);
		CHECK(r.error && r.offset <= size);
		CHECK_EQ(cpio_next(&r, &e), -EINVAL);
	}
	free(copy);
	return result < 0 || sum == 1 ? -1 : count;
}

static void damaged_archives(void)
{
	struct archive a = {.size = 0}, b;

	append(&a, "one", S_IFREG | 0644, "xyz", 3);
	append(&a, "two", S_IFREG | 0644, "uvw", 3);
	CHECK_EQ(count_entries(a.bytes, a.size), 2);
	for (size_t cut = 0; cut < a.size; cut++)
		CHECK(count_entries(a.bytes, cut) < 2 || cut == a.size - 1);
	for (int round = 0; round < 100000; round++) {
		b = a;
		for (int i = 0; i < 3; i++)
			b.bytes[test_random() % b.size] = test_random() & 1
								  ? "0f8Fx"[test_random() % 5]
								  : (char)test_random();
		count_entries(b.bytes, b.size);
	}
	b = a;
	memcpy(b.bytes + 54, "ffffffff", 8); /* file size */
	CHECK_EQ(count_entries(b.bytes, b.size), -1);
	b = a;
	memcpy(b.bytes + 94, "ffffffff", 8); /* name size */
	CHECK_EQ(count_entries(b.bytes, b.size), -1);
	memcpy(b.bytes + 94, "00000000", 8);
	CHECK_EQ(count_entries(b.bytes, b.size), -1);
	memcpy(b.bytes + 94, "00000003", 8);
	CHECK_EQ(count_entries(b.bytes, b.size), -1);
	CHECK_EQ(count_entries("\x1f\x8b gzip", 7), -1);
}

static const char *get(const char *line, const char *key)
{
	static char buf[16];

	strlcpy(buf, "unchanged", sizeof(buf));
	return cmdline_get(line, key, buf, sizeof(buf)) ? buf : "(none)";
}

static void command_line(void)
{
	CHECK_STR(get("", "a"), "(none)");
	CHECK_STR(get("  a=1\tb  c=3\n", "a"), "1");
	CHECK_STR(get("a=1 b c=3", "b"), "");
	CHECK_STR(get("a=1 b c=3", "c"), "3");
	CHECK_STR(get("a=1 a=2", "a"), "2");
	CHECK_STR(get("a=1 a", "a"), "");
	CHECK_STR(get("ab=1 ba=2", "a"), "(none)");
	CHECK_STR(get("x=a=1", "a"), "(none)");
	CHECK_STR(get("a=\"b c\" d=e", "a"), "b c");
	CHECK_STR(get("a=\"b d=f\" x", "d"), "(none)");
	CHECK_STR(get("\"a=b c\" d", "a"), "b c");
	CHECK_STR(get("\"a=b c\" d", "d"), "");
	CHECK_STR(get("\"a\" d", "a"), "");
	CHECK_STR(get("a=\"open ended", "a"), "open ended");
	CHECK_STR(get("a=x\"y z\"w", "a"), "xy zw");
	CHECK_STR(get("a=0123456789abcdefghij", "a"), "0123456789abcde");
	CHECK(cmdline_get("a=1", "a", NULL, 0));
	CHECK(!cmdline_get("a=1", "b", NULL, 0));
}

int main(void)
{
	RUN(sound_archives);
	RUN(damaged_archives);
	RUN(command_line);
	return test_finish();
}
