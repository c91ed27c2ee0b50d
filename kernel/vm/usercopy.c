/* SPDX-License-Identifier: BSD-2-Clause */
#include "usercopy.h"

#include <arch/usercopy.h>
#include <base/lockcheck.h>
#include <lib/errno.h>

size_t copy_from_user_partial(void *to, uaddr_t from, size_t n)
{
	if (!user_range_ok(from, n))
		return n;
	return arch_usercopy(to, (const void *)from, n);
}

size_t copy_to_user_partial(uaddr_t to, const void *from, size_t n)
{
	if (!user_range_ok(to, n))
		return n;
	return arch_usercopy((void *)to, from, n);
}

int copy_from_user(void *to, uaddr_t from, size_t n)
{
	lockcheck_might_sleep();
	return copy_from_user_partial(to, from, n) ? -EFAULT : 0;
}

int copy_to_user(uaddr_t to, const void *from, size_t n)
{
	lockcheck_might_sleep();
	return copy_to_user_partial(to, from, n) ? -EFAULT : 0;
}

int clear_user(uaddr_t to, size_t n)
{
	lockcheck_might_sleep();
	if (!user_range_ok(to, n))
		return -EFAULT;
	return arch_userclear((void *)to, n) ? -EFAULT : 0;
}

ssize_t copy_string_from_user(char *to, uaddr_t from, size_t size)
{
	size_t limit = 0x00007ffffffff000UL, n = size;
	ssize_t r;

	lockcheck_might_sleep();
	if (from >= limit)
		return -EFAULT;
	if (n > limit - from)
		n = limit - from;
	r = arch_userstring(to, (const char *)from, n);
	if (r < 0)
		return r;
	if ((size_t)r == n)
		return n < size ? -EFAULT : -ENAMETOOLONG; /* ran into the end of user space */
	return r;
}
