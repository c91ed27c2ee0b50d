#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The SDK as a new user has it: an empty folder, the tarball, a compiler. Drivers are built by gcc
# and by clang at several levels, with and without debug information, checked, and installed in a
# guest. Then what banos-cc and banos-check say when something is wrong.
. tests/vm/lib.inc

root=$PWD
make -s sdk >"$work/log" 2>&1 || fail "make sdk fails: $(cat "$work/log")"
tar -C "$work" -xzf build/sdk/banos-sdk-*.tar.gz || fail "the tarball cannot be unpacked"
mv "$work"/banos-sdk-* "$work/sdk"
[ "$(cd "$work/sdk" && echo *)" = "LICENSE README.md VERSION bin doc include lib man template" ] ||
	fail "the top folder holds other things: $(ls "$work/sdk")"
PATH=$work/sdk/bin:$PATH
mkdir "$work/user" "$work/d"
cd "$work/user" || exit 1

# --- a driver of one's own: of two files, with all that the record and the metadata have ---
cat >own.c <<'END'
#include <banos/driver.h>
#include <banos/export.h>
#include <banos/format.h>
#include <banos/import.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include "own.h"

struct large { char bytes[300]; };
struct own { Banos_Driver driver; struct large large; unsigned installed; };

static int add(int a, int b) { return a + b; }
static int sub(int a, int b) { return a - b; }
static int (*const operations[])(int, int) = {add, sub};
int (*own_chosen)(int, int) = add;
static volatile int zeroes[3000];

BANOS_EXPORT_SYMBOL(chosen, "own_chosen_" OWN_BUILD, &own_chosen);
extern int32_t banos_of_the_future(int32_t number);
BANOS_OPTIONAL(banos_of_the_future);

/* A switch that wants to be a jump table, a copy that wants memcpy, a comparison. */
__attribute__((noinline)) static int choose(int x)
{
	switch (x) {
	case 0: return 10; case 1: return 25; case 2: return 3; case 3: return 99;
	case 4: return 7; case 5: return 6; case 6: return own_other(x); default: return -1;
	}
}

static int init(Banos_Driver *driver)
{
	struct own *own = (struct own *)driver;
	struct large copy = own->large, *heap = banos_alloc(sizeof(copy), 0, BANOS_ALLOC_ZERO);
	char line[40];
	uint64_t n;

	if (!heap || own->installed++ || zeroes[2999])
		return -5;
	*heap = copy;
	if (__builtin_memcmp(heap, &own->large, sizeof(copy)) || heap->bytes[299] != 'z')
		return -5;
	__builtin_memmove(heap->bytes + 1, heap->bytes, 200);
	banos_free(heap);
	if (operations[own->driver.version & 1](7, 2) != 5 || own_chosen(1, 1) != 2)
		return -5;
	if (choose(3) != 99 || choose(6) != 42 || choose(7) != -1)
		return -5;
	n = banos_format(line, sizeof(line), "%04x %s", 0xabc, "text");
	if (n != 9 || __builtin_memcmp(line, "0abc text", 10))
		return -5;
	if (BANOS_OPTIONAL_ADDRESS(banos_of_the_future))
		return -5;
	banos_log_format(BANOS_LOG_INFO, "own: works, %s", OWN_BUILD);
	return 0;
}

BANOS_DRIVER_API static struct own own_driver = {
	.driver = { .driver_size = sizeof(own_driver),
		    .minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
		    .name = "own-" OWN_BUILD, .license = "none", .version = BANOS_VERSION_MAKE(1, 0, 1),
		    .init = init },
	.large = { .bytes = { [0] = 'a', [299] = 'z' } },
};

static const Banos_Parameter parameters[] = {
	{ .name = "rate", .help = "how often", .fallback = "10", .type = BANOS_PARAM_UNSIGNED,
	  .minimum = 1, .maximum = 100 },
	{ .name = "title", .type = BANOS_PARAM_TEXT },
};
BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD, .description = "all that there is", .author = "me",
	.parameters = BANOS_LIST(parameters),
};
END
echo 'int own_other(int x);' >own.h
printf '#include "own.h"\nint own_other(int x) { return x * 7; }\n' >other.c

