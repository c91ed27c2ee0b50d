/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' text nodes: <banos/text.h>, statistics nodes that come and go.
 *
 * A node is shown until it is unregistered, and empty until its driver's init is over. Then its
 * gate is shut, so that no callback runs, and files that are still open read nothing. The memory
 * goes with the last of them. A driver with a call inside cannot be removed: each call passes the
 * driver's gate too.
 */
#include <banos/export.h>
#include <banos/text.h>
#include <base/banos_desc.h>
#include <base/banos_name.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <base/owner.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/banos_sleep.h>
#include <sched/gate.h>
#include <sched/mutex.h>

#define FOLDER "driver/"

struct Banos_Text_Node {
	struct owner_object object;
	struct gate gate;
	Banos_Text_Ops ops; /* [I] */
	void *ctx;	    /* [I] */
	struct stats_node node;
	char path[sizeof(FOLDER) + BANOS_NAME_MAX]; /* [I] */
};

static struct mutex naming = MUTEX_INIT(LOCK_DRIVER_NAMES); /* from the search to the node */

static void show(struct stats_node *n, struct text *out)
{
	Banos_Text_Node *node = container_of(n, Banos_Text_Node, node);
	struct gate_pass outer, pass;

	if (!gate_enter(&node->gate, &outer))
		return;
	if (owner_is_ready(node->object.owner) && gate_enter(&node->object.owner->gate, &pass)) {
		GATE_CALL_VOID(node->object.owner, "show",
			       node->ops.show(node->ctx, (Banos_Text *)out));
		gate_leave(&pass);
	}
	gate_leave(&outer);
}

static ssize_t store(struct stats_node *n, const char *text, size_t len)
{
	Banos_Text_Node *node = container_of(n, Banos_Text_Node, node);
	struct gate_pass outer, pass;
	int64_t r = -ENODEV;

	if (!gate_enter(&node->gate, &outer))
		return -ENODEV;
	if (owner_is_ready(node->object.owner) && gate_enter(&node->object.owner->gate, &pass)) {
		r = GATE_CALL(node->object.owner, "store", node->ops.store(node->ctx, text, len));
		gate_leave(&pass);
	}
	gate_leave(&outer);
	return r < -DRIVER_MAX_ERRNO || r > (int64_t)len ? -EIO : r;
}

static void node_free(struct stats_node *n)
{
	Banos_Text_Node *node = container_of(n, Banos_Text_Node, node);

	gate_fini(&node->gate);
	kfree(node);
}

static const char *label(const struct owner_object *object)
{
	return container_of(object, Banos_Text_Node, object)->path;
}

static void stop(struct owner_object *object)
{
	gate_shut(&container_of(object, Banos_Text_Node, object)->gate);
}

static void forgotten(struct owner_object *object)
{
	banos_text_unregister(container_of(object, Banos_Text_Node, object));
}

static const struct owner_class text_class = {
	.name = "text node",
	.stage = OWNER_FRONT,
	.stop = stop,
	.label = label,
	.release = forgotten,
};

/* One cannot be a folder of the other, either. */
static int compare(struct stats_node *n, void *ctx)
{
	const char *a = n->path, *b = ctx;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (!*a && (!*b || *b == '/')) || (!*b && *a == '/');
}

int32_t banos_text_register(Banos_Driver *driver, const Banos_Text_Desc *given,
			    const Banos_Text_Ops *ops, void *ctx, Banos_Text_Node **out)
{
	struct owner *owner = owner_find(driver);
	Banos_Text_Desc desc;
	Banos_Text_Node *node;
	const char *wrong;
	int r = BANOS_STRUCT_GET(owner, Banos_Text_Desc, &desc, given), used;

	if (out)
		*out = NULL;
	if (r)
		return r;
	if (!owner || !out)
		return BANOS_REFUSE_CALLER(owner);
	node = kzalloc(sizeof(*node));
	if (!node)
		return -ENOMEM;
	used = r = BANOS_OPS_GET(owner, Banos_Text_Ops, &node->ops, ops);
	if (r < 0)
		goto out_free;
	wrong = banos_text_wrong(&desc, &node->ops);
	r = wrong ? BANOS_REFUSE_WRONG(owner, desc.name, wrong) : gate_init(&node->gate);
	if (r)
		goto out_free;
	node->ctx = ctx;
	format(node->path, sizeof(node->path), FOLDER "%s", desc.name);
	node->node = (struct stats_node){
		.path = node->path,
		.show = show,
		.store = node->ops.store ? store : NULL,
		.mode = (uint16_t)(desc.mode	     ? desc.mode
				   : node->ops.store ? 0644
						     : 0444),
		.release = node_free,
	};
	mutex_lock(&naming);
	r = stats_for_each(compare, node->path) ? -EEXIST : 0;
	if (!r) {
		*out = node; /* first: show may run before we return */
		owner_add(owner, &node->object, &text_class);
		stats_add(&node->node);
	}
	mutex_unlock(&naming);
	if (!r)
		return used;
	if (r == -EEXIST)
		BANOS_REFUSE_TAKEN(owner, desc.name, "");
	gate_fini(&node->gate);
out_free:
	kfree(node);
	return r;
}
BANOS_EXPORT(banos_text_register);

int32_t banos_text_unregister(Banos_Text_Node *node)
{
	if (!node)
		return 0;
	if (gate_is_inside(&node->gate))
		return -EDEADLK;
	banos_may_sleep(__func__);
	if (!owner_claim(&node->object))
		return 0;
	gate_shut(&node->gate);
	owner_remove(&node->object);
	stats_remove(&node->node);
	return 0;
}
BANOS_EXPORT(banos_text_unregister);

void banos_text_write(Banos_Text *text, const char *bytes, uint64_t length)
{
	text_write((struct text *)text, bytes, length);
}
BANOS_EXPORT(banos_text_write);
