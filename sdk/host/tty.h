/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals of drivers (<banos/x_tty.h>), from the side of the programs that use them: lines
 * without a discipline. What comes in is given to programs as it is, marked as PARMRK of termios(3)
 * does: a break is ff 00 00, a byte with an error ff 00 and the byte, ff itself is ff ff; bytes
 * that were lost are ff 01 before the next one.
 */
#ifndef HOST_TTY_H
#define HOST_TTY_H

#include <banos/x_tty.h>
#include <base/types.h>

/* A terminal that a program has opened. All functions: 0 or more, or -errno, as a program sees it.
 */
struct tty_file {
	Banos_X_Tty *tty;
	uint32_t hangups; /* of the terminal when it was opened */
	bool nonblock;
};

Banos_X_Tty *tty_find(const char *name);
struct user;
int tty_open(const char *name, uint32_t how, const struct user *user, struct tty_file **out);
void tty_close(struct tty_file *f);
/* What there is; or (whole) all of it. */
int64_t tty_read(struct tty_file *f, uint8_t *bytes, uint64_t length, bool whole);
int64_t tty_write(struct tty_file *f, const uint8_t *bytes, uint64_t length);
/* Until all has left. */
int tty_drain(struct tty_file *f);
/* The settings, as the driver has corrected them. */
int tty_set_line(struct tty_file *f, Banos_X_Tty_Line *line);
void tty_get_line(const struct tty_file *f, Banos_X_Tty_Line *line);
void tty_window(const struct tty_file *f, uint32_t *rows, uint32_t *columns);
int tty_set_break(struct tty_file *f, bool on);
/* The modem lines that are on then. */
int64_t tty_modem(struct tty_file *f, uint32_t on, uint32_t off);

#endif
