#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: util-linux coreutils sed grep mawk perl
# ipcmk, ipcs and ipcrm, and perl's own calls, on objects that the script makes: numbers are not
# shown, since others may have objects, too.
id_of() { sed 's/.*: //'; }
# The object's line, by the number in column $1, which is not shown, nor is the key before it.
mine() { awk -v c="$1" -v id="$2" '$c "" == id "" { for (i = 1; i <= c; i++) $i = "ID"; print }'; }
hide() { sed -E 's/(shmid|semid|msqid)=[0-9]+/\1=N/; s/id [0-9]+ not/id N not/; s/\([0-9]+\)/(N)/; s/(time|pid) ?=.*/\1.../'; }

m=$(ipcmk -M 10000 -p 0640 | id_of) s=$(ipcmk -S 3 | id_of) q=$(ipcmk -Q | id_of)
echo "--- lists"
ipcs -m | head -3
ipcs -m | mine 2 "$m"
ipcs -s | head -3
ipcs -s | mine 2 "$s"
ipcs -q | head -3
ipcs -q | mine 2 "$q"
ipcs -m -t | mine 1 "$m" | awk '{ print $2, $3, $4 }'
ipcs -m -p | mine 1 "$m" | awk '{ print NF, $2, ($3 > 0), $4 }'
ipcs -m -c | mine 1 "$m"
ipcs -l
echo "--- one"
ipcs -m -i "$m" | hide
ipcs -s -i "$s" | hide
ipcs -q -i "$q" | hide

echo "--- perl"
perl -e '
use strict; use warnings; my ($m, $s, $q) = @ARGV; $| = 1;
shmwrite($m, "hello from perl", 100, 15) or print "shmwrite: $!\n";
my $buf; shmread($m, $buf, 100, 20) or print "shmread: $!\n"; $buf =~ s/\0/./g; print "$buf\n";
print shmread($m, $buf, 9999, 2) ? "read\n" : "outside: $!\n";
semop($s, pack("s!3", 1, 2, 0)) or print "semop: $!\n";
print "value ", semctl($s, 1, 12, 0) + 0, ", waiting ", semctl($s, 1, 14, 0) + 0, "\n";
print semop($s, pack("s!3", 0, -1, 04000)) ? "done\n" : "no: $!\n";
my $all = ""; semctl($s, 0, 13, $all); print join(",", unpack("s!*", $all)), "\n";
if (!fork()) { semop($s, pack("s!3", 0, -1, 0)); msgsnd($q, pack("l! a*", 7, "from the child"), 0); exit 0 }
semop($s, pack("s!3", 0, 1, 0)); my $msg; msgrcv($q, $msg, 100, 7, 0); wait;
my ($type, $text) = unpack("l! a*", $msg); print "$type $text\n";
print msgrcv($q, $msg, 100, 0, 04000) ? "more\n" : "empty: $!\n";
my $own = shmget(0, 100, 0600); print defined $own ? "made\n" : "no: $!\n"; shmctl($own, 0, 0);
print shmread($own, $buf, 0, 1) ? "still there\n" : "gone: $!\n";
' "$m" "$s" "$q"
echo "--- removal"
ipcrm -m "$m" -s "$s" -q "$q"; echo $?
ipcs -m -i "$m" 2>&1 | hide
ipcrm -s "$s" 2>&1 | hide
ipcs -q | mine 2 "$q" | wc -l
