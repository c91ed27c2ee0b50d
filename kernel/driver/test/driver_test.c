/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading real objects into the running kernel; /lib/banos/hello.banos comes with the initramfs. */
#include <arch/page.h>
#include <arch/paging.h>
#include <base/ktest.h>
#include <base/log.h>
#include <driver/elf_types.h>
#include <driver/instance.h>
#include <driver/registry.h>
#include <driver/symbols.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <vfs/file.h>

#define HELLO		"/lib/banos/hello.banos"
#define SIZE_MAX_TESTED (1u << 20)

/* The object file in fresh memory, or NULL with a failed check. */
static void *read_hello(size_t *size)
{
	void *bytes = kzalloc(SIZE_MAX_TESTED);
	struct file *f;
	ssize_t n = -ENOMEM;

	if (bytes && file_open_kernel(HELLO, O_RDONLY, 0, &f) == 0) {
		n = file_read_kernel(f, bytes, SIZE_MAX_TESTED, 0);
		file_put(f);
	}
	if (ktest_check(n > 0)) {
		*size = n;
		return bytes;
	}
	kfree(bytes);
	return NULL;
}

static void check_area(const struct driver_image *d, enum image_area area, bool write, bool execute)
{
	for (size_t at = 0; at < d->areas[area].size; at += PAGE_SIZE) {
		unsigned level;
		pte_t e = kernel_lookup(d->areas[area].address + at, &level);

		ktest_check(e & PTE_PRESENT);
		ktest_check_eq(!!(e & PTE_WRITE), write);
		ktest_check_eq(!(e & PTE_NX), execute);
		/* The frame has no other, writable name. */
		ktest_check(!kernel_lookup(DIRECT_BASE + pte_paddr(e), &level));
	}
}

KTEST(hello_is_protected_and_independent)
{
	struct driver_image first, second;
	size_t size;
	void *bytes = read_hello(&size);
	int a, b;

	if (!bytes)
		return;
	a = driver_install(bytes, size, NULL);
	b = driver_install(bytes, size, "");
	kfree(bytes);
	ktest_check(a >= 0 && b >= 0 && a != b);
	if (!ktest_check(driver_image_of(a, &first) && driver_image_of(b, &second)))
		return;
	check_area(&first, IMAGE_TEXT, false, true);
	check_area(&first, IMAGE_RODATA, false, false);
	check_area(&first, IMAGE_DATA, true, false);
	ktest_check(first.areas[IMAGE_TEXT].size && first.areas[IMAGE_DATA].size);
	ktest_check(first.address + first.size <= second.address ||
		    second.address + second.size <= first.address);
	ktest_check(first.contents.record != second.contents.record);
	ktest_check(!kernel_lookup(first.address - PAGE_SIZE, &(unsigned){0}) ||
		    first.address != (uintptr_t)first.allocation);
	ktest_check_eq(driver_remove(b), 0);
	ktest_check_eq(driver_remove(b), -ENOENT);
	ktest_check_eq(driver_remove_name("hello"), 0);
	ktest_check(!driver_image_of(a, &first));
	ktest_check_eq(driver_remove_name("hello"), -ENOENT);
}

/*
 * What the heap has handed out, and the free frames, once nothing is waiting to be freed. Objects
 * in the processors' caches count as handed out, so a leak shows over many rounds only.
 */
static void memory_in_use(uint64_t *objects, uint64_t *free)
{
	struct frame_stats frames;
	struct slab_stats slabs;

	epoch_barrier();
	frame_stats(&frames);
	slab_stats(&slabs);
	*objects = slabs.objects;
	*free = frames.free;
}

#define ROUNDS 100

/* Installed and removed, again and again: nothing is lost. */
KTEST(install_and_remove)
{
	uint64_t objects = 0, free = 0, objects_then, free_then;
	int level = log_set_console_level(0);
	size_t size;
	void *bytes = read_hello(&size);

	for (unsigned round = 0; bytes && round < 2 * ROUNDS; round++) {
		int instance = driver_install(bytes, size, NULL);

		ktest_check(instance >= 0);
		ktest_check_eq(driver_remove(instance), 0);
		if (round == ROUNDS)
			memory_in_use(&objects, &free);
	}
	memory_in_use(&objects_then, &free_then);
	ktest_check(objects_then < objects + ROUNDS);
	ktest_check(free_then + 2 * ROUNDS >= free);
	log_set_console_level(level);
	kfree(bytes);
}

/* Rename what the driver imports to something that nobody exports. */
static void break_import(uint8_t *bytes)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)bytes;
	const Elf64_Shdr *headers = (const Elf64_Shdr *)(bytes + e->e_shoff);

	for (unsigned i = 0; i < e->e_shnum; i++) {
		char *s = (char *)bytes + headers[i].sh_offset;

		for (size_t n = 0; headers[i].sh_type == SHT_STRTAB && n + 14 < headers[i].sh_size;
		     n++)
			if (memcmp(s + n, "banos_dprintln", 14) == 0)
				s[n] = 'x';
	}
}

