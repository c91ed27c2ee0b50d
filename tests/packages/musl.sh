#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: musl musl-dev musl-tools gcc coreutils
# MEMORY: 1G
# Programs of the musl library, static and dynamic: threads, signals, time, stdio.
cat >m.c <<'END'
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static sem_t sem;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ready;
static void *run(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!ready)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	sem_post(&sem);
	return arg;
}
static void handler(int sig) { printf("signal %d\n", sig); }
int main(void)
{
	pthread_t t[4];
	time_t zero = 0;
	int status;
	sem_init(&sem, 0, 0);
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, run, (void *)i);
	pthread_mutex_lock(&lock);
	ready = 1;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 4; i++)
		sem_wait(&sem);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	printf("%s", asctime(gmtime(&zero)));
	fflush(stdout);
	if (fork() == 0)
		execl("/bin/echo", "echo", "from exec", NULL);
	wait(&status);
	printf("%d %s\n", WEXITSTATUS(status), strerror(2));
	char *p = malloc(10 << 20);
	memset(p, 1, 10 << 20);
	p = realloc(p, 20 << 20);
	printf("%d\n", p[5 << 20]);
	return 4;
}
END
musl-gcc -O2 -o dynamic m.c && ./dynamic; echo "exit $?"
musl-gcc -O2 -static -o static m.c && ./static; echo "exit $?"
