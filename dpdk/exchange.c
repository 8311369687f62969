/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The burst exchange: the one crossing from Go into C of a worker's loop.
 *
 *  1. pass on finished frames, which other threads prepared for ports whose tx queue is ours:
 * before our own, as a flow that another worker has just lent us must not overtake itself.
 *  2. settle: what the verdicts say becomes of the last burst. Frames are gathered by destination
 * and leave in one call each; the rest goes back to its mempool in bulk. Spare frames that the
 * packet path wrote leave with them and are replaced.
 *  3. receive the next burst, from all sources in turn, prefetch the headers, describe each frame.
 *
 * A worker's thread is the only one that touches its struct, counters aside.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "frame.h"
#include "shim.h"

/* Where frames come from: an rx queue, or the ring of a worker that hands over. */
struct source {
	struct rte_ring *ring; /* NULL: a queue */
	uint16_t port;
	uint16_t queue;
};

/* Where frames go to, and those of this burst that are bound there. */
struct way {
	struct rte_ring *ring; /* NULL: a tx queue, if open */
	uint16_t queue;
	uint16_t open;
	uint32_t held;
	uint64_t bytes; /* of the frames held; ports only */
	struct rte_mbuf *mbuf[LD_MAX_BURST];
};

struct ld_exchange {
	uint32_t count;		/* frames of the current burst */
	uint32_t burst;		/* most frames a burst */
	uint32_t sources, next; /* the next one to begin with */
	uint32_t rings;
	uint64_t now;
	struct ld_bell *bell;
	struct rte_mempool *pool; /* of the spare frames */
	uint32_t spares;	  /* filled */
	uint32_t spared;	  /* of them, what the packet path wrote */
	_Alignas(64) struct ld_frame frame[LD_MAX_BURST];
	struct ld_frame spare[LD_MAX_SPARES];
	struct rte_mbuf *mbuf[LD_MAX_BURST];
	struct ld_counters counters;
	struct source source[LD_MAX_SOURCES];
	struct rte_ring *finished[LD_MAX_RINGS];
	struct way port[LD_MAX_PORTS];
	struct way worker[LD_MAX_WORKERS];
	struct way kind[LD_MAX_KINDS];
};

static_assert(LD_MAX_PORTS >= RTE_MAX_ETHPORTS, "a port id must fit");
static_assert(LD_MAX_PORTS <= 32 && LD_MAX_WORKERS <= 64, "struct touched has one bit each");

/* Counters have one writer: a plain addition, but a store that readers never see half done. */
static inline void add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Ways that this burst uses, a bit each. */
struct touched {
	uint32_t ports, kinds;
	uint64_t workers;
	uint32_t freed;
};

static bool resize(struct rte_mbuf *m, uint16_t len)
{
	if (unlikely(len > m->buf_len - m->data_off))
		return false;
	m->pkt_len += (uint32_t)len - m->data_len;
	m->data_len = len;
	return true;
}

static inline void hold(struct way *w, struct rte_mbuf *m)
{
	w->mbuf[w->held++] = m;
}

/* Frees what a way could not take. */
static uint32_t refuse(struct way *w, uint32_t from)
{
	uint32_t n = w->held - from;

	for (uint32_t i = from; i < w->held; i++)
		w->bytes -= w->mbuf[i]->pkt_len;
	rte_pktmbuf_free_bulk(w->mbuf + from, n);
	return n;
}

static void flush_port(struct ld_exchange *x, uint16_t id)
{
	struct way *w = &x->port[id];
	uint32_t sent;

	if (likely(w->open && w->ring == NULL)) {
		sent = rte_eth_tx_burst(id, w->queue, w->mbuf, (uint16_t)w->held);
		if (unlikely(sent < w->held))
			add(&x->counters.tx_full[id], refuse(w, sent));
		add(&x->counters.sent_packets[id], sent);
		add(&x->counters.sent_bytes[id], w->bytes);
	} else if (w->open) { /* the owner of the queue counts it as sent */
		for (uint32_t i = 0; i < w->held; i++)
			w->mbuf[i]->port = id;
		sent = rte_ring_sp_enqueue_burst(w->ring, (void **)w->mbuf, w->held, NULL);
		if (sent < w->held)
			add(&x->counters.tx_full[id], refuse(w, sent));
	} else {
		add(&x->counters.misdirected, refuse(w, 0));
	}
	w->held = 0;
	w->bytes = 0;
}

