/* SPDX-License-Identifier: Apache-2.0 */

/* The control core's side of the rings: takes punted frames off, puts its own on, sleeps in
 * between. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "frame.h"
#include "shim.h"

struct ld_bell *ld_bell_new(void)
{
	struct ld_bell *bell = aligned_alloc(64, sizeof(*bell));

	if (bell == NULL)
		return NULL;
	memset(bell, 0, sizeof(*bell));
	bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell->fd < 0) {
		free(bell);
		return NULL;
	}
	return bell;
}

/* The caller looks at the rings once more after this. The fence pairs with the one in ring_bell():
 * either the worker sees the bell armed, or the caller sees the frame. */
void ld_bell_arm(struct ld_bell *bell)
{
	__atomic_store_n(&bell->armed, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void ld_bell_disarm(struct ld_bell *bell)
{
	uint64_t rings;

	__atomic_store_n(&bell->armed, 0, __ATOMIC_SEQ_CST);
	if (read(bell->fd, &rings, sizeof(rings)) < 0)
		return; /* it did not ring */
}

void ld_bell_free(struct ld_bell *bell)
{
	close(bell->fd);
	free(bell);
}

struct ld_batch *ld_batch_new(void)
{
	return calloc(1, sizeof(struct ld_batch));
}

uint32_t ld_batch_take(struct ld_batch *batch, struct rte_ring *ring)
{
	struct rte_mbuf *mbuf[LD_BATCH];
	uint32_t n;

	ld_batch_drop(batch);
	n = rte_ring_sc_dequeue_burst(ring, (void **)mbuf, LD_BATCH, NULL);
	for (uint32_t i = 0; i < n; i++)
		ld_frame_fill(&batch->frame[i], mbuf[i], mbuf[i]->port, 0);
	batch->count = n;
	return n;
}

void ld_batch_drop(struct ld_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++)
		rte_pktmbuf_free((struct rte_mbuf *)batch->frame[i].mbuf);
	batch->count = 0;
}

void ld_batch_free(struct ld_batch *batch)
{
	ld_batch_drop(batch);
	free(batch);
}

int ld_inject(struct rte_mempool *pool, struct rte_ring *ring, uint16_t port, const uint8_t *frame,
	      uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	void *data;

	if (m == NULL)
		return -ENOMEM;
	data = rte_pktmbuf_append(m, len);
	if (data == NULL) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	memcpy(data, frame, len);
	m->port = port;
	if (rte_ring_sp_enqueue_burst(ring, (void **)&m, 1, NULL) == 0) {
		rte_pktmbuf_free(m);
		return -ENOBUFS;
	}
	return 0;
}
