#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: sqlite3 coreutils
# Debian's sqlite3: file locks, journal and write-ahead log (shared memory), two writers.
sqlite3 --version | cut -c1-6
sqlite3 a.db <<'END'
create table t(id integer primary key, name text, n int);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 2000) insert into t select x, 'name' || x, x % 17 from c;
create index i on t(n);
select count(*), sum(n), max(name) from t;
select n, count(*) from t group by n order by 2 desc, 1 limit 3;
begin; delete from t where n = 3; rollback; select count(*) from t;
begin; delete from t where n = 3; commit; select count(*) from t;
pragma integrity_check;
vacuum;
explain query plan select * from t where n = 4;
pragma journal_mode = wal;
insert into t(name, n) values('wal', 99);
select name from t where n = 99;
END
ls a.db*
for i in 1 2 3 4; do
	(for j in 1 2 3 4 5; do sqlite3 -cmd '.timeout 20000' a.db "insert into t(name, n) values('w$i', 1000 + $j)"; done) &
done
wait
sqlite3 a.db "select count(*), sum(n) from t where n > 1000; pragma wal_checkpoint(truncate); pragma integrity_check"
sqlite3 b.db "create table u(a)"
for i in 1 2 3; do
	(for j in 1 2 3; do sqlite3 -cmd '.timeout 20000' b.db "insert into u values($i * 10 + $j)"; done) &
done
wait
sqlite3 b.db "select sum(a), count(*) from u"
sqlite3 -json a.db "select id, name from t order by id limit 2"; sqlite3 a.db .dump | head -3
sqlite3 a.db "select nothing"; echo $?
