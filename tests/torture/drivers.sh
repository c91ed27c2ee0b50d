#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Drivers come and go 100,000 times on each kernel.
DRIVER_ROUNDS=100000 DRIVER_SECONDS=36000 DRIVER_KERNELS='release test kasan' \
	exec tests/vm/driver_rounds.sh
