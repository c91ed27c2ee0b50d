/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel log: a ring of lines with time stamps, read through /dev/kmsg and syslog(2), and
 * printed on the console.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <base/types.h>
#include <lib/compiler.h>
#include <stdarg.h>

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

/* Append one line (no newline needed). Context: any but NMI, also before memory exists. */
void log_printf(enum log_level level, const char *fmt, ...) __printf_like(2, 3);
void log_vprintf(enum log_level level, const char *fmt, va_list ap);

#define log_error(...) log_printf(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_printf(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_printf(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_printf(LOG_DEBUG, __VA_ARGS__)

/*
 * Copy the record with the first sequence number >= *seq into buf (at most size bytes, no NUL)
 * and advance *seq past it. level and time may be NULL. Returns the record's whole length
 * (what did not fit is cut), or -EAGAIN when there is none yet. Context: any.
 */
int log_read(uint64_t *seq, char *buf, size_t size, enum log_level *level, nsec_t *time);

/* Sequence number of the oldest record still held, and one past the newest. */
uint64_t log_first(void);
uint64_t log_next(void);

/* Lines of this level and below (more urgent) reach the console. Returns the earlier value. */
int log_set_console_level(int level);

/*
 * The console writes raw bytes somewhere people see them; set once by the architecture's serial
 * code at boot and never sleeps. The hook is called after each new record, from process or
 * interrupt context, and must not log; it wakes readers of /dev/kmsg.
 */
void log_set_console(void (*write)(const char *text, size_t len));
void (*log_console(void))(const char *text, size_t len); /* the present one */
void log_set_hook(void (*hook)(void));

#endif
