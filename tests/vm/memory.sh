#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What processes, pipes, files and looks into /proc used comes back when they are gone.
set -eu
work=$(mktemp -d "${TMPDIR:-/tmp}/banos-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

cat >"$work/loop" <<'EOF'
free_kib() { sleep 0.3; awk '/^MemFree/ {print $2}' /proc/meminfo; }
once() { n=0; while [ $n -lt "$1" ]; do eval "$2"; n=$((n+1)); done; }
check() {
	once 60 "$2" # caches fill: of stacks alone there may be 512 KiB
	before=$(free_kib)
	once 300 "$2"
	after=$(free_kib)
	# A page for each round would be 1200 KiB.
	if [ $((before - after)) -gt 600 ]; then
		echo "$1: $((before - after)) KiB did not come back"
	else
		echo "$1: ok"
	fi
}
check exec '/bin/true'
check fork '(:)'
check pipe 'echo x | cat >/dev/null'
check file 'echo x >/tmp/y; rm /tmp/y'
check proc 'cat /proc/self/stat >/dev/null'
check signal 'sleep 5 & kill $!; wait $! 2>/dev/null'
EOF
cat >"$work/expected" <<'EOF'
exec: ok
fork: ok
pipe: ok
file: ok
proc: ok
signal: ok
EOF
for n in 1 2 4; do
	tools/vm -smp $n -timeout 200 -put "$work/loop:/loop" -- 'sh /loop 2>/dev/null' >"$work/out"
	diff -u "$work/expected" "$work/out" || { echo "at -smp $n"; exit 1; }
done
