#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One to eight processors come up and all of them work: each runs a program that is bound to it.
set -eu
for n in 1 2 3 4 8; do
	for machine in q35 pc; do
		out=$(tools/vm -smp $n -machine $machine -timeout 100 -- '
			nproc
			c=0; while [ $c -lt $(nproc) ]; do
				taskset $(printf %x $((1 << c))) sh -c "cut -d\" \" -f39 /proc/self/stat" &
				wait
				c=$((c+1))
			done')
		want=$n
		for c in $(seq 0 $((n - 1))); do
			want="$want
$c"
		done
		[ "$out" = "$want" ] || { echo "-smp $n -machine $machine: $out"; exit 1; }
	done
done
# Two sockets of three cores: the APIC ids have a hole (0 1 2 4 5 6), so an index is no id.
out=$(tools/vm -timeout 100 -qemu '-smp 6,sockets=2,cores=3,threads=1' -- '
	nproc; taskset 20 sh -c "cut -d\" \" -f39 /proc/self/stat"; grep apicid /proc/cpuinfo | tail -n 1')
case $out in
6*5*) ;;
*) echo "two sockets of three: $out"; exit 1 ;;
esac
