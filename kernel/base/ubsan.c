/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What instrumented code calls when it meets undefined behaviour (test builds; the structures are
 * those of GCC's -fsanitize=undefined). Each is a panic with the place: undefined behaviour in a
 * kernel is a bug, not a warning.
 */
#include "panic.h"

#if CONFIG_TEST

struct location {
	const char *file;
	uint32_t line, column;
};

static _Noreturn void report(const char *what, const struct location *l)
{
	panic("undefined behaviour: %s at %s:%u:%u", what, l->file, l->line, l->column);
}

/* In each structure of this compiler the location comes first. */
#define HANDLER(name, what, ...)                                             \
	void __ubsan_handle_##name(const struct location *l, ##__VA_ARGS__); \
	void __ubsan_handle_##name(const struct location *l, ##__VA_ARGS__)  \
	{                                                                    \
		report(what, l);                                             \
	}

HANDLER(add_overflow, "signed addition overflows", void *a, void *b)
HANDLER(sub_overflow, "signed subtraction overflows", void *a, void *b)
HANDLER(mul_overflow, "signed multiplication overflows", void *a, void *b)
HANDLER(negate_overflow, "negation overflows", void *a)
HANDLER(divrem_overflow, "division by zero or overflow", void *a, void *b)
HANDLER(shift_out_of_bounds, "shift by more than the width", void *a, void *b)
HANDLER(out_of_bounds, "array index out of bounds", void *i)
HANDLER(builtin_unreachable, "unreachable code reached")
HANDLER(missing_return, "no return value")
HANDLER(vla_bound_not_positive, "array of no size", void *b)
HANDLER(load_invalid_value, "a bool or enum holds another value", void *v)
HANDLER(nonnull_arg, "a null argument that must not be")
HANDLER(nonnull_return_v1, "a null return that must not be", const struct location *m)
HANDLER(type_mismatch_v1, "null, misaligned or too small object accessed", void *p)
HANDLER(pointer_overflow, "pointer arithmetic overflows", void *a, void *b)
HANDLER(invalid_builtin, "zero given to a builtin that counts zeroes")
HANDLER(float_cast_overflow, "floating-point conversion overflows", void *v)

#endif
