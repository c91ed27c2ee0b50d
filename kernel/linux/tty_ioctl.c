/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ioctls of terminals: Linux's numbers and structures decoded into calls of tty/. Reached
 * through a hook, because ioctl(2) finds a terminal by its file operations, which lie below this
 * folder.
 */
#include "tty_ioctl.h"

#include "file_args.h"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termios.h>
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/tty.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <tty/pty.h>
#include <tty/tty.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

BUILD_ASSERT(sizeof(struct termios) == 36, "Linux's termios");
BUILD_ASSERT(sizeof(struct termios2) == 44, "Linux's termios2");
BUILD_ASSERT(NCCS == LDISC_CC_COUNT, "as many special characters");

/* --- settings ------------------------------------------------------------------------------------
 */

static void encode(const struct tty_settings *s, struct termios2 *t)
{
	memset(t, 0, sizeof(*t));
	t->c_iflag = s->iflag;
	t->c_oflag = s->oflag;
	t->c_cflag = s->cflag;
	t->c_lflag = s->lflag;
	t->c_line = s->line;
	memcpy(t->c_cc, s->cc, sizeof(t->c_cc));
	t->c_ispeed = s->ispeed;
	t->c_ospeed = s->ospeed;
}

static void decode(const struct termios2 *t, struct tty_settings *s)
{
	s->iflag = t->c_iflag;
	s->oflag = t->c_oflag;
	s->cflag = t->c_cflag;
	s->lflag = t->c_lflag;
	s->line = t->c_line;
	memcpy(s->cc, t->c_cc, sizeof(s->cc));
	/* The bits of cflag decide; only BOTHER looks at the number. One speed for both ways. */
	s->ospeed = (t->c_cflag & CBAUD) == BOTHER ? t->c_ospeed : tty_flag_speed(t->c_cflag);
	s->ispeed = s->ospeed;
}

static int get_settings(struct tty *tty, uaddr_t arg, size_t size)
{
	struct tty_settings s;
	struct termios2 t;

	tty_get_settings(tty, &s);
	encode(&s, &t);
	return copy_to_user(arg, &t, size); /* termios is the beginning of termios2 */
}

static int set_settings(struct tty *tty, uaddr_t arg, size_t size, enum tty_when when)
{
	struct tty_settings s;
	struct termios2 t;

	tty_get_settings(tty, &s);
	encode(&s, &t);
	if (copy_from_user(&t, arg, size))
		return -EFAULT;
	decode(&t, &s);
	return tty_set_settings(tty, &s, when);
}

static int64_t settings_ioctl(struct tty *tty, unsigned cmd, uaddr_t arg)
{
	switch (cmd) {
	case TCGETS:
		return get_settings(tty, arg, sizeof(struct termios));
	case TCSETS:
		return set_settings(tty, arg, sizeof(struct termios), TTY_NOW);
	case TCSETSW:
		return set_settings(tty, arg, sizeof(struct termios), TTY_DRAIN);
	case TCSETSF:
		return set_settings(tty, arg, sizeof(struct termios), TTY_DRAIN_AND_FLUSH);
	case TCGETS2:
		return get_settings(tty, arg, sizeof(struct termios2));
	case TCSETS2:
		return set_settings(tty, arg, sizeof(struct termios2), TTY_NOW);
	case TCSETSW2:
		return set_settings(tty, arg, sizeof(struct termios2), TTY_DRAIN);
	case TCSETSF2:
		return set_settings(tty, arg, sizeof(struct termios2), TTY_DRAIN_AND_FLUSH);
	default:
		return -ENOTTY;
	}
}

/* --- the line ------------------------------------------------------------------------------------
 */

/* A number for the program: most answers are an int. */
static int put_int(uaddr_t arg, int value)
{
	return copy_to_user(arg, &value, sizeof(value));
}

static int flush(struct tty *tty, uint64_t arg)
{
	int r = tty_check_change(tty);

	if (r)
		return r;
	switch (arg) {
	case TCIFLUSH:
		tty_flush(tty, true, false);
		return 0;
	case TCOFLUSH:
		tty_flush(tty, false, true);
		return 0;
	case TCIOFLUSH:
		tty_flush(tty, true, true);
		return 0;
	default:
		return -EINVAL;
	}
}

static int flow(struct tty *tty, uint64_t arg)
{
	int r = tty_check_change(tty);

	if (r)
		return r;
	return arg > TCION ? -EINVAL : tty_flow(tty, arg);
}

