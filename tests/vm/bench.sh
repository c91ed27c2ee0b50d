#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# No hot path has become 5 % longer than bench/baseline.json says; in instructions, so that a busy
# host does not matter. After a change that is worth it: make bench RECORD=1.
exec bench/run --check
