/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' character devices: <banos/chardev.h>.
 *
 * Objects: a Banos_Chardev, and a struct open_file for each description that programs have of it.
 *
 *	making		opens find it (chardev.c) and take a reference to it, but wait: if its node
 *			cannot be made they give -ENODEV, and nobody has been in it
 *	registered	its node is there. Opens still wait for the end of the driver's init, and
 *			give -ENODEV if that fails
 *	unregistered	nobody finds it; its gate is shut, so that no callback runs; each file that
 *			was open has been closed and is dead: calls give -ENODEV. The memory goes
 *			with the last file.
 *
 * An open file holds the driver (owner_hold), which therefore is not removed; a dead one does not.
 * Calls of an open file pass the device's gate because the driver may unregister the device at any
 * time; that costs two increments in the processor's own cache line.
 *
 * A mapping is of the part and with the access that the driver was asked for: it cannot grow
 * (VM_NO_GROWTH), and mprotect adds nothing that the driver has taken away.
 *
 * Locks: device->lock (VFS_MISC) covers the list of its files. Callbacks are called with no
 * lock held but the file's position lock, if it has a position.
 */
#include "banos_io.h"
#include "chardev.h"
#include "inode.h"
#include "poll.h"
#include <banos/chardev.h>
#include <banos/export.h>
#include <base/banos_struct.h>
#include <base/banos_desc.h>
#include <base/banos_refuse.h>
#include <base/log.h>
#include <base/owner.h>
#include <lib/errno.h>
#include <lib/bitmap.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/ioctl.h>
#include <mem/slab.h>
#include <sched/banos_sleep.h>
#include <sched/epoch.h>
#include <sched/gate.h>
#include <sched/mutex.h>
#include <sched/thread.h>
#include <vm/banos_pages.h>
#include <vm/object.h>
#include <vm/space.h>

BUILD_ASSERT(VM_READ == BANOS_MAP_READ && VM_WRITE == BANOS_MAP_WRITE &&
		     VM_EXEC == BANOS_MAP_EXECUTE,
	     "the numbers of the ABI");

#define DEVICE_MAJOR 240 /* "local and experimental use" of Linux's list */
#define MINORS	     4096
#define NAME_SIZE    64

struct open_file {
	struct list link;      /* [device->lock] in device->files */
	Banos_Chardev *device; /* [I] a reference */
	void *context;	       /* [I] what open gave */
	bool dead;	       /* [a] closed because the device went */
};

enum making { MAKING, MADE, NOT_MADE };

struct Banos_Chardev {
	struct owner_object object;
	struct gate gate;
	uint32_t refs;		/* [a] registration, open files */
	Banos_Chardev_Ops ops;	/* [I] */
	void *ctx;		/* [I] */
	enum making making;	/* [a] by who registers it; opens wait at `changed` meanwhile */
	bool withdrawn;		/* by who ends it */
	struct chardev dev;	/* [I] */
	char name[NAME_SIZE];	/* [I] */
	struct spinlock lock;	/* VFS_MISC */
	struct list files;	/* [lock] open_file */
	struct blocker changed; /* who polls hangs here; who opens or closes waits here */
	struct epoch_head epoch;
};

static struct spinlock minors_lock = SPINLOCK_INIT(LOCK_VFS_MISC);
static DECLARE_BITMAP(minors, MINORS); /* [minors_lock] in use */
static unsigned next_minor;	       /* [minors_lock] those before it were used last */

static void device_put(Banos_Chardev *d)
{
	if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL))
		return;
	gate_fini(&d->gate);
	kfree_deferred(d, epoch);
}

/* chardev.c has found it: a reference to it and a hold of the driver, which open takes over. */
static bool device_hold(void *priv)
{
	Banos_Chardev *d = priv;

	if (!owner_hold(d->object.owner))
		return false;
	__atomic_add_fetch(&d->refs, 1, __ATOMIC_RELAXED);
	return true;
}

