/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a driver's calls end up: functions that are out of reach of a call, and the functions of
 * indirect branches and of returns under all names that compilers have for them.
 *
 * HOST-LINK: kernel/driver/image.c kernel/driver/image_link.c kernel/driver/image_contents.c
 * HOST-LINK: kernel/driver/image_meta.c kernel/driver/image_param.c kernel/driver/image_reloc.c
 */
#include "driver_object.h"

#define FAR_DISTANCE (1ul << 36)

/* mov $7, %eax; ret */
static const uint8_t seven[] = {0xb8, 7, 0, 0, 0, 0xc3};

/* A page with that function, further away than a call reaches. */
static uint8_t *far_page(void)
{
	for (uint64_t at = (uintptr_t)arena - FAR_DISTANCE; at > FAR_DISTANCE; at -= FAR_DISTANCE) {
		void *page = mmap((void *)at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (page != MAP_FAILED) {
			memcpy(page, seven, sizeof(seven));
			return page;
		}
	}
	abort();
}

/* An init that adds up two calls of the same function, with a jump there behind it. */
static void call_print(struct object *o, uint32_t type, int64_t addend)
{
	/* push %rbx; call; mov %eax, %ebx; call; add %ebx, %eax; pop %rbx; ret; jmp */
	static const uint8_t calls[] = {0x53, 0xe8, 0, 0,    0,	   0,	 0x89, 0xc3, 0xe8, 0, 0,
					0,    0,    1, 0xd8, 0x5b, 0xc3, 0xe9, 0,    0,	   0, 0};

	memset(o->text, 0, sizeof(o->text));
	memcpy(o->text, calls, sizeof(calls));
	o->rela_text[0] = RELA(2, Y_PRINT, type, addend);
	o->rela_text[1] = RELA(9, Y_PRINT, type, addend);
	o->rela_text[2] = RELA(18, Y_PRINT, type, addend);
	o->rela_text[3] = RELA(0, 0, R_X86_64_NONE, 0);
}

static void near_calls(void)
{
	memcpy(arena + ARENA_SIZE - 4096, seven, sizeof(seven));
	ACCEPTED(call_print(&bad, R_X86_64_PLT32, -4));
	CHECK_EQ(linked.veneers, 0);
	CHECK_EQ(contents.record->init(contents.record), 14);
}

/* A jump to what only returns is a return; calls of it, and jumps elsewhere, stay what they are. */
static void returns(void)
{
	static const uint8_t plain[] = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};
	const uint8_t *text;

	plain_return = (uintptr_t)arena + ARENA_SIZE - 4096;
	HERE_ONLY(0, call_print(&bad, R_X86_64_PLT32, -4));
	text = (const uint8_t *)contents.record->init;
	CHECK(memcmp(text + 17, plain, sizeof(plain)) == 0);
	CHECK(text[1] == 0xe8 && text[8] == 0xe8);
	HERE_ONLY(0, call_print(&bad, R_X86_64_PLT32, -3));
	CHECK(text[17] == 0xe9);
	plain_return = 0;
	HERE_ONLY(0, call_print(&bad, R_X86_64_PLT32, -4));
	CHECK(text[17] == 0xe9);
}

static void far_calls(void)
{
	print_at = (uintptr_t)far_page();
	HERE_ONLY(0, call_print(&bad, R_X86_64_PLT32, -4));
	CHECK_EQ(linked.veneers, 1);
	CHECK_EQ(linked.got_slots, 1);
	CHECK(linked.got_slots <= linked.got_room);
	CHECK_EQ(contents.record->init(contents.record), 14);
	/* Together with a slot that is used as such: there is one. */
	HERE_ONLY(0, call_print(&bad, R_X86_64_PLT32, -4);
		  bad.rela_text[2] = RELA(18, Y_PRINT, R_X86_64_GOTPCREL, -4));
	CHECK_EQ(linked.veneers, 1);
	CHECK_EQ(linked.got_slots, 1);
	/* What is no plain call has none. */
	HERE_ONLY(-ENOEXEC, call_print(&bad, R_X86_64_PC32, -4));
	HERE_ONLY(-ENOEXEC, call_print(&bad, R_X86_64_PLT32, -3));
	HERE_ONLY(-ENOEXEC, call_print(&bad, R_X86_64_PLT32, 0));
	HERE_ONLY(-ENOEXEC, call_print(&bad, R_X86_64_PLT32, 1ll << 40));
	HERE_ONLY(0, call_print(&bad, R_X86_64_64, 0); bad.rela_text[1] = bad.rela_text[3];
		  bad.rela_text[2] = bad.rela_text[3]);
	print_at = 0;
}

static void thunk_names(void)
{
	static const char *const names[][2] = {
		{"banos_thunk_rax", "banos_thunk_rax"},
		{"__x86_indirect_thunk_rax", "banos_thunk_rax"},
		{"__x86_indirect_thunk_r15", "banos_thunk_r15"},
		{"__llvm_retpoline_r11", "banos_thunk_r11"},
		{"__llvm_external_retpoline_r11", "banos_thunk_r11"},
		{"__x86_return_thunk", "banos_return_thunk"},
	};
	static const char *const others[] = {
		"__x86_indirect_thunk_",     "__x86_indirect_thunk_rsp", "__x86_indirect_thunk_eax",
		"__x86_indirect_thunk_r16",  "__x86_indirect_thunk",	 "__x86_return_thunk_rax",
		"__x86_indirect_thunk_rax1",
	};
	char *name = bad.strings + good.symbols[Y_PRINT].st_name;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		HERE_ONLY(0, memcpy(name, names[i][0], strlen(names[i][0]) + 1));
		CHECK_STR(asked_for, names[i][1]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		HERE_ONLY(-ENOENT, memcpy(name, others[i], strlen(others[i]) + 1));
		CHECK_STR(asked_for, others[i]);
	}
}

int main(int argc, char **argv)
{
	if (object_start(argc, argv) < 0)
		return 1;
	RUN(near_calls);
	RUN(returns);
	RUN(far_calls);
	RUN(thunk_names);
	return object_finish();
}
