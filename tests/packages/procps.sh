#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: procps psmisc lsof coreutils grep sed mawk util-linux bsdutils ncurses-base
# What reads /proc: ps, top, pgrep, pkill, free, uptime, vmstat, pmap, pwdx, killall, fuser, lsof. Of
# this script's own processes only, and of numbers only whether they can be.
number() { awk '{ for (i = 1; i <= NF; i++) if ($i !~ /^[0-9.]+$/) bad = 1 } END { print bad ? "bad" : "numbers", NF }'; }
sane() { awk "{ ok = ($1); print ok ? \"sane\" : \"bad: \" \$0 }"; }

# Until the process shows that: a signal or an exec may take its time.
until_ps() { until [ "$(ps -o $2= -p $1)" = $3 ]; do sleep 0.05; done; }

echo data >file
# A name of its own: killall looks at the whole machine.
cp "$(command -v sleep)" napper
cat >sleeper.sh <<'S'
#!/bin/bash
exec 7<file 8>>written
./napper 1000 &
wait
S
chmod +x sleeper.sh
setsid ./sleeper.sh one two &
until pgrep -s "$!" -x napper >/dev/null; do sleep 0.1; done
top=$! child=$(pgrep -P $!)

echo "--- ps"
ps -o stat=,tty=,ni=,nlwp=,comm=,args= -s $top
ps -o ppid=,pgid=,sid= -p $child | awk -v t=$top '{ print $1 == t, $2 == t, $3 == t }'
ps -o user=,ruser=,group=,uid=,euid= -p $child
ps -o pcpu=,pmem=,vsz=,rss=,sz= -p $child | number
ps -o rss=,vsz= -p $child | sane '$1 > 100 && $1 < $2'
ps -o etimes=,cputime=,start= -p $child | sane '$1 < 600 && $2 ~ /^00:0/ && $3 ~ /^[0-9:]+$/'
ps -o sig=,sigmask=,sigignore=,sigcatch= -p $child | sed 's/[0-9a-f]\{16\}/MASK/g'
ps -o wchan=,psr=,cls=,rtprio=,pri= -p $child | awk '{ print NF, $3, $4 }'
ps -eo pid=,args= | grep -c "[s]leeper.sh one two"
ps aux | awk 'NR == 1; $2 == 1 { print (NF >= 11) }'
ps -ef | awk 'NR == 1'
ps axjf | awk 'NR == 1'
ps -p 999999; echo "status $?"
ps -o pid,nosuchfield; echo "status $?"
nice -n 7 sleep 300 & p=$!
until_ps $p comm sleep; ps -o ni=,comm= -p $p; renice -n 9 $p | sed "s/$p/PID/"; ps -o ni= -p $p; kill $p; wait $p; echo "status $?"

echo "--- pgrep and others"
pgrep -s $top -l | sed 's/^[0-9]* //'
pgrep -s $top -f 'one two' -a | sed 's/^[0-9]* //'
pgrep -s $top -c .
pgrep nosuchprocess; echo "status $?"
pwdx $child | sed "s/^$child: .*work$/PID: work/"
pstree $top
pkill -STOP -s $top -x napper; until_ps $child stat T; ps -o stat= -p $child
pkill -CONT -s $top -x napper; until_ps $child stat S; ps -o stat= -p $child

echo "--- the system"
free | awk 'NR == 1 { $1 = $1; print } NR > 1 { print $1, NF }'
free -m | sed -n 2p | sane '$2 > 100 && $3 <= $2 && $4 <= $2 && $7 <= $2'
uptime | sed 's/[0-9][0-9.:]*/N/g' | sed 's/.*load average: /load average: /'
uptime -s | sed 's/[0-9]/N/g'
vmstat | sed -n 2p
vmstat 1 2 | tail -n 1 | number
top -b -n 1 | sed -n 7p
top -b -n 1 -p $child -w 200 | tail -n 1 | awk '{ print $12, NF, $8 }'
top -b -n 2 -d 0.2 -p $top -w 200 | grep -c sleeper
w -h >/dev/null; echo "w: $?"
slabtop -o >/dev/null 2>&1; sysctl -n kernel.ostype

echo "--- maps"
pmap $child | tail -n 1 | sed 's/[0-9]\+K/N/'
pmap $child | grep -c libc | sane '$1 >= 4'
pmap -x $child | sed -n 2p
pmap -x $child | awk '/\[ stack \]/ { print ($3 > 0), $5 }'
cat /proc/$child/maps | awk '{ print (NF >= 5) }' | sort | uniq

echo "--- lsof and fuser"
lsof -w -a -p $top -d 7,8 -F ftn | sed "s/^p$top/pPID/; s/^n.*work/nwork/"
lsof -w -p $top 2>/dev/null | awk 'NR == 1 { $1 = $1; print } $4 == "cwd" { print $1, $3, $5 } $4 == "255r" { print $5 }'
lsof -w -t "$PWD/file" | sed "s/^$top$/it/; s/^$child$/its child/" | sort
fuser file 2>/dev/null | tr ' ' '\n' | grep -c .
(sleep 200 | sleep 200) & sub=$!
until [ "$(pgrep -P $sub -c -x sleep)" = 2 ]; do sleep 0.05; done
lsof -w -a -p $(pgrep -P $sub | head -n 1) -d 1 -F t | tail -n 1
pkill -P $sub; wait $sub 2>/dev/null; echo "status $?"

echo "--- the end"
killall -s TERM -w napper --process-group 2>/dev/null || pkill -s $top
wait $top; echo "status $?"
pgrep -s $top; echo "status $?"