static uint32_t flush_ring(struct ld_exchange *x, struct way *w, uint64_t *passed, uint64_t *full)
{
	uint32_t sent;

	if (w->open) {
		sent = rte_ring_sp_enqueue_burst(w->ring, (void **)w->mbuf, w->held, NULL);
		add(passed, sent);
		if (sent < w->held)
			add(full, refuse(w, sent));
	} else {
		sent = 0;
		add(&x->counters.misdirected, refuse(w, 0));
	}
	w->held = 0;
	w->bytes = 0;
	return sent;
}

/* Wakes control if it said that it sleeps. The fence pairs with the one in ld_bell_arm(). */
static void ring_bell(struct ld_bell *bell)
{
	const uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&bell->armed, __ATOMIC_RELAXED) == 0)
		return;
	if (__atomic_exchange_n(&bell->armed, 0, __ATOMIC_SEQ_CST) == 0)
		return; /* another worker was first */
	if (write(bell->fd, &one, sizeof(one)) < 0)
		return; /* full: it has rung already */
}

static void flush_ports(struct ld_exchange *x, uint32_t ports)
{
	for (; ports != 0; ports &= ports - 1)
		flush_port(x, (uint16_t)__builtin_ctz(ports));
}

static void flush_workers(struct ld_exchange *x, uint64_t workers)
{
	for (; workers != 0; workers &= workers - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(workers);

		flush_ring(x, &x->worker[i], &x->counters.handed[i], &x->counters.hand_full[i]);
	}
}

static void flush_kinds(struct ld_exchange *x, uint32_t kinds)
{
	uint32_t punted = 0;

	for (; kinds != 0; kinds &= kinds - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(kinds);

		punted += flush_ring(x, &x->kind[i], &x->counters.punted[i],
				     &x->counters.punt_full[i]);
	}
	if (punted > 0 && x->bell != NULL)
		ring_bell(x->bell);
}

/* A frame to be sent as it is, in one mbuf. */
static inline bool plain(const struct ld_frame *f)
{
	return f->verdict == LD_SEND && (f->flags & (LD_RESIZED | LD_SEGMENTED)) == 0 &&
	       f->out < LD_MAX_PORTS;
}

/* Gathers what is not plain. */
static void set_aside(struct ld_exchange *x, const struct ld_frame *f, struct touched *t)
{
	struct rte_mbuf *m = (struct rte_mbuf *)f->mbuf;

	if (f->verdict == LD_DROP) {
		x->mbuf[t->freed++] = m;
		return;
	}
	if ((f->flags & LD_RESIZED) == 0 || resize(m, f->len)) {
		if (f->verdict == LD_SEND && f->out < LD_MAX_PORTS) {
			hold(&x->port[f->out], m);
			x->port[f->out].bytes += m->pkt_len;
			t->ports |= 1U << f->out;
			return;
		}
		m->port = f->port; /* some drivers leave it unset */
		if (f->verdict == LD_HAND && f->out < LD_MAX_WORKERS) {
			m->hash.rss = f->hash; /* what Go left for the owner */
			hold(&x->worker[f->out], m);
			t->workers |= 1ULL << f->out;
			return;
		}
		if (f->verdict == LD_PUNT && f->out < LD_MAX_KINDS) {
			hold(&x->kind[f->out], m);
			t->kinds |= 1U << f->out;
			return;
		}
	}
	add(&x->counters.misdirected, 1);
	x->mbuf[t->freed++] = m;
}

/* Most frames come in runs that go out on one port: its counts stay in registers meanwhile. */
static const struct ld_frame *gather_run(struct ld_exchange *x, const struct ld_frame *f,
					 const struct ld_frame *end, struct touched *t)
{
	const uint16_t out = f->out;
	struct way *w = &x->port[out];
	struct rte_mbuf **to = w->mbuf + w->held;
	uint64_t bytes = 0;

	do {
		*to++ = (struct rte_mbuf *)f->mbuf;
		bytes += f->len;
		f++;
	} while (f < end && f->out == out && plain(f));
	w->held = (uint32_t)(to - w->mbuf);
	w->bytes += bytes;
	t->ports |= 1U << out;
	return f;
}

/* Fills the places of spare frames that are empty, as far as there are mbufs. */
static void fill_spares(struct ld_exchange *x)
{
	struct rte_mbuf *m;

	while (x->spares < LD_MAX_SPARES && (m = rte_pktmbuf_alloc(x->pool)) != NULL)
		ld_frame_fill(&x->spare[x->spares++], m, 0, 0);
}

/* Gathers the spare frames that were written, and closes the gap. */
static void use_spares(struct ld_exchange *x, struct touched *t)
{
	uint32_t used = x->spared < x->spares ? x->spared : x->spares;

	x->spared = 0;
	for (uint32_t i = 0; i < used; i++)
		set_aside(x, &x->spare[i], t);
	x->spares -= used;
	memmove(x->spare, x->spare + used, x->spares * sizeof(x->spare[0]));
	memset(x->spare + x->spares, 0, used * sizeof(x->spare[0]));
}

