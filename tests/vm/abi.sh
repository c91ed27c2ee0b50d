#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The published driver ABI is as recorded, and every kind of change to it is noticed: in a copy of
# the headers one thing is changed at a time. There only 0.9 is frozen, whatever else is by now.
. tests/vm/lib.inc

expect_status 0 make -s abi-check

tree=$work/tree
export ABI_ROOT="$tree"
fresh() {
	rm -rf "$tree"
	mkdir -p "$tree/tests/abi" "$tree/sdk" "$tree/kernel/driver"
	cp -r include abi "$tree"
	cp -r sdk/include "$tree/sdk"
	cp kernel/driver/interfaces.c "$tree/kernel/driver"
	ln -s "$PWD/tests/abi/0.9" "$tree/tests/abi/0.9"
}

version=$(sed -n 's/#define BANOS_VERSION BANOS_VERSION_MAKE(\([0-9]*\), \([0-9]*\), .*/\1.\2/p' \
	include/banos/version.h)
set_version() { # MAJOR, MINOR
	sed -i "s/\(define BANOS_VERSION BANOS_VERSION_MAKE\)(.*)/\1($1, 0)/" \
		"$tree/include/banos/version.h"
}

# changed STATUS PATTERN FILE SED-SCRIPT [err] : what the check says of this change.
changed() {
	fresh
	sed -i "$4" "$tree/include/banos/$3"
	cmp -s "include/banos/$3" "$tree/include/banos/$3" && fail "nothing is changed by $4"
	expect_status "$1" tools/abi check
	expect_line "$2" "${5-out}"
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
more='s/^BANOS_API_END/\/* Context: any. Since VERSION. *\/\nPROTOTYPE;\n\n&/'
with() { printf "%s\n" "$more" | sed "s/PROTOTYPE/$1/; s/VERSION/$version/"; }
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
	"s/^#endif/BANOS_API_BEGIN\n\/* Context: any. Since $version. *\/\nvoid banos_bad(Banos_Meta m);\nBANOS_API_END\n#endif/"
changed 1 'form: banos_bad returns _Bool' print.h "$(with '_Bool banos_bad(void)')"
changed 1 'form: banos_bad has more than six' print.h \
	"$(with 'void banos_bad(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f, int32_t g)')"
expect_status 1 tools/abi record
changed 1 'form: Banos_Bad has no BANOS_SIZE' print.h 's/^#endif/typedef struct Banos_Bad { uint32_t a; } Banos_Bad;\n&/'
# After 1.0 a record is not rewritten.
fresh
set_version '1, 0'
expect_status 0 tools/abi record
sed -i '/^void banos_free/d' "$tree/include/banos/memory.h"
expect_status 1 tools/abi record
expect_line 'CHANGED OR GONE'

# Each group of functions says since when, and where they may be called: not another group for it.
changed 1 '^tools/abi: banos/print\.h:[0-9]+: banos_dprintln: .*add "Since X\.Y\."' print.h \
	's/ Since 0\.9\.//' err
last() { printf '/^BANOS_API_END/i %s\n' "$1"; } # the last of several groups
changed 1 'banos/memory\.h:[0-9]+: banos_zz: .*add "Since X\.Y\."' memory.h \
	"$(last '/* Something new. Context: any. */\nvoid banos_zz(uint32_t n);\n')" err
changed 1 'banos/memory\.h:[0-9]+: banos_zz: .*add "Since' memory.h \
	"$(last 'void banos_zz(uint32_t n);\n')" err
expect_line 'banos_zz: .*add "Context: any\."' err
changed 1 'banos/memory\.h:[0-9]+: banos_zz: .*add "Context: any\."' memory.h \
	"$(last "/* Something new. Since $version. */\nvoid banos_zz(uint32_t n);\n")" err
line=$(grep -n 'banos_zz' "$tree/include/banos/memory.h" | cut -d: -f1)
expect_line "memory\.h:$line: banos_zz" err
# One comment for several, up to an empty line; a comment inside a line is about that line.
changed 1 "new, not recorded: function banos_zz .* since $version" memory.h "$(last \
	"/* New. Context: any. Since $version. */\nvoid banos_yy(uint32_t n); /* more */\nvoid banos_zz(uint32_t n);")"
changed 1 'memory\.h:[0-9]+: banos_zz: .*add "Since' memory.h "$(last \
	"/* New. Context: any. Since $version. */\nvoid banos_yy(uint32_t n);\n\nvoid banos_zz(uint32_t n);")" err
grep -q banos_yy "$work/err" && fail "the group of banos_yy is good: $(cat "$work/err")"
# What the SDK adds says so, too.
fresh
sed -i 's/ Since 0\.9, of the SDK//' "$tree/sdk/include/banos/format.h"
expect_status 1 tools/abi check
expect_line 'banos/format\.h:[0-9]+: banos_log_format: .*add "Since' err

# A version that is kept does not change: neither by new things that say they are old ...
fresh
rm "$tree"/abi/0.[1-9][0-9]*.abi
set_version '0, 9'
sed -i 's/\([Ss]ince\) 0\.[1-9][0-9]*/\1 0.9/' "$tree"/include/banos/*.h
expect_status 1 tools/abi check
expect_line 'FROZEN: banos/io\.h:[0-9]+: banos_caller_get says "Since 0\.9", but the kernel kept in tests/abi/0\.9 does not'
expect_line 'new, not recorded: constant BANOS_IO_WRITE'
expect_line '^0\.9 is frozen: .* higher version'
expect_line 'include/banos/version\.h   raise BANOS_VERSION'
expect_status 1 tools/abi record
expect_line 'new: constant BANOS_IO_WRITE'
cmp -s abi/0.9.abi "$tree/abi/0.9.abi" || fail "a frozen record was written"
# ... nor by hand.
tools/abi print >"$tree/abi/0.9.abi"
expect_status 1 tools/abi check
expect_line 'FROZEN: abi/0\.9\.abi, which is frozen .* has what its kept headers do not have: constant BANOS_IO_WRITE'
expect_line 'restore it by git'
fresh
sed -i '/^constant BANOS_IO_NONBLOCK/d' "$tree/abi/0.9.abi"
expect_status 1 tools/abi check
expect_line 'FROZEN: abi/0\.9\.abi, which is frozen .* lacks what its kept headers have: constant BANOS_IO_NONB'
# What is new belongs to a version that is there, and to an interface that has moved.
changed 1 "banos/print\.h:.* banos_more says \"Since 77\.0\", but BANOS_VERSION is $version" print.h \
	"$(with 'void banos_more(uint32_t n)' | sed "s/Since $version/Since 77.0/")"
changed 1 'banos/io\.h:.* but its interface banos\.chardev is 0\.9 in kernel/driver/interfaces\.c' \
	../../kernel/driver/interfaces.c 's/"banos\.chardev", 0, [0-9]*/"banos.chardev", 0, 9/'
# What is frozen takes nothing more but experimental names.
freeze() {
	fresh
	rm -f "$tree/abi/$version.abi"
	expect_status 0 tools/abi record
	here=$tree/tests/abi/$version
	mkdir -p "$here" "$work/kept/sdk"
	cp -r "$tree/include" "$work/kept/sdk"
	xz -1c build/release/banos.elf >"$here/kernel.elf.xz"
	tools/abi exports build/release/banos.elf >"$here/exports"
	tar -C "$work/kept" -cJf "$here/sdk.tar.xz" sdk
}
freeze
expect_status 0 tools/abi check
expect_line 'as recorded'
sed -i 's/TTY_RTS 0x004u/TTY_RTS 0x008u/' "$tree/include/banos/x_tty.h"
expect_status 0 tools/abi check
expect_line 'experimental, new: constant BANOS_X_TTY_RTS 0x008u'
cp "$tree/abi/$version.abi" "$work/record"
expect_status 0 tools/abi record
expect_line "abi/$version\.abi is frozen, and nothing that it promises has changed"
sed -i "$(with 'void banos_more(uint32_t n)')" "$tree/include/banos/print.h"
expect_status 1 tools/abi check
expect_line "FROZEN: banos/print\.h:[0-9]+: banos_more says .* in tests/abi/$version does not export it"
expect_line "^$version is frozen: tests/abi/$version keeps"
expect_status 1 tools/abi record
expect_line '^new: function banos_more'
cmp -s "$work/record" "$tree/abi/$version.abi" || fail "a frozen record was written"

# What a kept kernel exports is what its table says: not what else looks like an entry of it, here
# banos_free, which the table of this kernel lacks.
freeze
sed -n 's/^function \(banos_[a-z0-9_]*\) .*/\1/p' "$tree/abi/$version.abi" | sort >"$work/all"
grep -vx banos_free "$work/all" >"$work/exports"
{
	echo '.data; .quad text_banos_free, thing, 0; __banos_export_start:'
	sed 's/.*/.quad text_&, thing/' "$work/exports"
	echo '__banos_export_end: thing: .quad 0'
	sed 's/.*/text_&: .asciz "&"/' "$work/all"
} | as -o "$work/kernel.o" - || fail "the kernel cannot be assembled"
ld -e 0 -Tdata=0xffffffff80100000 -o "$work/kernel.elf" "$work/kernel.o" || fail "nor linked"
expect_status 0 tools/abi exports "$work/kernel.elf"
cmp "$work/exports" "$work/out" || fail "not the table's names"
xz -1c "$work/kernel.elf" >"$here/kernel.elf.xz"
for list in without with; do
	rm -f "$here/exports"
	[ $list = without ] || cp "$work/exports" "$here/exports"
	expect_status 1 tools/abi check
	[ "$(grep -c FROZEN "$work/out")" = 1 ] || fail "$list a list: $(cat "$work/out")"
	expect_line "FROZEN: banos/memory\.h:[0-9]+: banos_free says .* in tests/abi/$version does not export it"
done
# The list is asked where there is one.
xz -1c build/release/banos.elf >"$here/kernel.elf.xz"
expect_status 1 tools/abi check
expect_line 'FROZEN: .* banos_free says'
strip "$work/kernel.elf"
expect_status 1 tools/abi exports "$work/kernel.elf"
expect_line 'kernel\.elf: it has no symbols __banos_export_start .* not stripped' err
expect_status 1 tools/abi exports tests/vm/abi.sh
expect_line 'abi\.sh: it is no ELF file' err
expect_status 2 tools/abi exports
expect_status 2 tools/abi check now
