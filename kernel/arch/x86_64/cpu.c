/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the processor can do (CPUID, Intel SDM volume 2), its control registers, and the
 * instruction patches that depend on it: clac and stac are three-byte no-ops in the image
 * until a processor with SMAP is found.
 */
#include "arch.h"

#include <arch/cpu.h>
#include <arch/page.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/string.h>
#include <mem/fastpage.h>

struct cpu_features cpu_features;

extern const uint64_t smap_sites_start[], smap_sites_end[], smap_sites_open_end[];

/* QEMU and KVM give all virtual processors one constant-rate counter but seldom say so in CPUID. */
static bool hypervisor_tsc_constant(const char *name)
{
	return !strcmp(name, "TCGTCGTCGTCG") || !strncmp(name, "KVMKVMKVM", 9);
}

static void detect_names(struct cpu_features *f)
{
	struct cpuid c = cpuid(0, 0);
	uint32_t model[12] = {0};

	memcpy(f->vendor, &c.ebx, 4);
	memcpy(f->vendor + 4, &c.edx, 4);
	memcpy(f->vendor + 8, &c.ecx, 4);
	if (cpuid(0x80000000, 0).eax >= 0x80000004)
		for (unsigned i = 0; i < 3; i++) {
			c = cpuid(0x80000002 + i, 0);
			memcpy(&model[i * 4], &c, 16);
		}
	memcpy(f->model, model, 48);
	if (f->hypervisor) {
		c = cpuid(0x40000000, 0);
		memcpy(f->hypervisor_name, &c.ebx, 4);
		memcpy(f->hypervisor_name + 4, &c.ecx, 4);
		memcpy(f->hypervisor_name + 8, &c.edx, 4);
	}
}

void cpu_detect(void)
{
	struct cpu_features *f = &cpu_features;
	uint32_t max = cpuid(0, 0).eax, max_ext = cpuid(0x80000000, 0).eax;
	struct cpuid c = cpuid(1, 0);

	f->mce = c.edx >> 7 & 1;
	f->xsave = c.ecx >> 26 & 1;
	f->rdrand = c.ecx >> 30 & 1;
	f->hypervisor = c.ecx >> 31 & 1;
	f->stepping = c.eax & 15;
	f->family = c.eax >> 8 & 15;
	f->model_number = (c.eax >> 4 & 15) | (c.eax >> 12 & 0xf0);
	if (f->family == 15)
		f->family += c.eax >> 20 & 255;
	if (max >= 7) {
		c = cpuid(7, 0);
		f->smep = c.ebx >> 7 & 1;
		f->erms = c.ebx >> 9 & 1;
		f->rdseed = c.ebx >> 18 & 1;
		f->smap = c.ebx >> 20 & 1;
		f->umip = c.ecx >> 2 & 1;
		f->rdpid = c.ecx >> 22 & 1;
		f->fsrm = c.edx >> 4 & 1;
	}
	f->pages_1g = cpuid(0x80000001, 0).edx >> 26 & 1;
	f->rdtscp = cpuid(0x80000001, 0).edx >> 27 & 1;
	if (max_ext >= 0x80000007)
		f->invariant_tsc = cpuid(0x80000007, 0).edx >> 8 & 1;
	f->phys_bits = max_ext >= 0x80000008 ? cpuid(0x80000008, 0).eax & 255 : 36;
	detect_names(f);
	f->tsc_constant_rate =
		f->invariant_tsc || (f->hypervisor && hypervisor_tsc_constant(f->hypervisor_name));
}

static void patch(uint64_t site, uint8_t last)
{
	paddr_t pa = site - IMAGE_BASE_ASM;
	uint8_t *window = fastpage_map(pa & PAGE_MASK);
	uint8_t code[3] = {0x0f, 0x01, last};

	/* A site may cross into the next page. */
	for (unsigned i = 0; i < 3; i++) {
		if (i && !((pa + i) & ~PAGE_MASK)) {
			fastpage_unmap(window);
			window = fastpage_map(pa + i);
		}
		window[(pa + i) & ~PAGE_MASK] = code[i];
	}
	fastpage_unmap(window);
}

/* First processor only, before user mode and the others exist: nobody runs what is patched. */
static void patch_smap(void)
{
	for (const uint64_t *s = smap_sites_start; s < smap_sites_end; s++)
		patch(*s, 0xca); /* clac */
	for (const uint64_t *s = smap_sites_end; s < smap_sites_open_end; s++)
		patch(*s, 0xcb); /* stac */
}

void cpu_setup_control(void)
{
	extern char syscall_entry[], syscall_entry32[];
	const struct cpu_features *f = &cpu_features;
	static bool patched;
	uint64_t cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (f->smap && !patched)
		patch_smap();
	patched = true;
	cr4 |= f->mce ? CR4_MCE : 0; /* else a machine check is a silent shutdown */
	cr4 |= f->smep ? CR4_SMEP : 0;
	cr4 |= f->smap ? CR4_SMAP : 0;
	cr4 |= f->umip ? CR4_UMIP : 0;
	cr4 |= f->xsave ? CR4_OSXSAVE : 0;
	cr4_write(cr4);
	/* PAT entry 1 becomes write-combining: PWT alone selects it (SDM volume 3, 12.12). */
	msr_write(MSR_PAT, 0x0007040600070106);
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE | EFER_NXE);
	msr_write(MSR_STAR, (uint64_t)(SEL_USER_CODE32 & ~3) << 48 | (uint64_t)3 << 48 |
				    (uint64_t)SEL_KERNEL_CODE << 32);
	msr_write(MSR_LSTAR, (uintptr_t)syscall_entry);
	msr_write(MSR_CSTAR, (uintptr_t)syscall_entry32);
	msr_write(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT |
				      RFLAGS_RF | RFLAGS_AC | RFLAGS_CF);
	if (f->xsave)
		__asm__ volatile("xsetbv"
				 :
				 : "c"(0), "a"((uint32_t)f->xsave_mask),
				   "d"((uint32_t)(f->xsave_mask >> 32)));
}

void cpu_publish_number(unsigned index)
{
	if (cpu_features.rdtscp || cpu_features.rdpid)
		msr_write(MSR_TSC_AUX, index);
}

bool cpu_random(uint64_t *out)
{
	bool ok = false;

	if (!cpu_features.rdrand)
		return false;
	for (unsigned tries = 0; tries < 10 && !ok; tries++)
		__asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
	return ok;
}

void page_clear(void *page)
{
	uint64_t n = PAGE_SIZE / 8;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(n) : "a"(0) : "memory");
}

void page_copy(void *to, const void *from)
{
	uint64_t n = PAGE_SIZE / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

_Noreturn void cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}
