/* SPDX-License-Identifier: BSD-2-Clause */
/* Asks the driver asker.c as an ordinary user, whom it is told by the argument. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOBODY 65534

int main(void)
{
	int fd = open("/dev/asker", O_RDONLY);

	if (fd < 0 || setgid(NOBODY) || setuid(NOBODY) || ioctl(fd, 0x4201, (long)getuid())) {
		perror("asker");
		return 1;
	}
	return 0;
}
