#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: perl
# Debian's perl: text, files, processes, pipes, signals, a database of lines.
perl -e '
use strict; use warnings; use POSIX qw(:sys_wait_h strftime floor); use List::Util qw(sum max shuffle);
use File::Temp qw(tempfile); use Digest::MD5 qw(md5_hex); use Data::Dumper; use Time::HiRes qw(usleep time);
$Data::Dumper::Sortkeys = 1; $Data::Dumper::Indent = 1; $| = 1;
print sum(1..100), " ", max(3, 9, 2), " ", md5_hex("banos"), "\n";
print Dumper({ a => [1, 2], b => { c => undef } });
my %count; $count{$_}++ for map { length } qw(one two three four five six); print join(",", map { "$_=$count{$_}" } sort keys %count), "\n";
my ($fh, $name) = tempfile("testXXXX"); print $fh "line $_\n" for 1..1000; close $fh;
open(my $in, "<", $name) or die; my @lines = <$in>; print scalar(@lines), " ", $lines[-1]; seek($in, 0, 0); print scalar(<$in>);
unlink $name; print -e $name ? "there\n" : "gone\n";
my $pid = fork(); if (!$pid) { exit 7 } waitpid($pid, 0); print "status ", $? >> 8, "\n";
pipe(my $r, my $w); if (!fork()) { close $r; print $w "from child\n"; exit 0 } close $w; print <$r>; wait;
$SIG{ALRM} = sub { die "alarm\n" }; eval { Time::HiRes::alarm(0.05); sleep 10; }; print "caught $@";
$SIG{USR1} = sub { print "usr1\n" }; kill "USR1", $$;
print strftime("%Y-%m-%d %H:%M:%S", gmtime(1e9)), "\n";
my $out = `echo from shell; exit 3`; print $out, $? >> 8, "\n";
open(my $p, "-|", "echo a; echo b") or die; print "got $_" while <$p>; close $p;
print join(" ", sort { $a <=> $b } shuffle(1..10)), "\n";
mkdir "d"; opendir(my $d, ".") or die; print join(" ", sort grep { !/^\./ } readdir $d), "\n"; rmdir "d";
rename("nothing", "x") or print "error: $!\n"; (my $t = "Hello") =~ tr/a-y/b-z/; print "$t\n";
local $_ = "a1b22c333"; print join("|", /(\d+)/g), " ", s/\d+/#/gr, "\n"; printf "%s %.3f %e\n", 1/4, 2/3, 1e100;
my @stat = stat("/"); print scalar(@stat), " ", -d "/" ? "dir" : "no", "\n"; print "umask ", sprintf("%03o", umask), "\n";
'
echo "exit $?"
perl -ne 'print if /root/' /etc/passwd | head -c 4; echo
seq 1 5 | perl -pe '$_ *= 3; $_ .= "\n"'
perl -e 'die "reason\n"'; echo $?
