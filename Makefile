# SPDX-License-Identifier: BSD-2-Clause
#
# Builds everything into build/. One make, not recursive: `make help` lists what a person calls.
#
# The kernel is compiled in variants, each with its own objects in build/VARIANT/kernel:
#   release  what users run
#   test     with the in-kernel tests, UBSan, the lock checker and poison
#   kasan    test, with address checks on every access
#   count    release, counting what a system call writes to shared memory (kernel/base/count.c)
#   clang    release, by clang: lint builds it for its warnings
# A variant is a set of flags and the choice of sources; the code asks CONFIG_x with a plain `if`,
# because every CONFIG_x is always defined as 0 or 1.
#
# Objects are rebuilt when their flags change (build/VARIANT/flags holds them), and a kernel is
# linked again when its list of objects does. V=1 shows the commands.

MAKEFLAGS += -rR
# Both cores, unless the caller said otherwise; a make below this one shares its job server.
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# In a make below this one -R has removed the default already.
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
CLANG ?= clang
LD := ld
NM := nm
MUSL_GCC ?= musl-gcc
MULTIARCH := x86_64-linux-gnu

B := build
V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '%-4s %s\n' '$(1)' '$(2)'
ifneq ($(findstring s,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),)
say = @:
endif
else
say = @:
endif

# --- Sources ---

