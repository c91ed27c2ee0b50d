/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/net/unix: a line for each socket. */
#include "unix.h"

#include <base/stats.h>
#include <linux/net.h>
#include <vfs/file.h>
#include <vfs/inode.h>

/* Linux's socket states as the table shows them. */
static unsigned shown_state(const struct unix_socket *u)
{
	if (unix_state(u) == UNIX_CONNECTED)
		return SS_CONNECTED;
	/* One without a descriptor is being accepted or going away. */
	return u->s.file ? SS_UNCONNECTED : SS_CONNECTING;
}

static void show_name(const struct unix_socket *u, struct text *out)
{
	const struct unix_address *a = __atomic_load_n(&u->address, __ATOMIC_ACQUIRE);
	char text[UNIX_PATH_MAX + 1];
	uint32_t n;

	if (!a)
		return;
	n = a->text[0] ? a->len - 1 : a->len;
	for (uint32_t i = 0; i < n; i++)
		text[i] = a->text[i] ? a->text[i] : '@';
	text_write(out, " ", 1);
	text_write(out, text, n);
}

static void show_socket(struct unix_socket *u, struct text *out)
{
	unsigned long ino = 0;
	unsigned refs = __atomic_load_n(&u->s.refs, __ATOMIC_RELAXED) - 1; /* ours */

	/* The file goes together with the pointer, under the lock. */
	spin_lock(&u->lock);
	if (u->s.file)
		ino = u->s.file->inode->ino;
	spin_unlock(&u->lock);
	text_printf(out, "%016lx: %08X 00000000 %08X %04X %02X %5lu", 0UL, refs + 1,
		    socket_flag(&u->s, SOCKET_LISTENING) ? __SO_ACCEPTCON : 0, u->s.type,
		    shown_state(u), ino);
	show_name(u, out);
	text_write(out, "\n", 1);
}

static void show(struct stats_node *n, struct text *out)
{
	static const char head[] = "Num       RefCount Protocol Flags    Type St Inode Path\n";
	struct unix_socket *u, *next;

	text_write(out, head, sizeof(head) - 1);
	for (u = unix_next(0); u; u = next) {
		show_socket(u, out);
		next = unix_next(u->id);
		unix_put(u);
	}
}

static struct stats_node node = {.path = "net/unix", .show = show};

void unix_show_init(void)
{
	stats_add(&node);
}
