/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of locks, by their kinds (the name given at init): who takes a lock of kind B while it
 * holds one of kind A has decided that A comes first. If somebody else has decided the opposite,
 * also by way of others, the two can wait for each other for ever, even if they do not do so in
 * this run. Locks of one kind among each other are the driver's own affair.
 */
#include "host.h"
#include "task.h"
#include <lib/string.h>

#define CLASSES_MAX 256

static struct {
	char *name;
	bool before[CLASSES_MAX]; /* it was held when those were taken */
	bool told[CLASSES_MAX];
} classes[CLASSES_MAX];
static unsigned class_count;

unsigned order_class(const char *name)
{
	unsigned i;

	for (i = 0; i < class_count; i++)
		if (strcmp(classes[i].name, name) == 0)
			return i;
	if (i == CLASSES_MAX)
		return CLASSES_MAX - 1; /* no driver has so many kinds: they share the last */
	classes[i].name = host_strdup(name);
	return class_count++;
}

const char *order_name(unsigned class)
{
	return classes[class].name;
}

/* Does a chain of decisions lead from one to the other? */
static bool comes_before(unsigned from, unsigned to)
{
	bool reached[CLASSES_MAX] = {false};
	unsigned todo[CLASSES_MAX], count = 0;

	todo[count++] = from;
	reached[from] = true;
	while (count) {
		unsigned c = todo[--count];

		if (c == to)
			return true;
		for (unsigned i = 0; i < class_count; i++)
			if (classes[c].before[i] && !reached[i]) {
				reached[i] = true;
				todo[count++] = i;
			}
	}
	return false;
}

void order_check(const struct task *t, unsigned class)
{
	char where[WHERE_SIZE];

	for (unsigned i = 0; i < t->held_count; i++) {
		unsigned held = t->held[i].class;

		if (held == class || classes[held].before[class])
			continue;
		if (comes_before(class, held) && !classes[held].told[class]) {
			classes[held].told[class] = true;
			host_complain(
				"%s: takes lock %s while it holds %s, but elsewhere the order "
				"is the other way round: they can wait for each other for ever",
				images_where(api_caller(), where), classes[class].name,
				classes[held].name);
		}
		classes[held].before[class] = true;
	}
}
