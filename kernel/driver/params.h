/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of drivers' parameters. */
#ifndef DRIVER_PARAMS_H
#define DRIVER_PARAMS_H

#include <base/types.h>

struct driver_message;
struct instance;
struct text;

/*
 * Read the words NAME=VALUE ("text" in double quotes may hold spaces; NULL: none) into the values
 * of i's parameters; those that are not given get their fallbacks. 0, or -errno with a message;
 * nothing is left behind then. Context: process.
 */
int params_set(struct instance *i, const char *words, struct driver_message *m);
void params_free(struct instance *i);
/* " NAME=VALUE" for each. */
void params_show(const struct instance *i, struct text *out);

#endif
