/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What Go sees of libdpdk. No DPDK header is included here: its objects are opaque to Go, and cgo
 * has little to parse. Functions that can fail return a negative errno, or NULL with the errno in
 * ld_errno(). Setup is in eal.c, log.c, memory.c and port.c; the packet path in exchange.c and
 * sender.c; the control core's side of the rings in batch.c. None is `void f(void)`: cgo's wrapper
 * of such a one does not pass -Wextra.
 */
#ifndef LD_SHIM_H
#define LD_SHIM_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define LD_MAX_BURST   128
#define LD_MAX_SPARES  32 /* frames that the packet path may send of its own, a burst */
#define LD_MAX_PORTS   32
#define LD_MAX_WORKERS 64
#define LD_MAX_KINDS   8
#define LD_MAX_SOURCES 192 /* rx queues and hand-over rings of one worker */
#define LD_MAX_RINGS   128 /* rings of finished frames of one worker */
#define LD_BATCH       32

#define LD_MAX_NAME   64
#define LD_MAX_KEY    64
#define LD_MAX_RETA   2048
#define LD_MAX_QUEUES 256

struct rte_mempool;
struct rte_ring;
struct ld_exchange;
struct ld_sender;

/* One mbuf as Go sees it; 32 bytes, two to a cache line. Frame in frame_unsafe.go has the same
 * layout. */
struct ld_frame {
	void *data;	/* first byte of the Ethernet header */
	uintptr_t mbuf; /* struct rte_mbuf */
	uint16_t len;	/* contiguous bytes at data */
	uint16_t port;	/* port it came in on */
	uint32_t hash;	/* RSS hash, if LD_HASH; LD_HANDED: what LD_HAND left */
	uint8_t flags;
	uint8_t verdict;
	uint16_t out; /* LD_SEND: port; LD_HAND: worker; LD_PUNT: kind */
	uint32_t spare;
};

enum { LD_HASH = 1, LD_HANDED = 2, LD_SEGMENTED = 4, LD_RESIZED = 128 };
enum { LD_DROP, LD_SEND, LD_HAND, LD_PUNT };

/* Written by one thread, read by any. ExchangeCounters in counters.go has the same layout. */
struct ld_counters {
	uint64_t received;
	uint64_t taken;
	uint64_t misdirected;
	uint64_t spare[5];
	uint64_t sent_packets[LD_MAX_PORTS];
	uint64_t sent_bytes[LD_MAX_PORTS];
	uint64_t tx_full[LD_MAX_PORTS];
	uint64_t handed[LD_MAX_WORKERS];
	uint64_t hand_full[LD_MAX_WORKERS];
	uint64_t punted[LD_MAX_KINDS];
	uint64_t punt_full[LD_MAX_KINDS];
};

/* An eventfd that control sleeps on and workers write to, only while it is armed. */
struct ld_bell {
	_Alignas(64) uint32_t armed;
	int fd;
};

/* The control core's view of up to LD_BATCH frames that it took off a ring. */
struct ld_batch {
	struct ld_frame frame[LD_BATCH];
	uint32_t count;
};

/* eal.c */
int ld_init(int argc, char **argv);
int ld_cleanup(void);
const char *ld_version(void);
const char *ld_runtime_dir(void);
const char *ld_strerror(int errnum);
int ld_errno(void);
int ld_thread_register(void);
int ld_thread_unregister(void);
uint64_t ld_tsc(void);
uint64_t ld_tsc_hz(void);

/* log.c */
struct ld_log_line {
	uint64_t number; /* counts from 1 */
	int32_t level;	 /* DPDK's level, 1 (emergency) to 8 (debug); 0: printed, not logged */
	char text[252];
};
int ld_log_open(void);
int ld_log_close(void);
void ld_log_pass(int level);
uint64_t ld_log_count(void);
uint32_t ld_log_read(struct ld_log_line *lines, uint32_t max);

/* memory.c */
void *ld_alloc(const char *name, size_t size, unsigned align, int socket);
void ld_free(void *mem);
struct rte_mempool *ld_mempool_new(const char *name, unsigned mbufs, unsigned cache, unsigned room,
				   int socket);
unsigned ld_mempool_in_use(const struct rte_mempool *pool);
unsigned ld_mempool_avail(const struct rte_mempool *pool);
unsigned ld_mempool_size(const struct rte_mempool *pool);
void ld_mempool_free(struct rte_mempool *pool);
struct rte_ring *ld_ring_new(const char *name, unsigned size, int socket);
unsigned ld_ring_len(const struct rte_ring *ring);
unsigned ld_ring_cap(const struct rte_ring *ring);
void ld_ring_free(struct rte_ring *ring);

