#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: gdb coreutils sed
# Debian's gdb: breakpoints, steps, registers, memory, calls, signals, attaching. The programs have
# no debug information, so the places are functions of the C library.
export HOME=$PWD LC_ALL=C
mask() { grep -v "^warning\|^This normally\|^\[Thread debugging\|^Using host\|^Download\|debuginfod\|^\[Inferior\|No such file\|^Error while\|^$" | sed -E 's/0x[0-9a-f]{5,}/ADDR/g; s/process [0-9]+/process N/; s/(LWP|Thread) [0-9a-fx]+/\1 N/g'; }
g() { gdb -q -batch -nx -iex 'set debuginfod enabled off' -iex 'set auto-load off' -iex 'set debug-file-directory /none' "$@" 2>&1 </dev/null | mask; }

echo "some text" >f
echo "--- a breakpoint"
g -ex 'set breakpoint pending on' -ex 'break write' -ex 'run f' -ex 'info symbol $pc' -ex 'p (int)$rdi' -ex 'x/s $rsi' \
	-ex 'p (long)$rdx' -ex 'info registers cs ss ds' -ex 'finish' -ex 'p (long)$rax' -ex 'continue' /bin/cat
echo "--- changes and calls"
g -ex 'set breakpoint pending on' -ex 'break write' -ex 'run f' -ex 'set {char}$rsi = 83' -ex 'p ((int (*)(void))getpid)() > 1' \
	-ex 'p ((int (*)(int))toupper)(97)' -ex 'stepi' -ex 'stepi' -ex 'p $_siginfo.si_signo' -ex 'delete' -ex 'continue' /bin/cat
echo "--- calls of the system"
g -ex 'catch syscall exit_group' -ex 'run f' -ex 'p $orig_rax' -ex 'kill' /bin/cat
echo "--- a signal"
g -ex 'run -c "kill -SEGV \$\$; echo alive"' -ex 'p $_siginfo.si_signo' -ex 'signal 0' /bin/bash
echo "--- forks"
g -ex 'set follow-fork-mode child' -ex 'catch exec' -ex 'run -c "/bin/true; exit 3"' -ex 'info symbol $pc' -ex 'kill' /bin/bash | grep -c Catchpoint
echo "--- attached"
mkfifo pipe
exec 7<>pipe
bash -c 'read -r line <&7; echo "read $line"; exit 6' &
pid=$!
g -p $pid -ex 'p $orig_rax >= 0' -ex 'p (long)$rsp != 0' -ex 'detach' | tail -3
echo hello >&7
wait $pid; echo "exit $?"
