#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installing a driver: from a file put into the guest, from the initramfs, by -driver, twice, and
# what is refused.
. tests/vm/lib.inc

hello=build/drivers/hello.banos

expect_status 0 tools/vm -put $hello:/tmp/hello.banos -- \
	'banos install /tmp/hello.banos && dmesg | grep hello'
expect_line hello

expect_status 0 tools/vm -driver $hello -- 'dmesg | grep hello'
expect_line hello

expect_status 0 tools/vm -- \
	'banos install /lib/banos/hello.banos && banos install /lib/banos/hello.banos'
[ "$(sort -u "$work/out" | grep -c 'installed as instance')" = 2 ] ||
	fail "two installations are not two instances: $(cat "$work/out")"

# A user may not; and what is no driver may not be installed by anyone.
# shellcheck disable=SC2016  # the guest expands it
expect_status 0 tools/vm -- \
	'id -u; su nobody -s /bin/sh -c "banos install /lib/banos/hello.banos"; echo $?'
expect_line '^0$'
expect_line 'superuser'
[ "$(sed -n '$p' "$work/out")" = 1 ] || fail "nobody could install: $(cat "$work/out")"

expect_status 1 tools/vm -- 'banos install /bin/busybox'
expect_line 'banos: /bin/busybox: '
expect_status 1 tools/vm -- 'banos install /absent'
expect_line 'No such file'
expect_status 2 tools/vm -- 'banos install'
expect_status 126 tools/vm -driver /bin/busybox -- 'echo not reached'
if grep -q 'not reached' "$work/out"; then
	fail "the command ran although its driver was refused"
fi
