/* SPDX-License-Identifier: BSD-2-Clause */
/* Owners by their records, and the objects of each. Searched when an object is made only. */
#include "owner.h"

#include <base/percpu.h>

static struct spinlock owners_lock = SPINLOCK_INIT(LOCK_DRIVER_OWNER);
static struct rb_root owners; /* [owners_lock] by record */

static struct owner *of_node(struct rb_node *n)
{
	return rb_entry(n, struct owner, node);
}

void owner_publish(struct owner *o, const void *record, const char *name)
{
	struct rb_node **at = &owners.node, *parent = NULL;
	uint64_t irq;

	o->record = record;
	o->name = name;
	spin_init(&o->lock, LOCK_DRIVER_OWNER);
	list_init(&o->objects);
	for (unsigned i = 0; i < OWNER_STAGES; i++)
		list_init(&o->running[i]);
	irq = spin_lock_irq(&owners_lock);
	while (*at) {
		parent = *at;
		at = (uintptr_t)record < (uintptr_t)of_node(parent)->record ? &parent->left
									    : &parent->right;
	}
	rb_link(&o->node, parent, at);
	rb_insert_fixup(&o->node, &owners);
	spin_unlock_irq(&owners_lock, irq);
}

void owner_withdraw(struct owner *o)
{
	uint64_t irq = spin_lock_irq(&owners_lock);

	rb_erase(&o->node, &owners);
	spin_unlock_irq(&owners_lock, irq);
}

struct owner *owner_find(const void *record)
{
	uint64_t irq = spin_lock_irq(&owners_lock);
	struct rb_node *n = owners.node;

	while (n && of_node(n)->record != record)
		n = (uintptr_t)record < (uintptr_t)of_node(n)->record ? n->left : n->right;
	spin_unlock_irq(&owners_lock, irq);
	return n ? of_node(n) : NULL;
}

void owner_add(struct owner *o, struct owner_object *object, const struct owner_class *class)
{
	uint64_t irq = spin_lock_irq(&o->lock);

	object->owner = o;
	object->class = class;
	list_add_tail(&object->link, &o->objects);
	list_add_tail(&object->running, &o->running[class->stage]);
	spin_unlock_irq(&o->lock, irq);
}

void owner_remove(struct owner_object *object)
{
	uint64_t irq = spin_lock_irq(&object->owner->lock);

	list_del(&object->link);
	list_del(&object->running);
	object->ender = NULL;
	object->claims = 0;
	spin_unlock_irq(&object->owner->lock, irq);
}

struct owner_object *owner_newest(struct owner *o)
{
	uint64_t irq = spin_lock_irq(&o->lock);
	struct owner_object *object =
		list_empty(&o->objects) ? NULL
					: list_last_entry(&o->objects, struct owner_object, link);

	spin_unlock_irq(&o->lock, irq);
	return object;
}

struct owner_object *owner_newest_of(struct owner *o, const void *scope)
{
	uint64_t irq = spin_lock_irq(&o->lock);
	struct owner_object *object, *newest = NULL;

	list_for_each_entry(object, &o->objects, link) {
		if (object->scope == scope)
			newest = object;
	}
	spin_unlock_irq(&o->lock, irq);
	return newest;
}

/* --- who ends it ----------------------------------------------------------------------------- */

/* Holds: the owner's lock. */
static bool claim_locked(struct owner_object *object)
{
	if (object->ender && object->ender != current())
		return false;
	object->ender = current();
	object->claims++;
	return true;
}

bool owner_claim(struct owner_object *object)
{
	uint64_t irq = spin_lock_irq(&object->owner->lock);
	bool ours = claim_locked(object);

	spin_unlock_irq(&object->owner->lock, irq);
	return ours;
}

void owner_unclaim(struct owner_object *object)
{
	uint64_t irq = spin_lock_irq(&object->owner->lock);

	if (!--object->claims)
		object->ender = NULL;
	spin_unlock_irq(&object->owner->lock, irq);
}

void owner_being_made(struct owner_object *object)
{
	object->ender = current();
	object->claims = 1;
}

/* --- taking back ----------------------------------------------------------------------------- */

static bool is_of(const struct owner_object *object, const void *scope)
{
	return !scope || object->scope == scope;
}

/* The next to be stopped, which is running no longer as far as the lists know; or NULL. */
static struct owner_object *take_running(struct owner *o, const void *scope)
{
	uint64_t irq = spin_lock_irq(&o->lock);
	struct owner_object *object, *found = NULL;

	for (unsigned stage = OWNER_FRONT; stage < OWNER_STAGES && !found; stage++) {
		list_for_each_entry_reverse(object, &o->running[stage], running)
		{
			if (is_of(object, scope) && claim_locked(object)) {
				found = object;
				break;
			}
		}
	}
	if (found)
		list_del(&found->running);
	spin_unlock_irq(&o->lock, irq);
	return found;
}

static void tell_once(struct owner_object *object, void (*tell)(const struct owner_object *object))
{
	if (!object->told)
		tell(object);
	object->told = true;
}

/* The newest that nobody else ends; it is ours to end then. */
static struct owner_object *claim_newest(struct owner *o, const void *scope)
{
	uint64_t irq = spin_lock_irq(&o->lock);
	struct owner_object *object, *newest = NULL;

	list_for_each_entry_reverse(object, &o->objects, link)
	{
		if (is_of(object, scope) && claim_locked(object)) {
			newest = object;
			break;
		}
	}
	spin_unlock_irq(&o->lock, irq);
	return newest;
}

/* What is left is for somebody else to end. */
static void unclaim_all(struct owner *o, const void *scope)
{
	uint64_t irq = spin_lock_irq(&o->lock);
	struct owner_object *object;

	list_for_each_entry(object, &o->objects, link) {
		if (is_of(object, scope) && object->ender == current()) {
			object->ender = NULL;
			object->claims = 0;
		}
	}
	spin_unlock_irq(&o->lock, irq);
}

struct owner_object *owner_take_back(struct owner *o, const void *scope,
				     void (*tell)(const struct owner_object *object))
{
	struct owner_object *object;

	/* What ends may have made something new: from the first stage again. */
	while ((object = take_running(o, scope)) != NULL) {
		tell_once(object, tell);
		if (object->class->stop)
			object->class->stop(object);
		else
			object->class->release(object);
	}
	while ((object = claim_newest(o, scope)) != NULL) {
		tell_once(object, tell);
		object->class->release(object);
		if (claim_newest(o, scope) == object) {
			unclaim_all(o, scope);
			return object;
		}
	}
	return NULL;
}
