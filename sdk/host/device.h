/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices and texts of drivers, from the side of the programs that use them: what the commands of a
 * script are made of. All functions: 0 or positive, or -errno, as a program sees it.
 */
#ifndef HOST_DEVICE_H
#define HOST_DEVICE_H

#include <banos/chardev.h>
#include <banos/io.h>
#include <banos/memory.h>
#include <lib/list.h>

struct text;
struct open_file;

/* Who asks. */
struct user {
	uint32_t uid, gid;
	int32_t process;
};

/* By the permissions of a device: DEVICE_READ and DEVICE_WRITE. */
bool user_may(const struct user *user, uint32_t how, uint32_t mode, uint32_t uid, uint32_t gid);

/* Memory of a program. */
struct user_memory {
	struct list link;
	uint8_t *bytes;
	uint64_t size;
	uint64_t present; /* the first bytes; touching the rest is -EFAULT */
};

struct user_memory *user_memory_new(uint64_t size);
void user_memory_free(struct user_memory *m);

/* What a program asks of an open file. */
struct request {
	struct user_memory *memory; /* or NULL: none */
	uint64_t length;	    /* bytes of it */
	uint64_t argument;	    /* of a ctl */
	uint64_t position;	    /* where is_pread: of that, not the file's own */
	bool is_pread;
	struct user user;
};

#define DEVICE_NONBLOCK 1u
#define DEVICE_READ	4u /* as in permissions */
#define DEVICE_WRITE	2u

int device_open(const char *name, uint32_t how, const struct user *user, struct open_file **out);
void device_close(struct open_file *f);
const char *device_name(const struct open_file *f);
int64_t device_read(struct open_file *f, const struct request *q);
int64_t device_write(struct open_file *f, const struct request *q);
int64_t device_ctl(struct open_file *f, uint32_t operation, const struct request *q);
int64_t device_seek(struct open_file *f, uint64_t position);
/* BANOS_POLL_*, or -errno. */
int64_t device_poll(struct open_file *f);
/* Wait, as poll(2) does, until one of the events holds: those that do. -ETIMEDOUT, -EINTR. */
int64_t device_await(struct open_file *f, uint32_t events, uint64_t timeout_ns);
/* Shared, access: BANOS_MAP_*. A reference to the pages, for pages_put(). */
int device_map(struct open_file *f, uint64_t offset, uint64_t length, uint32_t access,
	       Banos_Pages **pages);
bool device_is_writable(const struct open_file *f);
/* Is there a device of that name? */
bool device_exists(const char *name);

/* Texts, by their names below /proc/driver. */
int text_show(const char *name, struct text *out);
int64_t text_store(const char *name, const char *bytes, uint64_t length);

/* For chardev.c: a request from begin to end (io.c). */
struct owner;
Banos_Io *io_begin(const struct request *q, uint32_t flags);
int64_t io_end(Banos_Io *io, int64_t returned, struct owner *owner,
	       void (*cancel)(void *file, Banos_Io *io), void *file, const char *what);

#endif
