/* SPDX-License-Identifier: BSD-2-Clause */
#include "banos_desc.h"

#include "banos_name.h"

#include <lib/string.h>

#define PERMISSIONS 0777u

_Static_assert(BANOS_NAME_MAX == 55, "NAME_RULE says 55");
#define NAME_RULE                                                                               \
	"it must be 1 to 55 letters, digits, _ and -, and between them . and /, where no . is " \
	"next "                                                                                 \
	"to a /"
#define MODE_WRONG "desc.mode has more than permissions: 0777 at most, in octal"

const char *banos_chardev_wrong(const Banos_Chardev_Desc *desc)
{
	if (!desc->name)
		return "desc.name is NULL: name the device";
	if (!banos_name_valid(desc->name, true))
		return "desc.name cannot be below /dev: " NAME_RULE "; one %u stands for a number";
	if (desc->flags & ~BANOS_CHARDEV_SEEKABLE)
		return "desc.flags has a bit that this kernel does not know: use "
		       "BANOS_CHARDEV_SEEKABLE or 0";
	if (desc->mode & ~PERMISSIONS)
		return MODE_WRONG;
	return desc->zero ? "desc.zero must be 0" : NULL;
}

const char *banos_text_wrong(const Banos_Text_Desc *desc, const Banos_Text_Ops *ops)
{
	if (!desc->name)
		return "desc.name is NULL: name the node";
	if (!banos_name_valid(desc->name, false))
		return "desc.name cannot be below /proc/driver: " NAME_RULE;
	if (desc->flags)
		return "desc.flags must be 0";
	if (desc->mode & ~PERMISSIONS)
		return MODE_WRONG;
	if (desc->zero)
		return "desc.zero must be 0";
	return ops->show ? NULL : "ops.show is NULL: a text needs it";
}

static const char *tty_desc_wrong(const Banos_X_Tty_Desc *desc)
{
	_Static_assert(BANOS_X_TTY_NAME_MAX == 31, "the sentence says 31");
	if (!desc->name)
		return "desc.name is NULL: name the terminal";
	if (!banos_name_valid(desc->name, false))
		return "desc.name cannot be below /dev: " NAME_RULE;
	if (strlen(desc->name) > BANOS_X_TTY_NAME_MAX)
		return "desc.name is too long: 31 bytes at most";
	if (desc->flags & ~BANOS_X_TTY_TELLS_IDLE)
		return "desc.flags has a bit that this kernel does not know: use "
		       "BANOS_X_TTY_TELLS_IDLE or 0";
	if (desc->mode & ~PERMISSIONS)
		return MODE_WRONG;
	if (desc->major - 1 >= 0xfff)
		return "desc.major must be 1 to 4095: 4 is that of ttyS";
	return desc->minor > 0xff ? "desc.minor must be at most 255" : NULL;
}

const char *banos_tty_wrong(const Banos_X_Tty_Desc *desc, const Banos_X_Tty_Ops *ops)
{
	const char *wrong = tty_desc_wrong(desc);

	if (wrong)
		return wrong;
	if (!ops->tx)
		return "ops.tx is NULL: a terminal needs it";
	if (!ops->tx_ask)
		return "ops.tx_ask is NULL: a terminal needs it";
	return ops->tx_idle ? NULL : "ops.tx_idle is NULL: a terminal needs it";
}
