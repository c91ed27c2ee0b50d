/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies between the kernel and the current program. Every address and length is hostile:
 * ranges outside the user half and faults give -EFAULT. Context: process; may sleep (a page
 * fault), so no spinlock and no lock that the fault path takes may be held.
 */
#ifndef VM_USERCOPY_H
#define VM_USERCOPY_H

#include <arch/usercopy.h>
#include <base/lockcheck.h>
#include <base/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/string.h>

/* 0 or -EFAULT; on a fault half way the part before it has been copied. */
int copy_from_user(void *to, uaddr_t from, size_t n) __must_check;
int copy_to_user(uaddr_t to, const void *from, size_t n) __must_check;
int clear_user(uaddr_t to, size_t n) __must_check;
/* Like the above, but return how many bytes were NOT copied. */
size_t copy_from_user_partial(void *to, uaddr_t from, size_t n);
size_t copy_to_user_partial(uaddr_t to, const void *from, size_t n);

/*
 * Copy a string of at most size-1 bytes and its NUL. Returns its length, -EFAULT, or
 * -ENAMETOOLONG when no NUL was found in size bytes. Up to 7 zeroes may follow, within size.
 */
ssize_t copy_string_from_user(char *to, uaddr_t from, size_t size) __must_check;

/* True if [a, a+n) lies in the user half; says nothing of what is mapped there. */
static inline bool user_range_ok(uaddr_t a, size_t n)
{
	return n <= 0x00007ffffffff000UL && a <= 0x00007ffffffff000UL - n;
}

/* The same for a constant n; words need no string instruction. */
static __always_inline __must_check int load_from_user(void *to, uaddr_t from, size_t n)
{
	const void *at = (const void *)from;

	if (n != 1 && n != 2 && n != 4 && n != 8)
		return copy_from_user(to, from, n);
	lockcheck_might_sleep();
	if (!user_range_ok(from, n))
		return -EFAULT;
	return n == 1	? arch_user_load8(to, at)
	       : n == 2 ? arch_user_load16(to, at)
	       : n == 4 ? arch_user_load32(to, at)
			: arch_user_load64(to, at);
}

static __always_inline __must_check int store_word(uaddr_t to, const void *from, size_t n)
{
	void *at = (void *)to;
	uint64_t word = 0;

	lockcheck_might_sleep();
	if (!user_range_ok(to, n))
		return -EFAULT;
	memcpy(&word, from, n);
	return n == 1	? arch_user_store8(at, (uint8_t)word)
	       : n == 2 ? arch_user_store16(at, (uint16_t)word)
	       : n == 4 ? arch_user_store32(at, (uint32_t)word)
			: arch_user_store64(at, word);
}

static __always_inline __must_check int store_to_user(uaddr_t to, const void *from, size_t n)
{
	if (n == 12 || n == 16) {
		int r = store_word(to, from, 8);

		return r ? r : store_word(to + 8, (const char *)from + 8, n - 8);
	}
	return n == 1 || n == 2 || n == 4 || n == 8 ? store_word(to, from, n)
						    : copy_to_user(to, from, n);
}

/* A variable from and to the address. */
#define get_user(var, uaddr) load_from_user(&(var), (uaddr), sizeof(var))
#define put_user(uaddr, var) store_to_user((uaddr), &(var), sizeof(var))

#endif
