/* What both programs need: one CPU, and its time. */
#ifndef CPU_H
#define CPU_H

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* The monotonic clock, in nanoseconds. */
static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Keeps this process on a CPU, which an argument names. */
static int stay_on(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(atoi(cpu), &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

#endif