static void gather(struct ld_exchange *x, struct touched *t)
{
	const struct ld_frame *f = x->frame, *end = f + x->count;

	while (f < end) {
		if (likely(plain(f)))
			f = gather_run(x, f, end, t);
		else
			set_aside(x, f++, t);
	}
	x->count = 0;
}

static void flush(struct ld_exchange *x, const struct touched *t)
{
	flush_ports(x, t->ports);
	if (unlikely(t->freed > 0))
		rte_pktmbuf_free_bulk(x->mbuf, t->freed);
	if (unlikely(t->workers != 0))
		flush_workers(x, t->workers);
	if (unlikely(t->kinds != 0))
		flush_kinds(x, t->kinds);
}

static void settle(struct ld_exchange *x)
{
	struct touched t = {0};

	gather(x, &t);
	flush(x, &t);
	if (unlikely(x->spared > 0)) {
		t = (struct touched){0};
		use_spares(x, &t);
		flush(x, &t);
		fill_spares(x);
	}
}

/* Sends frames whose egress port others left in mbuf->port; those that have no tx queue here are
 * lost. */
static void pass_on(struct ld_exchange *x)
{
	for (uint32_t r = 0; r < x->rings; r++) {
		uint32_t n = rte_ring_sc_dequeue_burst(x->finished[r], (void **)x->mbuf,
						       LD_MAX_BURST, NULL);
		uint32_t ports = 0;

		for (uint32_t i = 0; i < n; i++)
			rte_prefetch0(x->mbuf[i]);
		for (uint32_t i = 0; i < n; i++) {
			struct rte_mbuf *m = x->mbuf[i];

			if (unlikely(m->port >= LD_MAX_PORTS || x->port[m->port].ring != NULL)) {
				rte_pktmbuf_free(m);
				add(&x->counters.misdirected, 1);
				continue;
			}
			hold(&x->port[m->port], m);
			x->port[m->port].bytes += m->pkt_len;
			ports |= 1U << m->port;
		}
		flush_ports(x, ports);
	}
}

/* gcc would emit prefetchw only for CPUs that are known to have it; for those without it is a nop.
 */
static inline void prefetch_to_write(const void *p)
{
#ifdef __x86_64__
	asm volatile("prefetchw %[p]" : : [p] "m"(*(const volatile char *)p));
#else
	__builtin_prefetch(p, 1);
#endif
}

/* Another core wrote all of it last, and all of it will be written here: asked for at once, and for
 * writing, the lines cross together and once. */
static inline void fetch_handed(struct rte_mbuf *m)
{
	prefetch_to_write(m);
	prefetch_to_write((char *)m + sizeof(*m) + RTE_PKTMBUF_HEADROOM);
	prefetch_to_write((char *)m + RTE_CACHE_LINE_MIN_SIZE);
}

static uint32_t take_handed(struct ld_exchange *x, struct rte_ring *ring, uint32_t have)
{
	struct ld_frame *f = &x->frame[have];
	uint32_t n = rte_ring_sc_dequeue_burst(ring, (void **)x->mbuf, x->burst - have, NULL);

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		fetch_handed(x->mbuf[i]);
	for (uint32_t i = 0; i < n; i++)
		ld_frame_fill(&f[i], x->mbuf[i], x->mbuf[i]->port, LD_HANDED);
	add(&x->counters.taken, n);
	return n;
}

static inline uint32_t receive_queue(struct ld_exchange *x, const struct source *s, uint32_t have)
{
	struct ld_frame *f = &x->frame[have];
	uint32_t n = rte_eth_rx_burst(s->port, s->queue, x->mbuf, (uint16_t)(x->burst - have));

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(x->mbuf[i], void *));
		ld_frame_fill(&f[i], x->mbuf[i], s->port, 0);
	}
	add(&x->counters.received, n);
	return n;
}

/*
 * Each call begins with another source. One that fills the burst alone goes to the back; one that
 * was cut short because others came first begins next time: no source can starve another.
 */
static void receive(struct ld_exchange *x)
{
	uint32_t begin = x->next, i = begin, n = 0;
	bool cut = false;

	if (unlikely(x->sources == 0))
		return;
	do {
		const struct source *s = &x->source[i];

		if (likely(s->ring == NULL))
			n += receive_queue(x, s, n);
		else
			n += take_handed(x, s->ring, n);
		if (n == x->burst) {
			cut = i != begin;
			break;
		}
		if (++i == x->sources)
			i = 0;
	} while (i != begin);
	if (cut)
		x->next = i;
	else
		x->next = begin + 1 < x->sources ? begin + 1 : 0;
	x->count = n;
}

