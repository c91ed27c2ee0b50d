#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# guest/storm for ten minutes on each of 1, 2, 4 and 8 processors, lock checker on.
set -u
STORM_SECONDS=600 STORM_SMP='1 2 4 8' exec tests/vm/storm.sh
