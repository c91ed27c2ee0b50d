/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices that are there, as /proc/banos/devices tells of them. */
#ifndef USER_BANOS_DEVICES_H
#define USER_BANOS_DEVICES_H

#include <banos/device.h>
#include <stdbool.h>
#include <stddef.h>

#define DEVICES_MAX 4096

struct device {
	char bus[32], name[64], compatible[64];
	Banos_Device_Info info;
	char driver[64]; /* or empty */
};

extern struct device *devices;
extern size_t device_count;

/* Reads them (anew). False after a message. */
bool devices_read(void);

#endif