#define CALL(device, name, ...) \
	GATE_CALL((device)->object.owner, #name, (device)->ops.name(__VA_ARGS__))

/* Before a call of an open file; false: the device is gone. */
static bool file_enter(struct open_file *of, struct gate_pass *pass)
{
	return gate_enter(&of->device->gate, pass);
}

static uint32_t io_flags(const struct file *f, const struct iter *it)
{
	return banos_io_mode(f) | (it && it->flags & ITER_NOWAIT ? BANOS_IO_NONBLOCK : 0);
}

/* --- operations of an open file -------------------------------------------------------------- */

/* Until its node is there, and the driver's init over. */
static int await_device(Banos_Chardev *d)
{
	if (WAIT_UNTIL(&d->changed, __atomic_load_n(&d->making, __ATOMIC_ACQUIRE) != MAKING, NEVER,
		       WAIT_INTERRUPTIBLE))
		return -EINTR;
	if (__atomic_load_n(&d->making, __ATOMIC_ACQUIRE) == NOT_MADE)
		return -ENODEV;
	return owner_await_start(d->object.owner);
}

static int call_open(Banos_Chardev *d, struct file *f, struct open_file *of)
{
	struct gate_pass pass;
	int r = 0;

	if (!gate_enter(&d->gate, &pass))
		return -ENODEV;
	of->context = d->ctx;
	if (d->ops.open)
		r = CALL(d, open, d->ctx, io_flags(f, NULL), &of->context);
	if (r >= 0) {
		spin_lock(&d->lock);
		list_add_tail(&of->link, &d->files);
		spin_unlock(&d->lock);
	}
	gate_leave(&pass);
	return r < -DRIVER_MAX_ERRNO ? -EIO : min(r, 0);
}

static int device_open(struct inode *inode, struct file *f)
{
	Banos_Chardev *d = f->priv;
	struct open_file *of = kzalloc(sizeof(*of));
	int r = -ENOMEM;

	if (of) {
		of->device = d;
		f->priv = of;
		r = await_device(d);
	}
	if (!r)
		r = call_open(d, f, of);
	if (r) {
		kfree(of);
		owner_drop(d->object.owner);
		device_put(d);
	}
	return r;
}

static void device_release(struct file *f)
{
	struct open_file *of = f->priv;
	Banos_Chardev *d = of->device;
	struct gate_pass pass;

	/* Either we take it off the list and close it, or the unregistration does. */
	if (file_enter(of, &pass)) {
		spin_lock(&d->lock);
		list_del(&of->link);
		spin_unlock(&d->lock);
		if (d->ops.close)
			GATE_CALL_VOID(d->object.owner, "close", d->ops.close(of->context));
		gate_leave(&pass);
		owner_drop(d->object.owner);
	} else {
		WAIT_UNTIL(&d->changed, __atomic_load_n(&of->dead, __ATOMIC_ACQUIRE), NEVER,
			   WAIT_UNINTERRUPTIBLE);
	}
	kfree(of);
	device_put(d);
}

static __noinline int did_too_much(struct owner *o, const char *what, int64_t done, uint64_t length)
{
	if (banos_may_tell(o))
		log_error("driver %s: %s says that it did %ld bytes of a request for %lu: it "
			  "becomes EIO",
			  o->name, what, (long)done, (unsigned long)length);
	return -EIO;
}

static ssize_t transfer(struct file *f, struct iter *it, off64_t *pos,
			int64_t (*call)(void *file, Banos_Io *io, uint64_t position),
			const char *what)
{
	bool seekable = !(f->ops->flags & FILE_OPS_STREAM);
	struct open_file *of = f->priv;
	Banos_Chardev *d = of->device;
	struct gate_pass pass;
	struct Banos_Io io;
	int64_t n;

	if (!call)
		return -EINVAL;
	if (!file_enter(of, &pass))
		return -ENODEV;
	banos_io_begin(&io, it, io_flags(f, it));
	n = GATE_CALL(d->object.owner, what, call(of->context, &io, seekable ? (uint64_t)*pos : 0));
	n = banos_io_end(&io, n, d->object.owner, d->ops.cancel, of->context);
	gate_leave(&pass);
	if (unlikely(n > (int64_t)io.length))
		n = did_too_much(d->object.owner, what, n, io.length);
	if (n > 0) {
		iter_advance(it, (size_t)n);
		if (seekable)
			*pos += n;
	}
	return n;
}

static ssize_t device_read(struct file *f, struct iter *it, off64_t *pos)
{
	return transfer(f, it, pos, ((struct open_file *)f->priv)->device->ops.read, "read");
}

static ssize_t device_write(struct file *f, struct iter *it, off64_t *pos)
{
	return transfer(f, it, pos, ((struct open_file *)f->priv)->device->ops.write, "write");
}

static int64_t device_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct open_file *of = f->priv;
	Banos_Chardev *d = of->device;
	struct gate_pass pass;
	struct Banos_Io io;
	int64_t r;

	if (!d->ops.ctl)
		return -ENOTTY;
	if (!file_enter(of, &pass))
		return -ENODEV;
	iter_init_user(&io.memory, arg, _IOC_DIR(cmd) ? _IOC_SIZE(cmd) : 0);
	banos_io_begin(&io, &io.memory, io_flags(f, NULL));
	io.argument = arg;
	r = CALL(d, ctl, of->context, cmd, &io);
	r = banos_io_end(&io, r, d->object.owner, d->ops.cancel, of->context);
	gate_leave(&pass);
	return r;
}

