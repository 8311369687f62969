/* SPDX-License-Identifier: Apache-2.0 */

/*
 * path FLOWS PACKETS opens FLOWS UDP flows, sends PACKETS packets of flows picked at random, and
 * prints what one took, in ns. The loop is that of BenchmarkPath in lcore/forward/bench_test.go:
 * bursts of 32, each packet's bytes written anew, which the figure includes; memory in transparent
 * hugepages. Before it measures it sees that a rewritten frame's checksums are right, in both
 * directions, and after it that every packet was sent.
 */

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "path.h"

#define LEN	60
#define ORDER	(1 << 16)
#define VIRTUAL 0xc000020au
#define REAL	0x0a00000bu
#define REALS	3

static void die(const char *what)
{
	fprintf(stderr, "path: %s\n", what);
	exit(1);
}

static void *huge(size_t size)
{
	const size_t page = 2 << 20;

	/* Nothing that the heap holds: the kernel gives hugepages to mappings that are whole. */
	size = (size + page - 1) & ~(page - 1);
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		die("no memory");
	madvise(mem, size, MADV_HUGEPAGE);
	return mem;
}

static uint64_t mac(const char *bytes)
{
	uint64_t v = 0;

	memcpy(&v, bytes, 6);
	return v;
}

static void set_hop(struct path *p, int slot, const char *dst, uint64_t src, uint64_t port)
{
	atomic_store(&p->hops[slot].low, mac(dst) | src << 48);
	atomic_store(&p->hops[slot].high, src >> 16 | port << 32 | HOP_KNOWN);
}

static uint32_t client(uint32_t n)
{
	return 0x0b000000 + (n >> 14);
}

static uint16_t client_port(uint32_t n)
{
	return (uint16_t)(1024 + (n & 0x3fff));
}

static uint16_t address_diff(uint32_t from, uint32_t to)
{
	return fold((~from >> 16) + (~from & 0xffff) + (to >> 16) + (to & 0xffff));
}

/* open_flows fills the table to the last record, as the Go benchmark does. */
static void open_flows(struct path *p, uint32_t flows)
{
	struct table *t = &p->table;

	t->nbuckets = (flows + 2) / 3 + 1;
	t->buckets =
		huge(t->nbuckets * sizeof *t->buckets + (flows + (size_t)1) * sizeof *t->records);
	t->records = (struct record *)(t->buckets + t->nbuckets);
	t->seed[0] = 1 ^ 0x9E3779B97F4A7C15u;
	t->seed[1] = 2 ^ 0xA0761D6478BD642Fu;
	t->seed[2] = 3 ^ 0x8EBC6AF09C88C6E3u;
	for (uint32_t n = 0; n < flows; n++) {
		uint32_t real = REAL + n % REALS;
		uint16_t l3 = address_diff(VIRTUAL, real);

		t->records[n + 1] = (struct record){
			.addr = {real, client(n), VIRTUAL},
			.port = {8080, client_port(n), 53},
			.protocol = UDP,
			.phase = PHASE_UDP,
			.l3_diff = l3,
			.l4_diff = fold((uint32_t)l3 + (uint16_t)~53 + 8080),
			.last = p->now,
			.route_generation = p->route_generation,
			.hop = {(uint16_t)(2 + n % REALS), 1},
		};
		if (!enter(t, n + 1))
			die("the index is full");
	}
}

/* frame_for writes a whole frame from one endpoint to another. */
static void frame_for(uint8_t *h, uint64_t dst, struct key k)
{
	memset(h, 0, LEN);
	memcpy(h, &dst, 6);
	store16(h + 12, 0x0800);
	h[14] = 0x45;
	h[22] = 64;
	h[23] = UDP;
	store16(h + 16, 46);
	store32(h + 26, k.src);
	store32(h + 30, k.dst);
	store16(h + 34, k.src_port);
	store16(h + 36, k.dst_port);
	store16(h + 38, 26);
}

static uint16_t sum(const uint8_t *h, int n, uint32_t s)
{
	for (int i = 0; i < n; i += 2)
		s += load16(h + i);
	return fold(s);
}