builds=
for compiler in gcc clang; do
	export BANOS_CC=$compiler
	for level in -O0 -O1 -O2 -O3; do
		for debug in '' -g; do
			build=$compiler$level$debug
			builds="$builds $build"
			# shellcheck disable=SC2086  # no debug option is no word
			banos-cc $level $debug -Wall -Wextra -DOWN_BUILD="\"$build\"" \
				-o "$work/d/$build.banos" own.c other.c >"$work/log" 2>&1 ||
				fail "$build does not build: $(cat "$work/log")"
			banos-check -q "$work/d/$build.banos" >"$work/log" 2>&1 ||
				fail "$build: $(cat "$work/log")"
			# Only clang before 15 has something to be said about it.
			[ "$compiler" = clang ] || [ ! -s "$work/log" ] ||
				fail "$build: $(cat "$work/log")"
			expect_status 0 banos-host "$work/d/$build.banos"
			expect_line "own: works, $build$" err
		done
	done
	# The second compiler is noticed: there is no `make clean` in between.
	make -s -C "$work/sdk/template" check >"$work/log" 2>&1 || fail "$(cat "$work/log")"
	grep -q '^banos-host: 20 runs, 0 failed$' "$work/log" ||
		fail "the template's test has not run: $(cat "$work/log")"
	cp "$work/sdk/template/blink.banos" "$work/blink-$compiler.banos"
	make -s -C "$work/sdk/template" -q || fail "make builds again what is built"
	for example in "$work"/sdk/doc/examples/*.c; do
		banos-cc -O2 -Wall -Wextra -o example.banos "$example" >"$work/log" 2>&1 ||
			fail "the example ${example##*/} does not build by $compiler: $(cat "$work/log")"
		rm example.banos
	done
done
unset BANOS_CC
! cmp -s "$work/blink-gcc.banos" "$work/blink-clang.banos" || fail "make does not notice BANOS_CC"
make -s -C "$work/sdk/template" clean
[ "$(ls -A "$work/sdk/template" | tr '\n' ' ')" = "Makefile blink.c blink.test " ] ||
	fail "make clean leaves $(ls -A "$work/sdk/template")"

# In two steps, and an object that was compiled before.
banos-cc -O2 -c -o other.o other.c || fail "-c does not work"
banos-cc -O2 -DOWN_BUILD='"steps"' -o "$work/d/steps.banos" own.c other.o ||
	fail "a .c file and an object cannot be linked"

# Thousands of sections, each with its relocations; and a driver that is hardly more than .bss.
cat >small.h <<'END'
#include <banos/driver.h>
#include <banos/log.h>
#include <banos/format.h>
static int init(Banos_Driver *d);
BANOS_DRIVER_API static Banos_Driver r = { sizeof(r), BANOS_VERSION_MAKE(0,9,0), NAME, 0, 0, init, 0 };
static int says(int works) { if (works) banos_log_format(6, NAME ": works"); return works ? 0 : -5; }
END
awk 'BEGIN {
	print "#define NAME \"many\"\n#include \"small.h\""
	for (i = 0; i < 4000; i++)
		printf "static int n%d = %d; static int f%d(int x) { return n%d += x; }\n", i, i, i, i
	print "static int (*const all[])(int) = {"
	for (i = 0; i < 4000; i++) printf "f%d,\n", i
	print "};\nstatic int init(Banos_Driver *d) { int s = 0; (void)d;"
	print "for (int i = 0; i < 4000; i++) s += all[i](1);\nreturn says(s == 8002000); }"
}' >many.c
cat >bss.c <<'END'
#define NAME "bss"
#include "small.h"
static volatile char zeroes[2000000];
static int init(Banos_Driver *d)
{
	unsigned set = 0;

	(void)d;
	for (unsigned i = 0; i < sizeof(zeroes); i++)
		set += zeroes[i]++ != 0;
	return says(!set);
}
END
banos-cc -O0 -ffunction-sections -fdata-sections -Wall -o "$work/d/many.banos" many.c ||
	fail "many sections do not build"
[ "$(readelf -SW "$work/d/many.banos" | grep -c ' \.text\.f[0-9]')" = 4000 ] ||
	fail "the sections are not as many as there should be"
banos-cc -O2 -Wall -o "$work/d/bss.banos" bss.c || fail "bss does not build"
for build in many bss; do
	expect_status 0 banos-host "$work/d/$build.banos"
	expect_line "$build: works$" err
done

