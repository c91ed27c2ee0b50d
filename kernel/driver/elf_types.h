/* SPDX-License-Identifier: BSD-2-Clause */
/* What <linux/elf.h> leaves out of the ELF and x86-64 psABI specifications. */
#ifndef DRIVER_ELF_TYPES_H
#define DRIVER_ELF_TYPES_H

#include <linux/elf.h>

#define SHT_INIT_ARRAY	  14
#define SHT_FINI_ARRAY	  15
#define SHT_PREINIT_ARRAY 16
#define SHT_GROUP	  17
#define SHT_SYMTAB_SHNDX  18
#define SHT_X86_64_UNWIND 0x70000001

#define SHF_COMPRESSED 0x800
#define SHF_TLS	       0x400

#define SHN_XINDEX 0xffff

#define STT_GNU_IFUNC 10

#define R_X86_64_NONE	       0
#define R_X86_64_64	       1
#define R_X86_64_PC32	       2
#define R_X86_64_PLT32	       4
#define R_X86_64_GOTPCREL      9
#define R_X86_64_32	       10
#define R_X86_64_32S	       11
#define R_X86_64_PC64	       24
#define R_X86_64_GOTPC32       26
#define R_X86_64_GOTPCRELX     41
#define R_X86_64_REX_GOTPCRELX 42

#endif
