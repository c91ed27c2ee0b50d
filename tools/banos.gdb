# SPDX-License-Identifier: BSD-2-Clause
# For `make debug`:  gdb -x tools/banos.gdb build/release/banos.elf

set architecture i386:x86-64
set disassemble-next-line auto
set print pretty on
# The kernel is linked where it runs, so the symbols fit as they are. Before paging is set up only
# hardware breakpoints (hbreak) hold.
target remote localhost:1234

define stack
  x/32ga $rsp
end
document stack
The next 32 words of the stack, with the symbols they point to: for when the backtrace is lost.
end

define control
  info registers cr0 cr2 cr3 cr4 efer gs_base k_gs_base
end
document control
The control registers: cr2 is the address of the last page fault, gs_base the per-CPU data.
end

# Stops where every panic passes.
hbreak panic
