/*
 * Writes to memory at random, as a worker does with a burst of frames, and reads the clock, on one
 * CPU for so many seconds. Prints the times from one reading to the next that were 50 us or longer,
 * in nanoseconds, one a line: what takes the CPU from this loop takes it from a worker, too, and
 * what is then lost of caches and translations both must get again.
 *
 *	clock CPU SECONDS MEGABYTES      megabytes are a power of two
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

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
	cpu_set_t set;

	if (argc != 4)
		return 2;
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1]), &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
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
