/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls for drivers: our own banos_install. */
#include <base/cred.h>
#include <base/log.h>
#include <driver/image.h>
#include <driver/registry.h>
#include <lib/errno.h>
#include <mem/kva.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#define PARAMETERS_MAX 4096

/* The image, copied once: what is checked is what is loaded. */
static int copy_image(uaddr_t image, size_t size, void **out)
{
	void *copy;

	if (size == 0)
		return -ENOEXEC;
	if (size > IMAGE_FILE_MAX) {
		log_error("driver image refused: larger than %lu MiB", IMAGE_FILE_MAX >> 20);
		return -E2BIG;
	}
	copy = kva_alloc(size);
	if (!copy)
		return -ENOMEM;
	if (copy_from_user(copy, image, size)) {
		kva_free(copy);
		return -EFAULT;
	}
	*out = copy;
	return 0;
}

static int copy_parameters(uaddr_t from, char **out)
{
	ssize_t n;

	*out = NULL;
	if (!from)
		return 0;
	*out = kmalloc(PARAMETERS_MAX);
	if (!*out)
		return -ENOMEM;
	n = copy_string_from_user(*out, from, PARAMETERS_MAX);
	if (n < 0) {
		kfree(*out);
		return n == -ENAMETOOLONG ? -E2BIG : (int)n;
	}
	return 0;
}

int64_t sys_banos_install(uaddr_t image, size_t size, uaddr_t parameters, unsigned flags)
{
	char *words;
	void *copy;
	int r;

	if (!cred_superuser(current()->cred))
		return -EPERM;
	if (flags)
		return -EINVAL;
	r = copy_parameters(parameters, &words);
	if (r)
		return r;
	r = copy_image(image, size, &copy);
	if (!r) {
		r = driver_install(copy, size, words);
		kva_free(copy);
	}
	kfree(words);
	return r;
}
