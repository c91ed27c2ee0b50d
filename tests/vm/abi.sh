#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The published driver ABI is as recorded, and every kind of change to it is noticed: in a copy of
# the headers one thing is changed at a time.
. tests/vm/lib.inc

expect_status 0 make -s abi-check

tree=$work/tree
export ABI_ROOT="$tree"
fresh() {
	rm -rf "$tree"
	mkdir "$tree"
	cp -r include abi "$tree"
}

# changed STATUS PATTERN FILE SED-SCRIPT : what the check says of this change.
changed() {
	fresh
	sed -i "$4" "$tree/include/banos/$3"
	cmp -s "include/banos/$3" "$tree/include/banos/$3" && fail "nothing is changed by $4"
	expect_status "$1" tools/abi check
	expect_line "$2"
}

fresh
expect_status 0 tools/abi check
expect_line 'as recorded'

# Gone or changed.
changed 1 'CHANGED OR GONE \(0\.9\.abi\): function banos_free' memory.h '/^void banos_free/d'
changed 1 'append' memory.h '/^void banos_free/d'
changed 1 'GONE .*function banos_alloc ' memory.h 's/banos_alloc(uint64_t/banos_alloc(uint32_t/'
changed 1 'GONE .*since 0\.9' print.h 's/Since 0\.9/Since 0.8/'
changed 1 'GONE .*constant BANOS_LOG_INFO 6u' log.h 's/INFO\t  6u/INFO\t  16u/'
changed 1 'GONE .*macro BANOS_EXPORT\(symbol\)' export.h 's/define BANOS_EXPORT(/define BANOS_EXPORTS(/'
changed 1 'GONE .*type Banos_Timer_Function' timer.h 's/\*Banos_Timer_Function)(void/*Banos_Timer_Function)(const void/'
changed 1 'GONE .*field Banos_Meta\.author' meta.h 's/char \*author/char *writer/; s/Banos_Meta, author/Banos_Meta, writer/'
changed 1 'GONE .*field Banos_List\.count offset 8 size 4 uint32_t' meta.h \
	's/uint32_t count;/int32_t count;/'
# A larger structure that nobody expects to grow.
changed 1 'GONE .*structure Banos_Import size 16' import.h \
	'/^BANOS_SIZE(Banos_Import/d; s/^} Banos_Import;/uint64_t more; } Banos_Import; BANOS_SIZE(Banos_Import, 24);/'
# One that may, at its end: it is only new.
changed 1 'new, not recorded: field Banos_Meta\.more offset 112' meta.h \
	'/^BANOS_SIZE(Banos_Meta/d; s/^} Banos_Meta;/uint64_t more; } Banos_Meta; BANOS_SIZE(Banos_Meta, 120);/'
! grep -q 'CHANGED' "$work/out" || fail "growth at the end is refused: $(cat "$work/out")"
expect_line 'make abi-record'
expect_status 0 tools/abi record
expect_status 0 tools/abi check

# New names are recorded by one command; experimental ones need not be, and may change.
more='s/^BANOS_API_END/BANOS_API_BEGIN\n\/* Since 0.9. *\/\nPROTOTYPE;\nBANOS_API_END\n&/'
with() { printf "%s\n" "$more" | sed "s/PROTOTYPE/$1/"; }
changed 1 'new, not recorded: function banos_more' print.h "$(with 'void banos_more(uint32_t n)')"
changed 0 'experimental, new: function banos_x_more' print.h "$(with 'void banos_x_more(uint32_t n)')"
expect_status 0 tools/abi record
cp include/banos/print.h "$tree/include/banos"
expect_status 0 tools/abi check
expect_line 'experimental, changed or gone: function banos_x_more'

# The form of what is new.
changed 1 'form: banos_bad has variable arguments' print.h "$(with 'void banos_bad(uint32_t n, ...)')"
changed 1 'form: banos_bad: argument n is long' print.h "$(with 'void banos_bad(long n)')"
changed 1 'form: banos_bad: argument m is Banos_Meta' meta.h \
	"s/^#endif/BANOS_API_BEGIN\n\/* Since 0.9. *\/\nvoid banos_bad(Banos_Meta m);\nBANOS_API_END\n#endif/"
changed 1 'form: banos_bad returns _Bool' print.h "$(with '_Bool banos_bad(void)')"
changed 1 'form: banos_bad has more than six' print.h \
	"$(with 'void banos_bad(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f, int32_t g)')"
expect_status 1 tools/abi record
changed 1 'form: Banos_Bad has no BANOS_SIZE' print.h 's/^#endif/typedef struct Banos_Bad { uint32_t a; } Banos_Bad;\n&/'
# After 1.0 a record is not rewritten.
fresh
sed -i 's/BANOS_VERSION_MAKE(0, 9, 0)$/BANOS_VERSION_MAKE(1, 0, 0)/' "$tree/include/banos/version.h"
expect_status 0 tools/abi record
sed -i '/^void banos_free/d' "$tree/include/banos/memory.h"
expect_status 1 tools/abi record
expect_line 'CHANGED OR GONE'
# Without a version nobody knows who has it.
fresh
sed -i 's/ Since 0\.9\.//' "$tree/include/banos/print.h"
expect_status 1 tools/abi check
expect_line 'no comment before it says "Since' err
