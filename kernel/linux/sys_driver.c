/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls for drivers: our own, and Linux's for insmod, rmmod and their kin, which take the
 * same objects. All are for the superuser.
 */
#include <base/cred.h>
#include <base/log.h>
#include <driver/image.h>
#include <driver/message.h>
#include <driver/registry.h>
#include <lib/errno.h>
#include <linux/module.h>
#include <mem/kva.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vm/usercopy.h>

#define PARAMETERS_MAX 4096

/* The image, copied once: what is checked is what is loaded. */
static int copy_image(uaddr_t image, size_t size, void **out)
{
	void *copy;

	/* driver_install() says what is wrong with nothing. */
	*out = NULL;
	if (size == 0)
		return 0;
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

/* From a file of the caller's. The file may change meanwhile: what was read is what counts. */
static int read_image(int fd, void **out, size_t *size)
{
	struct file *f = fd_get(current()->files, fd);
	ssize_t n;
	int r = 0;

	if (!f)
		return -EBADF;
	*out = NULL;
	*size = f->inode->size;
	if (!(f->mode & FILE_READ))
		r = -EBADF;
	else if (!S_ISREG(f->inode->mode))
		r = -EINVAL;
	else if (*size > IMAGE_FILE_MAX)
		r = -E2BIG;
	else if (*size && !(*out = kva_alloc(*size)))
		r = -ENOMEM;
	if (!r && *size) {
		n = file_read_kernel(f, *out, *size, 0);
		if (n < 0)
			r = (int)n;
		else
			*size = (size_t)n;
	}
	file_put(f);
	if (r)
		kva_free(*out);
	return r;
}

/* Takes the image over. */
static int64_t install(void *image, size_t size, uaddr_t parameters)
{
	char *words;
	int r = copy_parameters(parameters, &words);

	if (!r) {
		r = driver_install(image, size, words);
		kfree(words);
	}
	kva_free(image);
	return r;
}

int64_t sys_banos_install(uaddr_t image, size_t size, uaddr_t parameters, unsigned flags)
{
	void *copy;
	int r;

	if (!cred_superuser(current()->cred))
		return -EPERM;
	if (flags)
		return -EINVAL;
	r = copy_image(image, size, &copy);
	return r ? r : install(copy, size, parameters);
}

int64_t sys_banos_remove(int instance, unsigned flags)
{
	if (!cred_superuser(current()->cred))
		return -EPERM;
	return flags ? -EINVAL : driver_remove(instance);
}

/* The length of the message, of which `size` bytes are copied; 0 when there is none. */
int64_t sys_banos_message(uaddr_t text, size_t size)
{
	size_t length = 0;
	char *message;
	int64_t r;

	if (!cred_superuser(current()->cred))
		return -EPERM;
	message = driver_message_take(&length);
	if (!message)
		return 0;
	r = copy_to_user(text, message, min(size, length)) ? -EFAULT : (int64_t)length;
	kfree(message);
	return r;
}

int64_t sys_banos_lock(unsigned flags)
{
	if (!cred_superuser(current()->cred))
		return -EPERM;
	if (flags)
		return -EINVAL;
	driver_lock();
	return 0;
}

/* --- Linux's names --------------------------------------------------------------------------- */

/* These say 0 where ours says the number of the instance. */
static int64_t as_linux(int64_t r)
{
	return r < 0 ? r : 0;
}

int64_t sys_init_module(uaddr_t image, size_t size, uaddr_t parameters)
{
	return as_linux(sys_banos_install(image, size, parameters, 0));
}

int64_t sys_finit_module(int fd, uaddr_t parameters, int flags)
{
	void *image;
	size_t size;
	int r;

	if (!cred_superuser(current()->cred))
		return -EPERM;
	/* The two say what of Linux's own version checks to leave out; there are none. */
	if (flags & ~(MODULE_INIT_IGNORE_MODVERSIONS | MODULE_INIT_IGNORE_VERMAGIC))
		return -EINVAL;
	r = read_image(fd, &image, &size);
	return r ? r : as_linux(install(image, size, parameters));
}

/* The newest instance of that name. flags ask not to wait, or for force: neither is ever done. */
int64_t sys_delete_module(uaddr_t name, unsigned flags)
{
	char text[IMAGE_STRING_MAX];
	ssize_t n;

	if (!cred_superuser(current()->cred))
		return -EPERM;
	n = copy_string_from_user(text, name, sizeof(text));
	if (n < 0)
		return n == -ENAMETOOLONG ? -ENOENT : n;
	return driver_remove_name(text);
}
