#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: strace coreutils sed
# Debian's strace, which traces, changes calls and attaches. Numbers of processes and addresses are
# masked; calls that a C library makes by itself are not looked at.
mask() { sed -E 's/0x[0-9a-f]{4,}/ADDR/g; s/^[0-9]+ +/PID /; s/(pid|PID|uid)=[0-9]+/\1=N/g; s/= [0-9]{2,}$/= N/; s/\[pid +[0-9]+\] //; s/si_utime=[^,}]*, si_stime=[^,}]*/TIMES/; s/ +=/ =/; s/, \{ru_utime.*\}/, RUSAGE/'; }

echo "some text" >f
echo "--- calls"
strace -o o -e trace=write,close_range,exit_group,fadvise64,copy_file_range cat f; echo "exit $?"
grep -v copy_file_range o | mask

echo "--- processes"
strace -ff -o p -e trace=execve,dup2,wait4,exit_group,kill -e signal=all bash -c '/bin/cat f | /bin/wc -c; (exit 3); /bin/true; exit 4'
echo "exit $?"
for i in $(ls p.* | sort -t. -k2n); do echo "a process"; mask <"$i" | sed -E 's/\/\* [0-9]+ vars \*\//VARS/; s/\[\{?W.*\}?\], /[STATUS], /; s/= N$/= N/' | grep -v "^wait4.*ECHILD\|SIGCHLD\|^wait4"; done

echo "--- signals"
strace -o o -e trace=none bash -c 'trap "echo got it" USR1; kill -USR1 $$; kill -TERM $$'; echo "exit $?"
mask <o

echo "--- changed calls"
strace -o o -e trace=exit_group -e inject=exit_group:error=EPERM:when=1 true 2>/dev/null; echo "exit $?"
grep -c INJECTED o
strace -o o -P f -e trace=openat -e inject=openat:error=EACCES cat f 2>&1 | grep -v Requested; echo "exit ${PIPESTATUS[0]}"
mask <o
strace -o o -P f -e trace=read -e inject=read:retval=0 cat f 2>/dev/null; echo "exit $?"
mask <o

echo "--- counts"
strace -c -o o -e trace=write,exit_group bash -c 'echo 1; echo 2; echo 3'
sed -nE 's/^ *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+) +([a-z_]+)$/\1 \2/p' o | sort

echo "--- attached"
mkfifo pipe
touch e e2
exec 7<>pipe
bash -c 'read -r line <&7; echo "read $line"; exit 6' &
pid=$!
strace -p $pid -e trace=exit_group -o o 2>e &
tracer=$!
until grep -q attached e; do sleep 0.02; done
echo hello >&7
wait $pid; echo "exit $?"
wait $tracer; echo "tracer $?"
mask <o

echo "--- detached"
bash -c 'read -r line <&7; echo "read $line"; exit 7' &
pid=$!
strace -p $pid -o /dev/null 2>e2 &
tracer=$!
until grep -q attached e2; do sleep 0.02; done
# strace lets signals in just before it waits: one that comes between is not noticed until the next.
(sleep 0.1; while kill -INT $tracer 2>/dev/null; do sleep 1; done) &
wait $tracer; echo "tracer $?"
echo again >&7
wait $pid; echo "exit $?"