static unsigned device_poll(struct file *f, struct poll_table *pt)
{
	struct open_file *of = f->priv;
	Banos_Chardev *d = of->device;
	unsigned events = EPOLLIN | EPOLLOUT;
	struct gate_pass pass;

	poll_wait(pt, &d->changed);
	if (!file_enter(of, &pass))
		return EPOLLERR | EPOLLHUP;
	if (d->ops.poll)
		events = CALL(d, poll, of->context);
	gate_leave(&pass);
	events &= BANOS_POLL_IN | BANOS_POLL_OUT | BANOS_POLL_ERROR | BANOS_POLL_HANGUP;
	if (events & EPOLLIN)
		events |= EPOLLRDNORM;
	if (events & EPOLLOUT)
		events |= EPOLLWRNORM;
	return events;
}

/* Which pages, and what may become of the mapping. */
static int call_map(Banos_Chardev *d, void *file, struct vm_map_args *a, Banos_Mapping *m)
{
	uint32_t may = m->may;
	int r;

	if (!d->ops.map)
		return CALL(d, mmap, file, m->offset, m->length, &m->pages);
	r = CALL(d, map, file, m);
	may &= m->may | BANOS_MAP_READ;
	if (!(may & BANOS_MAP_WRITE))
		a->flags &= ~(unsigned)VM_MAY_WRITE;
	if (!(may & BANOS_MAP_EXECUTE))
		a->flags |= VM_MAY_NOT_EXEC;
	return r >= 0 && a->prot & ~may ? -EACCES : r;
}

/*
 * The driver has been asked for this part and this access. The region stays so: it does not grow,
 * and mprotect adds nothing that was refused.
 */
static int device_mmap(struct file *f, struct vm_map_args *a)
{
	struct open_file *of = f->priv;
	Banos_Chardev *d = of->device;
	Banos_Mapping m = {.size = sizeof(m),
			   .flags = a->flags & VM_SHARED ? BANOS_MAPPING_SHARED : 0,
			   .offset = a->offset,
			   .length = ALIGN_UP(a->length, PAGE_SIZE),
			   .access = a->prot,
			   .may = BANOS_MAP_READ | (a->flags & VM_MAY_WRITE ? BANOS_MAP_WRITE : 0) |
				  (a->flags & VM_MAY_NOT_EXEC ? 0 : BANOS_MAP_EXECUTE)};
	struct gate_pass pass;
	uint64_t end;
	int r;

	if (!(d->ops.map || d->ops.mmap) || m.length < a->length ||
	    add_overflow(m.offset, m.length, &end))
		return -ENODEV;
	if (!file_enter(of, &pass))
		return -ENODEV;
	r = call_map(d, of->context, a, &m);
	if (r >= 0 && (!m.pages || end > (uint64_t)m.pages->count * PAGE_SIZE))
		r = -EINVAL;
	if (r >= 0)
		a->object = vm_object_get(m.pages->mapped);
	a->flags |= VM_NO_GROWTH;
	gate_leave(&pass);
	return r < -DRIVER_MAX_ERRNO ? -EIO : min(r, 0);
}

/* There is no end to seek from. */
static off64_t device_llseek(struct file *f, off64_t offset, int whence)
{
	return file_llseek_size(f, offset, whence, 0, INT64_MAX);
}

#define DEVICE_OPS                                                           \
	.open = device_open, .release = device_release, .read = device_read, \
	.write = device_write, .ioctl = device_ioctl, .poll = device_poll, .mmap = device_mmap

static const struct file_ops stream_ops = {.flags = FILE_OPS_STREAM, DEVICE_OPS};
static const struct file_ops seekable_ops = {.llseek = device_llseek, DEVICE_OPS};

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

/* Round and round: a node that somebody made must not soon mean another device. */
static int take_minor(unsigned *minor)
{
	int r = -ENOSPC;

	spin_lock(&minors_lock);
	*minor = (unsigned)bitmap_find_zero(minors, MINORS, next_minor);
	if (*minor >= MINORS)
		*minor = (unsigned)bitmap_find_zero(minors, MINORS, 0);
	if (*minor < MINORS) {
		bit_set(minors, *minor);
		next_minor = (*minor + 1) % MINORS;
		r = 0;
	}
	spin_unlock(&minors_lock);
	return r;
}

static void give_minor(unsigned minor)
{
	spin_lock(&minors_lock);
	bit_clear(minors, minor);
	spin_unlock(&minors_lock);
}

/* "blink%u" becomes the first that is free, from *number on, and that is stored. 0, -EEXIST. */
static int choose_name(Banos_Chardev *d, const char *wanted, unsigned *number)
{
	const char *place = strchr(wanted, '%');

	for (; *number < (place ? MINORS : 1); (*number)++) {
		if (place)
			format(d->name, sizeof(d->name), "%.*s%u%s", (int)(place - wanted), wanted,
			       *number, place + 2);
		else
			strlcpy(d->name, wanted, sizeof(d->name));
		if (!chardev_name_taken(d->name))
			return 0;
	}
	return -EEXIST;
}

