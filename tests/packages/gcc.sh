#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: gcc libc6-dev make coreutils
# MEMORY: 1G
# Debian's gcc compiles, links (dynamically, statically, with threads) and runs; make drives it.
cat >hello.c <<'END'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv)
{
	struct timespec t;
	printf("hello, world %d %s %.6f\n", argc, argv[argc - 1], sqrt(argc));
	return clock_gettime(CLOCK_MONOTONIC, &t) ? 1 : atoi(argv[1]);
}
END
gcc -dumpversion
gcc -O2 -Wall -o hello hello.c -lm && ./hello 7 x; echo "exit $?"
gcc -static -o hello.static hello.c -lm && ./hello.static 3; echo "exit $?"
cat >threads.c <<'END'
#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int mine;
static int total;
static void *run(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		mine++;
		pthread_mutex_lock(&lock);
		total++;
		pthread_mutex_unlock(&lock);
	}
	return (void *)(long)(mine + (int)(long)arg);
}
int main(void)
{
	pthread_t t[6];
	long sum = 0;
	void *r;
	for (long i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, run, (void *)i);
	for (int i = 0; i < 6; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("%d %ld\n", total, sum);
	return 0;
}
END
gcc -pthread -o threads threads.c && ./threads
cat >broken.c <<'END'
int main(void) { return undeclared; }
END
gcc -fdiagnostics-plain-output broken.c; echo "exit $?"
cat >lib.c <<'END'
int twice(int n) { return 2 * n; }
END
cat >main.c <<'END'
#include <stdio.h>
int twice(int);
int main(void) { printf("%d\n", twice(21)); return 0; }
END
printf 'prog: main.o libt.so\n\tgcc -o $@ main.o -L. -lt -Wl,-rpath,.\nlibt.so: lib.c\n\tgcc -shared -fPIC -o $@ $<\n%%.o: %%.c\n\tgcc -c -g -o $@ $<\n' >Makefile
make -j2 -s prog && ./prog; make -q prog; echo "made: $?"
objdump -f prog | grep -c architecture; nm -C main.o | sed 's/^0* *//'; ar rc l.a main.o && ar t l.a; strip prog && ./prog
