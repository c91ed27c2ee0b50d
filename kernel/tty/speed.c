/* SPDX-License-Identifier: BSD-2-Clause */
/* Speeds of a line as termios encodes them. */
#include "tty.h"

static const struct {
	uint32_t flag, speed;
} speeds[] = {
	{B50, 50},	 {B75, 75},	    {B110, 110},       {B134, 134},	  {B150, 150},
	{B200, 200},	 {B300, 300},	    {B600, 600},       {B1200, 1200},	  {B1800, 1800},
	{B2400, 2400},	 {B4800, 4800},	    {B9600, 9600},     {B19200, 19200},	  {B38400, 38400},
	{B57600, 57600}, {B115200, 115200}, {B230400, 230400}, {B460800, 460800}, {B921600, 921600},
};

uint32_t tty_speed_flag(uint32_t speed)
{
	if (speed == 0)
		return B0;
	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
		if (speeds[i].speed == speed)
			return speeds[i].flag;
	return BOTHER;
}

uint32_t tty_flag_speed(uint32_t cflag)
{
	for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
		if (speeds[i].flag == (cflag & CBAUD))
			return speeds[i].speed;
	return 0;
}
