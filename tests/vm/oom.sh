#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Programs that use up memory, processes or a file system: one ends with a line in the log, or gets
# an error under a limit; the shell stays usable and all memory comes back.
. tests/vm/lib.inc

cat >"$work/hogs" <<'END'
free_kib() { sleep 0.5; awk '/^MemFree/ {print $2}' /proc/meminfo; }
bombed() {
	su nobody -s /bin/sh -c 'sh /tmp/bomb' 2>/dev/null
	n=0
	while ps | grep -q '[0-9] nobody ' && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
	ps | grep '[0-9] nobody '
}
cat >/tmp/bomb <<'BOMB'
ulimit -u 30
bomb() { bomb | bomb & }
bomb 2>/dev/null
sleep 1
BOMB
chmod 755 /tmp/bomb
bombed # caches fill
tail /dev/zero >/dev/null 2>&1; echo "a hog: $?"
before=$(free_kib)
tail /dev/zero >/dev/null 2>&1 &
tail /dev/zero >/dev/null 2>&1 &
wait
echo "two hogs are gone"
(ulimit -v 20000; tail /dev/zero >/dev/null 2>&1; echo "under a limit: $?")
dd if=/dev/zero of=/tmp/full bs=64k 2>&1 | grep -c 'No space left'
rm /tmp/full
bombed
echo "the bomb is over"
after=$(free_kib)
[ $((before - after)) -lt 2048 ] && echo "memory came back" || echo "$((before - after)) KiB are missing"
sh -c 'echo the shell works'
END
cat >"$work/expected" <<'END'
a hog: 137
two hogs are gone
under a limit: 1
1
the bomb is over
memory came back
the shell works
END
for kernel in release:1 release:8 test:2; do
	tools/vm -kernel "build/${kernel%:*}/banos.elf" -smp "${kernel#*:}" -m 128M -timeout 120 \
		-log "$work/log" -put "$work/hogs:/hogs" -- 'sh /hogs 2>/dev/null' >"$work/out" ||
		fail "$kernel: exit status $?"
	diff -u "$work/expected" "$work/out" || fail "on $kernel"
	[ "$(grep -c 'memory: used up: killed tail' "$work/log")" -ge 2 ] ||
		fail "$kernel: no line in the log"
done
