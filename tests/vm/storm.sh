#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guest/storm on the kernel with the lock checker: nothing wrong, no panic, and memory returns.
# STORM_SECONDS and STORM_SMP are for torture.
. tests/vm/lib.inc

seconds=${STORM_SECONDS:-60}
smp=${STORM_SMP:-2 4}

cat >"$work/script" <<EOF2
free_kib() { sleep 1; awk '/^MemFree/ {print \$2}' /proc/meminfo; }
/put/storm 3 >/dev/null # caches fill
before=\$(free_kib)
/put/storm $seconds
after=\$(free_kib)
awk -v cpus="\$(grep -c ^processor /proc/cpuinfo)" '
	NR == 1 { columns = NF } NF != columns { bad++ } { raised += \$2 }
	END { if (bad || NR != cpus + 1 || (cpus > 1 && !raised)) print "an odd table" }
' /proc/banos/messages
# The caches of each processor may hold some more than before.
[ \$((before - after)) -le 2048 ] || echo "\$((before - after)) KiB did not come back"
EOF2
cat >"$work/expected" <<'EOF2'
replaced: 0 wrong
dropped: 0 wrong
own: 0 wrong
forks: 0 wrong
threads: 0 wrong
turns: 0 wrong
wander: 0 wrong
EOF2
for n in $smp; do
	expect_status 0 tools/vm -smp "$n" -kernel build/test/banos.elf \
		-timeout $((seconds + 200)) -put build/tests/guest/storm \
		-put "$work/script:/script" -- 'sh /script'
	diff -u "$work/expected" "$work/out" || fail "at -smp $n"
done