/* TCSBRK 0, TCSBRKP: a break after what was written; TCSBRK n: tcdrain. */
static int send_break(struct tty *tty, nsec_t duration)
{
	int r = tty_check_change(tty);

	if (!r)
		r = tty_drain(tty);
	return r || !duration ? r : tty_break(tty, duration);
}

static int set_modem(struct tty *tty, unsigned cmd, uaddr_t arg)
{
	unsigned bits;

	if (get_user(bits, arg))
		return -EFAULT;
	tty_set_modem(tty, cmd == TIOCMBIC ? 0 : bits, cmd == TIOCMBIC ? bits : 0);
	if (cmd == TIOCMSET)
		tty_set_modem(tty, 0, ~bits);
	return 0;
}

/* There is one line discipline, N_TTY; asking for it again is fine. */
static int set_discipline(uaddr_t arg)
{
	int number;

	if (get_user(number, arg))
		return -EFAULT;
	return number == N_TTY ? 0 : -EINVAL;
}

static int64_t line_ioctl(struct tty *tty, unsigned cmd, uint64_t arg)
{
	/* At most as long as Linux's default for TCSBRKP 0, or as asked for. */
	nsec_t tenth = 100 * NSEC_PER_MSEC;

	switch (cmd) {
	case TCFLSH:
		return flush(tty, arg);
	case TCXONC:
		return flow(tty, arg);
	case TCSBRK:
		return send_break(tty, arg ? 0 : 250 * NSEC_PER_MSEC);
	case TCSBRKP:
		return send_break(tty, arg ? (arg & 0xffff) * tenth : 250 * NSEC_PER_MSEC);
	case TIOCINQ:
		return put_int(arg, tty_input_available(tty));
	case TIOCOUTQ:
		return put_int(arg, tty_output_pending(tty));
	case TIOCMGET:
		return tty_has_modem(tty) ? put_int(arg, tty_get_modem(tty)) : -ENOTTY;
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC:
		return tty_has_modem(tty) ? set_modem(tty, cmd, arg) : -ENOTTY;
	case TIOCGETD:
		return put_int(arg, N_TTY);
	case TIOCSETD:
		return set_discipline(arg);
	default:
		return -ENOTTY;
	}
}

/* --- size, owners
 * --------------------------------------------------------------------------------- */

static int get_size(struct tty *tty, uaddr_t arg)
{
	struct tty_size size;
	struct winsize w;

	tty_get_size(tty, &size);
	w = (struct winsize){size.rows, size.columns, size.x_pixels, size.y_pixels};
	return copy_to_user(arg, &w, sizeof(w));
}

static int set_size(struct tty *tty, uaddr_t arg)
{
	struct tty_size size;
	struct winsize w;

	if (get_user(w, arg))
		return -EFAULT;
	size = (struct tty_size){w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel};
	tty_set_size(tty, &size);
	return 0;
}

static int set_foreground(struct tty *tty, uaddr_t arg)
{
	int32_t pgid;

	if (get_user(pgid, arg))
		return -EFAULT;
	return tty_set_foreground(tty, pgid);
}

/* From another session only root takes it, and only if it says so. */
static int acquire(struct tty *tty, struct file *f, bool steal)
{
	bool admin = cred_capable(current()->cred, CAP_SYS_ADMIN);

	return tty_acquire(tty, admin || f->mode & FILE_READ, admin && steal);
}

static int64_t owner_ioctl(struct tty *tty, struct file *f, unsigned cmd, uint64_t arg)
{
	int32_t id = 0;
	int r;

	switch (cmd) {
	case TIOCGPGRP:
		r = tty_get_foreground(tty, &id);
		return r ? r : put_int(arg, id);
	case TIOCSPGRP:
		return set_foreground(tty, arg);
	case TIOCGSID:
		r = tty_get_session(tty, &id);
		return r ? r : put_int(arg, id);
	case TIOCSCTTY:
		return acquire(tty, f, arg == 1);
	case TIOCNOTTY:
		return tty_give_up(tty);
	case TIOCEXCL:
		tty_set_exclusive(tty, true);
		return 0;
	case TIOCNXCL:
		tty_set_exclusive(tty, false);
		return 0;
	case TIOCGEXCL:
		return put_int(arg, tty_is_exclusive(tty));
	case TIOCVHANGUP:
		if (!cred_capable(current()->cred, CAP_SYS_ADMIN))
			return -EPERM;
		tty_hangup(tty);
		return 0;
	case TIOCGWINSZ:
		return get_size(tty, arg);
	case TIOCSWINSZ:
		return set_size(tty, arg);
	case TIOCSTI:
		return -EIO; /* typing for others: refused for good, as by Linux since 6.2 */
	default:
		return -ENOTTY;
	}
}

