/* SPDX-License-Identifier: BSD-2-Clause */
#include "uts.h"

#include <base/spinlock.h>
#include <lib/string.h>

static struct spinlock lock = SPINLOCK_INIT(LOCK_STATS);
static char nodename[65] = "banos"; /* [lock] */

static char domainname[65] = "(none)"; /* [lock] */

void uts_nodename(char *out, size_t size)
{
	spin_lock(&lock);
	strlcpy(out, nodename, size);
	spin_unlock(&lock);
}

void uts_set_nodename(const char *name)
{
	spin_lock(&lock);
	strlcpy(nodename, name, sizeof(nodename));
	spin_unlock(&lock);
}

void uts_domainname(char *out, size_t size)
{
	spin_lock(&lock);
	strlcpy(out, domainname, size);
	spin_unlock(&lock);
}

void uts_set_domainname(const char *name)
{
	spin_lock(&lock);
	strlcpy(domainname, name, sizeof(domainname));
	spin_unlock(&lock);
}