uint32_t ld_exchange(uintptr_t handle)
{
	struct ld_exchange *x = (struct ld_exchange *)handle;

	if (x->rings > 0)
		pass_on(x);
	if (x->count > 0 || x->spared > 0)
		settle(x);
	receive(x);
	x->now = rte_rdtsc();
	return x->count;
}

void ld_exchange_idle(struct ld_exchange *x)
{
	pass_on(x);
	settle(x);
	x->now = rte_rdtsc();
}

struct ld_exchange *ld_exchange_new(uint16_t burst, struct rte_mempool *spares, int socket)
{
	struct ld_exchange *x = rte_zmalloc_socket("exchange", sizeof(*x), 64, socket);

	if (x == NULL)
		return NULL;
	x->burst = burst;
	x->pool = spares;
	if (spares != NULL)
		fill_spares(x);
	return x;
}

void ld_exchange_free(struct ld_exchange *x)
{
	for (uint32_t i = 0; i < x->count; i++)
		rte_pktmbuf_free((struct rte_mbuf *)x->frame[i].mbuf);
	for (uint32_t i = 0; i < x->spares; i++)
		rte_pktmbuf_free((struct rte_mbuf *)x->spare[i].mbuf);
	rte_free(x);
}

/* A queue that does not exist would be a wild pointer in the packet path. */
int ld_queue_check(uint16_t port, uint16_t queue, int tx)
{
	struct rte_eth_dev_info info;

	if (port >= LD_MAX_PORTS || rte_eth_dev_info_get(port, &info) != 0)
		return -ENODEV;
	return queue < (tx ? info.nb_tx_queues : info.nb_rx_queues) ? 0 : -ERANGE;
}

static int add_source(struct ld_exchange *x, struct source s)
{
	if (x->sources == LD_MAX_SOURCES)
		return -ENOSPC;
	x->source[x->sources++] = s;
	return 0;
}

int ld_exchange_receive(struct ld_exchange *x, uint16_t port, uint16_t queue)
{
	int rc = ld_queue_check(port, queue, 0);

	return rc != 0 ? rc : add_source(x, (struct source){.port = port, .queue = queue});
}

int ld_exchange_handed(struct ld_exchange *x, struct rte_ring *ring)
{
	return add_source(x, (struct source){.ring = ring});
}

int ld_exchange_finished(struct ld_exchange *x, struct rte_ring *ring)
{
	if (x->rings == LD_MAX_RINGS)
		return -ENOSPC;
	x->finished[x->rings++] = ring;
	return 0;
}

static int open_way(struct way *ways, uint16_t max, uint16_t i, struct rte_ring *ring,
		    uint16_t queue)
{
	if (i >= max)
		return -ERANGE;
	if (ways[i].open)
		return -EEXIST;
	ways[i].ring = ring;
	ways[i].queue = queue;
	ways[i].open = 1;
	return 0;
}

int ld_exchange_transmit(struct ld_exchange *x, uint16_t port, uint16_t queue)
{
	int rc = ld_queue_check(port, queue, 1);

	return rc != 0 ? rc : open_way(x->port, LD_MAX_PORTS, port, NULL, queue);
}

int ld_exchange_via(struct ld_exchange *x, uint16_t port, struct rte_ring *ring)
{
	return open_way(x->port, LD_MAX_PORTS, port, ring, 0);
}

int ld_exchange_hand(struct ld_exchange *x, uint16_t worker, struct rte_ring *ring)
{
	return open_way(x->worker, LD_MAX_WORKERS, worker, ring, 0);
}

int ld_exchange_punt(struct ld_exchange *x, uint16_t kind, struct rte_ring *ring)
{
	return open_way(x->kind, LD_MAX_KINDS, kind, ring, 0);
}

void ld_exchange_bell(struct ld_exchange *x, struct ld_bell *bell)
{
	x->bell = bell;
}

struct ld_frame *ld_exchange_frames(struct ld_exchange *x)
{
	return x->frame;
}

struct ld_frame *ld_exchange_spares(struct ld_exchange *x)
{
	return x->spare;
}

uint32_t *ld_exchange_spared(struct ld_exchange *x)
{
	return &x->spared;
}

struct ld_counters *ld_exchange_counters(struct ld_exchange *x)
{
	return &x->counters;
}

uint64_t *ld_exchange_now(struct ld_exchange *x)
{
	return &x->now;
}
