/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ancillary data: descriptors and credentials between the program's buffer and a message.
 *
 * Sent data is copied in as a whole and parsed there, so that nothing can change between check and
 * use. Every header's length is compared with what is left, never added to an address first.
 */
#include "file_args.h"
#include "socket_args.h"

#include <asm/socket.h>
#include <base/cred.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

#define SCM_RIGHTS	1
#define SCM_CREDENTIALS 2

#define CONTROL_MAX  (128 << 10) /* of one message, as Linux's optmem_max */
#define HEADER	     sizeof(struct cmsghdr_arg)
#define OVERFLOW_UID 65534

/* --- sending ------------------------------------------------------------------------------ */

static int get_file(struct net_message *m, int fd)
{
	struct file *f = fd < 0 ? NULL : fd_get(current()->files, fd);

	if (!f)
		return -EBADF;
	m->rights->files[m->rights->count++] = f;
	return 0;
}

static int get_rights(struct net_message *m, const char *data, size_t len)
{
	size_t n = len / sizeof(int);
	int fd, r = 0;

	if (!n)
		return 0;
	if (n > NET_RIGHTS_MAX)
		return -EINVAL;
	if (!m->rights) {
		m->rights = kmalloc(sizeof(*m->rights));
		if (!m->rights)
			return -ENOMEM;
		m->rights->count = 0;
	}
	if (m->rights->count + n > NET_RIGHTS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n && !r; i++) {
		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		r = get_file(m, fd);
	}
	return r;
}

/* May the caller say that it is them? */
static int check_creds(const struct ucred_arg *u)
{
	const struct cred *c = current()->cred;
	struct process *p;

	if (u->pid != process_current()->pid && !cred_capable(c, CAP_SYS_ADMIN))
		return -EPERM;
	if (u->uid != c->uid && u->uid != c->euid && u->uid != c->suid &&
	    !cred_capable(c, CAP_SETUID))
		return -EPERM;
	if (u->gid != c->gid && u->gid != c->egid && u->gid != c->sgid &&
	    !cred_capable(c, CAP_SETGID))
		return -EPERM;
	p = process_find(u->pid);
	if (!p)
		return -ESRCH;
	process_put(p);
	return 0;
}

static int get_creds(struct net_message *m, const char *data, size_t len)
{
	struct ucred_arg u;
	int r;

	if (len != sizeof(u))
		return -EINVAL;
	memcpy(&u, data, sizeof(u));
	if (u.uid == UINT32_MAX || u.gid == UINT32_MAX)
		return -EINVAL;
	r = check_creds(&u);
	if (r)
		return r;
	m->has_creds = true;
	m->creds = (struct net_creds){.pid = u.pid, .uid = u.uid, .gid = u.gid};
	return 0;
}

static int get_one(struct net_message *m, const struct socket *s, const struct cmsghdr_arg *h,
		   const char *data)
{
	size_t len = h->len - HEADER;

	if (h->level != SOL_SOCKET)
		return 0;
	if (h->type == SCM_RIGHTS)
		return s->family == AF_UNIX ? get_rights(m, data, len) : -EINVAL;
	if (h->type == SCM_CREDENTIALS)
		return get_creds(m, data, len);
	return -EINVAL;
}

static int parse(struct net_message *m, const struct socket *s, const char *buf, size_t len)
{
	size_t at = 0;
	int r = 0;

	while (!r && len - at >= HEADER) {
		struct cmsghdr_arg h;

		memcpy(&h, buf + at, sizeof(h));
		if (h.len < HEADER || h.len > len - at)
			return -EINVAL;
		r = get_one(m, s, &h, buf + at + HEADER);
		/* The last one's padding may be missing. */
		at += min(ALIGN_UP(h.len, CMSG_ALIGNMENT), (uint64_t)(len - at));
	}
	return r;
}

int control_get(struct net_message *m, const struct socket *s, uaddr_t control, size_t len)
{
	char *buf;
	int r;

	if (len < HEADER)
		return len && !user_range_ok(control, len) ? -EFAULT : 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	buf = kmalloc(len);
	if (!buf)
		return -ENOBUFS;
	r = copy_from_user(buf, control, len);
	if (!r)
		r = parse(m, s, buf, len);
	kfree(buf);
	if (r) {
		net_rights_put(m->rights);
		m->rights = NULL;
	}
	return r;
}

/* --- receiving ---------------------------------------------------------------------------- */

/* The program's buffer. */
struct room {
	uaddr_t at;
	size_t left;
};

/* One item, cut to the room; the header tells its real or its cut length. */
static void put_item(struct room *room, struct net_message *m, int type, const void *data,
		     size_t len)
{
	struct cmsghdr_arg h = {.len = HEADER + len, .level = SOL_SOCKET, .type = type};
	size_t used;

	if (room->left < HEADER) {
		m->result |= MSG_CTRUNC;
		return;
	}
	if (h.len > room->left) {
		m->result |= MSG_CTRUNC;
		h.len = room->left;
	}
	/* A bad buffer loses the item, as on Linux. */
	if (put_user(room->at, h) || copy_to_user(room->at + HEADER, data, h.len - HEADER))
		return;
	used = min((size_t)ALIGN_UP(HEADER + len, (size_t)CMSG_ALIGNMENT), room->left);
	room->at += used;
	room->left -= used;
}

static void put_creds(struct room *room, struct net_message *m)
{
	struct ucred_arg u = {.pid = 0, .uid = OVERFLOW_UID, .gid = OVERFLOW_UID};

	if (m->has_creds)
		u = (struct ucred_arg){m->creds.pid, m->creds.uid, m->creds.gid};
	put_item(room, m, SCM_CREDENTIALS, &u, sizeof(u));
}

/* A new descriptor for the file, its number at `to`. */
static int open_one(struct file *f, uaddr_t to, bool cloexec)
{
	struct fd_table *t = current()->files;
	int fd = fd_reserve(t, 0, fd_limit(), cloexec);

	if (fd < 0)
		return fd;
	if (put_user(to, fd)) {
		fd_release(t, fd);
		return -EFAULT;
	}
	fd_install(t, fd, file_get(f));
	return 0;
}

static void put_rights(struct room *room, struct net_message *m)
{
	size_t fits = room->left > HEADER ? (room->left - HEADER) / sizeof(int) : 0, n = 0, used;
	bool cloexec = m->flags & MSG_CMSG_CLOEXEC;
	struct cmsghdr_arg h = {.level = SOL_SOCKET, .type = SCM_RIGHTS};

	fits = min(fits, (size_t)m->rights->count);
	while (n < fits &&
	       !open_one(m->rights->files[n], room->at + HEADER + n * sizeof(int), cloexec))
		n++;
	if (n < m->rights->count)
		m->result |= MSG_CTRUNC;
	h.len = HEADER + n * sizeof(int);
	if (!n || put_user(room->at, h))
		return;
	used = min((size_t)ALIGN_UP(h.len, (uint64_t)CMSG_ALIGNMENT), room->left);
	room->at += used;
	room->left -= used;
}

size_t control_put(struct net_message *m, const struct socket *s, uaddr_t control, size_t len)
{
	struct room room = {.at = control, .left = len};
	bool creds = socket_flag(s, SOCKET_PASS_CREDS);

	if (!control) {
		if (creds || m->rights)
			m->result |= MSG_CTRUNC;
	} else {
		if (creds)
			put_creds(&room, m);
		if (m->rights)
			put_rights(&room, m);
	}
	net_rights_put(m->rights);
	m->rights = NULL;
	return control ? len - room.left : 0;
}
