/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_version.h>

#include "shim.h"

/* EAL keeps pointers to arguments, and shuffles the array: the second one, so that no leak checker
 * misses an argument. */
static char **volatile kept[2];

int ld_init(int argc, char **argv)
{
	size_t size = ((size_t)argc + 1) * sizeof(*argv);
	char **copy = malloc(size);
	int rc;

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, argv, size);
	kept[0] = argv;
	kept[1] = copy;
	rc = rte_eal_init(argc, copy);
	if (rc >= 0)
		return 0;
	return rte_errno > 0 ? -rte_errno : -1;
}

int ld_cleanup(void)
{
	return rte_eal_cleanup();
}

const char *ld_version(void)
{
	return rte_version();
}

const char *ld_runtime_dir(void)
{
	return rte_eal_get_runtime_dir();
}

const char *ld_strerror(int errnum)
{
	return rte_strerror(errnum);
}

int ld_errno(void)
{
	return rte_errno;
}

int ld_thread_register(void)
{
	if (rte_thread_register() == 0)
		return 0;
	return rte_errno > 0 ? -rte_errno : -1;
}

int ld_thread_unregister(void)
{
	rte_thread_unregister();
	return 0;
}

uint64_t ld_tsc(void)
{
	return rte_rdtsc();
}

uint64_t ld_tsc_hz(void)
{
	return rte_get_tsc_hz();
}
