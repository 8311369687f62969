/*
 * Keeps one CPU busy and idle by turns, until it is killed.
 *
 *	neighbour CPU BUSY_US IDLE_US
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
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

	if (argc != 4)
		return 2;
	CPU_ZERO(&set);
	CPU_SET(atoi(argv[1]), &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		return 1;
	const int64_t busy = atol(argv[2]) * 1000;
	const struct timespec idle = {.tv_nsec = atol(argv[3]) * 1000};

	for (;;) {
		for (int64_t end = now() + busy; now() < end;)
			;
		if (idle.tv_nsec > 0)
			nanosleep(&idle, NULL);
	}
}
