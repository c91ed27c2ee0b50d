/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execve, execveat: copy the arguments, resolve #! scripts, hand over to proc/exec.c.
 *
 * Arguments are copied into one kernel buffer that grows; their total is limited to a quarter of
 * the stack limit, at most 6 MiB, one string to 128 KiB, as on Linux.
 */
#include "file_args.h"
#include "linux_boot.h"

#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/walk.h>
#include <vm/usercopy.h>

#include <linux/fcntl.h>
#include <linux/resource.h>

#define STRING_MAX   (128UL * 1024)
#define TOTAL_MAX    (6UL << 20)
#define SCRIPT_LINE  256
#define SCRIPT_DEPTH 5

struct strings {
	char *data;
	size_t len, size, limit;
	unsigned count;
};

static int reserve(struct strings *s, size_t more)
{
	size_t need = s->len + more, size;
	char *d;

	/* The pointers to the strings count, too: they go to the same stack. */
	if (need + (s->count + 1) * sizeof(uaddr_t) > s->limit)
		return -E2BIG;
	if (need <= s->size)
		return 0;
	size = max(need, s->size ? s->size * 2 : (size_t)1024);
	d = krealloc(s->data, size);
	if (!d)
		return -ENOMEM;
	s->data = d;
	s->size = size;
	return 0;
}

static int add_kernel(struct strings *s, const char *text)
{
	size_t n = strlen(text) + 1;
	int r = reserve(s, n);

	if (r)
		return r;
	memcpy(s->data + s->len, text, n);
	s->len += n;
	s->count++;
	return 0;
}

/* One string of the program: copied piece by piece, growing the buffer as it turns out longer. */
static int add_user(struct strings *s, uaddr_t from)
{
	size_t room = 64;

	for (;;) {
		ssize_t n;
		int r = reserve(s, room);

		if (r)
			return r;
		n = copy_string_from_user(s->data + s->len, from, room);
		if (n >= 0) {
			s->len += (size_t)n + 1;
			s->count++;
			return 0;
		}
		if (n != -ENAMETOOLONG)
			return (int)n;
		if (room >= STRING_MAX)
			return -E2BIG;
		room = min(room * 4, STRING_MAX);
	}
}

static int add_array(struct strings *s, uaddr_t array)
{
	uint64_t p;
	int r;

	if (!array)
		return 0;
	for (;; array += sizeof(p)) {
		if (get_user(p, array))
			return -EFAULT;
		if (!p)
			return 0;
		r = add_user(s, p);
		if (r)
			return r;
	}
}

/* "#!interpreter [argument]": split in place. 1 if it is a script, 0 if not, or -errno. */
static int script_line(struct file *f, char *line, char **interp, char **arg)
{
	ssize_t n = file_read_kernel(f, line, SCRIPT_LINE - 1, 0);
	char *end, *p;

	if (n < 0)
		return (int)n;
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	line[n] = '\0';
	end = strchr(line, '\n');
	if (!end) {
		if (n == SCRIPT_LINE - 1)
			return -ENOEXEC; /* cut: we would run something else */
		end = line + n;
	}
	*end = '\0';
	while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	for (p = line + 2; *p == ' ' || *p == '\t'; p++)
		;
	if (!*p)
		return -ENOEXEC;
	*interp = p;
	while (*p && *p != ' ' && *p != '\t')
		p++;
	*arg = NULL;
	if (*p) {
		*p++ = '\0';
		while (*p == ' ' || *p == '\t')
			p++;
		*arg = p;
	}
	return 1;
}

/* Replace argv[0] by: interpreter, its argument if any, the script's path. */
static int script_arguments(struct strings *args, const char *interp, const char *arg,
			    const char *script)
{
	struct strings n = {.limit = args->limit};
	size_t skip = args->count ? strlen(args->data) + 1 : 0;
	int r = add_kernel(&n, interp);

	if (!r && arg)
		r = add_kernel(&n, arg);
	if (!r)
		r = add_kernel(&n, script);
	if (!r)
		r = reserve(&n, args->len - skip);
	if (r) {
		kfree(n.data);
		return r;
	}
	memcpy(n.data + n.len, args->data + skip, args->len - skip);
	n.len += args->len - skip;
	n.count += args->count - (args->count ? 1 : 0);
	kfree(args->data);
	*args = n;
	return 0;
}