/* From the choice of a name to the node, and until the node of one that goes is gone. */
static struct mutex naming = MUTEX_INIT(LOCK_DRIVER_NAMES);

static int add(Banos_Chardev *d, const Banos_Chardev_Desc *desc, unsigned minor)
{
	d->dev = (struct chardev){
		.name = d->name,
		.rdev = DEV_MAKE(DEVICE_MAJOR, minor),
		.count = 1,
		.mode = desc->mode ? desc->mode & 0777 : 0600,
		.uid = desc->uid,
		.gid = desc->gid,
		.ops = desc->flags & BANOS_CHARDEV_SEEKABLE ? &seekable_ops : &stream_ops,
		.priv = d,
		.hold = device_hold,
	};
	return chardev_add(&d->dev);
}

static int publish(Banos_Chardev *d, const Banos_Chardev_Desc *desc)
{
	unsigned minor, number = 0;
	int r = take_minor(&minor);

	if (r)
		return r;
	mutex_lock(&naming);
	do {
		r = choose_name(d, desc->name, &number);
		if (r)
			break;
		/* A program may have put something of its own there. */
		r = add(d, desc, minor);
		number++;
	} while (r == -EEXIST);
	mutex_unlock(&naming);
	if (r)
		give_minor(minor);
	return r;
}

/* The gate is shut: nobody else calls. The calls of close below are inside it all the same. */
static void close_files(Banos_Chardev *d)
{
	struct gate_pass pass = {.gate = &d->gate, .outer = current()->gates};
	struct open_file *of;

	current()->gates = &pass;

	for (;;) {
		spin_lock(&d->lock);
		of = list_first_entry_or_null(&d->files, struct open_file, link);
		if (of)
			list_del(&of->link);
		spin_unlock(&d->lock);
		if (!of)
			break;
		if (d->ops.close)
			GATE_CALL_VOID(d->object.owner, "close", d->ops.close(of->context));
		owner_drop(d->object.owner);
		/* From here on its last user may free it. */
		__atomic_store_n(&of->dead, true, __ATOMIC_RELEASE);
	}
	current()->gates = pass.outer;
}

static void tell_made(Banos_Chardev *d, enum making how)
{
	__atomic_store_n(&d->making, how, __ATOMIC_RELEASE);
	blocker_wake_all(&d->changed);
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
	d = kzalloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	used = r = BANOS_OPS_GET(owner, Banos_Chardev_Ops, &d->ops, ops);
	if (r >= 0)
		r = gate_init(&d->gate);
	if (r)
		goto out_free;
	d->refs = 1;
	d->ctx = ctx;
	spin_init(&d->lock, LOCK_VFS_MISC);
	list_init(&d->files);
	blocker_init_class(&d->changed, LOCK_BLOCKER_OUTER);
	/* First: programs may open the device before publish() returns. */
	*device = d;
	owner_being_made(&d->object);
	owner_add(owner, &d->object, &device_class);
	r = publish(d, &desc);
	tell_made(d, r ? NOT_MADE : MADE);
	if (r == -EEXIST)
		BANOS_REFUSE_TAKEN(owner, desc.name, ", or have %u in it");
	if (!r) {
		owner_unclaim(&d->object);
		return used;
	}
	/* Nobody finds it, and those who did have not got in. */
	*device = NULL;
	owner_remove(&d->object);
	device_put(d);
	return r;
out_free:
	kfree(d);
	return r;
}
BANOS_EXPORT(banos_chardev_register);

/* No callback runs or will. */
static void withdraw(Banos_Chardev *d)
{
	if (d->withdrawn)
		return;
	d->withdrawn = true;
	mutex_lock(&naming);
	chardev_remove(&d->dev);
	mutex_unlock(&naming);
	gate_shut(&d->gate);
	close_files(d);
	give_minor(DEV_MINOR(d->dev.rdev));
	blocker_wake(&d->changed, ~0U, EPOLLERR | EPOLLHUP);
}

int32_t banos_chardev_unregister(Banos_Chardev *d)
{
	if (!d)
		return 0;
	if (gate_is_inside(&d->gate))
		return -EDEADLK;
	banos_may_sleep(__func__);
	if (!owner_claim(&d->object))
		return 0;
	withdraw(d);
	owner_remove(&d->object);
	device_put(d);
	return 0;
}
BANOS_EXPORT(banos_chardev_unregister);

void banos_chardev_notify(Banos_Chardev *d, uint32_t events)
{
	unsigned key = events;

	if (events & EPOLLIN)
		key |= EPOLLRDNORM;
	if (events & EPOLLOUT)
		key |= EPOLLWRNORM;
	blocker_wake(&d->changed, ~0U, key);
}
BANOS_EXPORT(banos_chardev_notify);