/* By then the image is placed (parameters), or memory for it is allocated (imports). */
static void refuse(uint8_t *good, uint8_t *broken, size_t size)
{
	for (size_t cut = 0; cut < size; cut += size / 10)
		ktest_check(driver_install(good, cut, NULL) < 0);
	ktest_check_eq(driver_install(good, size, "debug=1"), -EINVAL);
	ktest_check_eq(driver_install(broken, size, NULL), -ENOENT);
}

KTEST(refused_images_leave_nothing)
{
	uint64_t objects, free, objects_then, free_then;
	size_t size;
	uint8_t *good = read_hello(&size), *broken = read_hello(&size);
	int level = log_set_console_level(0);

	if (good && broken) {
		break_import(broken);
		/* Fills the caches, also those of the processors that this thread moves to. */
		for (unsigned round = 0; round < ROUNDS; round++)
			refuse(good, broken, size);
		memory_in_use(&objects, &free);
		for (unsigned round = 0; round < ROUNDS; round++)
			refuse(good, broken, size);
		memory_in_use(&objects_then, &free_then);
		/* What each round loses shows; each processor's caches may have moved by a little.
		 */
		ktest_check(objects_then < objects + ROUNDS);
		/* Images lie at random places: each may have made a page table, which stays. */
		ktest_check(free_then + 2 * ROUNDS >= free);
	}
	log_set_console_level(level);
	kfree(good);
	kfree(broken);
}

/* Let each allocation fail, one after the other. Returns how many the load cannot do without. */
static unsigned load_failing(const void *bytes, size_t size)
{
	static struct driver_message message;
	struct driver_uses uses = {0};
	struct driver_image d;
	unsigned nth = 0, refused = 0, left;
	int r;

	do {
		alloc_fail_nth(++nth);
		r = driver_image_load(&d, &uses, bytes, size, &message);
		left = alloc_fail_nth(0);
		if (r)
			ktest_check_eq(r, -ENOMEM);
		else
			driver_image_free(&d);
		uses_drop(&uses);
		refused += r != 0;
	} while (!left && nth < 1000);
	ktest_check(nth < 1000);
	return refused;
}

/* Out of memory anywhere on the way: refused, or the allocator had another way; nothing is lost. */
KTEST(load_without_memory)
{
	uint64_t objects, objects_then, free;
	size_t size;
	void *bytes = read_hello(&size);

	if (!bytes)
		return;
	ktest_check(load_failing(bytes, size) >= 4);
	memory_in_use(&objects, &free);
	for (unsigned round = 0; round < ROUNDS; round++)
		load_failing(bytes, size);
	memory_in_use(&objects_then, &free);
	ktest_check(objects_then < objects + ROUNDS);
	kfree(bytes);
}

KTEST(kernel_exports)
{
	static const char *const names[] = {
		"banos_dprintln",	   "banos_log",		  "banos_lookup_symbol",
		"banos_version",	   "banos_alloc",	  "banos_free",
		"banos_time_mono_ns",	   "banos_timer_create",  "banos_timer_arm",
		"banos_timer_cancel_sync", "banos_timer_destroy",
	};

	struct driver_exports *from;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ktest_check(driver_symbol_find(names[i], &from) != NULL && !from);
	ktest_check(banos_lookup_symbol("kmalloc") == NULL);
	ktest_check(banos_lookup_symbol("") == NULL && banos_lookup_symbol(NULL) == NULL);
}

static int value_a, value_b;

KTEST(exports_are_unique)
{
	static Banos_Export first[] = {{"test_export_a", &value_a}, {"test_export_b", &value_b}};
	static Banos_Export clash[] = {{"test_export_c", &value_a}, {"test_export_b", &value_b}};
	static Banos_Export twice[] = {{"test_export_d", &value_a}, {"test_export_d", &value_b}};
	static Banos_Export kernel[] = {{"banos_log", &value_a}};
	struct driver_exports a = {.entries = first, .count = 2},
			      b = {.entries = clash, .count = 2};
	struct driver_exports c = {.entries = twice, .count = 2},
			      d = {.entries = kernel, .count = 1};
	const char *taken;

	ktest_check_eq(driver_symbols_publish(&a, &taken), 0);
	ktest_check(banos_lookup_symbol("test_export_b") == &value_b);
	ktest_check_eq(driver_symbols_publish(&b, &taken), -EEXIST);
	ktest_check(strcmp(taken, "test_export_b") == 0);
	ktest_check(!banos_lookup_symbol("test_export_c"));
	ktest_check_eq(driver_symbols_publish(&c, &taken), -EEXIST);
	ktest_check_eq(driver_symbols_publish(&d, &taken), -EEXIST);
	driver_symbols_withdraw(&a);
	driver_symbols_withdraw(&b);
	ktest_check(!banos_lookup_symbol("test_export_a"));
}
