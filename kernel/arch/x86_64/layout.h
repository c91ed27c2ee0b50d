/* SPDX-License-Identifier: BSD-2-Clause */
/* Constants of the processor that both C and assembly use. Intel SDM volume 3, chapters 2 and 4. */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#define IMAGE_BASE_ASM 0xffffffff80000000
/* Page tables of 2 MiB each that map the image at boot. */
#define BOOT_IMAGE_TABLES 16
/* (FASTPAGE_BASE >> 21) & 511 */
#define FASTPAGE_PD_INDEX 506

#define BOOT_PVH	1
#define BOOT_MULTIBOOT2 2

#define PTE_P	  1
#define PTE_W	  2
#define PTE_U	  4
#define PTE_PWT	  8
#define PTE_PCD	  16
#define PTE_A	  32
#define PTE_D	  64
#define PTE_LARGE 128
#define PTE_PAT	  128 /* in a 4 KiB entry */
#define PTE_G	  256
#define PTE_SOFT1 512 /* for software */
#define PTE_SOFT2 1024
#define PTE_SOFT3 2048
#define PTE_TABLE (PTE_P | PTE_W | PTE_A | PTE_D)

#define CR0_PE	   0x1
#define CR0_MP	   0x2
#define CR0_ET	   0x10
#define CR0_NE	   0x20
#define CR0_WP	   0x10000
#define CR0_AM	   0x40000
#define CR0_PG	   0x80000000
#define CR0_KERNEL (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG)

#define CR4_PAE	       0x20
#define CR4_MCE	       0x40
#define CR4_PGE	       0x80
#define CR4_OSFXSR     0x200
#define CR4_OSXMMEXCPT 0x400
#define CR4_UMIP       0x800
#define CR4_OSXSAVE    0x40000
#define CR4_SMEP       0x100000
#define CR4_SMAP       0x200000
#define CR4_BOOT       (CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT)

#define MSR_APIC_BASE	   0x1b
#define MSR_PAT		   0x277
#define MSR_EFER	   0xc0000080
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_CSTAR	   0xc0000083
#define MSR_SFMASK	   0xc0000084
#define MSR_FS_BASE	   0xc0000100
#define MSR_TSC_AUX	   0xc0000103
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFER_SCE	   1
#define EFER_LME	   0x100
#define EFER_NXE	   0x800

#define RFLAGS_CF   0x1
#define RFLAGS_TF   0x100
#define RFLAGS_IF   0x200
#define RFLAGS_DF   0x400
#define RFLAGS_IOPL 0x3000
#define RFLAGS_NT   0x4000
#define RFLAGS_RF   0x10000
#define RFLAGS_AC   0x40000
#define RFLAGS_ID   0x200000

/* Segment selectors; SYSRET fixes the order user 32-bit code, data, 64-bit code. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_CODE32 0x23
#define SEL_USER_DATA	0x2b
#define SEL_USER_CODE	0x33
#define SEL_TSS		0x38

/* Interrupt vectors. */
#define VECTOR_NMI	 2
#define VECTOR_DF	 8
#define VECTOR_PF	 14
#define VECTOR_MC	 18
#define VECTOR_IRQ_FIRST 32 /* device interrupts up to VECTOR_IRQ_LAST */
#define VECTOR_IRQ_LAST	 239
#define VECTOR_TIMER	 240
#define VECTOR_MESSAGE	 241
#define VECTOR_SPURIOUS	 255
#define VECTOR_SYSCALL	 256 /* in trap frames only */

/* Offsets in struct cpu (base/percpu.h), checked in arch.c. */
#define CPU_SELF	 0
#define CPU_CURRENT	 8
#define CPU_SCRATCH	 16
#define CPU_KERNEL_STACK 24
#define CPU_PREEMPT	 32
#define CPU_RESCHED	 36
#define CPU_IRQ_DEPTH	 56
#define CPU_IRQ_STACK	 64
#define CPU_KERNEL_SINCE 72

#endif
