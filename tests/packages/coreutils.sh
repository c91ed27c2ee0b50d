#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: coreutils findutils diffutils tar gzip sed grep mawk
# Debian's coreutils and the tools beside them, on files, links, modes, times and sparse files.
umask 022
seq 1 1000 >numbers
sha256sum numbers; md5sum numbers; cksum numbers; wc numbers
sort -R numbers | sort -n | cmp - numbers && echo sorted
head -3 numbers | tac | paste -sd,; tail -2 numbers; split -n 4 numbers part.; ls part.*; cat part.* | cmp - numbers
shuf -i 1-100 -n 100 | sort -n | uniq | wc -l
ln numbers hard; ln -s numbers soft; stat -c '%h %F %s %a' numbers soft; readlink -f soft | sed 's,.*/,,'
chmod 640 hard; stat -c %a numbers; touch -d '2001-02-03 04:05:06' hard; stat -c %y hard; date -r numbers +%s
ls -l --time-style=+%Y hard | awk '{print $1, $2, $5, $6, $7}'
truncate -s 10M sparse; stat -c '%s %b' sparse; dd if=/dev/zero of=sparse bs=4k seek=100 count=2 conv=notrunc 2>/dev/null
stat -c '%s %b' sparse; cp --sparse=always sparse copy; cmp sparse copy && stat -c %s copy
mkdir -p d/e/f; cp -a numbers d/e/f/; mv d/e d/g; find d | sort; rm -r d/g; find d; rmdir d
mkfifo pipe; (cat numbers >pipe &); wc -l <pipe; rm pipe
install -m 755 numbers installed; stat -c %a installed
tar cf - numbers hard soft | tar tvf - | awk '{print $1, $3, $6, $7, $8}'
tar czf t.tgz numbers soft; mkdir x; tar xzf t.tgz -C x; cmp x/numbers numbers && readlink x/soft
gzip -k9 numbers; zcat numbers.gz | cmp - numbers && gzip -t numbers.gz && echo gzip
echo hello | tee a b | tr a-z A-Z; cat a b; comm -12 a b; join a b; expand -t4 a; fold -w2 a; od -c a; nl a; base64 a; basenc --base32 a
factor 1234567890123 ; expr 6 \* 7; numfmt --to=iec 123456789; printf '%05d|%x\n' 42 255; test -e a && [ ! -e zz ]; echo $?
timeout 0.1 sleep 10; echo $?; nice -n 5 nice; env -i A=1 env; nproc | grep -c .; yes | head -2; seq 3 | xargs -n1 echo x
rm nothing; ls nothing; cat nothing; echo $?; cd nothing; mkdir a; rmdir nothing; true; false; echo $?
df . | wc -l; du -s --apparent-size numbers | cut -f1; id -u; whoami; uname -s >/dev/null; tty; pathchk -p a; mktemp -u XXXX | wc -c
sleep 0.01; date -u -d @0 +%FT%TZ; realpath --relative-to=. x/numbers; dirname a/b; basename a/b.c .c; ptx /dev/null; tsort <<END
a b
b c
END
csplit -s numbers 500; wc -l xx00; chown 0:0 a; chgrp 0 a; unlink b; link a b; sync a; stdbuf -oL echo x; nohup echo y 2>/dev/null; dircolors -b | head -c 9; hostid | wc -c; echo; groups; logname 2>/dev/null; pwd | sed 's,.*/,,'