/* Run f (consumed), known as `path`, with args followed by env. */
static int run(struct file *f, const char *path, struct strings *args, const struct strings *env)
{
	char *lines = kmalloc(SCRIPT_DEPTH * SCRIPT_LINE), *interp = NULL, *arg = NULL;
	const char *name = path; /* what the program is called: the script, not its interpreter */
	struct exec_args ea;
	int r = -ENOMEM;

	for (unsigned depth = 0; lines; depth++) {
		char *line = lines + depth * SCRIPT_LINE;

		r = script_line(f, line, &interp, &arg);
		if (r <= 0)
			break;
		r = depth == SCRIPT_DEPTH - 1 ? -ELOOP : script_arguments(args, interp, arg, path);
		if (r)
			break;
		file_put(f);
		f = NULL;
		path = interp;
		r = file_open_exec(NULL, path, WALK_FOLLOW, &f);
		if (r)
			break;
	}
	/* Linux gives a program without arguments an empty argv[0]. */
	if (!r && !args->count)
		r = add_kernel(args, "");
	if (!r && args->len + env->len + (args->count + env->count) * sizeof(uaddr_t) > args->limit)
		r = -E2BIG;
	if (!r) {
		unsigned argc = args->count;

		args->limit = SIZE_MAX;
		r = reserve(args, env->len);
		if (!r) {
			if (env->len)
				memcpy(args->data + args->len, env->data, env->len);
			ea = (struct exec_args){.path = name,
						.file = f,
						.strings = args->data,
						.strings_size = args->len + env->len,
						.argc = argc,
						.envc = env->count};
			r = process_exec(&ea);
		}
	}
	file_put(f);
	kfree(lines);
	return r;
}

static size_t strings_limit(void)
{
	uint64_t stack = process_limit(process_current(), RLIMIT_STACK);

	return max(min(stack / 4, TOTAL_MAX), STRING_MAX + PAGE_SIZE);
}

static int64_t do_exec(int dirfd, uaddr_t upath, uaddr_t argv, uaddr_t envp, unsigned walk)
{
	struct strings args = {.limit = strings_limit()}, env = {.limit = args.limit};
	struct path_arg pa;
	struct file *f;
	int r = path_arg_get(&pa, dirfd, upath);

	if (r)
		return r;
	r = process_exec_check_user();
	if (r)
		goto out;
	r = file_open_exec(path_arg_base(&pa), pa.text, walk, &f);
	if (r)
		goto out;
	r = add_array(&args, argv);
	if (!r)
		r = add_array(&env, envp);
	if (!r)
		r = run(f, pa.text, &args, &env);
	else
		file_put(f);
	kfree(args.data);
	kfree(env.data);
out:
	path_arg_put(&pa);
	/* On success the registers are the new program's, and rax is 0 there. */
	return r;
}

int64_t sys_execve(uaddr_t path, uaddr_t argv, uaddr_t envp)
{
	return do_exec(AT_FDCWD, path, argv, envp, WALK_FOLLOW);
}

int64_t sys_execveat(int dirfd, uaddr_t path, uaddr_t argv, uaddr_t envp, int flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return do_exec(dirfd, path, argv, envp, at_walk_flags((unsigned)flags));
}

int linux_exec_kernel(const char *path, const char *const *argv, const char *const *envp)
{
	struct strings args = {.limit = TOTAL_MAX}, env = {.limit = TOTAL_MAX};
	struct file *f;
	int r = file_open_exec(NULL, path, WALK_FOLLOW, &f);

	if (r)
		return r;
	for (; *argv && !r; argv++)
		r = add_kernel(&args, *argv);
	for (; *envp && !r; envp++)
		r = add_kernel(&env, *envp);
	if (!r)
		r = run(f, path, &args, &env);
	else
		file_put(f);
	kfree(args.data);
	kfree(env.data);
	return r;
}
