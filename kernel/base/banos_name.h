/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_BANOS_NAME_H
#define BASE_BANOS_NAME_H

#include <base/types.h>

#define BANOS_NAME_MAX 55 /* bytes of a name that a driver gives to a node */

/*
 * Is it a path of names made of letters, digits and _ - . , none of them beginning or ending with a
 * dot? number: it may hold one %u.
 */
bool banos_name_valid(const char *name, bool number);

#endif
