/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "shim.h"

void *ld_alloc(const char *name, size_t size, unsigned align, int socket)
{
	void *mem = rte_zmalloc_socket(name, size, align, socket);

	if (mem == NULL)
		rte_errno = ENOMEM;
	return mem;
}

void ld_free(void *mem)
{
	rte_free(mem);
}

struct rte_mempool *ld_mempool_new(const char *name, unsigned mbufs, unsigned cache, unsigned room,
				   int socket)
{
	if (room > UINT16_MAX - RTE_PKTMBUF_HEADROOM) {
		rte_errno = EINVAL;
		return NULL;
	}
	return rte_pktmbuf_pool_create(name, mbufs, cache, 0,
				       (uint16_t)(room + RTE_PKTMBUF_HEADROOM), socket);
}

unsigned ld_mempool_in_use(const struct rte_mempool *pool)
{
	return rte_mempool_in_use_count(pool);
}

unsigned ld_mempool_avail(const struct rte_mempool *pool)
{
	return rte_mempool_avail_count(pool);
}

unsigned ld_mempool_size(const struct rte_mempool *pool)
{
	return pool->size;
}

void ld_mempool_free(struct rte_mempool *pool)
{
	rte_mempool_free(pool);
}

struct rte_ring *ld_ring_new(const char *name, unsigned size, int socket)
{
	return rte_ring_create(name, rte_align32pow2(size), socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

unsigned ld_ring_len(const struct rte_ring *ring)
{
	return rte_ring_count(ring);
}

unsigned ld_ring_cap(const struct rte_ring *ring)
{
	return rte_ring_get_capacity(ring);
}

void ld_ring_free(struct rte_ring *ring)
{
	struct rte_mbuf *left[LD_BATCH];
	unsigned n;

	while ((n = rte_ring_sc_dequeue_burst(ring, (void **)left, LD_BATCH, NULL)) > 0)
		rte_pktmbuf_free_bulk(left, n);
	rte_ring_free(ring);
}
