/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Frames that a thread makes of its own: a burst of empty ones is always at hand. The exchange's
 * spare frames serve a packet path that answers now and then; these serve one that does nothing
 * else.
 */

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "frame.h"
#include "shim.h"

struct ld_sender {
	uint32_t ready; /* frames that hold an mbuf; they come first */
	uint16_t port, queue;
	uint16_t burst;
	uint16_t room; /* bytes of a frame */
	struct rte_mempool *pool;
	_Alignas(64) struct ld_frame frame[LD_MAX_BURST];
	struct rte_mbuf *mbuf[LD_MAX_BURST];
};

/* All or nothing: an empty mempool shows in the next call. */
static void refill(struct ld_sender *s)
{
	uint32_t need = s->burst - s->ready;

	if (need == 0 || rte_pktmbuf_alloc_bulk(s->pool, s->mbuf, need) != 0)
		return;
	for (uint32_t i = 0; i < need; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(s->mbuf[i], void *));
		ld_frame_fill(&s->frame[s->ready + i], s->mbuf[i], s->port, 0);
	}
	s->ready += need;
}

uint32_t ld_send(uintptr_t handle, uint32_t n)
{
	struct ld_sender *s = (struct ld_sender *)handle;
	uint32_t sent = 0;

	if (unlikely(n > s->ready))
		n = s->ready;
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = (struct rte_mbuf *)s->frame[i].mbuf;

		if (unlikely(s->frame[i].len > s->room))
			s->frame[i].len = s->room;
		m->data_len = s->frame[i].len;
		m->pkt_len = m->data_len;
		s->mbuf[i] = m;
	}
	if (likely(n > 0))
		sent = rte_eth_tx_burst(s->port, s->queue, s->mbuf, (uint16_t)n);
	s->ready -= sent;
	if (sent > 0 && s->ready > 0)
		memmove(s->frame, s->frame + sent, s->ready * sizeof(s->frame[0]));
	refill(s);
	return sent;
}

struct ld_sender *ld_sender_new(uint16_t port, uint16_t queue, uint16_t burst,
				struct rte_mempool *pool, int socket)
{
	struct ld_sender *s = rte_zmalloc_socket("sender", sizeof(*s), 64, socket);

	if (s == NULL)
		return NULL;
	s->port = port;
	s->queue = queue;
	s->burst = burst;
	s->pool = pool;
	s->room = (uint16_t)(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM);
	refill(s);
	return s;
}

struct ld_frame *ld_sender_frames(struct ld_sender *s)
{
	return s->frame;
}

uint32_t *ld_sender_ready(struct ld_sender *s)
{
	return &s->ready;
}

uint16_t ld_sender_room(const struct ld_sender *s)
{
	return s->room;
}

void ld_sender_free(struct ld_sender *s)
{
	for (uint32_t i = 0; i < s->ready; i++)
		rte_pktmbuf_free((struct rte_mbuf *)s->frame[i].mbuf);
	rte_free(s);
}
