#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: redis-server redis-tools coreutils
# Debian's redis-server over a unix socket: epoll, threads, fork for a snapshot.
redis-server --port 0 --unixsocket "$PWD/s" --save '' --dir "$PWD" --logfile log --daemonize no &
server=$!
tries=0
until [ -S s ] || [ $tries -gt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
cli() { redis-cli -s "$PWD/s" "$@"; }
cli ping
cli set key value; cli get key; cli incrby n 41; cli incr n
cli rpush list a b c; cli lrange list 0 -1; cli hset h f1 v1 f2 v2; cli hgetall h
cli zadd z 1 one 2 two 3 three; cli zrange z 0 -1 withscores
cli eval 'return redis.call("get", KEYS[1]) .. "!"' 1 key
seq 1 2000 | sed 's/.*/SET k& v&/' | cli --pipe | tail -1
cli dbsize; cli save; ls dump.rdb; cli bgsave | head -1
sleep 1; cli lastsave | grep -c .
cli setex gone 1 x; sleep 1.3; cli get gone; cli get
cli shutdown nosave; wait $server; echo "exit $?"
