/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists, trees, bitmaps and hashes. */
#include "test.h"
#include <lib/bitmap.h>
#include <lib/hash.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <lib/string.h>

struct item {
	int value;
	struct list link;
	struct hlist_node hash;
};

static void lists(void)
{
	struct list head = LIST_INIT(head), other;
	struct item items[4] = {{.value = 0}, {.value = 1}, {.value = 2}, {.value = 3}};
	struct item *pos, *tmp;
	int expected = 0;

	list_init(&other);
	CHECK(list_empty(&head));
	CHECK(list_first_entry_or_null(&head, struct item, link) == NULL);
	list_add_tail(&items[1].link, &head);
	list_add_tail(&items[2].link, &head);
	list_add(&items[0].link, &head);
	list_add_tail(&items[3].link, &other);
	list_splice_tail(&other, &head);
	CHECK(list_empty(&other));
	list_splice_tail(&other, &head);
	list_for_each_entry(pos, &head, link)
		CHECK_EQ(pos->value, expected++);
	CHECK_EQ(expected, 4);
	CHECK_EQ(list_first_entry(&head, struct item, link)->value, 0);
	CHECK_EQ(list_last_entry(&head, struct item, link)->value, 3);
	CHECK_EQ(list_next_entry(&items[1], link)->value, 2);
	CHECK_EQ(list_prev_entry(&items[1], link)->value, 0);
	list_move_tail(&items[0].link, &head);
	CHECK_EQ(list_last_entry(&head, struct item, link)->value, 0);
	list_for_each_entry_safe(pos, tmp, &head, link)
		list_del(&pos->link);
	CHECK(list_empty(&head) && list_empty(&items[0].link));
	list_del(&items[0].link);
}

static void hash_chains(void)
{
	struct hlist_head head = {NULL};
	struct item items[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
	struct item *pos;
	struct hlist_node *tmp;
	int sum = 0;

	for (int i = 0; i < 3; i++) {
		CHECK(hlist_unhashed(&items[i].hash));
		hlist_add_head(&items[i].hash, &head);
	}
	hlist_for_each_entry(pos, &head, hash)
		sum = sum * 10 + pos->value;
	CHECK_EQ(sum, 210);
	hlist_del(&items[1].hash);
	hlist_del(&items[1].hash);
	CHECK(hlist_unhashed(&items[1].hash));
	sum = 0;
	hlist_for_each_entry_safe(pos, tmp, &head, hash) {
		sum = sum * 10 + pos->value;
		hlist_del(&pos->hash);
	}
	CHECK_EQ(sum, 20);
	CHECK(hlist_empty(&head));
}

struct number {
	unsigned key;
	bool in;
	struct rb_node node;
};

static void insert(struct rb_root *root, struct number *n)
{
	struct rb_node **link = &root->node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = n->key < rb_entry(parent, struct number, node)->key ? &parent->left
									   : &parent->right;
	}
	rb_link(&n->node, parent, link);
	rb_insert_fixup(&n->node, root);
}

/* Returns: the black height, or -1 if a rule of the tree is broken below `node`. */
static int verify(const struct rb_node *node)
{
	if (!node)
		return 1;

	bool red = !(node->parent_and_colour & 1);
	int left = verify(node->left), right = verify(node->right);

	if (left < 0 || left != right)
		return -1;
	for (int i = 0; i < 2; i++) {
		const struct rb_node *child = i ? node->right : node->left;

		if (child && rb_parent(child) != node)
			return -1;
		if (child && red && !(child->parent_and_colour & 1))
			return -1;
	}
	return left + !red;
}

static void check_tree(const struct rb_root *root, size_t expected)
{
	const struct rb_node *pos, *last = NULL;
	size_t count = 0;

	CHECK(verify(root->node) > 0);
	CHECK(!root->node || (root->node->parent_and_colour == 1));
	rb_for_each(pos, root) {
		if (last && rb_entry(last, const struct number, node)->key >
				    rb_entry(pos, const struct number, node)->key)
			CHECK(!"in order");
		if (rb_prev(pos) != last)
			CHECK(!"prev undoes next");
		last = pos;
		count++;
	}
	CHECK(rb_last(root) == last);
	CHECK_EQ(count, expected);
}

