#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The fuzz targets of tests/host for TORTURE_MINUTES (60) each, every time with other choices.
set -eu

for target in tests/host/fuzz_*.c; do
	name=${target#tests/host/fuzz_}
	seed=${FUZZ_SEED:-$(($(date +%s) % 1000000 + 1))}
	echo "fuzz ${name%.c}: ${TORTURE_MINUTES:-60} minutes, seed $seed"
	tests/host/fuzz "${name%.c}" $((60 * ${TORTURE_MINUTES:-60})) -seed="$seed"
done
