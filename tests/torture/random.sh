#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Random system calls by an ordinary user for TORTURE_MINUTES (60), a third of them on each kernel:
# the kernel stays up, and memory in use returns to where it was after the first minute.
# RANDOM_SEED=N repeats the choices of a run (not their timing); RANDOM_KERNELS selects.
set -eu

minutes=${TORTURE_MINUTES:-60}
seed=${RANDOM_SEED:-$(date +%s)}
kernels=${RANDOM_KERNELS:-release test kasan}
count=$(echo "$kernels" | wc -w)
slice=60 # seconds between two looks at memory
slices=$((minutes * 60 / slice / count))
[ $slices -ge 2 ] || slices=2
work=$(mktemp -d "${TMPDIR:-/tmp}/banos-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

cat >"$work/loop" <<'EOF2'
# usage: loop SLICES SECONDS SEED
free_kib() { sleep 2; echo 3 >/proc/sys/vm/drop_caches; awk '/^MemFree/ {print $2}' /proc/meminfo; }
n=0
while [ $n -lt "$1" ]; do
	echo -1000 >/proc/self/oom_score_adj
	/random "$2" "$(($3 + n))" || exit 1
	now=$(free_kib)
	[ $n -gt 0 ] || first=$now # caches are filled, and tables have grown
	n=$((n + 1))
	echo "slice $n of $1: $now KiB free"
done
# What a long life may leave: caches of the allocator. A page for each round would be 10 MiB.
if [ $((first - now)) -gt 4096 ]; then
	echo "$((first - now)) KiB did not come back"
	exit 1
fi
EOF2
for kernel in $kernels; do
	for smp in 2 4; do
		half=$(((slices + 1) / 2))
		[ $half -ge 2 ] || half=2
		echo "random: $kernel kernel, -smp $smp, seed $seed"
		tools/vm -smp $smp -kernel build/$kernel/banos.elf -log "$work/log" \
			-timeout $((half * slice * 2 + 120)) -put "$work/loop:/loop" \
			-put build/tests/guest/random_syscalls:/random -- \
			"sh /loop $half $slice $seed" || {
			echo "failed on the $kernel kernel at -smp $smp; RANDOM_SEED=$seed"
			tail -n 60 "$work/log"
			exit 1
		}
		seed=$((seed + 1000))
	done
done
