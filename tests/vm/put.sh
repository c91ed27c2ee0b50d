#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# -put: default place, given place, mode, folders, and that the mode of /tmp stays.
. tests/vm/lib.inc

printf '#!/bin/sh\necho "script ran with $1"\n' >"$work/script"
chmod 750 "$work/script"
echo "some text" >"$work/text"
chmod 604 "$work/text"
mkdir "$work/folder"
echo inner >"$work/folder/inner"

expect_status 0 tools/vm -put "$work/script" -put "$work/text:/tmp/deep/er/name" \
	-put "$work/folder" -put "$work/text:/root/" -- \
	'/put/script x; cat /tmp/deep/er/name /put/folder/inner /root/text
	stat -c "%a %n" /put/script /tmp/deep/er/name /tmp /root'
expect_output 'script ran with x
some text
inner
some text
750 /put/script
604 /tmp/deep/er/name
1777 /tmp
700 /root'
expect_status 2 tools/vm -put "$work/text:relative" -- true
