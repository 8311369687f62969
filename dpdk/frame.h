/* SPDX-License-Identifier: Apache-2.0 */

#ifndef LD_FRAME_H
#define LD_FRAME_H

#include <rte_mbuf.h>

#include "shim.h"

static_assert(sizeof(struct ld_frame) == 32, "Frame in frame_unsafe.go has 32 bytes");
static_assert(RTE_MBUF_F_RX_RSS_HASH == LD_HASH << 1, "ld_frame_fill shifts the flag");

/* Describes an mbuf. Reads its first cache line only, and not the packet. */
static inline void ld_frame_fill(struct ld_frame *f, struct rte_mbuf *m, uint16_t port,
				 uint8_t flags)
{
	f->data = rte_pktmbuf_mtod(m, void *);
	f->mbuf = (uintptr_t)m;
	f->len = m->data_len;
	f->port = port;
	f->hash = m->hash.rss;
	f->flags = flags | (uint8_t)((m->ol_flags >> 1) & LD_HASH) |
		   (uint8_t)(m->nb_segs > 1 ? LD_SEGMENTED : 0);
	f->verdict = LD_DROP;
	f->out = 0;
}

#endif