SOURCES := $(sort $(shell find kernel -name '*.[cS]' 2>/dev/null))
TEST_SOURCES := $(foreach s,$(SOURCES),$(if $(findstring /test/,$(s)),$(s)))
PLAIN_SOURCES := $(filter-out $(TEST_SOURCES),$(SOURCES))
LINKER_SCRIPT := kernel/arch/x86_64/kernel.ld
# drivers/CLASS/NAME/
DRIVER_DIRS := $(patsubst %/,%,$(sort $(dir $(wildcard drivers/*/*/*.c))))
# One program from each file in user/, and one from each folder there.
USER_FILES := $(wildcard user/*.c)
USER_DIRS := $(filter-out user/vdso,$(patsubst %/,%,$(sort $(dir $(wildcard user/*/*.c)))))
HOST_TESTS := $(patsubst %.c,%,$(notdir $(wildcard tests/host/test_*.c)))
FUZZ_TARGETS := $(patsubst %.c,%,$(notdir $(wildcard tests/host/fuzz_*.c)))
THREAD_TESTS := $(patsubst %.c,%,$(notdir $(wildcard tests/host/thread_*.c)))
GUEST_TESTS := $(patsubst %.c,%,$(notdir $(wildcard tests/guest/*.c)))

KERNEL := $(B)/release/banos.elf
BENCH_DRIVERS := $(patsubst %,$(B)/bench/%.banos,small large callee rows)
DRIVERS := $(foreach d,$(DRIVER_DIRS),$(B)/drivers/$(notdir $(d)).banos)
USER := $(patsubst %.c,$(B)/%,$(USER_FILES)) $(addprefix $(B)/,$(USER_DIRS))
INITRAMFS := $(B)/initramfs.cpio

# --- Targets for people ---

.PHONY: all run check lint torture bench debug clean help setup FORCE
.PHONY: run-vm test-programs check-run torture-run lint-run kernel-clang kernel-test kernel-kasan
.PHONY: kernel-count bench-run bench-check sdk abi-check abi-record abi-freeze

all: $(KERNEL) $(DRIVERS) $(USER) $(INITRAMFS)

# The set-up may install the very tools that this file asks for their paths, so what follows it
# runs in a make of its own.
run: setup
	$(Q)$(MAKE) --no-print-directory run-vm

check: setup
	$(Q)$(MAKE) --no-print-directory check-run

torture: setup
	$(Q)$(MAKE) --no-print-directory torture-run

lint: setup
	$(Q)$(MAKE) --no-print-directory lint-run

bench: setup
	$(Q)$(MAKE) --no-print-directory bench-run

setup:
	$(Q)tools/setup

SMP ?= 2
MEMORY ?= 256M
MACHINE ?= q35
APPEND ?=
DISKS = $(foreach d,$(DISK),-drive if=virtio,format=raw,file=$(d))
QEMU = qemu-system-x86_64 -machine $(MACHINE) -cpu max -smp $(SMP) -m $(MEMORY) -nodefaults \
	-display none -kernel $(KERNEL) -initrd $(INITRAMFS) $(DISKS) \
	$(addprefix -device ,$(DEVICES)) -serial mon:stdio

# The serial line knows neither the type nor the size of the terminal behind it: init sets both.
run-vm: all
	$(Q)exec $(QEMU) -append "TERM=$${TERM:-vt100} winsize=$$(stty size 2>/dev/null | tr ' ' x) $(APPEND)"

debug: all
	@echo "The machine waits. In another terminal:  gdb -x tools/banos.gdb $(KERNEL)"
	$(Q)exec $(QEMU) -s -S -append "$(APPEND)"

test-programs: all sdk $(B)/test/banos.elf $(B)/kasan/banos.elf $(B)/count/banos.elf \
	$(B)/tests/vm/operations \
	$(B)/bench/program $(BENCH_DRIVERS) \
	$(addprefix $(B)/tests/host/,$(HOST_TESTS) $(FUZZ_TARGETS) $(THREAD_TESTS)) \
	$(addprefix $(B)/tests/guest/,$(GUEST_TESTS))

# T='pattern ...' selects tests by name, e.g. make check T='guest/fork host/*'
check-run: test-programs
	$(Q)tests/run $(T)

torture-run: test-programs
	$(Q)tests/run --torture $(T)

lint-run: kernel-clang all
	$(Q)tools/lint

# ROW='name ...' selects rows; WALL=1 measures wall time as well.
bench-run: all $(B)/bench/program $(BENCH_DRIVERS)
	$(Q)bench/run $(if $(WALL),--wall) $(if $(RECORD),--record) $(ROW)

bench-check: all $(B)/bench/program $(BENCH_DRIVERS)
	$(Q)bench/run --check

BENCH_SOURCES := $(wildcard bench/guest/*.c)
$(B)/bench/program: $(BENCH_SOURCES) bench/guest/bench.h Makefile
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -D_GNU_SOURCE -O2 -static -pthread $(WARNINGS) $(BENCH_SOURCES) -o $@

kernel-clang: $(B)/clang/banos.elf
kernel-test: $(B)/test/banos.elf
kernel-kasan: $(B)/kasan/banos.elf
kernel-count: $(B)/count/banos.elf

clean:
	$(Q)rm -rf $(B)

help:
	@echo 'make              build kernel, drivers, programs and initramfs into build/'
	@echo 'make run          boot to a shell on this terminal (Ctrl-A X ends)'
	@echo '                  SMP=4 MEMORY=1G DISK="a.img b.img" APPEND="words" change the machine,'
	@echo '                  MACHINE=pc DEVICES="edu virtio-rng-pci" as QEMU names them'
	@echo "make check        every test; T='guest/fork host/*' runs a selection"
	@echo 'make lint         formatting, order of the folders, warnings of gcc and clang'
	@echo 'make bench        beside Linux, in virtual time; ROW=name, WALL=1: doc/bench.md'
	@echo 'make torture      the long soaks; TORTURE_MINUTES=60'
	@echo 'make sdk          what driver authors need, as build/sdk/banos-sdk-VERSION.tar.gz'
	@echo 'make abi-check    has anything of the published driver ABI changed? make abi-record'
	@echo 'make abi-freeze  keep objects and a kernel of this version for all later tests'
	@echo 'make debug        boot and wait for gdb'
	@echo 'make clean        remove build/'
	@echo 'tools/vm --help   run one command in a guest'
	@echo 'V=1 shows the commands; CC=clang builds the kernel with clang.'

FORCE:

# $(call keep,TEXT): the recipe of a file that changes only when TEXT does.
keep = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || \
	printf '%s\n' '$(subst ','\'',$(1))' >$@

# --- Generated headers ---

# Only Linux's user-space headers, without the C library's beside them.
UAPI := $(B)/uapi/.done
$(UAPI): Makefile
	$(Q)mkdir -p $(@D)
	$(Q)ln -sfn /usr/include/linux $(@D)/linux
	$(Q)ln -sfn /usr/include/$(MULTIARCH)/asm $(@D)/asm
	$(Q)ln -sfn /usr/include/asm-generic $(@D)/asm-generic
	$(Q)touch $(@D)/unistd.h # linux/shm.h includes it, and needs nothing of it
	$(Q)touch $@

SYSCALLS := $(B)/gen/.syscalls
$(SYSCALLS): kernel/linux/syscalls.tbl tools/gen_syscalls
	$(call say,GEN,build/gen/syscalls_*)
	$(Q)tools/gen_syscalls $< $(@D) && touch $@

$(B)/gen/syscalls_proto.h $(B)/gen/syscalls_table.inc $(B)/gen/syscalls_missing.txt: $(SYSCALLS) ;

GENERATED := $(UAPI) $(SYSCALLS)

# --- Kernel ---

# Only the compiler's own headers, for both kernel and drivers; -nostdinc takes the rest away.
compiler_include = $(shell $(1) -print-file-name=include)
is_clang = $(findstring clang,$(1))

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla \
	-Wno-unused-parameter -Wimplicit-fallthrough -Werror

KERNEL_INCLUDES := -Ikernel -Ikernel/arch/include -Iinclude -I$(B)/gen
# No -fwrapv: signed overflow stays an error that UBSan reports.
KERNEL_CFLAGS := -std=gnu11 -O2 -g -ffreestanding -nostdinc \
	-mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fcf-protection=none \
	-fno-pic -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-strict-aliasing \
	-fno-common -fno-delete-null-pointer-checks -ffunction-sections -fdata-sections $(WARNINGS)

# The stack protector's value at %gs:40, inside the per-CPU data: gcc's default with
# -mcmodel=kernel, to be said to clang.
STACK_PROTECTOR := -fstack-protector-strong
STACK_PROTECTOR_CLANG := -mstack-protector-guard=tls -mstack-protector-guard-reg=gs \
	-mstack-protector-guard-offset=40

UBSAN_FLAGS := -fsanitize=undefined
COUNT_FLAGS := -fsanitize=thread -Wno-tsan --param tsan-instrument-func-entry-exit=0
KASAN_FLAGS := -fsanitize=kernel-address --param asan-instrumentation-with-call-threshold=0 \
	--param asan-stack=0 --param asan-globals=0

config_flags = -DCONFIG_TEST=$(1) -DCONFIG_LOCKCHECK=$(1) -DCONFIG_POISON=$(1) \
	-DCONFIG_UBSAN=$(1) -DCONFIG_KASAN=$(2) -DCONFIG_COUNT=$(if $(3),$(3),0)

# Code that runs before the kernel is at its place can call no checker and read no %gs. The page
# shadow's own code and the primitives under everything would call themselves.
BOOT_SOURCES := kernel/arch/x86_64/boot/%
NO_KASAN := $(BOOT_SOURCES) kernel/lib/string.c kernel/mem/kasan.c
NO_UBSAN := $(BOOT_SOURCES) kernel/mem/kasan.c kernel/base/ubsan.c
NO_COUNT := $(BOOT_SOURCES) kernel/base/count.c

# $(call file_flags,SOURCE,COMPILER,UBSAN?,KASAN?,COUNT?)
file_flags = $(if $(filter $(BOOT_SOURCES),$(1)),-fno-stack-protector,\
	$(STACK_PROTECTOR) $(if $(call is_clang,$(2)),$(STACK_PROTECTOR_CLANG))) \
	$(if $(3),$(if $(filter $(NO_UBSAN),$(1)),,$(UBSAN_FLAGS))) \
	$(if $(4),$(if $(filter $(NO_KASAN),$(1)),,$(KASAN_FLAGS))) \
	$(if $(5),$(if $(filter $(NO_COUNT),$(1)),,$(COUNT_FLAGS))) \
	$(if $(filter kernel/lib/string.c,$(1)),-fno-builtin \
		$(if $(call is_clang,$(2)),,-fno-tree-loop-distribute-patterns))

# $(call kernel_variant,NAME,COMPILER,SOURCES,TEST 0/1,KASAN 0/1,COUNT 0/1)
define kernel_variant
$(1)_FLAGS := $$(KERNEL_CFLAGS) -isystem $$(call compiler_include,$(2)) -isystem $$(B)/uapi \
	$$(KERNEL_INCLUDES) $$(call config_flags,$(4),$(5),$(6))
$(1)_OBJECTS := $$(addprefix $$(B)/$(1)/,$$(addsuffix .o,$(3)))

$$(B)/$(1)/flags: FORCE
	$$(call keep,$(2) $$($(1)_FLAGS) $$(UBSAN_FLAGS) $$(KASAN_FLAGS) $$(COUNT_FLAGS) $$(STACK_PROTECTOR))

$$(B)/$(1)/objects: FORCE
	$$(call keep,$$($(1)_OBJECTS))

$$(B)/$(1)/%.c.o: %.c $$(B)/$(1)/flags | $$(GENERATED)
	$$(call say,CC,$$< [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(2) $$($(1)_FLAGS) $$(call file_flags,$$<,$(2),$(filter 1,$(4)),$(filter 1,$(5)),$(filter 1,$(6))) \
		-MMD -MP -c $$< -o $$@

$$(B)/$(1)/%.S.o: %.S $$(B)/$(1)/flags | $$(GENERATED)
	$$(call say,AS,$$< [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(2) $$($(1)_FLAGS) -D__ASSEMBLER__ -DVDSO_FILE='"$$(VDSO)"' \
		-Wa,-I$$(B)/drivers/builtin -MMD -MP -c $$< -o $$@

$$(B)/$(1)/banos.elf: $$($(1)_OBJECTS) $$(B)/$(1)/objects $$(LINKER_SCRIPT) \
		tools/link_kernel tools/gen_symbols
	$$(call say,LD,$$@)
	$$(Q)CC=gcc LD=$$(LD) NM=$$(NM) tools/link_kernel $$@ $$(LINKER_SCRIPT) $$(B)/$(1)/objects

-include $$($(1)_OBJECTS:.o=.d)
endef

$(eval $(call kernel_variant,release,$(CC),$(PLAIN_SOURCES),0,0,0))
$(eval $(call kernel_variant,test,gcc,$(SOURCES),1,0,0))
$(eval $(call kernel_variant,kasan,gcc,$(SOURCES),1,1,0))
$(eval $(call kernel_variant,count,gcc,$(PLAIN_SOURCES),0,0,1))
$(eval $(call kernel_variant,clang,$(CLANG),$(PLAIN_SOURCES),0,0,0))

# --- The vDSO: a shared object inside the kernel image ---

VDSO := $(B)/vdso/vdso.so
$(VDSO): user/vdso/vdso.c user/vdso/vdso.lds kernel/sched/clock_page.h Makefile | $(UAPI)
	$(call say,VDSO,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 -fPIC -shared -nostdlib -ffreestanding -nostdinc \
		-isystem $(call compiler_include,gcc) -isystem $(B)/uapi -Ikernel -fno-stack-protector \
		-fcf-protection=none -mgeneral-regs-only -mrdpid -fasynchronous-unwind-tables $(WARNINGS) \
		-Wl,-T,user/vdso/vdso.lds -Wl,-soname,linux-vdso.so.1 -Wl,--hash-style=both \
		-Wl,--no-undefined -Wl,-z,max-page-size=4096 -Wl,--build-id=sha1 -Wl,--eh-frame-hdr \
		-s $< -o $@

$(foreach v,release test kasan count clang,$(B)/$(v)/kernel/proc/vdso_image.S.o): $(VDSO)

# --- Drivers inside the kernel image ---

BUILTIN_DRIVERS := serial
$(B)/drivers/builtin/%.banos: $(B)/drivers/%.banos
	@mkdir -p $(@D)
	$(Q)objcopy --strip-debug $< $@

$(foreach v,release test kasan count clang,$(B)/$(v)/kernel/driver/builtin_objects.S.o): \
		$(BUILTIN_DRIVERS:%=$(B)/drivers/builtin/%.banos)

# --- The SDK: what a driver author gets, and what builds our own drivers ---

SDK_VERSION := $(shell sed -n 's/^.define BANOS_VERSION BANOS_VERSION_MAKE(\([0-9]*\), \([0-9]*\), \([0-9]*\))/\1.\2.\3/p' include/banos/version.h)
SDK := $(B)/sdk/banos-sdk-$(SDK_VERSION)
SDK_TARBALL := $(SDK).tar.gz
SDK_HEADERS := $(wildcard include/banos/*.h) $(wildcard sdk/include/banos/*.h)
SDK_LIB_SOURCES := $(wildcard sdk/lib/*.c)
SDK_CHECK_SOURCES := $(wildcard sdk/check/*.c)
SDK_MANUALS := doc/man/banos-cc.1 doc/man/banos-check.1 doc/man/banos-host.1
SDK_PAGES := $(wildcard doc/abi/*.md)
SDK_TEMPLATE := $(wildcard sdk/template/*)
SDK_MODELS := $(wildcard sdk/models/* sdk/include/banos-host/*)
SDK_EXAMPLES := $(foreach d,misc/edu/edu sample/mailbox/mailbox block/ramdisk/ramdisk, \
	$(wildcard drivers/$(dir $(d))*.[ch]) tests/vm/$(notdir $(d)).test)

sdk: $(SDK_TARBALL)

# What was published stays: include/banos against abi/.
abi-check:
	$(Q)tools/abi check

# Once for each version: tests/abi/VERSION.
abi-freeze: all sdk
	$(Q)tools/abi_freeze

abi-record:
	$(Q)tools/abi record

# banos-cc, the headers, and what it needs to compile; the library is compiled by it.
$(B)/sdk/headers: $(SDK_HEADERS) sdk/bin/banos-cc sdk/lib/thunks.syms
	$(call say,SDK,$(SDK))
	$(Q)rm -rf $(B)/sdk/banos-sdk-* && mkdir -p $(SDK)/bin $(SDK)/include/banos $(SDK)/lib $(SDK)/doc
	$(Q)cp $(SDK_HEADERS) $(SDK)/include/banos
	$(Q)cp sdk/bin/banos-cc $(SDK)/bin && cp sdk/lib/thunks.syms $(SDK)/lib
	$(Q)echo $(SDK_VERSION) >$(SDK)/VERSION
	$(Q)touch $@

# A file for each function, so that a driver gets only what it uses. gcc knows loops that are memcpy.
$(B)/sdk/lib/%.o: sdk/lib/%.c $(B)/sdk/headers
	$(call say,SDK,$<)
	@mkdir -p $(@D)
	$(Q)BANOS_CC=gcc $(SDK)/bin/banos-cc -O2 -fno-builtin -fno-tree-loop-distribute-patterns \
		$(WARNINGS) -c $< -o $@

$(B)/sdk/libbanos.a: $(SDK_LIB_SOURCES:sdk/lib/%.c=$(B)/sdk/lib/%.o)
	$(Q)rm -f $@ && ar rcD $@ $^

$(B)/sdk/abi_symbols.inc: sdk/gen_symbols tools/pylib/abi_headers.py $(wildcard include/banos/*.h)
	@mkdir -p $(@D)
	$(Q)sdk/gen_symbols >$@

# The kernel's own image library, in a process; its string functions have other names there.
SDK_CHECK_FLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -static -Ikernel -Ikernel/arch/include -Iinclude \
	-I$(B)/sdk -Isdk/check $(WARNINGS)
SDK_IMAGE_SOURCES := $(wildcard kernel/driver/image*.c) kernel/lib/string.c kernel/lib/format.c \
	kernel/lib/errno.c
SDK_IMAGE_OBJECTS := $(SDK_IMAGE_SOURCES:%.c=$(B)/sdk/obj/%.o)

$(B)/sdk/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)gcc $(SDK_CHECK_FLAGS) -include tests/host/rename.h $(call config_flags,0,0) -MMD -MP \
		-c $< -o $@
-include $(SDK_IMAGE_OBJECTS:.o=.d)

$(B)/sdk/banos-check: $(SDK_CHECK_SOURCES) $(wildcard sdk/check/*.h) $(SDK_IMAGE_OBJECTS) \
		$(B)/sdk/abi_symbols.inc $(SDK_HEADERS)
	$(call say,SDK,$@)
	$(Q)gcc $(SDK_CHECK_FLAGS) $(SDK_CHECK_SOURCES) $(SDK_IMAGE_OBJECTS) -o $@

# Drivers in a process: the kernel's loader over sdk/host/shim, the ABI by sdk/host, all of it with the
# sanitizers, which are linked in, since drivers use them as well. It lies in the lowest 2 GiB, so that
# objects with 32-bit addresses load, as in a kernel.
SDK_HOST_FLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-pie -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined -include tests/host/rename.h \
	-Isdk/host/shim -Isdk/host -Isdk/include -Ikernel -Ikernel/arch/include -Iinclude $(WARNINGS) \
	$(call config_flags,0,0)
SDK_HOST_SOURCES := $(wildcard sdk/host/*.c kernel/driver/image*.c) \
	kernel/base/banos_desc.c kernel/base/banos_refuse.c \
	$(addprefix kernel/driver/,load.c install.c remove.c uses.c params.c symbols.c interfaces.c) \
	$(addprefix kernel/bus/,device.c device_tree.c match.c) \
	kernel/base/owner.c kernel/base/banos_name.c kernel/base/banos_struct.c \
	$(addprefix kernel/lib/,string.c format.c errno.c rbtree.c hash.c)
SDK_HOST_OBJECTS := $(SDK_HOST_SOURCES:%.c=$(B)/sdk/host/%.o)

$(B)/sdk/host/flags: FORCE
	$(call keep,gcc $(SDK_HOST_FLAGS))

$(B)/sdk/host/%.o: %.c $(B)/sdk/host/flags
	$(call say,HOST,$<)
	@mkdir -p $(@D)
	$(Q)gcc $(SDK_HOST_FLAGS) -MMD -MP -c $< -o $@
-include $(SDK_HOST_OBJECTS:.o=.d)

$(B)/sdk/host/table.S: sdk/host/gen_table $(SDK_HOST_OBJECTS) tools/pylib/abi_headers.py $(SDK_HEADERS)
	$(Q)sdk/host/gen_table $(SDK_HOST_OBJECTS) -- $(shell gcc -print-file-name=libasan.a) \
		$(shell gcc -print-file-name=libubsan.a) >$@

$(B)/sdk/banos-host: $(SDK_HOST_OBJECTS) $(B)/sdk/host/table.S sdk/host/thunks.S
	$(call say,SDK,$@)
	$(Q)gcc -no-pie -fsanitize=address,undefined -static-libasan -static-libubsan -pthread $^ -o $@

$(B)/sdk/done: $(B)/sdk/headers $(B)/sdk/libbanos.a $(B)/sdk/banos-check
	$(Q)cp $(B)/sdk/libbanos.a $(SDK)/lib && cp $(B)/sdk/banos-check $(SDK)/bin
	$(Q)strip $(SDK)/bin/banos-check && touch $@

$(SDK_TARBALL): $(B)/sdk/done $(B)/sdk/banos-host $(SDK_MANUALS) sdk/README.md $(SDK_PAGES) $(SDK_TEMPLATE) $(SDK_MODELS) $(SDK_EXAMPLES) tools/gen_abi_doc tools/pylib/abi_headers.py
	$(call say,TAR,$@)
	$(Q)cd $(SDK) && rm -rf doc man template lib/models && mkdir -p doc man/man1 lib/models
	$(Q)rm -rf $(SDK)/include/banos-host && cp -r sdk/include/banos-host $(SDK)/include
	$(Q)cp sdk/models/* $(SDK)/lib/models
	$(Q)tools/gen_abi_doc $(SDK) include/banos sdk/include/banos
	$(Q)cp $(SDK_MANUALS) $(SDK)/man/man1
	$(Q)cp $(SDK_PAGES) $(SDK)/doc && cp -r sdk/template sdk/README.md LICENSE $(SDK)
	$(Q)mkdir -p $(SDK)/doc/examples && cp $(SDK_EXAMPLES) $(SDK)/doc/examples
	$(Q)strip --strip-debug -o $(SDK)/bin/banos-host $(B)/sdk/banos-host
	$(Q)tar -C $(B)/sdk --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -c \
		$(notdir $(SDK)) | gzip -n >$@

# --- Drivers ---

# By the SDK as it is shipped. A driver sees <banos/...>, the constants of Linux's headers, and nothing
# of the kernel.
DRIVER_CC := BANOS_CC=$(CC) $(SDK)/bin/banos-cc
DRIVER_FLAGS := -O2 -g -isystem $(B)/uapi $(WARNINGS)

$(B)/drivers/flags: FORCE
	$(call keep,$(DRIVER_CC) $(DRIVER_FLAGS))

$(B)/drivers/obj/%.o: drivers/%.c $(B)/drivers/flags $(B)/sdk/done | $(UAPI)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(DRIVER_CC) $(DRIVER_FLAGS) -MMD -MP -c -o $@ $<

# $(call driver,FOLDER)
define driver
$(notdir $(1))_DRIVER_OBJECTS := $$(patsubst drivers/%.c,$$(B)/drivers/obj/%.o,$$(wildcard $(1)/*.c))
$$(B)/drivers/$(notdir $(1)).banos: $$($(notdir $(1))_DRIVER_OBJECTS)
	$$(call say,DRV,$$@)
	$$(Q)$$(DRIVER_CC) -o $$@ $$^
-include $$($(notdir $(1))_DRIVER_OBJECTS:.o=.d)
endef
$(foreach d,$(DRIVER_DIRS),$(eval $(call driver,$(d))))

$(BENCH_DRIVERS): $(B)/bench/%.banos: bench/driver/%.c bench/driver/table.h bench/driver/rows.h $(B)/drivers/flags $(B)/sdk/done
	$(call say,DRV,$@)
	@mkdir -p $(@D)
	$(Q)$(DRIVER_CC) -O2 -o $@ $<

# --- Programs of the guest ---

USER_CFLAGS := -std=gnu11 -O2 -static -s $(WARNINGS) -idirafter $(B)/uapi

$(patsubst %.c,$(B)/%,$(USER_FILES)): $(B)/%: %.c Makefile | $(UAPI)
	$(call say,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(MUSL_GCC) $(USER_CFLAGS) $< -o $@

# $(call user_program,FOLDER)
define user_program
$$(B)/$(1): $$(wildcard $(1)/*.c $(1)/*.h) Makefile | $$(UAPI)
	$$(call say,USER,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(MUSL_GCC) $$(USER_CFLAGS) $$(filter %.c,$$^) $$(filter %.o,$$^) -o $$@
endef
$(foreach d,$(USER_DIRS),$(eval $(call user_program,$(d))))

# banos looks into objects with the kernel's own parser.
$(B)/user/banos: $(SDK_IMAGE_OBJECTS) $(B)/sdk/obj/kernel/bus/match.o
$(B)/user/banos: USER_CFLAGS += -Ikernel -Ikernel/arch/include -Iinclude

$(INITRAMFS): tools/mkinitramfs $(USER) $(DRIVERS)
	$(call say,CPIO,$@)
	$(Q)tools/mkinitramfs $@ $(addprefix -program ,$(USER)) $(addprefix -driver ,$(DRIVERS))

# --- Tests ---

# A host test links kernel/lib and the sources that it names in lines "HOST-LINK: FILE ...".
HOST_FLAGS := -std=gnu11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-include tests/host/rename.h -Ikernel -Ikernel/arch/include -Iinclude -Isdk/include -Itests/host \
	-DHOST_TEST=1 $(call config_flags,1,0) $(WARNINGS)
LIB_SOURCES := $(wildcard kernel/lib/*.c)
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(B)/tests/host/obj/%.o)

$(B)/tests/host/flags: FORCE
	$(call keep,gcc $(HOST_FLAGS))

$(B)/tests/host/obj/%.o: %.c $(B)/tests/host/flags
	$(call say,HOST,$<)
	@mkdir -p $(@D)
	$(Q)gcc $(HOST_FLAGS) -MMD -MP -c $< -o $@

# $(call host_test,NAME)
define host_test
$(1)_OBJECTS := $$(patsubst %.c,$$(B)/tests/host/obj/%.o,tests/host/$(1).c \
	$$(shell sed -n 's/.*HOST-LINK: *\([^*]*\).*/\1/p' tests/host/$(1).c))
$$(B)/tests/host/$(1): $$($(1)_OBJECTS) $$(LIB_OBJECTS)
	$$(Q)gcc $$(HOST_FLAGS) $$^ -o $$@
-include $$($(1)_OBJECTS:.o=.d)
endef
$(foreach t,$(HOST_TESTS),$(eval $(call host_test,$(t))))
-include $(LIB_OBJECTS:.o=.d)

# The same with libFuzzer, which is clang's.
FUZZ_FLAGS := $(filter-out -O1,$(HOST_FLAGS)) -O2 -fsanitize=fuzzer

$(B)/tests/host/fuzz/flags: FORCE
	$(call keep,$(CLANG) $(FUZZ_FLAGS))

$(B)/tests/host/fuzz/%.o: %.c $(B)/tests/host/fuzz/flags
	$(call say,FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

# $(call fuzz_target,NAME)
define fuzz_target
$(1)_OBJECTS := $$(patsubst %.c,$$(B)/tests/host/fuzz/%.o,tests/host/$(1).c $$(LIB_SOURCES) \
	$$(shell sed -n 's/.*HOST-LINK: *\([^*]*\).*/\1/p' tests/host/$(1).c))
$$(B)/tests/host/$(1): $$($(1)_OBJECTS)
	$$(Q)$$(CLANG) $$(FUZZ_FLAGS) $$^ -o $$@
-include $$($(1)_OBJECTS:.o=.d)
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_target,$(t))))
# Without a lock: thread_NAME.c, headers only, with threads under the thread sanitizer.
$(B)/tests/host/thread_%: tests/host/thread_%.c $(wildcard kernel/lib/*.h) Makefile
	$(call say,HOST,$<)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=thread -pthread -Ikernel \
		-Ikernel/arch/include $(WARNINGS) $< -o $@

# Static, so that the very same file runs on the host and in the guest. They pass bad lengths and
# addresses on purpose.
$(B)/tests/guest/%: tests/guest/%.c $(wildcard tests/guest/*.h) Makefile
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 -g -static -pthread $(WARNINGS) \
		-Wno-stringop-overflow -Wno-stringop-overread -Wno-nonnull $< -o $@

# Programs that scripts of tests/vm put into the guest.
$(B)/tests/vm/%: tests/vm/%.c Makefile
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 -g -static -pthread $(WARNINGS) $< -o $@
