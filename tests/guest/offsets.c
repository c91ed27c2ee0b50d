/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets and lengths at the ends of their range, for every call that takes one: the same errors
 * as on Linux, nothing wraps, and the file is what it was.
 */
#include "guest.h"
#include <inttypes.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static const int64_t odd[] = {-1,
			      INT64_MIN,
			      INT64_MIN + 1,
			      INT64_MAX,
			      INT64_MAX - 1,
			      INT64_MAX - 4095,
			      INT64_MAX - 4096,
			      -4096,
			      (int64_t)1 << 62};
#define ODD (sizeof(odd) / sizeof(odd[0]))

static int file, other, ends[2];
static char text[64], path[32];

static void show(const char *call, int64_t a, int64_t b, long r)
{
	printf("%s %" PRId64 " %" PRId64 " -> ", call, a, b);
	if (r == -1 && errno)
		printf("%s\n", strerrorname_np(errno));
	else
		printf("%ld\n", r);
}

#define CALL(name, a, b, call)                      \
	do {                                        \
		errno = 0;                          \
		show(name, (a), (b), (long)(call)); \
	} while (0)

static void positions(void)
{
	struct iovec v = {text, 8};

	for (size_t i = 0; i < ODD; i++) {
		int64_t o = odd[i];

		CALL("pread", o, 0, pread(file, text, 8, o));
		CALL("pread nothing", o, 0, pread(file, text, 0, o));
		CALL("pwrite nothing", o, 0, pwrite(file, text, 0, o));
		CALL("pread pipe", o, 0, pread(ends[0], text, 8, o));
		if (o < 0)
			CALL("pwrite", o, 0, pwrite(file, text, 8, o));
		CALL("preadv", o, 0, preadv(file, &v, 1, o));
		if (o != -1) /* the position of the file */
			CALL("preadv2", o, 0, preadv2(file, &v, 1, o, 0));
		if (o < -1)
			CALL("pwritev2", o, 0, pwritev2(file, &v, 1, o, 0));
		CALL("lseek set", o, 0, lseek(file, o, SEEK_SET) < 0 ? -1 : 0);
		CALL("lseek end", o, 0, lseek(file, o, SEEK_END) < 0 ? -1 : 0);
		SHOW(lseek(file, 10, SEEK_SET));
		CALL("lseek current", o, 0, lseek(file, o, SEEK_CUR) < 0 ? -1 : 0);
		CALL("lseek data", o, 0, lseek(file, o, SEEK_DATA));
		CALL("lseek hole", o, 0, lseek(file, o, SEEK_HOLE));
		lseek(file, 0, SEEK_SET);
	}
}

static void sizes(void)
{
	for (size_t i = 0; i < ODD; i++) {
		int64_t o = odd[i];

		if (o < 0) {
			CALL("ftruncate", o, 0, ftruncate(file, o));
			CALL("truncate", o, 0, truncate(path, o));
		}
		CALL("fadvise", o, 0, syscall(SYS_fadvise64, file, o, 0, 0));
		CALL("fadvise length", 0, o, syscall(SYS_fadvise64, file, 0, o, 0));
		CALL("readahead", o, 0, readahead(file, o, 10));
		CALL("sync_file_range", o, 0, sync_file_range(file, o, 10, 0));
		CALL("sync_file_range length", 10, o, sync_file_range(file, 10, o, 0));
		for (size_t j = 0; j < ODD; j++) {
			int64_t n = odd[j];

			if (o < 0 || n <= 0 || n > INT64_MAX - o)
				CALL("fallocate", o, n, fallocate(file, 0, o, n));
			CALL("punch", o, n,
			     fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, o, n));
		}
	}
}

