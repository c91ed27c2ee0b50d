/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_ELF_H
#define PROC_ELF_H

#include <base/types.h>
#include <linux/elf.h>

struct file;
struct vm_space;

/* At most so many bytes, in pages; 0 if the caller's programs are not placed at random (exec.c). */
uint64_t exec_random_pages(uint64_t bytes);

struct elf_program {
	uint64_t entry;		/* where to start: the interpreter's, if there is one */
	uint64_t program_entry; /* the program's own */
	uint64_t phdr;		/* its program headers in memory, 0 if not mapped */
	uint64_t phnum;
	uint64_t interpreter_base; /* 0 without one */
	uint64_t end;		   /* end of the program's memory: the heap follows */
};

/*
 * Map an ELF64 executable or position-independent program, and its interpreter, into a fresh
 * space. 0, -ENOEXEC for what is not a sound ELF file, -ELIBBAD for an unsound interpreter,
 * -ENOMEM, -ENOENT (no interpreter), -EIO. On error the space is to be thrown away.
 */
int elf_load(struct vm_space *s, struct file *f, struct elf_program *out);

#endif
