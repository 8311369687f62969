/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The packet path for established flows, in the stages of lcore/forward/burst.go: parse and hash,
 * prefetching buckets eight at a time; candidates, prefetching records; then compare and rewrite.
 */

#ifndef LD_REFERENCE_PATH_H
#define LD_REFERENCE_PATH_H

#include <stdatomic.h>

#include "packet.h"

#define LOOKAHEAD 8
#define HOP_KNOWN (UINT64_C(1) << 63)
#define MAC_MASK  ((UINT64_C(1) << 48) - 1)

/* frame is what the path sees of a packet: 32 bytes, as dpdk/frame.h has them. */
struct frame {
	uint8_t *data;
	void *mbuf;
	uint16_t len, port;
	uint32_t hash;
	uint8_t flags, verdict;
	uint16_t out;
	uint32_t unused;
};

struct hop {
	_Atomic uint64_t low, high;
};

struct path {
	struct table table;
	struct hop hops[8];
	uint64_t port_mac[2];
	uint16_t route_generation;
	uint32_t now;
	uint64_t packets[2], bytes[2], misses;

	/* of a burst */
	int flows;
	uint8_t place[BURST];
	struct meta meta[BURST];
	uint64_t hash[BURST];
	uint32_t ref[BURST];
};

static inline void parse_burst(struct path *p, struct frame *frames, int n)
{
	int flows = 0, asked = 0;

	for (int i = 0; i < n; i++) {
		struct frame *f = &frames[i];
		uint64_t dst;

		f->verdict = 0;
		if ((f->flags & 4) || !parse(f->data, f->len, &p->meta[flows]))
			continue;
		memcpy(&dst, f->data, sizeof dst);
		if ((dst & MAC_MASK) != p->port_mac[f->port & 1])
			continue;
		p->hash[flows] = table_hash(&p->table, &p->meta[flows].key);
		p->place[flows] = (uint8_t)i;
		if (++flows - asked == LOOKAHEAD) {
			prefetch_buckets(&p->table, p->hash + asked, LOOKAHEAD);
			asked = flows;
		}
	}
	prefetch_buckets(&p->table, p->hash + asked, flows - asked);
	p->flows = flows;
}

static inline void forward_burst(struct path *p, struct frame *frames)
{
	for (int i = 0; i < p->flows; i++) {
		unsigned d = p->ref[i] & 1;
		const struct meta *m = &p->meta[i];
		struct record *r = &p->table.records[p->ref[i] >> 1];

		if (matches(r, &m->key, d) &&
		    (r->phase == PHASE_ESTABLISHED || r->phase == PHASE_UDP) &&
		    !(r->flags & (FLAG_WATCHED | FLAG_TRANSLATED)) &&
		    !(m->tcp_flags & (SYN | FIN | RST)) && m->ttl > 1 && m->l4 == PLAIN_LEN &&
		    r->route_generation == p->route_generation) {
			struct hop *hop = &p->hops[r->hop[d]];
			uint64_t high = atomic_load_explicit(&hop->high, memory_order_acquire);

			if (high & HOP_KNOWN) {
				struct frame *f = &frames[p->place[i]];
				uint16_t flip = (uint16_t)-d;

				rewrite(f->data, m, d ^ 1, r->addr[2 * d], r->port[2 * d],
					r->l3_diff ^ flip, r->l4_diff ^ flip,
					atomic_load_explicit(&hop->low, memory_order_acquire),
					(uint32_t)high);
				f->verdict = 1;
				f->out = (uint16_t)(high >> 32);
				p->packets[d]++;
				p->bytes[d] += f->len;
				r->last = p->now;
				r->bytes[d] += f->len;
				continue;
			}
		}
		p->misses++;
	}
}

static void burst(struct path *p, struct frame *frames, int n)
{
	parse_burst(p, frames, n);
	candidates(&p->table, p->hash, p->ref, p->flows);
	forward_burst(p, frames);
}

#endif
