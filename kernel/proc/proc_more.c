/* SPDX-License-Identifier: BSD-2-Clause */
/* More of what /proc shows of a process: smaps, oom_score_adj, mem, and what can be written. */
#include "proc_files.h"

#include "oom.h"
#include "proc_internal.h"

#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <mem/slab.h>
#include <vfs/file.h>
#include <vm/space.h>

#define PAGES_AT_ONCE 256
#define KIB_PER_PAGE  (PAGE_SIZE / 1024)

typedef unsigned long long ull;

/* --- smaps -------------------------------------------------------------------------------- */

/* Sums over regions, in pages. */
struct smaps {
	uint64_t size, resident, file, locked;
};

/* Pages of the region that are in memory; of a file's those that are in the cache. */
static uint64_t count_resident(struct vm_space *s, const struct vm_region_info *r)
{
	uint8_t in_memory[PAGES_AT_ONCE];
	uint64_t count = 0, at = r->start;

	while (at < r->end) {
		size_t n = min((size_t)((r->end - at) / PAGE_SIZE), (size_t)PAGES_AT_ONCE);

		/* It may be gone meanwhile. */
		if (vm_resident(s, at, n, in_memory))
			break;
		for (size_t i = 0; i < n; i++)
			count += in_memory[i];
		at += n * PAGE_SIZE;
	}
	return count;
}

static void measure(struct vm_space *s, const struct vm_region_info *r, struct smaps *m)
{
	uint64_t resident = count_resident(s, r);

	m->size += (r->end - r->start) / PAGE_SIZE;
	m->resident += resident;
	m->file += r->file ? resident : 0;
	m->locked += r->flags & VM_LOCKED ? resident : 0;
}

static void show_counts(const struct smaps *m, struct text *out)
{
	text_printf(out,
		    "Rss:            %8llu kB\nPss:            %8llu kB\n"
		    "Anonymous:      %8llu kB\nSwap:                  0 kB\n"
		    "SwapPss:               0 kB\nLocked:         %8llu kB\n",
		    (ull)m->resident * KIB_PER_PAGE, (ull)m->resident * KIB_PER_PAGE,
		    (ull)(m->resident - m->file) * KIB_PER_PAGE, (ull)m->locked * KIB_PER_PAGE);
}

static void show_flags(const struct vm_region_info *r, struct text *out)
{
	text_printf(out, "VmFlags:%s%s%s%s mr%s%s%s%s\n", r->prot & VM_READ ? " rd" : "",
		    r->prot & VM_WRITE ? " wr" : "", r->prot & VM_EXEC ? " ex" : "",
		    r->flags & VM_SHARED ? " sh" : "", r->flags & VM_MAY_WRITE ? " mw" : "",
		    r->flags & VM_MAY_NOT_EXEC ? "" : " me", r->flags & VM_LOCKED ? " lo" : "",
		    r->flags & (VM_NO_GROWTH | VM_VDSO | VM_CLOCK_PAGE) ? " de" : "");
}

int proc_show_smaps(void *process, int32_t tid, struct text *out)
{
	struct vm_space *s = process_space(process);
	char *path = s ? kmalloc(PATH_TEXT_MAX) : NULL;
	struct vm_region_info r = {0};

	if (!s)
		return 0;
	while (path && vm_region_next(s, r.end, &r)) {
		struct smaps m = {0};

		proc_show_region(&r, path, out);
		measure(s, &r, &m);
		text_printf(out,
			    "Size:           %8llu kB\nKernelPageSize:        4 kB\n"
			    "MMUPageSize:           4 kB\n",
			    (ull)m.size * KIB_PER_PAGE);
		show_counts(&m, out);
		show_flags(&r, out);
		if (r.file)
			file_put(r.file);
	}
	vm_space_put(s);
	kfree(path);
	return path ? 0 : -ENOMEM;
}

int proc_show_smaps_rollup(void *process, int32_t tid, struct text *out)
{
	struct vm_space *s = process_space(process);
	struct vm_region_info r = {0};
	struct smaps m = {0};
	uint64_t first = 0;

	if (!s)
		return -ESRCH;
	while (vm_region_next(s, r.end, &r)) {
		first = first ? first : r.start;
		measure(s, &r, &m);
		if (r.file)
			file_put(r.file);
	}
	vm_space_put(s);
	text_printf(out, "%08llx-%08llx ---p 00000000 00:00 0 %26s[rollup]\n", (ull)first,
		    (ull)r.end, "");
	show_counts(&m, out);
	return 0;
}

/* --- memory, read and written ------------------------------------------------------------- */

uint64_t proc_space_id(void *process)
{
	struct vm_space *s = process_space(process);
	uint64_t id = s ? s->id : 0;

	vm_space_put(s);
	return id;
}

ssize_t proc_access_memory(void *process, uint64_t space, uint64_t at, void *buf, size_t n,
			   bool write)
{
	struct vm_space *s = process_space(process);
	size_t done = 0;
	bool same = s && s->id == space;

	if (same)
		done = vm_access(s, at, buf, n, write, true);
	vm_space_put(s);
	return done ? (ssize_t)done : same ? -EIO : 0;
}

/* --- which to end when memory is used up -------------------------------------------------- */

int proc_show_oom_score(void *process, int32_t tid, struct text *out)
{
	text_printf(out, "%u\n", process_oom_score(process));
	return 0;
}

int proc_show_oom_adjust(void *process, int32_t tid, struct text *out)
{
	struct process *p = process;

	text_printf(out, "%d\n", READ_ONCE(p->oom_adjust));
	return 0;
}

static int parse_int(const char *text, int *out)
{
	bool negative = text[0] == '-';
	char digits[12];
	uint64_t v;
	size_t n;

	text += negative;
	for (n = 0; text[n] && text[n] != '\n' && text[n] != ' '; n++) {
		if (n + 1 >= sizeof(digits))
			return -EINVAL;
		digits[n] = text[n];
	}
	digits[n] = 0;
	if (!n || parse_u64(digits, 10, &v) || v > INT32_MAX)
		return -EINVAL;
	*out = negative ? -(int)v : (int)v;
	return 0;
}

ssize_t proc_store_oom_adjust(void *process, int32_t tid, const char *text, size_t len)
{
	struct process *p = process;
	int value;

	if (parse_int(text, &value) || value < -1000 || value > 1000)
		return -EINVAL;
	/* Safer than before is for the privileged. */
	if (value < READ_ONCE(p->oom_adjust) && !cred_capable(current()->cred, CAP_SYS_RESOURCE))
		return -EACCES;
	WRITE_ONCE(p->oom_adjust, (int16_t)value);
	return (ssize_t)len;
}

/* --- the name ----------------------------------------------------------------------------- */

ssize_t proc_store_comm(void *process, int32_t tid, const char *text, size_t len)
{
	struct process *p = process;
	size_t n = min(strnlen(text, len), sizeof(p->name) - 1);
	struct thread *t;
	uint64_t irq;

	/* Threads of one's own process only. */
	if (p != current()->process)
		return -EINVAL;
	irq = spin_lock_irq(&proc_tree_lock);
	list_for_each_entry(t, &p->threads, process_link) {
		if (t->tid != tid)
			continue;
		memset(t->name, 0, sizeof(t->name));
		memcpy(t->name, text, n);
		if (tid == p->pid)
			memcpy(p->name, t->name, sizeof(p->name));
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return (ssize_t)len;
}

/* Where it sleeps is not for programs to know: as on a Linux that hides it. */
int proc_show_wchan(void *process, int32_t tid, struct text *out)
{
	text_printf(out, "0");
	return 0;
}