static uint16_t l4_sum(const uint8_t *h)
{
	return sum(h + 34, 26, sum(h + 26, 8, UDP + 26u));
}

/* check sends one packet of a flow each way and computes the checksums of what becomes of it in
 * full. */
static void check(struct path *p, uint32_t n)
{
	const struct record *r = &p->table.records[n];

	for (unsigned d = 0; d < 2; d++) {
		uint8_t h[ROOM] = {0};
		struct frame f = {.data = h, .len = LEN, .port = (uint16_t)d};

		frame_for(h, p->port_mac[d], d ? reply_key(r) : forward_key(r));
		store16(h + 24, (uint16_t)~sum(h + 14, 20, 0));
		store16(h + 40, (uint16_t)~l4_sum(h));
		burst(p, &f, 1);
		if (f.verdict != 1 || f.out != (d ^ 1) || h[22] != 63 ||
		    sum(h + 14, 20, 0) != 0xffff || l4_sum(h) != 0xffff ||
		    load32(h + (d ? 26 : 30)) != (d ? r->addr[2] : r->addr[0]) ||
		    load16(h + (d ? 34 : 36)) != (d ? r->port[2] : r->port[0]))
			die("a frame was rewritten wrongly");
	}
}

/* aim makes the frame client n's, as a NIC would leave it in the buffer. */
static inline void aim(uint8_t *h, uint32_t n)
{
	memcpy(h, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\xfe", 12);
	h[22] = 64;
	store32(h + 26, client(n));
	store32(h + 30, VIRTUAL);
	store32(h + 34, (uint32_t)client_port(n) << 16 | 53);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static double measure(struct path *p, uint32_t flows, uint64_t packets)
{
	static uint32_t order[ORDER];
	static struct frame frames[BURST];
	static uint8_t buffers[BURST][ROOM] __attribute__((aligned(64)));
	uint64_t random = 88172645463325252u;
	double spent = 0;

	for (int i = 0; i < BURST; i++) {
		frame_for(buffers[i], p->port_mac[0], (struct key){0, VIRTUAL, 0, 53, UDP});
		store16(buffers[i] + 40, 0xabcd);
		frames[i] = (struct frame){.data = buffers[i], .len = LEN};
	}
	for (uint64_t done = 0; done < packets; done += ORDER) {
		for (int i = 0; i < ORDER; i++)
			order[i] = reduce((uint32_t)(next_random(&random) >> 32), flows);
		double start = seconds();

		for (int n = 0; n < ORDER; n += BURST) {
			for (int i = 0; i < BURST; i++)
				aim(buffers[i], order[n + i]);
			burst(p, frames, BURST);
		}
		spent += seconds() - start;
	}
	return spent;
}

int main(int argc, char **argv)
{
	static struct path p = {.route_generation = 1, .now = 1000000};
	unsigned long flows = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long packets = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (flows < 1 || flows > 1u << 26 || packets < 1)
		die("usage: path FLOWS PACKETS, at most 67108864 flows");
	packets = (packets + ORDER - 1) & ~(ORDER - 1ul);
	p.port_mac[0] = mac("\x02\x00\x00\x00\x00\x01");
	p.port_mac[1] = mac("\x02\x00\x00\x00\x00\x02");
	set_hop(&p, 1, "\x02\x00\x00\x00\x00\xfe", p.port_mac[0], 0);
	set_hop(&p, 2, "\x02\x00\x00\x00\x01\x01", p.port_mac[1], 1);
	set_hop(&p, 3, "\x02\x00\x00\x00\x01\x02", p.port_mac[1], 1);
	set_hop(&p, 4, "\x02\x00\x00\x00\x01\x03", p.port_mac[1], 1);
	open_flows(&p, (uint32_t)flows);
	check(&p, 1);
	check(&p, (uint32_t)flows);

	uint64_t before = p.packets[0];
	double spent = measure(&p, (uint32_t)flows, packets);

	if (p.misses != 0 || p.packets[0] - before != packets)
		die("not every packet was sent");
	printf("%.2f\n", spent / (double)packets * 1e9);
	return 0;
}
