/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The flow table as docs/design/0001-flow-table.md lays it out: the same hash, index, records and
 * stages as package flowtable, for one thread. What is measured comes first, insertion last.
 */

#ifndef LD_REFERENCE_TABLE_H
#define LD_REFERENCE_TABLE_H

#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define BURST 32 /* frames */

enum { PHASE_ESTABLISHED = 2, PHASE_UDP = 5 };
enum { FLAG_WATCHED = 1 << 5, FLAG_TRANSLATED = 1 << 6 };

struct key {
	uint32_t src, dst;
	uint16_t src_port, dst_port;
	uint8_t protocol;
};

struct bucket {
	uint32_t tag[8]; /* 0: empty */
	uint32_t ref[8]; /* record * 2 + direction */
};

struct record {
	uint32_t addr[3]; /* real, client, virtual: each direction names two neighbours */
	uint16_t port[3]; /* the same order */
	uint8_t protocol, phase;
	uint16_t l3_diff, l4_diff;
	uint32_t last, binding;
	uint16_t real_slot, virtual_slot, route_generation;
	uint16_t hop[2]; /* forward, reply */
	uint8_t flags, syns;
	uint32_t extension;
	uint64_t bytes[2];
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");
_Static_assert(sizeof(struct record) == 64, "a record is a cache line");
_Static_assert(offsetof(struct record, port) == 12 && offsetof(struct record, last) == 24 &&
		       offsetof(struct record, hop) == 38 && offsetof(struct record, bytes) == 48,
	       "docs/design/0001-flow-table.md");

struct table {
	struct bucket *buckets;
	struct record *records;
	uint32_t nbuckets;
	uint64_t seed[3];
};

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static inline uint64_t table_hash(const struct table *t, const struct key *k)
{
	uint64_t a = (uint64_t)k->src << 32 | k->dst;
	uint64_t b = (uint64_t)k->protocol << 32 | (uint32_t)k->src_port << 16 | k->dst_port;

	return mix(mix(a ^ t->seed[0], b ^ t->seed[1]) ^ t->seed[2], 0xE7037ED1A0B428DBu);
}

static inline uint32_t reduce(uint32_t h, uint32_t n)
{
	return (uint32_t)((uint64_t)h * n >> 32);
}

static inline uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)hash | 1;
}

static inline uint32_t first_bucket(const struct table *t, uint64_t hash)
{
	return reduce((uint32_t)(hash >> 32), t->nbuckets);
}

/* other_bucket is the second candidate of an entry that sits in bucket b. */
static inline uint32_t other_bucket(const struct table *t, uint32_t b, uint32_t tag)
{
	uint32_t sum = reduce(tag * 0x9E3779B1u, t->nbuckets);

	return sum >= b ? sum - b : sum + t->nbuckets - b;
}

/* match has a bit for each of the bucket's eight tags that equals the tag in all of want. */
static inline unsigned match(const struct bucket *b, __m128i want)
{
	const __m128i *tags = (const __m128i *)b->tag;
	__m128i both = _mm_packs_epi32(_mm_cmpeq_epi32(want, _mm_load_si128(tags)),
				       _mm_cmpeq_epi32(want, _mm_load_si128(tags + 1)));

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(both, both)) & 0xff;
}

static inline void prefetch_buckets(const struct table *t, const uint64_t *hash, int n)
{
	for (int i = 0; i < n; i++)
		__builtin_prefetch(&t->buckets[first_bucket(t, hash[i])]);
}

/* candidates finds for each hash the first entry with an equal tag, and starts the load of its
 * record. */
static inline void candidates(const struct table *t, const uint64_t *hash, uint32_t *ref, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t tag = tag_of(hash[i]), b = first_bucket(t, hash[i]);
		__m128i want = _mm_set1_epi32((int)tag);
		unsigned found = match(&t->buckets[b], want);

		ref[i] = 0;
		if (!found) {
			b = other_bucket(t, b, tag);
			found = match(&t->buckets[b], want);
		}
		if (found)
			ref[i] = t->buckets[b].ref[__builtin_ctz(found)];
		__builtin_prefetch(&t->records[ref[i] >> 1]);
	}
}

/* matches tells whether a packet with this key is of the flow, going the way d. */
static inline int matches(const struct record *r, const struct key *k, unsigned d)
{
	unsigned i = d ^ 1;

	return ((r->addr[i] ^ k->src) | (r->addr[i + 1] ^ k->dst) |
		(uint32_t)(r->port[i] ^ k->src_port) | (uint32_t)(r->port[i + 1] ^ k->dst_port) |
		(uint32_t)(r->protocol ^ k->protocol)) == 0;
}

/* put enters ref, moving others at random if both candidates are full. It returns 0 if there is no
 * room. */
static int put(struct table *t, uint64_t hash, uint32_t ref)
{
	uint32_t tag = tag_of(hash), b = first_bucket(t, hash);

	for (int moves = 0; moves < 1000; moves++) {
		for (int look = 0; look < 2; look++, b = other_bucket(t, b, tag)) {
			for (int i = 0; i < 8; i++) {
				if (t->buckets[b].tag[i] == 0) {
					t->buckets[b].tag[i] = tag;
					t->buckets[b].ref[i] = ref;
					return 1;
				}
			}
		}
		int i = rand() & 7;
		uint32_t old_tag = t->buckets[b].tag[i], old_ref = t->buckets[b].ref[i];

		t->buckets[b].tag[i] = tag;
		t->buckets[b].ref[i] = ref;
		tag = old_tag;
		ref = old_ref;
		b = other_bucket(t, b, tag);
	}
	return 0;
}

static inline struct key forward_key(const struct record *r)
{
	return (struct key){r->addr[1], r->addr[2], r->port[1], r->port[2], r->protocol};
}

static inline struct key reply_key(const struct record *r)
{
	return (struct key){r->addr[0], r->addr[1], r->port[0], r->port[1], r->protocol};
}

/* enter makes a flow of record n. It returns 0 if there is no room. */
static int enter(struct table *t, uint32_t n)
{
	struct key forward = forward_key(&t->records[n]), reply = reply_key(&t->records[n]);

	return put(t, table_hash(t, &forward), n << 1) && put(t, table_hash(t, &reply), n << 1 | 1);
}

#endif
