/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults, and a run that does not end. In a process cli and sti are faults: here they are done for
 * drivers, as far as the gate looks. What else only a kernel may execute is named. All other faults
 * go on to the sanitizer, whose report is followed by what its addresses are in drivers.
 */
#include "host.h"
#include "task.h"
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ucontext.h>
#include <unistd.h>

#define ADDRESSES_MAX 40
#define ALARM_AGAIN   5 /* seconds */

static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
static struct sigaction sanitizers[sizeof(faults) / sizeof(faults[0])];
static unsigned patience;

/* Opcodes that a process must not use: hlt, in, out, and two-byte ones behind 0f. */
static const char *privileged(const uint8_t *code)
{
	switch (code[0]) {
	case 0xf4:
		return "hlt";
	case 0xe4:
	case 0xe5:
	case 0xec:
	case 0xed:
		return "in, which reads a port: use the ABI's functions for ports";
	case 0xe6:
	case 0xe7:
	case 0xee:
	case 0xef:
		return "out, which writes to a port: use the ABI's functions for ports";
	case 0x0f:
		return code[1] == 0x30 || code[1] == 0x32 ? "rdmsr or wrmsr"
		       : code[1] >= 0x20 && code[1] <= 0x23
			       ? "an access to a control or debug register"
		       : code[1] == 0x01 || code[1] == 0x00 || code[1] == 0x06 || code[1] == 0x09
			       ? "an instruction of operating systems"
			       : NULL;
	default:
		return NULL;
	}
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t at = (uintptr_t)registers[REG_RIP];
	const uint8_t *code = images_is_code(at) ? (const uint8_t *)at : NULL;
	const char *what = code ? privileged(code) : NULL;
	char where[WHERE_SIZE];

	if (code && (code[0] == 0xfa || code[0] == 0xfb)) {
		task_self()->irq_off = code[0] == 0xfa;
		registers[REG_RIP]++;
		return;
	}
	if (what)
		host_complain("%s: executes %s", images_where(at, where), what);
	else if (code)
		host_complain("%s: a fault, at address %p", images_where(at, where), info->si_addr);
	else if (images_name(at))
		host_complain("a call into %s", images_where(at, where));
	/* Again, and then the sanitizer's. */
	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigaction(faults[i], &sanitizers[i], NULL);
}

/* The calls that a function of the ABI has just returned from are still there. */
static uintptr_t last_place(const struct task *t, uintptr_t at)
{
	unsigned last = t->call_count ? t->call_count - 1 : 0;

	return images_name(at) || !t->calls[last].name ? at : t->calls[last].from;
}

/* Should what is done here wait for something itself, the second alarm ends it. */
static void on_alarm(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	struct task *t = task_self();
	char where[WHERE_SIZE];

	alarm(ALARM_AGAIN);
	signal(SIGALRM, SIG_DFL);
	host_complain("this run has not ended for %u s (--timeout); %s runs, in %s", patience,
		      t->name, images_where(last_place(t, at), where));
	task_show_all();
	host_end();
}

/* The sanitizer knows no symbols of a driver: say what its addresses are. */
static void on_report(const char *report)
{
	uintptr_t told[ADDRESSES_MAX];
	unsigned count = 0, i;
	char where[WHERE_SIZE];
	const char *at;

	for (at = report; (at = strstr(at, "0x")) != NULL && count < ADDRESSES_MAX; at += 2) {
		uintptr_t address = strtoull(at, NULL, 16);

		for (i = 0; i < count && told[i] != address; i++)
			;
		if (i < count || !images_name(address))
			continue;
		if (!count)
			host_say("In drivers:");
		told[count++] = address;
		host_say("    0x%lx is in %s", address, images_where(address, where));
	}
}

void trap_begin(unsigned seconds)
{
	/* On a stack of its own, which the sanitizer provides: that of the task may be used up. */
	struct sigaction fault = {.sa_sigaction = on_fault,
				  .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
	struct sigaction alarms = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_NODEFER};

	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigaction(faults[i], &fault, &sanitizers[i]);
	sigaction(SIGALRM, &alarms, NULL);
	patience = seconds;
	alarm(seconds);
	__asan_set_error_report_callback(on_report);
}

/* Leaks of a driver are told by name (memory.c); what banos-host leaves at its end is no matter. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:print_legend=0:allow_user_segv_handler=1:"
	       "allocator_may_return_null=1:detect_stack_use_after_return=0";
}
