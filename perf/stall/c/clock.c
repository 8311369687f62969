/*
 * Reads the clock on one CPU for so many seconds and prints the times from one reading to the next
 * that were 50 us or longer, in nanoseconds, one a line: what takes the CPU from this loop takes it
 * from a worker, too.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	cpu_set_t set;

	if (argc != 3)
		return 2;
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1]), &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return 1;
	for (int64_t last = now(), end = last + (int64_t)(atof(argv[2]) * 1e9); last < end;) {
		int64_t next = now();

		if (next - last >= 50000)
			printf("%lld\n", (long long)(next - last));
		last = next;
	}
	return 0;
}
