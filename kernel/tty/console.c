/* SPDX-License-Identifier: BSD-2-Clause */
/* Which terminal is /dev/console, and the start of all terminals. */
#include "banos_tty.h"
#include "pty.h"
#include "tty.h"
#include "tty_internal.h"
#include <arch/boot.h>
#include <base/log.h>
#include <lib/cmdline.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

static struct tty *console; /* [I] after boot */

struct tty *tty_console(void)
{
	return console;
}

/* "115200n8": the speed; parity and size have one sensible value. */
static void set_speed(struct tty *tty, const char *options)
{
	struct tty_settings s;
	char digits[8];
	uint64_t speed;
	size_t n = 0;

	while (n < sizeof(digits) - 1 && options[n] >= '0' && options[n] <= '9') {
		digits[n] = options[n];
		n++;
	}
	digits[n] = '\0';
	if (parse_u64(digits, 10, &speed) || speed < 50 || speed > 115200)
		return;
	tty_get_settings(tty, &s);
	s.ispeed = s.ospeed = speed;
	s.cflag = (s.cflag & ~CBAUD) | tty_speed_flag(speed);
	tty_set_settings(tty, &s, TTY_NOW);
}

/* The last console=NAME[,OPTIONS] of the command line, or the first port there is. */
void tty_choose_console(void)
{
	char word[32];
	char *options;

	if (cmdline_get(boot_command_line(), "console", word, sizeof(word))) {
		options = strchr(word, ',');
		if (options)
			*options++ = '\0';
		console = banos_tty_find(word);
		if (console && options)
			set_speed(console, options);
		if (!console)
			log_warn("tty: there is no %s for the console", word);
	}
	if (!console)
		console = banos_tty_find(NULL);
	if (console)
		log_info("tty: the console is %s", console->name);
	else
		log_warn("tty: no terminal for the console");
}

int tty_init(void)
{
	int r;

	tty_job_init();
	r = tty_register_aliases();
	return r ? r : pty_init();
}
