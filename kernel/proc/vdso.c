/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vDSO in address spaces: one object of the whole machine holds the clock page, then the image
 * of user/vdso. exec maps both at a random place, the page readable, the image executable too.
 * No program can write to either, mprotect or not: private copies would go stale.
 */
#include "vdso.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <sched/clock.h>
#include <sched/clock_page.h>
#include <vm/object.h>
#include <vm/space.h>

extern const char vdso_image_start[], vdso_image_end[];

static struct vm_object *object; /* [I] after boot */
static uint64_t image_size;	 /* [I] whole pages */

/* A page of the object, which stays for ever. */
static void *page_at(uint64_t index)
{
	struct page *page;

	if (vm_object_page(object, index, &page))
		panic("boot: out of memory for the vDSO");
	return page_address(page);
}

void vdso_init(void)
{
	size_t bytes = (size_t)(vdso_image_end - vdso_image_start);

	image_size = ALIGN_UP(bytes, PAGE_SIZE);
	object = vm_object_create_anon(PAGE_SIZE + image_size);
	if (!object)
		panic("boot: out of memory for the vDSO");
	for (size_t at = 0; at < bytes; at += PAGE_SIZE)
		memcpy(page_at(1 + at / PAGE_SIZE), vdso_image_start + at,
		       min(bytes - at, (size_t)PAGE_SIZE));
	clock_share(page_at(0));
}

int vdso_map(struct vm_space *s, uint64_t *base)
{
	struct vm_map_args page = {.length = PAGE_SIZE + image_size,
				   .prot = VM_READ,
				   .flags = VM_CLOCK_PAGE,
				   .object = object};
	struct vm_map_args image = {.length = image_size,
				    .prot = VM_READ | VM_EXEC,
				    .flags = VM_VDSO,
				    .fixed = true,
				    .object = object,
				    .offset = PAGE_SIZE};
	uint64_t at;
	int r = vm_map(s, &page, &at);

	if (r)
		return r;
	/* The room behind the page was only kept free for it. */
	image.addr = at + PAGE_SIZE;
	return vm_map(s, &image, base);
}
