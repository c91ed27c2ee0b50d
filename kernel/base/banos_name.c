/* SPDX-License-Identifier: BSD-2-Clause */
#include "banos_name.h"

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

bool banos_name_valid(const char *name, bool number)
{
	char before = '/'; /* what the next one stands behind */

	for (size_t n = 0; name[n]; n++) {
		char c = name[n];

		if (n == BANOS_NAME_MAX)
			return false;
		if (c == '%' && number && name[n + 1] == 'u') {
			number = false;
			c = name[++n];
		} else if (c == '.' || c == '/') {
			if (before == '/' || (c == '/' && before == '.'))
				return false;
		} else if (!is_plain(c)) {
			return false;
		}
		before = c;
	}
	return before != '/' && before != '.';
}