static void trees(void)
{
	enum { COUNT = 200 };
	static struct number numbers[COUNT];
	struct rb_root root = RB_ROOT_INIT;
	size_t in_tree = 0;

	check_tree(&root, 0);
	for (int round = 0; round < 20000; round++) {
		struct number *n = &numbers[test_random() % COUNT];

		if (n->in) {
			rb_erase(&n->node, &root);
			in_tree--;
		} else {
			n->key = (unsigned)test_random() % 64; /* many equal keys */
			insert(&root, n);
			in_tree++;
		}
		n->in = !n->in;
		check_tree(&root, in_tree);
	}
	for (int i = 0; i < COUNT; i++)
		if (numbers[i].in)
			rb_erase(&numbers[i].node, &root);
	CHECK(rb_empty(&root));
}

static void bitmaps(void)
{
	enum { BITS = 200 };
	DECLARE_BITMAP(map, BITS);

	BUILD_ASSERT(BITMAP_WORDS(0) == 0 && BITMAP_WORDS(64) == 1 && BITMAP_WORDS(65) == 2, "");
	bitmap_zero(map, BITS);
	CHECK_EQ(bitmap_find_set(map, BITS, 0), BITS);
	CHECK_EQ(bitmap_find_zero(map, BITS, 0), 0);
	CHECK_EQ(bitmap_find_zero(map, 0, 0), 0);
	CHECK_EQ(bitmap_find_zero(map, BITS, BITS + 5), BITS);
	for (size_t i = 0; i < BITS; i++) {
		bit_set(map, i);
		CHECK(bit_test(map, i));
		CHECK_EQ(bitmap_find_set(map, BITS, 0), i);
		CHECK_EQ(bitmap_find_set(map, BITS, i), i);
		CHECK_EQ(bitmap_find_set(map, BITS, i + 1), BITS);
		CHECK_EQ(bitmap_find_set(map, i, 0), i);
		CHECK_EQ(bitmap_weight(map, BITS), 1);
		CHECK_EQ(bitmap_weight(map, i), 0);
		bit_clear(map, i);
		CHECK(!bit_test(map, i));
	}
	bitmap_fill(map, BITS);
	CHECK_EQ(bitmap_weight(map, BITS), BITS);
	CHECK_EQ(bitmap_find_zero(map, BITS, 0), BITS);
	bit_clear(map, 130);
	CHECK_EQ(bitmap_find_zero(map, BITS, 3), 130);
	CHECK_EQ(bitmap_find_zero(map, 130, 0), 130);
}

/* Not a proof of quality, but a broken mixing step fails it. */
static void hashes(void)
{
	unsigned buckets[256] = {0};
	unsigned char data[32];

	for (uint64_t i = 0; i < 256 * 64; i++)
		buckets[hash_u64(i * 4096) % 256]++;
	for (size_t i = 0; i < 256; i++)
		CHECK(buckets[i] > 24 && buckets[i] < 128);
	memset(data, 0, sizeof(data));
	for (size_t n = 0; n < sizeof(data); n++) {
		uint64_t before = hash_bytes(data, n + 1, 1);

		CHECK(hash_bytes(data, n, 1) != before);
		CHECK(hash_bytes(data, n + 1, 2) != before);
		data[n] = 1;
		CHECK(hash_bytes(data, n + 1, 1) != before);
		data[n] = 0;
		CHECK(hash_bytes(data, n + 1, 1) == before);
	}
}

int main(void)
{
	RUN(lists);
	RUN(hash_chains);
	RUN(trees);
	RUN(bitmaps);
	RUN(hashes);
	return test_finish();
}
