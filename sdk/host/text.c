/* SPDX-License-Identifier: BSD-2-Clause */
/* <banos/text.h>, and the growing text behind it. */
#include "device.h"
#include "host.h"
#include "task.h"
#include <banos/text.h>
#include <base/banos_desc.h>
#include <base/banos_name.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <base/owner.h>
#include <base/stats.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched/gate.h>

#define PRINT_MAX 1024

struct Banos_Text_Node {
	struct owner_object object;
	struct list link; /* in nodes */
	struct gate gate;
	Banos_Text_Ops ops;
	void *ctx;
	char name[BANOS_NAME_MAX + 1];
};

static struct list nodes = LIST_INIT(nodes);

/* --- texts ----------------------------------------------------------------------------------- */

void text_write(struct text *t, const char *s, size_t n)
{
	if (n > t->size - t->len || !t->data) {
		t->size = 2 * (t->len + n) + 1;
		t->data = realloc(t->data, t->size);
		if (!t->data)
			abort();
	}
	memcpy(t->data + t->len, s, n);
	t->len += n;
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char line[PRINT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_write(t, line, strlen(line));
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

void banos_text_write(Banos_Text *text, const char *bytes, uint64_t length)
{
	text_write((struct text *)text, bytes, length);
}

/* --- nodes ----------------------------------------------------------------------------------- */

static Banos_Text_Node *find(const char *name)
{
	Banos_Text_Node *n;

	list_for_each_entry(n, &nodes, link)
		if (strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

/* One cannot be a folder of the other, either. */
static bool is_taken(const char *name)
{
	Banos_Text_Node *n;

	list_for_each_entry(n, &nodes, link) {
		const char *a = n->name, *b = name;

		while (*a && *a == *b) {
			a++;
			b++;
		}
		if ((!*a && (!*b || *b == '/')) || (!*b && *a == '/'))
			return true;
	}
	return false;
}

/* Inside the node's gate and the driver's, or -ENODEV. */
static int enter(Banos_Text_Node *node, struct gate_pass *outer, struct gate_pass *pass)
{
	if (!gate_enter(&node->gate, outer))
		return -ENODEV;
	if (owner_is_ready(node->object.owner) && gate_enter(&node->object.owner->gate, pass))
		return 0;
	gate_leave(outer);
	return -ENODEV;
}

/* --- texts of the kernel's own code: /proc/banos/devices ----------------------------------------
 */

static struct list own_nodes = LIST_INIT(own_nodes);

void stats_add(struct stats_node *n)
{
	list_add_tail(&n->link, &own_nodes);
}

static int show_own(const char *name, struct text *out)
{
	struct stats_node *n;

	if (!str_starts(name, "/proc/"))
		return -ENOENT;
	list_for_each_entry(n, &own_nodes, link)
		if (strcmp(n->path, name + strlen("/proc/")) == 0) {
			n->show(n, out);
			return 0;
		}
	return -ENOENT;
}

/* --- use ---------------------------------------------------------------------------------------
 */

int text_show(const char *name, struct text *out)
{
	Banos_Text_Node *node = find(name);
	struct gate_pass outer, pass;
	int r;

	if (!node)
		return show_own(name, out);
	r = enter(node, &outer, &pass);
	if (r)
		return r;
	GATE_CALL_VOID(node->object.owner, "show", node->ops.show(node->ctx, (Banos_Text *)out));
	gate_leave(&pass);
	gate_leave(&outer);
	return 0;
}

int64_t text_store(const char *name, const char *bytes, uint64_t length)
{
	Banos_Text_Node *node = find(name);
	struct gate_pass outer, pass;
	struct owner *owner;
	char *copy;
	int64_t r;

	if (!node)
		return -ENOENT;
	if (!node->ops.store)
		return -EACCES;
	r = enter(node, &outer, &pass);
	if (r)
		return r;
	owner = node->object.owner;
	/* A block of its own, so that reading beyond its end is seen. */
	copy = host_alloc(length + 1);
	memcpy(copy, bytes, length);
	r = GATE_CALL(owner, "store", node->ops.store(node->ctx, copy, length));
	free(copy);
	if (r < -MAX_ERRNO || r > (int64_t)length) {
		host_complain("driver %s: store returned %lld for %llu bytes", owner->name,
			      (long long)r, (unsigned long long)length);
		r = -EIO;
	}
	gate_leave(&pass);
	gate_leave(&outer);
	return r;
}

static const char *label(const struct owner_object *object)
{
	return container_of(object, Banos_Text_Node, object)->name;
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
	if (host_fails())
		return -ENOMEM;
	node = host_alloc(sizeof(*node));
	used = r = BANOS_OPS_GET(owner, Banos_Text_Ops, &node->ops, ops);
	if (r >= 0) {
		wrong = banos_text_wrong(&desc, &node->ops);
		r = wrong ? BANOS_REFUSE_WRONG(owner, desc.name, wrong) : 0;
	}
	if (!r && is_taken(desc.name))
		r = BANOS_REFUSE_TAKEN(owner, desc.name, "");
	if (!r)
		r = gate_init(&node->gate);
	if (r) {
		free(node);
		return r;
	}
	node->ctx = ctx;
	strlcpy(node->name, desc.name, sizeof(node->name));
	*out = node;
	owner_add(owner, &node->object, &text_class);
	list_add_tail(&node->link, &nodes);
	return used;
}

int32_t banos_text_unregister(Banos_Text_Node *node)
{
	if (!node)
		return 0;
	if (gate_is_inside(&node->gate))
		return -EDEADLK;
	if (!owner_claim(&node->object))
		return 0;
	list_del(&node->link);
	gate_shut(&node->gate);
	owner_remove(&node->object);
	gate_fini(&node->gate);
	free(node);
	return 0;
}
