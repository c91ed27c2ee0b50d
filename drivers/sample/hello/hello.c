/* SPDX-License-Identifier: MIT */
/*
 * The smallest driver that shows the whole path: it says hello when it is installed, looks whether
 * the loader has kept its promises (zeroes are zero, data has its values and its alignment), and
 * a timer says 10 ms later that the code is still there. Start your own driver as a copy of it.
 */
#include <banos/driver.h>
#include <banos/print.h>
#include <banos/time.h>
#include <banos/timer.h>

#define HELLO_DELAY_NS 10000000u

/* One for each instance: what follows the record is ours. */
struct hello {
	Banos_Driver driver;
	Banos_Timer *timer;
	uint32_t ticks;
};

#define GOOD_DATA 0x600dda7au

/* Volatile, or the compiler would answer for the loader. */
static volatile unsigned char zeroes[10000];	  /* .bss */
static volatile uint32_t initialised = GOOD_DATA; /* .data */
static char aligned[64] __attribute__((__aligned__(256))) = "256";
static char *volatile aligned_at = aligned; /* a relocation in .data */

static char *put_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = '\0';
	return to;
}

static char *put_number(char *to, uint32_t n)
{
	char digits[11];
	int at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = '0' + n % 10;
		n /= 10;
	} while (n);
	return put_text(to, &digits[at]);
}

static void hello_tick(void *ctx)
{
	struct hello *hello = ctx;
	char line[64];

	put_number(put_text(line, "hello: still here, tick "), ++hello->ticks);
	banos_dprintln(line);
}

/* What is wrong with the way we were loaded, or NULL. */
static const char *check_image(const struct hello *hello)
{
	for (unsigned i = 0; i < sizeof(zeroes); i++)
		if (zeroes[i])
			return "hello: .bss is not zero";
	if (initialised != GOOD_DATA || hello->ticks)
		return "hello: .data has other values";
	if ((uintptr_t)aligned_at % 256 || aligned_at[0] != '2')
		return "hello: data is not aligned";
	return NULL;
}

static int hello_init(Banos_Driver *driver)
{
	struct hello *hello = (struct hello *)driver;
	const char *wrong = check_image(hello);
	int error;

	if (wrong) {
		banos_dprintln(wrong);
		return -5; /* -EIO */
	}
	/* A second instance must not see what the first one leaves behind. */
	zeroes[0] = 1;
	initialised = 0;
	error = banos_timer_create(driver, hello_tick, hello, 0, &hello->timer);
	if (error)
		return error;
	banos_dprintln("hello: Hello from a driver!");
	return banos_timer_arm(hello->timer, banos_time_mono_ns() + HELLO_DELAY_NS, 0, 0);
}

static int hello_uninit(Banos_Driver *driver)
{
	struct hello *hello = (struct hello *)driver;

	banos_dprintln("hello: Goodbye!");
	return banos_timer_destroy(hello->timer);
}

BANOS_DRIVER_API static struct hello hello_driver = {
	.driver =
		{
			.driver_size = sizeof(hello_driver),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
			.name = "hello",
			.license = "MIT",
			.version = BANOS_VERSION_MAKE(1, 0, 0),
			.init = hello_init,
			.uninit = hello_uninit,
		},
};
