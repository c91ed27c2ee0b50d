/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables: numbers, growth, copies, and what a table costs. */
#include <base/ktest.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>

#define LIMIT 4096

static struct file *open_something(void)
{
	struct file *f = NULL;

	ktest_check_eq(file_open_kernel("/", O_RDONLY | O_DIRECTORY, 0, &f), 0);
	return f;
}

static int add(struct fd_table *t, struct file *f, unsigned from, bool cloexec)
{
	int fd = fd_reserve(t, from, LIMIT, cloexec);

	if (fd >= 0)
		fd_install(t, fd, file_get(f));
	return fd;
}

KTEST(fd_table_size)
{
	struct fd_table *t = fd_table_create();
	size_t real;

	/* 8 bytes and 2 bits for each descriptor. */
	ktest_check_eq(fd_array_bytes(128), 128 * 8 + 128 * 2 / 8);
	ktest_check(t && fd_reserve(t, 127, LIMIT, false) == 127);
	real = kmalloc_usable(t->array->files) + kmalloc_usable(t->array->open);
	ktest_check_eq(t->array->capacity, 128);
	ktest_note("128 descriptors: %zu bytes, allocated as %zu", fd_array_bytes(128), real);
	fd_release(t, 127);
	fd_table_leave(t);
}

KTEST(fd_lowest_free)
{
	struct fd_table *t = fd_table_create();
	struct file *f = open_something();

	for (int i = 0; i < 300; i++)
		ktest_check_eq(add(t, f, 0, false), i);
	file_put(fd_remove(t, 7));
	file_put(fd_remove(t, 150));
	ktest_check_eq(add(t, f, 100, false), 150);
	ktest_check_eq(add(t, f, 0, false), 7);
	ktest_check_eq(add(t, f, 0, false), 300);
	ktest_check_eq(fd_reserve(t, 0, 301, false), -EMFILE);
	ktest_check(!fd_get(t, 301) && !fd_get(t, -1) && !fd_get(t, 1 << 30));
	fd_table_leave(t);
	ktest_check_eq(f->refs, 1);
	file_put(f);
}

KTEST(fd_reserved_is_invisible)
{
	struct fd_table *t = fd_table_create(), *copy;
	struct file *f = open_something();
	int fd = fd_reserve(t, 0, LIMIT, true);

	ktest_check_eq(fd, 0);
	ktest_check(!fd_get(t, fd));
	ktest_check_eq(fd_replace(t, fd, f, LIMIT, false), -EBUSY);
	copy = fd_table_clone(t);
	ktest_check_eq(add(copy, f, 0, false), 0); /* not taken in the copy */
	fd_release(t, fd);
	ktest_check_eq(add(t, f, 0, false), 0);
	fd_table_leave(copy);
	fd_table_leave(t);
	file_put(f);
}

KTEST(fd_cloexec)
{
	struct fd_table *t = fd_table_create(), *copy;
	struct file *f = open_something();
	bool on = false;

	for (int i = 0; i < 200; i++)
		add(t, f, 0, i % 3 == 0);
	copy = fd_table_clone(t);
	ktest_check(fd_get_cloexec(copy, 3, &on) == 0 && on);
	ktest_check(fd_get_cloexec(copy, 4, &on) == 0 && !on);
	/* dup2 clears the mark of its target. */
	ktest_check_eq(fd_replace(copy, 6, f, LIMIT, false), 6);
	fd_table_exec_close(copy);
	for (int i = 0; i < 200; i++)
		ktest_check_eq(fd_get_cloexec(copy, i, &on), i % 3 == 0 && i != 6 ? -EBADF : 0);
	ktest_check(fd_get_cloexec(t, 3, &on) == 0 && on);
	fd_close_range(t, 10, 1000, false);
	ktest_check_eq(fd_next(t, 0), 0);
	ktest_check_eq(fd_next(t, 10), -1);
	fd_table_leave(copy);
	fd_table_leave(t);
	ktest_check_eq(f->refs, 1);
	file_put(f);
}
