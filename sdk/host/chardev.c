/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/chardev.h>, as kernel/vfs/banos_chardev.c does it, with a script's commands instead of
 * system calls.
 *
 *	registered	opens find it
 *	unregistered	nobody finds it; its gate is shut; files that were open are closed and dead:
 *			calls give -ENODEV. The memory goes with the last file.
 */
#include "device.h"
#include "host.h"
#include "pages.h"
#include "task.h"
#include <banos/chardev.h>
#include <banos/sync.h>
#include <base/banos_desc.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <base/owner.h>
#include <linux/ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched/gate.h>

#define PAGE	    4096u
#define NUMBERS_MAX 4096u
#define NAME_SIZE   64

struct open_file {
	struct list link; /* in device->files */
	Banos_Chardev *device;
	void *context;
	uint32_t flags; /* BANOS_IO_* */
	uint32_t access;
	uint64_t position;
	uint32_t refs; /* it is open, and calls in progress */
	bool dead;     /* closed because the device went */
};

struct Banos_Chardev {
	struct owner_object object;
	struct list link; /* in devices */
	struct gate gate;
	uint32_t refs; /* registration, open files */
	Banos_Chardev_Ops ops;
	void *ctx;
	Banos_Chardev_Desc desc;
	char name[NAME_SIZE];
	struct list files;
	uint64_t notified; /* how often */
	bool withdrawn;
};

static struct list devices = LIST_INIT(devices);

