/* SPDX-License-Identifier: BSD-2-Clause */
#include "pts.h"

static const struct pts_ops *pts_ops; /* [I] after boot */

void pts_register(const struct pts_ops *ops)
{
	pts_ops = ops;
}

int pts_add(uint32_t index, dev_t rdev)
{
	return pts_ops ? pts_ops->add(index, rdev) : 0;
}

void pts_remove(uint32_t index)
{
	if (pts_ops)
		pts_ops->remove(index);
}
