#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each clock source keeps time: a sleep takes as long as it should, by the guest's own clock and by
# the host's. The generous upper bound is for a busy test machine.
set -eu
for clock in tsc hpet acpi_pm; do
	from=$(date +%s%N)
	out=$(tools/vm -smp 2 -append "clock=$clock" -- '
		dmesg | grep -o "clock: [a-z_]*" | head -n 1
		a=$(cut -d" " -f1 /proc/uptime); sleep 2; b=$(cut -d" " -f1 /proc/uptime)
		echo "$a $b" | awk "{d = \$2 - \$1; print (d >= 1.98 && d < 4) ? \"slept\" : \"slept \" d}"')
	to=$(date +%s%N)
	[ "$out" = "clock: $clock
slept" ] || { echo "clock=$clock: $out"; exit 1; }
	[ $(((to - from) / 1000000)) -ge 2000 ] || { echo "clock=$clock: the host saw less than 2 s"; exit 1; }
done