# --- they run ---
cat >"$work/run" <<'END'
for f in /d/*.banos; do banos install $f >/dev/null || echo "$f is not installed"; done
banos install /blink.banos period_ms=0 2>/dev/null && echo "a bad period is accepted"
banos install /blink.banos period_ms=20 || echo "blink is not installed"
while cat /dev/blink && grep -q off /dev/blink; do sleep 0.01; done
banos remove blink && ls /dev/blink
dmesg
END
cd "$root" || exit 1
expect_status 0 tools/vm -timeout 200 -driver "$work/blink-gcc.banos" -- cat /dev/blink
expect_line '^(on|off) after [0-9]+ changes$'
expect_status 0 tools/vm -smp 2 -timeout 200 -put "$work/d:/d" \
	-put "$work/blink-clang.banos:/blink.banos" -put "$work/run:/run.sh" -- sh /run.sh
! grep -E 'is not installed|is accepted' "$work/out" || fail "a driver was refused: $(cat "$work/out")"
for build in $builds steps; do
	expect_line "own: works, $build$"
done
for build in many bss; do
	expect_line "$build: works$"
done
expect_line '^on after [0-9]*[13579] changes|^off after'
cd "$work/user" || exit 1

# --- our own drivers ---

for driver in "$root"/build/drivers/*.banos; do
	banos-check -q "$driver" >"$work/log" 2>&1 && [ ! -s "$work/log" ] ||
		fail "$driver: $(cat "$work/log")"
done

# --- what banos-check shows ---
expect_status 0 banos-check "$root/build/drivers/guard.banos"
expect_line 'needs Banos ABI 0\.10\.0 by its symbols, declares 0\.10\.0'
expect_line 'needs interface banos\.chardev 0\.10'
expect_status 0 banos-check "$work/d/gcc-O2.banos"
expect_line 'driver own-gcc-O2 1\.0\.1, licence none, cannot be removed'
expect_line 'needs Banos ABI 0\.9\.0 by its symbols, declares 0\.9\.0'
expect_line 'banos_alloc  *since 0\.9  banos\.core  <banos/memory\.h>'
expect_line 'banos_of_the_future  *if another driver has it'
expect_line 'parameter rate \(unsigned, 1 to 100, else 10\): how often'
expect_line 'relocations .*64 [0-9]'
expect_line ': fine$'
expect_status 0 banos-check --symbols
expect_line '^ *banos_free  *since 0\.9'

# Each function has its place in the manual.
for f in $(sed -n 's/.*\(banos_[a-z0-9_]*\) *since.*banos\/\(.*\)\.h>/\1:\2/p' "$work/out"); do
	grep -q "${f%:*}(" "$work/sdk/man/man3/banos_${f#*:}.3" &&
		MANPATH=$work/sdk/man man -w 3 "${f%:*}" >"$work/log" 2>&1 &&
		grep -q "id=\"${f%:*}\"" "$work/sdk/doc/html/${f#*:}.html" ||
		fail "the manual does not have ${f%:*}"
done

# --- what they refuse: one thing at a time, with the remedy ---
head='#include <banos/driver.h>
#include <banos/export.h>
#include <banos/memory.h>
static int init(Banos_Driver *d);
BANOS_DRIVER_API static Banos_Driver r = { sizeof(r), BANOS_VERSION_MAKE(0,9,0), "r", 0, 0, init, 0 };'

# wrong PATTERN [FLAG ...] : the driver on stdin, compiled past the contract, breaks this rule.
wrong() {
	pattern=$1
	shift
	{ echo "$head"; cat; } >wrong.c
	# shellcheck disable=SC2086  # no option is no word
	gcc -O2 -ffreestanding -fPIE -mno-red-zone $registers -fno-jump-tables \
		-fcf-protection=branch -fno-asynchronous-unwind-tables -fno-stack-protector -w \
		-mindirect-branch=thunk-extern -mindirect-branch-register \
		-mfunction-return=thunk-extern -I"$work/sdk/include" "$@" -c -o wrong.o wrong.c ||
		fail "the wrong driver does not compile: $pattern"
	banos-check wrong.o >"$work/out" 2>&1
	status=$?
	expect_line "$pattern"
	case $pattern in
	*error*) [ $status = 1 ] || fail "status $status with an error: $pattern" ;;
	*) [ $status = 0 ] || fail "status $status with a warning: $pattern" ;;
	esac
	expect_line 'fix: |error: no kernel takes it|error: is instr'
}
plain='static int init(Banos_Driver *d) { return 0; }'
registers=
wrong 'error: .*vector registers \(init' <<-END
	volatile double x; static int init(Banos_Driver *d) { x *= 1.5; return 0; }
END
registers=-mgeneral-regs-only
wrong 'error: .*%fs or %gs.*\(init' -fstack-protector-all <<-END
	$plain
END
wrong 'error: .*below the stack pointer.*\(leaf' -mred-zone <<-END
	__attribute__((noinline)) static int leaf(int x) { volatile int a[4]; a[1] = x; return a[1]; }
	static int init(Banos_Driver *d) { return leaf(3); }
END
wrong 'error: .*jump table' -fjump-tables -fno-tree-switch-conversion -mindirect-branch=keep <<-END
	extern void one(void), two(void), three(void), four(void), five(void), six(void);
	static int init(Banos_Driver *d) { switch (d->version) { case 1: one(); break;
		case 2: two(); break; case 3: three(); break; case 4: four(); break;
		case 5: five(); break; case 6: six(); break; } return 0; }
END
wrong 'error: .*landing pad.*\(init' -fcf-protection=none <<-END
	$plain
END
wrong 'error: .*unwind tables' -fasynchronous-unwind-tables <<-END
	$plain
END
wrong 'warning: .*relocations that banos-cc does not make.*\(GOTPCREL' -fPIC <<-END
	int shown; extern int *other; static int init(Banos_Driver *d) { return shown + *other; }
END
wrong 'warning: .*indirectly without a thunk.*\(init' -mindirect-branch=keep <<-END
	int (*volatile f)(void); static int init(Banos_Driver *d) { return f() + 1; }
END
wrong 'warning: .*returns without a thunk.*\(init' -mfunction-return=keep <<-END
	$plain
END
wrong 'error: banos_frobnicate is not part of Banos ABI 0\.10' <<-END
	void banos_frobnicate(void); static int init(Banos_Driver *d) { banos_frobnicate(); return 0; }
END
wrong 'error: strlen is of the C library, which drivers do not have' -fno-builtin <<-END
	unsigned long strlen(const char *s);
	static int init(Banos_Driver *d) { return strlen(d->name) == 3; }
END
wrong 'error: __multi3 is of the compiler.s library' <<-END
	__int128 __multi3(__int128 a, __int128 b);
	static int init(Banos_Driver *d) { return (int)__multi3(d->version, 3); }
END
wrong 'warning: bnaos_alloc is neither of the Banos ABI nor of a driver' <<-END
	void *bnaos_alloc(int size); static int init(Banos_Driver *d) { return !bnaos_alloc(8); }
END
expect_line 'fix: .*Banos_Dependency'
# Who declares what it depends on may use anything of it.
{
	printf '%s\n' "$head" '#include <banos/meta.h>'
	echo 'void *bnaos_alloc(int size); static int init(Banos_Driver *d) { return !bnaos_alloc(8); }'
	echo 'static const Banos_Dependency other[] = {{.name = "other"}};'
	echo 'BANOS_META_API static const Banos_Meta meta ='
	echo '	{BANOS_META_HEAD, .dependencies = BANOS_LIST(other)};'
} >depends.c
banos-cc -o depends.banos depends.c >"$work/out" 2>&1 || fail "depends does not build"
! grep bnaos "$work/out" || fail "a name of a driver that it depends on is complained of"
wrong 'error: no kernel takes it: .*writable and executable' <<-END
	$plain
	asm(".section .wx,\"awx\"; .long 0; .previous");
END
good=$head
head=$(echo "$good" | sed 's/init, 0 }/0, 0 }/')
wrong 'error: no kernel takes it: record: init is NULL$' <<-END
	$plain
END
head=$(echo "$good" | sed 's/{ sizeof(r)/{ 52/')
wrong 'error: no kernel takes it: record: driver_size is 52 .*: it is a multiple of 8, at least 56' <<-END
	$plain
END
head=$good
wrong 'error: no kernel takes it: metadata: a flag \(of 0x30000\) is unknown to Banos ABI' <<-END
	#include <banos/meta.h>
	$plain
	BANOS_META_API static const Banos_Meta meta = {BANOS_META_HEAD, .flags = 0x30001};
END
wrong 'error: exports shared twice' <<-END
	$plain
	static int a, b; BANOS_EXPORT_SYMBOL(a, "shared", &a); BANOS_EXPORT_SYMBOL(b, "shared", &b);
END
wrong 'error: exports banos_log, which the kernel exports' <<-END
	$plain
	static int a; BANOS_EXPORT_SYMBOL(a, "banos_log", &a);
END
wrong 'warning: says that Banos ABI 0\.9\.0 will do, but uses banos_caller_get, which exists since 0\.10' <<-END
	#include <banos/io.h>
	static int init(Banos_Driver *d) { Banos_Caller c = {.size = sizeof(c)}; return banos_caller_get(&c); }
END
expect_line 'fix: \.minimal_banos_version = BANOS_VERSION_MAKE\(0, 10, 0\)'
head=$(echo "$head" | sed 's/MAKE(0,9,0)/MAKE(0,8,0)/')
wrong 'warning: says that Banos ABI 0\.8\.0 will do, but uses banos_free, which exists since 0\.9' <<-END
	static int init(Banos_Driver *d) { banos_free(d); return 0; }
END
expect_line 'fix: \.minimal_banos_version = BANOS_VERSION_MAKE\(0, 9, 0\)'

# Callbacks find 8 KiB of stack.
for compiler in gcc clang; do
	{
		printf '%s\n' "$head" 'void use(char *);'
		echo 'static int init(Banos_Driver *d) { char a[6000]; use(a); return a[0] + !d; }'
		echo 'void use(char *a) { __asm__ volatile("" : : "r"(a) : "memory"); }'
	} >frame.c
	BANOS_CC=$compiler banos-cc -O2 -o frame.banos frame.c >"$work/out" 2>&1 ||
		fail "a large frame is an error: $(cat "$work/out")"
	expect_line 'frame.*(larger than|exceeds).*4096'
	BANOS_CC=$compiler banos-cc -O2 -fsanitize=address -o frame.banos frame.c >"$work/out" 2>&1
	! grep 'frame size' "$work/out" || fail "a large frame is complained of for banos-host"
done

# A driver for banos-host alone.
banos-cc -fsanitize=address -DOWN_BUILD='"asan"' -o asan.banos own.c other.c >"$work/out" 2>&1 ||
	fail "-fsanitize=address does not work: $(cat "$work/out")"
expect_line 'note: is instrumented .* banos-host only'
expect_status 1 banos-check -q asan.banos
expect_line 'error: is instrumented .* no kernel has the functions' err
[ ! -s "$work/out" ] || fail "an error is on the standard output: $(cat "$work/out")"
expect_status 0 banos-host asan.banos
expect_line 'own: works, asan' err

# banos-cc itself.
expect_status 2 banos-cc
expect_line 'no file was given' err
expect_status 2 banos-cc -o x.banos -march=native own.c
expect_line 'the option -march=native is not known' err
expect_status 2 banos-cc -o x.banos absent.c
expect_line 'absent\.c is not there' err
expect_status 2 banos-cc own.c
expect_line 'say by -o' err
expect_status 2 banos-cc -c -o x.o own.c other.c
expect_status 1 env BANOS_CC=tcc banos-cc -o x.banos own.c
expect_line 'the compiler tcc .* is not there' err
echo 'syntax error' >syntax.c
expect_status 1 banos-cc -o x.banos syntax.c
echo 'int unused;' >recordless.c
expect_status 1 banos-cc -o x.banos recordless.c
expect_line 'BANOS_DRIVER_API is missing' err
[ ! -e x.banos ] || fail "a failed banos-cc leaves an output"
# Spaces and quotes in names and values reach the compiler as they are.
mkdir 'a folder'
printf '%s\n' "$head" "$plain" 'const char *text = TEXT;' >"a folder/it's.c"
banos-cc -DTEXT='"two '"'"' words $HOME"' -o "a folder/it's.banos" "a folder/it's.c" >"$work/log" ||
	fail "spaces and quotes are not passed on"
grep -q "two ' words \$HOME" "a folder/it's.banos" || fail "a quoted value has changed"
expect_status 0 banos-cc --help
expect_status 0 banos-check --help
expect_status 2 banos-check
expect_status 2 banos-check --wrong
expect_status 2 banos-check --name
expect_status 1 banos-check -- --help
[ ! -s "$work/out" ] || fail "what is wrong is on the standard output: $(cat "$work/out")"
expect_status 1 sh -c 'banos-check --symbols >/dev/full'
expect_line 'the report cannot be written: No space left on device' err
# Lost before the end, and then something else fails: that is not the reason.
expect_status 1 sh -c 'banos-check asan.banos /nothing >/dev/full'
expect_line '/nothing: cannot be read: No such file' err
expect_line 'the report cannot be written: a part of it is lost$' err