/* --- masters of pseudo-terminals ----------------------------------------------------------------
 */

static int set_flag(bool *flag, uaddr_t arg)
{
	int value;

	if (get_user(value, arg))
		return -EFAULT;
	__atomic_store_n(flag, value != 0, __ATOMIC_RELEASE);
	return 0;
}

static int set_packet(struct pty *p, uaddr_t arg)
{
	int value;

	if (get_user(value, arg))
		return -EFAULT;
	pty_set_packet(p, value);
	return 0;
}

static int64_t open_peer(struct file *master, uint64_t flags)
{
	struct file *f;
	int r = pty_open_slave(master, (unsigned)flags, &f);

	return r ? r : fd_publish(f, flags & O_CLOEXEC);
}

static int flush_master(struct pty *p, uint64_t arg)
{
	if (arg > TCIOFLUSH)
		return -EINVAL;
	pty_flush(p, arg != TCOFLUSH, arg != TCIFLUSH);
	return 0;
}

static int send_signal(struct tty *tty, uint64_t signal)
{
	if (signal != SIGINT && signal != SIGQUIT && signal != SIGTSTP)
		return -EINVAL;
	tty_signal(tty, (int)signal);
	return 0;
}

/* What a master answers in its own way; the rest is about the terminal: its settings, its size. */
static int64_t master_ioctl(struct pty *p, struct file *f, unsigned cmd, uint64_t arg)
{
	switch (cmd) {
	case TIOCGPTN:
		return put_int(arg, (int)p->index);
	case TIOCSPTLCK:
		return set_flag(&p->locked, arg);
	case TIOCGPTLCK:
		return put_int(arg, __atomic_load_n(&p->locked, __ATOMIC_ACQUIRE));
	case TIOCPKT:
		return set_packet(p, arg);
	case TIOCGPKT:
		return put_int(arg, READ_ONCE(p->packet));
	case TIOCGPTPEER:
		return open_peer(f, arg);
	case TIOCSIG:
		return send_signal(p->tty, arg);
	case TIOCINQ:
		return put_int(arg, (int)pty_output_available(p));
	case TIOCOUTQ:
		return put_int(arg, 0);
	case TCFLSH:
		return flush_master(p, arg);
	case TIOCGPGRP:
		return put_int(arg, READ_ONCE(p->tty->foreground));
	case TIOCGSID:
		return p->tty->session ? put_int(arg, READ_ONCE(p->tty->session)) : -ENOTTY;
	case TIOCNOTTY:
	case TCXONC:
	case TIOCVHANGUP:
	case TIOCSTI:
		return -ENOTTY;
	default:
		return -ENOTTY;
	}
}

static bool is_masters_own(unsigned cmd)
{
	static const unsigned own[] = {TIOCGPTN,  TIOCSPTLCK, TIOCGPTLCK,  TIOCPKT,
				       TIOCGPKT,  TIOCSIG,    TIOCGPTPEER, TIOCINQ,
				       TIOCOUTQ,  TCFLSH,     TIOCGSID,	   TIOCGPGRP,
				       TIOCNOTTY, TCXONC,     TIOCVHANGUP, TIOCSTI};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i] == cmd)
			return true;
	}
	return false;
}

static int64_t tty_ioctl(struct tty *tty, struct file *f, unsigned cmd, uint64_t arg)
{
	struct pty *p = pty_of_master(f);
	int64_t r;

	if (p && is_masters_own(cmd))
		return master_ioctl(p, f, cmd, arg);
	r = settings_ioctl(tty, cmd, arg);
	if (r == -ENOTTY)
		r = line_ioctl(tty, cmd, arg);
	return r == -ENOTTY ? owner_ioctl(tty, f, cmd, arg) : r;
}

void linux_tty_init(void)
{
	tty_set_ioctl(tty_ioctl);
}

/* The caller's controlling terminal hangs up. */
int64_t sys_vhangup(void)
{
	struct tty *tty = session_tty();

	if (!cred_capable(current()->cred, CAP_SYS_TTY_CONFIG))
		return -EPERM;
	if (tty)
		tty_hangup(tty);
	return 0;
}
