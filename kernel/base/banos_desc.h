/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong with what drivers register, and how to mend it: a sentence, or NULL. The same in
 * the kernel and in banos-host. Context: any.
 */
#ifndef BASE_BANOS_DESC_H
#define BASE_BANOS_DESC_H

#include <banos/chardev.h>
#include <banos/text.h>
#include <banos/x_tty.h>

const char *banos_chardev_wrong(const Banos_Chardev_Desc *desc);
const char *banos_text_wrong(const Banos_Text_Desc *desc, const Banos_Text_Ops *ops);
const char *banos_tty_wrong(const Banos_X_Tty_Desc *desc, const Banos_X_Tty_Ops *ops);

#endif
