/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of the ABI, as they come in from drivers (thunks.S): may this function be called here?
 * Before it and behind it somebody else may run.
 */
#include "api.h"
#include "host.h"
#include "task.h"
#include <lib/string.h>

/* Made by gen_table from include/banos. */
extern const struct api_function api_functions[];

uintptr_t api_caller(void)
{
	const struct task *t = task_self();

	return t->call_count ? t->calls[t->call_count - 1].from : 0;
}

const char *api_name(void)
{
	const struct task *t = task_self();

	return t->call_count ? t->calls[t->call_count - 1].name : "?";
}

/* May it be called while the log waits for the hardware of a terminal? <banos/x_tty.h> */
static bool is_for_registers(const char *name)
{
	return str_starts(name, "banos_port_") || str_starts(name, "banos_mmio_") ||
	       strcmp(name, "banos_x_tty_unlock") == 0;
}

static void check_context(const struct api_function *f, uintptr_t from)
{
	const struct task *t = task_self();
	const char *why = task_atomic(t);
	char where[WHERE_SIZE];

	if (f->context == API_SLEEPS && why)
		host_complain("%s: calls %s, which may sleep, %s", images_where(from, where),
			      f->name, why);
	if (t->registers_only && !is_for_registers(f->name))
		host_complain(
			"%s: calls %s while it holds the lock of a terminal that the kernel's "
			"log may write to: only registers are read and written then",
			images_where(from, where), f->name);
	if (f->context == API_NO_INTERRUPT && t->interrupt)
		host_complain("%s: calls %s in an interrupt", images_where(from, where), f->name);
}

void (*host_api_enter(uint32_t index, uintptr_t from))(void)
{
	const struct api_function *f = &api_functions[index];
	struct task *t = task_self();

	if (t->call_count == TASK_CALLS_MAX) {
		host_complain("calls of the ABI and of a driver are inside one another without "
			      "end");
		task_show_all();
		host_end();
	}
	check_context(f, from);
	t->calls[t->call_count].name = f->name;
	t->calls[t->call_count++].from = from;
	task_point();
	return f->function;
}

void host_api_leave(void)
{
	task_point();
	task_self()->call_count--;
}
