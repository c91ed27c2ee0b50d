/* SPDX-License-Identifier: MIT */
/*
 * Character devices: nodes below /dev that programs open, read, write, poll, map and control.
 * Interface "banos.chardev".
 *
 * The first argument of every callback is the context given at registration; of those that belong
 * to an open file, what open stored, which is the context when open stores nothing or is absent.
 * All callbacks are called in the program's thread, may sleep, and hold no lock of the kernel's
 * that the driver could meet. Several may run at once, also on one file: the driver locks what it
 * shares.
 *
 * Each successful open has one close. Programs that have the device open keep the driver from being
 * removed.
 *
 * -EINTR from open, read, write or ctl says that a signal ended a wait, and that nothing was done.
 * The call is made again, as a new one, when no handler of the program's runs for the signal, or
 * one with SA_RESTART. Else, and when there is no signal, the program gets EINTR.
 */
#ifndef BANOS_CHARDEV_H
#define BANOS_CHARDEV_H

#include <banos/driver.h>
#include <banos/io.h>
#include <banos/memory.h>

typedef struct Banos_Chardev Banos_Chardev;

/* What poll returns and banos_chardev_notify() takes: the numbers of poll(2). */
#define BANOS_POLL_IN	  0x001u
#define BANOS_POLL_OUT	  0x004u
#define BANOS_POLL_ERROR  0x008u
#define BANOS_POLL_HANGUP 0x010u

/* The file has a position: read and write get it, lseek and pread work. Else it is a stream. */
#define BANOS_CHARDEV_SEEKABLE 1u

typedef struct Banos_Chardev_Desc {
	uint32_t size;	/* of this structure */
	uint32_t flags; /* BANOS_CHARDEV_* */
	/* Below /dev: letters, digits, . _ - and slashes; a %u becomes the first number that is
	 * free. */
	const char *name;
	uint32_t mode; /* permissions, e.g. 0660; 0: 0600 */
	uint32_t uid;
	uint32_t gid;
	uint32_t zero;
} Banos_Chardev_Desc;

BANOS_SIZE(Banos_Chardev_Desc, 32);
BANOS_OFFSET(Banos_Chardev_Desc, name, 8);
BANOS_OFFSET(Banos_Chardev_Desc, mode, 16);
BANOS_OFFSET(Banos_Chardev_Desc, uid, 20);
BANOS_OFFSET(Banos_Chardev_Desc, gid, 24);

/* What a program does with memory that it maps. Since 0.10, with Banos_Mapping. */
#define BANOS_MAP_READ	  1u
#define BANOS_MAP_WRITE	  2u
#define BANOS_MAP_EXECUTE 4u

/* What is written is in the pages themselves; else the program gets a copy of its own. */
#define BANOS_MAPPING_SHARED 1u

/* A program is to map a part of the device. The kernel fills it in, the driver `pages`. Since
 * 0.10. */
typedef struct Banos_Mapping {
	uint32_t size;	 /* what the kernel has of it: fields beyond are not there */
	uint32_t flags;	 /* BANOS_MAPPING_* */
	uint64_t offset; /* multiples of 4,096, both; they must lie inside the pages */
	uint64_t length;
	uint32_t access; /* BANOS_MAP_*: what the program asks for */
	/*
	 * What it could ask for later, by mprotect(2). Take away what it must not have: a mapping
	 * that asks for more than is left is refused with -EACCES, and so is mprotect.
	 * BANOS_MAP_READ cannot be taken away.
	 */
	uint32_t may;
	Banos_Pages *pages; /* NULL, until the driver says what is to be mapped */
} Banos_Mapping;

BANOS_SIZE(Banos_Mapping, 40);
BANOS_OFFSET(Banos_Mapping, offset, 8);
BANOS_OFFSET(Banos_Mapping, length, 16);
BANOS_OFFSET(Banos_Mapping, access, 24);
BANOS_OFFSET(Banos_Mapping, may, 28);
BANOS_OFFSET(Banos_Mapping, pages, 32);

