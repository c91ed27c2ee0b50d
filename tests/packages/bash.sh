#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: coreutils diffutils sed grep
# Debian's bash: arithmetic, arrays, process substitution, traps, job control without a terminal.
set -u

echo "${BASH_VERSION%%(*}"
declare -A colour=([red]=1 [green]=2 [blue]=3)
for name in "${!colour[@]}"; do echo "$name=${colour[$name]}"; done | sort
echo $((2**62 - 1)) $((0x7f ^ 07)) "${BASH_VERSION:0:1}"
mapfile -t lines < <(printf '%s\n' one two three)
echo "${#lines[@]} ${lines[-1]}"
diff <(seq 1 5) <(seq 1 6) || echo "differ: $?"
trap 'echo "caught USR1"' USR1
kill -USR1 $$
(exit 3); echo "subshell: $?"
sleep 0.1 & wait $!; echo "waited: $?"
sleep 100 & kill $!; wait $! 2>/dev/null; echo "killed: $?"
trap 'echo "bye $?"' EXIT
set -o pipefail
false | cat; echo "pipefail: $?"
coproc doubler { while read -r n; do echo $((n * 2)); done; }
echo 21 >&"${doubler[1]}"; read -r answer <&"${doubler[0]}"; echo "answer $answer"
exec 7>out; echo seven >&7; exec 7>&-; cat out
printf '%(%Y-%m-%d)T\n' 86400
mkfifo quiet; exec 8<>quiet; read -r -t 0.05 nothing <&8; echo "timed out: $(( $? > 128 ))"
[[ abc123 =~ ^([a-z]+)([0-9]+)$ ]] && echo "${BASH_REMATCH[2]}-${BASH_REMATCH[1]}"
cat <<< "here string" | sed 's/here/a/' | grep -o 'a.*'
ulimit -n 64; ulimit -n
shopt -s globstar nullglob; mkdir -p a/b/c; touch a/b/c/{x,y}.txt; echo **/*.txt
fib() { (( $1 < 2 )) && { echo "$1"; return; }; echo $(( $(fib $(($1 - 1))) + $(fib $(($1 - 2))) )); }
fib 9
exit 5
