/* SPDX-License-Identifier: BSD-2-Clause */
/* sysfs(2): types of filesystems by name and by number. */
#include <lib/errno.h>
#include <lib/string.h>
#include <syscalls_proto.h>
#include <vfs/super.h>
#include <vm/usercopy.h>

#define NAME_SIZE 64

struct search {
	const char *name;	    /* look for it, */
	unsigned long number, seen; /* ... or for this one; how many there are */
	const struct fs_type *found;
	unsigned long at;
};

static void look(const struct fs_type *type, void *ctx)
{
	struct search *s = ctx;

	if (!s->found && (s->name ? !strcmp(type->name, s->name) : s->seen == s->number)) {
		s->found = type;
		s->at = s->seen;
	}
	s->seen++;
}

static int64_t by_name(uaddr_t uname)
{
	char name[NAME_SIZE];
	struct search s = {.name = name};
	ssize_t n = copy_string_from_user(name, uname, sizeof(name));

	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	fs_type_for_each(look, &s);
	return s.found ? (int64_t)s.at : -EINVAL;
}

static int64_t by_number(unsigned long number, uaddr_t out)
{
	struct search s = {.number = number};

	fs_type_for_each(look, &s);
	if (!s.found)
		return -EINVAL;
	return copy_to_user(out, s.found->name, strlen(s.found->name) + 1);
}

int64_t sys_sysfs(int option, unsigned long a1, unsigned long a2)
{
	struct search s = {.name = ""};

	switch (option) {
	case 1:
		return by_name(a1);
	case 2:
		return by_number(a1, a2);
	case 3:
		fs_type_for_each(look, &s);
		return (int64_t)s.seen;
	default:
		return -EINVAL;
	}
}