static void copies(void)
{
	for (size_t i = 0; i < ODD; i++) {
		loff_t o = odd[i], zero = 0;

		CALL("splice from", o, 0, splice(file, &o, ends[1], NULL, 8, SPLICE_F_NONBLOCK));
		o = odd[i];
		CALL("sendfile", o, 0, sendfile(other, file, &o, 8));
		o = odd[i];
		CALL("copy from", o, 0, copy_file_range(file, &o, other, &zero, 8, 0));
		o = odd[i];
		zero = 0;
		if (o < 0 || o > INT64_MAX - 8)
			CALL("copy to", o, 0, copy_file_range(file, &zero, other, &o, 8, 0));
		o = odd[i];
		if (o < 0 && write(ends[1], "x", 1) == 1) {
			CALL("splice to", o, 0, splice(ends[0], NULL, file, &o, 1, 0));
			while (read(ends[0], text, sizeof(text)) > 0)
				continue;
		}
	}
	while (read(ends[0], text, sizeof(text)) > 0)
		continue;
	for (size_t i = 0; i < ODD; i++) {
		size_t n = (size_t)odd[i];

		lseek(file, 0, SEEK_SET);
		CALL("read", 0, odd[i], syscall(SYS_read, file, bad, n));
		CALL("write", 0, odd[i], syscall(SYS_write, ends[1], bad, n));
		CALL("sendfile length", 0, odd[i], sendfile(other, file, NULL, n));
		lseek(file, 0, SEEK_SET);
		CALL("splice length", 0, odd[i],
		     splice(file, NULL, ends[1], NULL, n, SPLICE_F_NONBLOCK));
		while (read(ends[0], text, sizeof(text)) > 0)
			continue;
	}
}

static void locks(void)
{
	static const short whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};

	lseek(file, 100, SEEK_SET);
	for (size_t w = 0; w < 3; w++)
		for (size_t i = 0; i < ODD; i++)
			for (size_t j = 0; j < ODD; j++) {
				struct flock l = {.l_type = F_RDLCK,
						  .l_whence = whences[w],
						  .l_start = odd[i],
						  .l_len = odd[j]};

				CALL("lock", odd[i], odd[j], fcntl(file, F_SETLK, &l));
				l.l_type = F_UNLCK;
				CALL("unlock", odd[i], odd[j], fcntl(file, F_SETLK, &l));
			}
}

static void maps(void)
{
	static const uint64_t lengths[] = {1,
					   4096,
					   UINT64_MAX,
					   UINT64_MAX - 4095,
					   UINT64_MAX - 8191,
					   INT64_MAX,
					   0x7ffffffff000,
					   0x800000000000,
					   0};
	char *m = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t n = lengths[i];
		int64_t s = (int64_t)n;

		for (size_t j = 0; j < ODD; j++) {
			uint64_t o = (uint64_t)odd[j] & ~4095ull;
			void *at =
				(void *)syscall(SYS_mmap, NULL, n, PROT_READ, MAP_SHARED, file, o);

			show("mmap", s, odd[j], at == MAP_FAILED ? -1 : 0);
			if (at != MAP_FAILED)
				munmap(at, n);
			errno = 0;
		}
		if (n < 2 || n > 8192) {
			CALL("munmap", s, 0, syscall(SYS_munmap, m + 4096 * 2, n > 8192 ? n : 0));
			CALL("mprotect", s, 0,
			     syscall(SYS_mprotect, m + 8192 * 0, n > 8192 ? n : 0, 1));
			CALL("madvise", s, 0,
			     syscall(SYS_madvise, m, n > 8192 ? n : 0, MADV_DONTFORK));
			CALL("msync", s, 0, syscall(SYS_msync, m, n > 8192 ? n : 0, MS_ASYNC));
			CALL("mlock", s, 0, syscall(SYS_mlock, m, n > 8192 ? n : 0));
			CALL("mincore", s, 0, syscall(SYS_mincore, m, n > 8192 ? n : 0, text));
			CALL("mremap", s, 0,
			     syscall(SYS_mremap, m, 4096, n, MREMAP_MAYMOVE) == -1 ? -1 : 0);
		}
	}
}

int main(void)
{
	struct stat st;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	/* In memory, because other filesystems of Linux end earlier. */
	file = memfd_create("offsets", 0);
	other = memfd_create("other", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (pipe2(ends, O_NONBLOCK) < 0 || pwrite(file, "0123456789", 10, 0) != 10)
		return 1;
	positions();
	sizes();
	copies();
	locks();
	maps();
	SHOW(fstat(file, &st));
	printf("size %lld\n", (long long)st.st_size);
	SHOW(pread(file, text, sizeof(text), 0));
	printf("%.10s\n", text);
	return 0;
}
