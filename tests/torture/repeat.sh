#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The in-kernel tests and the guest programs, again and again on 1, 2, 4 and 8 processors, for
# TORTURE_MINUTES (60): what fails once in a hundred boots is found here. Half of the rounds run
# beside a busy host, because a late virtual processor opens windows that a quick one does not.
set -u

minutes=${TORTURE_MINUTES:-60}
end=$(($(date +%s) + minutes * 60))
log=$(mktemp)
load=
trap '[ -z "$load" ] || kill $load 2>/dev/null; rm -f "$log"' EXIT

round=0
while [ "$(date +%s)" -lt $end ]; do
	round=$((round + 1))
	load=
	if [ $((round % 2)) = 0 ]; then
		# Ends by itself soon after its script, if that is killed.
		timeout 1800 sh -c 'while :; do :; done' &
		load=$!
	fi
	if ! TEST_SMP='1 2 4 8' tests/run kernel guest >"$log" 2>&1; then
		echo "round $round failed:"
		cat "$log"
		exit 1
	fi
	if [ -n "$load" ]; then
		kill $load
		wait $load 2>/dev/null
	fi
	echo "round $round: $(tail -n 1 "$log"), $(((end - $(date +%s)) / 60)) minutes left"
done
[ $round -gt 0 ]
