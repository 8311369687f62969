/* SPDX-License-Identifier: Apache-2.0 */

/* Parsing and rewriting of plain frames, as package packet does it: TCP or UDP over IPv4 without
 * options. */

#ifndef LD_REFERENCE_PACKET_H
#define LD_REFERENCE_PACKET_H

#include <string.h>

#include "table.h"

#define ROOM	  128 /* bytes of a frame's buffer */
#define PLAIN_LEN 34  /* of Ethernet and IPv4 header */

enum { TCP = 6, UDP = 17 };
enum { FIN = 1, SYN = 2, RST = 4 };

/* meta is what a frame shows; its key stands first. */
struct meta {
	struct key key;
	uint8_t tcp_flags, ttl, l4;
};

static inline uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap16(v);
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return __builtin_bswap32(v);
}

static inline void store16(uint8_t *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof v);
}

static inline void store32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof v);
}

/* parse checks the lengths once and for all. It returns 0 for what is no plain frame. */
static inline int parse(const uint8_t *h, uint16_t length, struct meta *m)
{
	int payload = load16(h + 16) - 20, n;

	if (load16(h + 12) != 0x0800 || h[14] != 0x45 || (load16(h + 20) & 0x3fff) != 0 ||
	    payload > (int)length - PLAIN_LEN)
		return 0;
	m->tcp_flags = 0;
	switch (h[23]) {
	case TCP:
		n = (h[PLAIN_LEN + 12] >> 4) * 4;
		if (n < 20 || n > payload)
			return 0;
		m->tcp_flags = h[PLAIN_LEN + 13];
		break;
	case UDP:
		n = load16(h + PLAIN_LEN + 4);
		if (n < 8 || n > payload)
			return 0;
		break;
	default:
		return 0;
	}
	m->key =
		(struct key){load32(h + 26), load32(h + 30), load16(h + 34), load16(h + 36), h[23]};
	m->ttl = h[22];
	m->l4 = PLAIN_LEN;
	return 1;
}

static inline uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* apply is RFC 1624, eqn. 3. */
static inline uint16_t apply(uint16_t checksum, uint16_t diff)
{
	return (uint16_t)~fold((uint32_t)(uint16_t)~checksum + diff);
}

/* rewrite replaces one endpoint (side 0: the source), the checksums, the time to live and the link
 * addresses. */
static inline void rewrite(uint8_t *h, const struct meta *m, unsigned side, uint32_t addr,
			   uint16_t port, uint16_t l3_diff, uint16_t l4_diff, uint64_t low,
			   uint32_t high)
{
	memcpy(h, &low, sizeof low);
	memcpy(h + 8, &high, sizeof high);

	uint32_t ttl = load32(h + 22); /* and protocol and checksum */
	uint16_t sum = (uint16_t)~fold((~ttl & 0xffff) + l3_diff + (uint16_t)~0x0100);

	store32(h + 22, ((ttl & 0xffff0000) - (1u << 24)) | sum);
	store32(h + 26 + 4 * side, addr);
	store16(h + PLAIN_LEN + 2 * side, port);
	if (m->key.protocol == TCP) {
		store16(h + PLAIN_LEN + 16, apply(load16(h + PLAIN_LEN + 16), l4_diff));
	} else if ((sum = load16(h + PLAIN_LEN + 6)) != 0) {
		sum = apply(sum, l4_diff);
		store16(h + PLAIN_LEN + 6, sum ? sum : 0xffff);
	}
}

#endif
