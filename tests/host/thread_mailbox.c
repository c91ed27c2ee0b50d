/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mailbox of a processor (lib/mailbox.h), with threads for processors and a semaphore for the
 * interrupt, under the thread sanitizer and with random delays between the steps. Receivers take
 * every path: by the interrupt, while they wait, and interrupted while they wait. What is checked:
 * each item arrives once, in its sender's order, with what its sender wrote before; nobody waits
 * for ever (then the test is ended by its alarm); and interrupts are fewer than messages.
 */
#include <lib/mailbox.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SENDERS 4
#define ROUNDS	4000
#define KIND	1u
#define OTHER	2u /* a kind without items, which must be seen as well */

struct item {
	struct mailbox_item link;
	unsigned sender, number, payload; /* plain: the sanitizer sees whether they are ordered */
	uint32_t done;
};

static struct mailbox box;
static sem_t interrupt;
static unsigned interrupts, others_sent; /* [a] */
static unsigned received, others_seen, wrong;
static unsigned last[SENDERS];

static unsigned noise(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

static void delay(unsigned *state)
{
	switch (noise(state) % 8) {
	case 0:
		sched_yield();
		break;
	case 1:
		for (unsigned n = noise(state) % 200; n; n--)
			barrier();
		break;
	case 2:
		if (noise(state) % 64 == 0)
			nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
		break;
	}
}

static void raise_kind(uint32_t kind)
{
	if (mailbox_raise(&box, kind) != MAILBOX_INTERRUPT)
		return;
	__atomic_add_fetch(&interrupts, 1, __ATOMIC_RELAXED);
	sem_post(&interrupt);
}

static void *send(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, state = me + 1;

	for (unsigned n = 1; n <= ROUNDS; n++) {
		struct item item = {.sender = me, .number = n, .payload = n * 3};

		if (noise(&state) % 4 == 0) {
			__atomic_add_fetch(&others_sent, 1, __ATOMIC_RELAXED);
			raise_kind(OTHER);
		}
		mailbox_push(&box, &item.link);
		delay(&state);
		raise_kind(KIND);
		while (!__atomic_load_n(&item.done, __ATOMIC_ACQUIRE))
			delay(&state);
	}
	return NULL;
}

static void serve(unsigned *state)
{
	uint32_t kinds = mailbox_take(&box);
	struct mailbox_item *i;

	delay(state);
	others_seen += !!(kinds & OTHER);
	if (!(kinds & KIND))
		return;
	for (i = mailbox_take_items(&box); i;) {
		struct item *item = container_of(i, struct item, link);

		i = i->next; /* the sender's again once done is set */
		wrong += item->payload != item->number * 3;
		wrong += item->number != last[item->sender] + 1;
		last[item->sender] = item->number;
		received++;
		delay(state);
		__atomic_store_n(&item->done, 1, __ATOMIC_RELEASE);
	}
}

static void on_interrupt(unsigned *state)
{
	bool mine = mailbox_attend(&box);

	do
		serve(state);
	while (mine && !mailbox_leave(&box));
}

static void wait_a_while(unsigned *state)
{
	mailbox_attend(&box);
	for (unsigned n = noise(state) % 8; n; n--) {
		if (mailbox_filled(&box))
			serve(state);
		if (noise(state) % 4 == 0)
			on_interrupt(state); /* that of a timer, say */
		delay(state);
	}
	while (!mailbox_leave(&box))
		serve(state);
}

int main(void)
{
	pthread_t threads[SENDERS];
	unsigned state = 99;

	alarm(100);
	sem_init(&interrupt, 0, 0);
	for (uintptr_t i = 0; i < SENDERS; i++)
		if (pthread_create(&threads[i], NULL, send, (void *)i))
			return EXIT_FAILURE;
	while (received < SENDERS * ROUNDS) {
		while (sem_wait(&interrupt) && errno == EINTR)
			continue;
		on_interrupt(&state);
		if (noise(&state) % 2)
			wait_a_while(&state);
	}
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	printf("%u messages, %u interrupts, %u of %u others seen, %u wrong\n", received, interrupts,
	       others_seen, others_sent, wrong);
	return wrong || interrupts >= received + others_sent || !others_seen ? EXIT_FAILURE
									     : EXIT_SUCCESS;
}