#define CALL(device, name, ...) \
	GATE_CALL((device)->object.owner, #name, (device)->ops.name(__VA_ARGS__))

static Banos_Chardev *find(const char *name)
{
	Banos_Chardev *d;

	list_for_each_entry(d, &devices, link)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

bool device_exists(const char *name)
{
	return find(name) != NULL;
}

static void device_put(Banos_Chardev *d)
{
	if (--d->refs)
		return;
	gate_fini(&d->gate);
	free(d);
}

/* What is no errno becomes one, and is told. */
static int errno_of(Banos_Chardev *d, const char *what, int64_t r)
{
	if (r >= -MAX_ERRNO)
		return (int)min(r, (int64_t)0);
	host_complain("driver %s: %s returned %lld, which is no errno", d->object.owner->name, what,
		      (long long)r);
	return -EIO;
}

/* --- open and close -------------------------------------------------------------------------- */

bool user_may(const struct user *user, uint32_t how, uint32_t mode, uint32_t uid, uint32_t gid)
{
	if (user->uid == 0)
		return true;
	if (user->uid == uid)
		mode >>= 6;
	else if (user->gid == gid)
		mode >>= 3;
	return (how & ~mode & (DEVICE_READ | DEVICE_WRITE)) == 0;
}

static int call_open(Banos_Chardev *d, struct open_file *f)
{
	struct gate_pass pass;
	int r = 0;

	if (!gate_enter(&d->gate, &pass))
		return -ENODEV;
	f->context = d->ctx;
	if (d->ops.open)
		r = errno_of(d, "open", CALL(d, open, d->ctx, f->flags, &f->context));
	if (!r)
		list_add_tail(&f->link, &d->files);
	gate_leave(&pass);
	return r;
}

int device_open(const char *name, uint32_t how, const struct user *user, struct open_file **out)
{
	Banos_Chardev *d = find(name);
	struct open_file *f;
	int r;

	if (!d)
		return -ENOENT;
	if (!user_may(user, how, d->desc.mode ? d->desc.mode : 0600, d->desc.uid, d->desc.gid))
		return -EACCES;
	if (!owner_hold(d->object.owner))
		return -ENODEV;
	d->refs++;
	f = host_alloc(sizeof(*f));
	f->device = d;
	f->refs = 1;
	f->access = how & (DEVICE_READ | DEVICE_WRITE);
	f->flags = (how & DEVICE_NONBLOCK ? BANOS_IO_NONBLOCK : 0) |
		   (how & DEVICE_READ ? BANOS_IO_READ : 0) |
		   (how & DEVICE_WRITE ? BANOS_IO_WRITE : 0);
	r = owner_await_start(d->object.owner);
	if (!r)
		r = call_open(d, f);
	if (r) {
		owner_drop(d->object.owner);
		device_put(d);
		free(f);
		return r;
	}
	*out = f;
	return 0;
}

static bool is_dead(const void *on)
{
	return ((const struct open_file *)on)->dead;
}

/* The last one closes it: a program may close what another of its threads still reads. */
static void file_put(struct open_file *f)
{
	Banos_Chardev *d = f->device;
	struct gate_pass pass;

	if (--f->refs)
		return;
	/* Either we take it off the list and close it, or the unregistration does. */
	if (gate_enter(&d->gate, &pass)) {
		list_del(&f->link);
		if (d->ops.close)
			GATE_CALL_VOID(d->object.owner, "close", d->ops.close(f->context));
		gate_leave(&pass);
		owner_drop(d->object.owner);
	} else {
		task_wait(is_dead, f, NEVER, false, "the unregistration of %s", d->name);
	}
	free(f);
	device_put(d);
}

void device_close(struct open_file *f)
{
	file_put(f);
}

/* Before and after a call of an open file. */
static bool file_enter(struct open_file *f, struct gate_pass *pass)
{
	if (!gate_enter(&f->device->gate, pass))
		return false;
	f->refs++;
	return true;
}

static void file_leave(struct open_file *f, struct gate_pass *pass)
{
	gate_leave(pass);
	file_put(f);
}

const char *device_name(const struct open_file *f)
{
	return f->device->name;
}

/* --- requests -------------------------------------------------------------------------------- */

static int64_t transfer(struct open_file *f, const struct request *q,
			int64_t (*call)(void *file, Banos_Io *io, uint64_t position),
			const char *what)
{
	Banos_Chardev *d = f->device;
	bool seekable = d->desc.flags & BANOS_CHARDEV_SEEKABLE;
	uint64_t position = !seekable ? 0 : q->is_pread ? q->position : f->position;
	struct gate_pass pass;
	Banos_Io *io;
	int64_t n;

	if (q->is_pread && !seekable)
		return -ESPIPE;
	if (!call)
		return -EINVAL;
	if (!file_enter(f, &pass))
		return -ENODEV;
	io = io_begin(q, f->flags);
	n = GATE_CALL(d->object.owner, what, call(f->context, io, position));
	n = io_end(io, n, d->object.owner, d->ops.cancel, f->context, what);
	if (n > 0 && (uint64_t)n > q->length) {
		host_complain("driver %s: %s has done %lld bytes of %llu", d->object.owner->name,
			      what, (long long)n, (unsigned long long)q->length);
		n = -EIO;
	}
	if (n > 0 && seekable && !q->is_pread)
		f->position += (uint64_t)n;
	file_leave(f, &pass);
	return n;
}

int64_t device_read(struct open_file *f, const struct request *q)
{
	if (!(f->access & DEVICE_READ))
		return -EBADF;
	return transfer(f, q, f->device->ops.read, "read");
}

int64_t device_write(struct open_file *f, const struct request *q)
{
	if (!(f->access & DEVICE_WRITE))
		return -EBADF;
	return transfer(f, q, f->device->ops.write, "write");
}

int64_t device_ctl(struct open_file *f, uint32_t operation, const struct request *q)
{
	struct request request = *q;
	Banos_Chardev *d = f->device;
	struct gate_pass pass;
	Banos_Io *io;
	int64_t r;

	if (!d->ops.ctl)
		return -ENOTTY;
	if (!file_enter(f, &pass))
		return -ENODEV;
	request.length = _IOC_DIR(operation) ? _IOC_SIZE(operation) : 0;
	io = io_begin(&request, f->flags);
	r = CALL(d, ctl, f->context, operation, io);
	r = io_end(io, r, d->object.owner, d->ops.cancel, f->context, "ctl");
	file_leave(f, &pass);
	return r;
}

int64_t device_seek(struct open_file *f, uint64_t position)
{
	if (!(f->device->desc.flags & BANOS_CHARDEV_SEEKABLE))
		return -ESPIPE;
	f->position = position;
	return (int64_t)position;
}

int64_t device_poll(struct open_file *f)
{
	uint32_t events = BANOS_POLL_IN | BANOS_POLL_OUT;
	Banos_Chardev *d = f->device;
	struct gate_pass pass;

	if (!file_enter(f, &pass))
		return BANOS_POLL_ERROR | BANOS_POLL_HANGUP;
	if (d->ops.poll)
		events = CALL(d, poll, f->context);
	file_leave(f, &pass);
	return events & (BANOS_POLL_IN | BANOS_POLL_OUT | BANOS_POLL_ERROR | BANOS_POLL_HANGUP);
}

struct notice {
	const Banos_Chardev *device;
	uint64_t seen;
};

static bool is_notified(const void *on)
{
	const struct notice *n = on;

	return n->device->notified != n->seen;
}

/* As a program does: what nobody notifies of is not seen. */
int64_t device_await(struct open_file *f, uint32_t events, uint64_t timeout_ns)
{
	nsec_t deadline = timeout_ns == BANOS_FOREVER ? NEVER : task_now() + timeout_ns;
	struct notice notice = {.device = f->device};
	int64_t now;
	int r;

	f->refs++;
	for (;;) {
		notice.seen = f->device->notified;
		now = device_poll(f);
		if (now & (events | BANOS_POLL_ERROR | BANOS_POLL_HANGUP))
			break;
		r = task_wait(is_notified, &notice, deadline, true,
			      "driver %s to notify those who poll %s",
			      f->device->object.owner->name, f->device->name);
		if (r) {
			now = r;
			break;
		}
	}
	file_put(f);
	return now;
}

bool device_is_writable(const struct open_file *f)
{
	return f->access & DEVICE_WRITE;
}

/* Which pages; and may they be mapped so? */
static int call_map(struct open_file *f, Banos_Mapping *m)
{
	Banos_Chardev *d = f->device;
	uint32_t asked = m->access;
	int r;

	if (!d->ops.map)
		return errno_of(d, "mmap",
				CALL(d, mmap, f->context, m->offset, m->length, &m->pages));
	r = errno_of(d, "map", CALL(d, map, f->context, m));
	return !r && asked & ~(m->may | BANOS_MAP_READ) ? -EACCES : r;
}

int device_map(struct open_file *f, uint64_t offset, uint64_t length, uint32_t access,
	       Banos_Pages **out)
{
	Banos_Chardev *d = f->device;
	bool writable = device_is_writable(f);
	Banos_Mapping m = {.size = sizeof(m),
			   .flags = BANOS_MAPPING_SHARED,
			   .offset = offset,
			   .length = length,
			   .access = access,
			   .may = BANOS_MAP_READ | (writable ? BANOS_MAP_WRITE : 0) |
				  BANOS_MAP_EXECUTE};
	struct gate_pass pass;
	uint64_t end;
	int r;

	if (!(f->access & DEVICE_READ) || (access & BANOS_MAP_WRITE && !writable))
		return -EACCES;
	if (!(d->ops.map || d->ops.mmap) || add_overflow(offset, length, &end))
		return -ENODEV;
	if (offset % PAGE || length % PAGE || !length)
		return -EINVAL;
	if (!file_enter(f, &pass))
		return -ENODEV;
	r = call_map(f, &m);
	if (!r && (!m.pages || end > (uint64_t)m.pages->count * PAGE))
		r = -EINVAL;
	if (!r) {
		m.pages->refs++;
		*out = m.pages;
	}
	file_leave(f, &pass);
	return r;
}

/* --- registration ---------------------------------------------------------------------------- */

static const char *label(const struct owner_object *object)
{
	return container_of(object, Banos_Chardev, object)->name;
}

static void withdraw(Banos_Chardev *d);

static void stop(struct owner_object *object)
{
	withdraw(container_of(object, Banos_Chardev, object));
}

static void forgotten(struct owner_object *object)
{
	banos_chardev_unregister(container_of(object, Banos_Chardev, object));
}

static const struct owner_class device_class = {
	.name = "device",
	.stage = OWNER_FRONT,
	.stop = stop,
	.label = label,
	.release = forgotten,
};

/* "blink%u" becomes the first that is free. */
static int choose_name(Banos_Chardev *d, const char *wanted)
{
	const char *number = strchr(wanted, '%');

	for (unsigned i = 0; i < NUMBERS_MAX; i++) {
		if (number)
			snprintf(d->name, sizeof(d->name), "%.*s%u%s", (int)(number - wanted),
				 wanted, i, number + 2);
		else
			snprintf(d->name, sizeof(d->name), "%s", wanted);
		if (!find(d->name))
			return 0;
		if (!number)
			break;
	}
	return -EEXIST;
}

int32_t banos_chardev_register(Banos_Driver *driver, const Banos_Chardev_Desc *given,
			       const Banos_Chardev_Ops *ops, void *ctx, Banos_Chardev **device)
{
	struct owner *owner = owner_find(driver);
	Banos_Chardev_Desc desc;
	const char *wrong;
	Banos_Chardev *d;
	int r = BANOS_STRUCT_GET(owner, Banos_Chardev_Desc, &desc, given), used;

	if (device)
		*device = NULL;
	if (r)
		return r;
	if (!owner || !device)
		return BANOS_REFUSE_CALLER(owner);
	wrong = banos_chardev_wrong(&desc);
	if (wrong)
		return BANOS_REFUSE_WRONG(owner, desc.name, wrong);
	if (host_fails())
		return -ENOMEM;
	d = host_alloc(sizeof(*d));
	used = r = BANOS_OPS_GET(owner, Banos_Chardev_Ops, &d->ops, ops);
	if (r >= 0)
		r = choose_name(d, desc.name);
	if (r == -EEXIST)
		BANOS_REFUSE_TAKEN(owner, desc.name, ", or have %u in it");
	if (!r)
		r = gate_init(&d->gate);
	if (r) {
		free(d);
		return r;
	}
	d->refs = 1;
	d->ctx = ctx;
	d->desc = desc;
	list_init(&d->files);
	*device = d;
	owner_add(owner, &d->object, &device_class);
	list_add_tail(&d->link, &devices);
	return used;
}

/* The gate is shut: nobody else calls. The calls of close below are inside it all the same. */
static void close_files(Banos_Chardev *d)
{
	struct gate_pass pass = {.gate = &d->gate, .outer = task_self()->gates};
	struct open_file *f;

	task_self()->gates = &pass;
	while ((f = list_first_entry_or_null(&d->files, struct open_file, link)) != NULL) {
		list_del(&f->link);
		if (d->ops.close)
			GATE_CALL_VOID(d->object.owner, "close", d->ops.close(f->context));
		owner_drop(d->object.owner);
		/* From here on its last user may free it. */
		f->dead = true;
	}
	task_self()->gates = pass.outer;
}

/* No callback runs or will. */
static void withdraw(Banos_Chardev *d)
{
	if (d->withdrawn)
		return;
	d->withdrawn = true;
	list_del(&d->link);
	gate_shut(&d->gate);
	close_files(d);
	d->notified++;
}

int32_t banos_chardev_unregister(Banos_Chardev *d)
{
	if (!d)
		return 0;
	if (gate_is_inside(&d->gate))
		return -EDEADLK;
	if (!owner_claim(&d->object))
		return 0;
	withdraw(d);
	owner_remove(&d->object);
	device_put(d);
	return 0;
}

void banos_chardev_notify(Banos_Chardev *d, uint32_t events)
{
	d->notified += (events & (BANOS_POLL_IN | BANOS_POLL_OUT | BANOS_POLL_ERROR |
				  BANOS_POLL_HANGUP)) != 0;
}