/* port.c */
struct ld_port_info {
	char name[LD_MAX_NAME];
	char driver[LD_MAX_NAME];
	int socket;
	uint32_t if_index;
	uint16_t max_rx_queues, max_tx_queues;
	uint16_t rx_queues, tx_queues; /* configured */
	uint16_t reta_size, key_size;
	uint64_t rss_types, rx_offloads, tx_offloads;
	uint16_t min_mtu, max_mtu;
	uint16_t rx_desc_min, rx_desc_max, rx_desc_align;
	uint16_t tx_desc_min, tx_desc_max, tx_desc_align;
	uint32_t max_frame; /* longest frame the device can be set to receive */
};
struct ld_port_config {
	uint16_t rx_queues, tx_queues;
	uint16_t rx_desc, tx_desc; /* in: wanted, out: granted */
	uint16_t mtu;
	uint16_t key_len;
	uint16_t reserved[2];
	uint64_t rss_types;    /* in: wanted, out: granted */
	const char *failed_at; /* out: the step that failed */
	uint8_t key[LD_MAX_KEY];
	struct rte_mempool *pool[LD_MAX_QUEUES]; /* one an rx queue */
};
struct ld_port_stats {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	uint64_t rx_missed, rx_errors, tx_errors, rx_no_mbuf;
};
struct ld_link {
	uint32_t speed; /* Mbit/s, 0 unknown */
	uint8_t up, full_duplex;
};
struct ld_xstat {
	char name[LD_MAX_NAME];
	uint64_t value;
};
int ld_port_by_name(const char *name, uint16_t *port);
uint32_t ld_ports(uint16_t *ids, uint32_t max);
int ld_port_info(uint16_t port, struct ld_port_info *info);
int ld_port_open(uint16_t port, struct ld_port_config *config);
int ld_port_start(uint16_t port);
int ld_port_stop(uint16_t port);
int ld_port_close(uint16_t port);
int ld_port_mac(uint16_t port, uint8_t mac[6]);
int ld_port_set_mac(uint16_t port, const uint8_t mac[6]);
int ld_port_add_mac(uint16_t port, const uint8_t mac[6]);
int ld_port_promiscuous(uint16_t port, int on);
int ld_port_allmulticast(uint16_t port, int on);
int ld_port_mtu(uint16_t port, uint16_t *mtu);
int ld_port_link(uint16_t port, struct ld_link *link);
int ld_port_stats(uint16_t port, struct ld_port_stats *stats);
int ld_port_xstats(uint16_t port, struct ld_xstat *stats, uint32_t max);
int ld_port_reta(uint16_t port, const uint16_t *queues, uint16_t size);
int ld_port_rss(uint16_t port, uint64_t *types, uint8_t *key, uint16_t key_len);
int ld_port_set_rss(uint16_t port, uint64_t types, uint8_t *key, uint16_t key_len);
uint32_t ld_softrss(const uint32_t *words, uint32_t count, const uint8_t *key);

/* exchange.c */
struct ld_exchange *ld_exchange_new(uint16_t burst, struct rte_mempool *spares, int socket);
int ld_exchange_receive(struct ld_exchange *x, uint16_t port, uint16_t queue);
int ld_exchange_handed(struct ld_exchange *x, struct rte_ring *ring);
int ld_exchange_finished(struct ld_exchange *x, struct rte_ring *ring);
int ld_exchange_transmit(struct ld_exchange *x, uint16_t port, uint16_t queue);
int ld_exchange_via(struct ld_exchange *x, uint16_t port, struct rte_ring *ring);
int ld_exchange_hand(struct ld_exchange *x, uint16_t worker, struct rte_ring *ring);
int ld_exchange_punt(struct ld_exchange *x, uint16_t kind, struct rte_ring *ring);
void ld_exchange_bell(struct ld_exchange *x, struct ld_bell *bell);
struct ld_frame *ld_exchange_frames(struct ld_exchange *x);
struct ld_frame *ld_exchange_spares(struct ld_exchange *x);
uint32_t *ld_exchange_spared(struct ld_exchange *x);
struct ld_counters *ld_exchange_counters(struct ld_exchange *x);
uint64_t *ld_exchange_now(struct ld_exchange *x);
uint32_t ld_exchange(uintptr_t x); /* a number: cgo checks pointers, at 5 ns a call */
void ld_exchange_idle(struct ld_exchange *x);
void ld_exchange_free(struct ld_exchange *x);
int ld_queue_check(uint16_t port, uint16_t queue, int tx);

/* sender.c */
struct ld_sender *ld_sender_new(uint16_t port, uint16_t queue, uint16_t burst,
				struct rte_mempool *pool, int socket);
struct ld_frame *ld_sender_frames(struct ld_sender *s);
uint32_t *ld_sender_ready(struct ld_sender *s);
uint16_t ld_sender_room(const struct ld_sender *s);
uint32_t ld_send(uintptr_t s, uint32_t n);
void ld_sender_free(struct ld_sender *s);

/* batch.c */
struct ld_bell *ld_bell_new(void);
void ld_bell_arm(struct ld_bell *bell);
void ld_bell_disarm(struct ld_bell *bell);
void ld_bell_free(struct ld_bell *bell);
struct ld_batch *ld_batch_new(void);
uint32_t ld_batch_take(struct ld_batch *batch, struct rte_ring *ring);
void ld_batch_drop(struct ld_batch *batch);
void ld_batch_free(struct ld_batch *batch);
int ld_inject(struct rte_mempool *pool, struct rte_ring *ring, uint16_t port, const uint8_t *frame,
	      uint16_t len);

#endif
