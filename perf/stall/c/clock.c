/*
 * Writes to memory at random, as a worker does with a burst of frames, and reads the clock, on one
 * CPU for so many seconds. Prints the times from one reading to the next that were 50 us or longer,
 * in nanoseconds, one a line: what takes the CPU from this loop takes it from a worker, too, and
 * what is then lost of caches and translations both must get again.
 *
 *	clock CPU SECONDS MEGABYTES      megabytes are a power of two
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu.h"

/* One line a frame. The generator is Marsaglia's xorshift. */
static void burst(char *memory, size_t mask)
{
	static uint64_t x = 88172645463325252ULL;

	for (int i = 0; i < 32; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memory[x & mask]++;
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	if (stay_on(argv[1]) != 0)
		return 1;
	size_t size = (size_t)atol(argv[3]) << 20;
	char *memory = aligned_alloc(2 << 20, size);

	if (memory == NULL)
		return 1;
	madvise(memory, size, MADV_HUGEPAGE);
	memset(memory, 1, size);
	for (int64_t last = now(), end = last + (int64_t)(atof(argv[2]) * 1e9); last < end;) {
		burst(memory, size - 1);
		int64_t next = now();

		if (next - last >= 50000)
			printf("%lld\n", (long long)(next - last));
		last = next;
	}
	return 0;
}
