/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/banos/messages: what each processor has sent, been spared and waited for, in a table whose
 * first line names the columns. doc/messages.md explains them.
 */
#include "message_internal.h"
#include "services.h"

#include <base/stats.h>

static const struct {
	const char *name;
	size_t offset;
} columns[] = {
	{"raised", offsetof(struct message_counts, raised)},
	{"interrupts", offsetof(struct message_counts, interrupts)},
	{"coalesced", offsetof(struct message_counts, coalesced)},
	{"attended", offsetof(struct message_counts, attended)},
	{"flushes", offsetof(struct message_counts, flushes)},
	{"targets", offsetof(struct message_counts, targets)},
	{"flush_interrupts", offsetof(struct message_counts, flush_interrupts)},
	{"lazy", offsetof(struct message_counts, lazy)},
	{"idle", offsetof(struct message_counts, idle)},
	{"let_go", offsetof(struct message_counts, let_go)},
	{"ranges", offsetof(struct message_counts, ranges)},
	{"full", offsetof(struct message_counts, full)},
	{"late", offsetof(struct message_counts, late)},
	{"wait_ns", offsetof(struct message_counts, wait_ns)},
};

static void show(struct stats_node *n, struct text *out)
{
	text_printf(out, "cpu");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		text_printf(out, " %s", columns[i].name);
	text_printf(out, "\n");
	for_each_cpu(c) {
		const char *counts = (const char *)&c->mail->counts;

		text_printf(out, "%u", c->index);
		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			text_printf(
				out, " %lu",
				READ_ONCE(*(const unsigned long *)(counts + columns[i].offset)));
		text_printf(out, "\n");
	}
}

static struct stats_node node = {.path = "banos/messages", .show = show};

void message_init(void)
{
	stats_add(&node);
}