/* Any may be NULL; size is that of the structure. */
typedef struct Banos_Chardev_Ops {
	uint32_t size;
	uint32_t flags; /* 0 */
	/* A program opens it: flags are BANOS_IO_*, banos_caller_get() says who. 0 with *file, or
	 * -errno. */
	int32_t (*open)(void *ctx, uint32_t flags, void **file);
	/* Nobody has that file any more, and no other callback of it runs or will. */
	void (*close)(void *file);
	/* Bytes done, 0 at the end, -errno, or BANOS_IO_PENDING. NULL: -EINVAL. */
	int64_t (*read)(void *file, Banos_Io *io, uint64_t position);
	int64_t (*write)(void *file, Banos_Io *io, uint64_t position);
	/*
	 * ioctl(2): `operation` is its request. If that says a size (the _IOW and _IOR macros), the
	 * request's memory is what the argument points to. 0 or positive, -errno, or
	 * BANOS_IO_PENDING. NULL: -ENOTTY, which is also the answer to an unknown operation.
	 */
	int64_t (*ctl)(void *file, uint32_t operation, Banos_Io *io);
	/* BANOS_POLL_* that hold now; banos_chardev_notify() when that changes. NULL: always
	 * readable and writable. */
	uint32_t (*poll)(void *file);
	/*
	 * *pages with what is to be mapped: offset and length, multiples of 4,096, lie inside. The
	 * mapping cannot be made larger later (mremap: -EFAULT). The pages stay until the device is
	 * unregistered: nothing tells when a mapping ends. A later version may. 0 or -errno. NULL:
	 * -ENODEV.
	 */
	int32_t (*mmap)(void *file, uint64_t offset, uint64_t length, Banos_Pages **pages);
	/*
	 * A signal has come for the program whose request is pending: complete it soon, with -EINTR
	 * if nothing was done. It may come for a request that has just been completed; the Banos_Io
	 * stays until cancel returns, to be compared and looked at. NULL: the program waits.
	 */
	void (*cancel)(void *file, Banos_Io *io);
	/*
	 * As mmap, which is not called then, for who wants to know what the program will do with
	 * the memory, and has a say in it. What banos_chardev_register() returns tells whether this
	 * kernel knows it; a driver for kernels of 0.9, too, has both. 0 or -errno. NULL: mmap.
	 * Since 0.10.
	 */
	int32_t (*map)(void *file, Banos_Mapping *mapping);
} Banos_Chardev_Ops;

BANOS_SIZE(Banos_Chardev_Ops, 80);
BANOS_OFFSET(Banos_Chardev_Ops, open, 8);
BANOS_OFFSET(Banos_Chardev_Ops, close, 16);
BANOS_OFFSET(Banos_Chardev_Ops, read, 24);
BANOS_OFFSET(Banos_Chardev_Ops, write, 32);
BANOS_OFFSET(Banos_Chardev_Ops, ctl, 40);
BANOS_OFFSET(Banos_Chardev_Ops, poll, 48);
BANOS_OFFSET(Banos_Chardev_Ops, mmap, 56);
BANOS_OFFSET(Banos_Chardev_Ops, cancel, 64);
BANOS_OFFSET(Banos_Chardev_Ops, map, 72);

BANOS_API_BEGIN

/*
 * A device in *device, at once visible to programs. While the driver's init runs their opens wait
 * for its end; if it fails they get -ENODEV. `desc` and `ops` are copied. Returns how many bytes of
 * ops this kernel uses: what it does not know is never called. -EINVAL: a bad name, flag or size;
 * -E2BIG: something in desc that is not 0 and that this kernel does not know; -EEXIST: the name is
 * taken, by a device or by something else in /dev; -ENOMEM, -ENOSPC. Context: may sleep. Since 0.9.
 */
int32_t banos_chardev_register(Banos_Driver *driver, const Banos_Chardev_Desc *desc,
			       const Banos_Chardev_Ops *ops, void *ctx, Banos_Chardev **device);
/*
 * The device goes: its node vanishes, calls in progress must return (set a flag of your own that
 * makes them return -ENODEV, then wake those that wait; new ones come in until they see it),
 * files that are still open are closed, and their programs get -ENODEV. When it returns no callback
 * runs or will. NULL is allowed. 0; -EDEADLK from a callback of the device. Context: may sleep.
 * Since 0.9.
 */
int32_t banos_chardev_unregister(Banos_Chardev *device);
/* What poll returns may have become true: events BANOS_POLL_*. Context: any. Since 0.9. */
void banos_chardev_notify(Banos_Chardev *device, uint32_t events);

BANOS_API_END

#endif
