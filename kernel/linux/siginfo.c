/* SPDX-License-Identifier: BSD-2-Clause */
#include "siginfo.h"

#include <lib/string.h>

#include <asm/siginfo.h>
#include <asm/signal.h>

void siginfo_encode(struct siginfo *out, const struct signal_info *in)
{
	memset(out, 0, sizeof(*out));
	out->si_signo = in->signo;
	out->si_errno = in->err;
	out->si_code = in->code;
	if (in->code == SI_TIMER) {
		out->si_tid = in->timer_id;
		out->si_overrun = in->overrun;
		out->si_ptr = (void *)in->value;
		return;
	}
	if (in->code <= 0 || in->code == SI_KERNEL) {
		out->si_pid = in->pid;
		out->si_uid = in->uid;
		if (in->code != SI_USER && in->code != SI_TKILL)
			out->si_ptr = (void *)in->value;
		return;
	}
	switch (in->signo) {
	case SIGCHLD:
		out->si_pid = in->pid;
		out->si_uid = in->uid;
		out->si_status = in->status;
		out->si_utime = in->utime;
		out->si_stime = in->stime;
		break;
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
		out->si_addr = (void *)in->address;
		break;
	default:
		out->si_pid = in->pid;
		out->si_uid = in->uid;
	}
}

void siginfo_decode(struct signal_info *out, const struct siginfo *in)
{
	*out = (struct signal_info){.signo = in->si_signo,
				    .err = in->si_errno,
				    .code = in->si_code,
				    .pid = in->si_pid,
				    .uid = in->si_uid,
				    .value = (uint64_t)in->si_ptr};
	/* Others of the same bytes, by what siginfo_encode will make of them. */
	out->timer_id = in->si_tid;
	out->overrun = in->si_overrun;
	out->address = (uint64_t)in->si_addr;
	out->status = in->si_status;
	out->utime = in->si_utime;
	out->stime = in->si_stime;
}
