/*
 * Keeps one CPU busy and idle by turns, until it is killed.
 *
 *	neighbour CPU BUSY_US IDLE_US
 */
#define _GNU_SOURCE
#include "cpu.h"

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	if (stay_on(argv[1]) != 0)
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
