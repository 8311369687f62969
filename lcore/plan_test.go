package lcore

import (
	"slices"
	"testing"

	"linedirector/dpdk"
	"linedirector/lcore/forward"
)

// For all numbers of ports, workers and queues: each queue has one owner, and each worker somebody who transmits for
// it, over a ring that the two agree upon.
func TestPlan(t *testing.T) {
	for port := range 4 {
		for workers := 1; workers <= 9; workers++ {
			for maxRx := 0; maxRx <= 10; maxRx++ {
				for maxTx := 0; maxTx <= 10; maxTx++ {
					p := planPort(port, workers, maxRx, maxTx)
					checkOwners(t, p.rxOwner, workers, maxRx)
					checkOwners(t, p.txOwner, workers, maxTx)
					for w := range workers {
						sender := p.sender(w)
						q := p.txQueue(sender)
						if q < 0 || p.txOwner[q] != sender {
							t.Fatalf("port %d, %d workers, %d tx queues: worker %d, who has none, is to send for %d", port, workers, maxTx, sender, w)
						}
						if p.txQueue(w) >= 0 && sender != w {
							t.Fatalf("worker %d has a queue, and %d sends for it", w, sender)
						}
					}
				}
			}
		}
	}
}

func checkOwners(t *testing.T, owners []int, workers, most int) {
	t.Helper()
	if want := max(1, min(workers, most)); len(owners) != want {
		t.Fatalf("%d workers, at most %d queues: %d, want %d", workers, most, len(owners), want)
	}
	seen := map[int]bool{}
	for q, w := range owners {
		if w < 0 || w >= workers || seen[w] {
			t.Fatalf("%d workers, queue %d: owned by %d, in %v", workers, q, w, owners)
		}
		seen[w] = true
		if len(owners) == workers && w != q {
			t.Fatalf("with a queue for each, worker %d owns queue %d: RSS counts on the same number", w, q)
		}
	}
}

// One-queue ports are spread over the workers.
func TestPlanSpreads(t *testing.T) {
	owners := map[int]int{}
	for port := range 4 {
		p := planPort(port, 2, 1, 1)
		owners[p.rxOwner[0]]++
		if p.rxOwner[0] != p.txOwner[0] {
			t.Errorf("port %d is received by %d and sent by %d", port, p.rxOwner[0], p.txOwner[0])
		}
	}
	if owners[0] != 2 || owners[1] != 2 {
		t.Errorf("four ports over two workers: %v", owners)
	}
}

// The rings of exchanges fit together: what one passes on, the other has, and every ring has one at each end.
func TestExchangesFitTogether(t *testing.T) {
	for workers := 1; workers <= 5; workers++ {
		for queues := 1; queues <= 5; queues++ {
			l := &Lcores{config: Config{CPUs: make([]int, workers)}}
			for port := range 3 {
				l.Ports = append(l.Ports, &Port{ID: dpdk.PortID(port), plan: planPort(port, workers, queues, max(1, queues-port))})
			}
			r := &rings{}
			for range workers {
				hand, finish := make([]*dpdk.Ring, workers), make([]*dpdk.Ring, workers)
				for to := range workers {
					hand[to], finish[to] = &dpdk.Ring{}, &dpdk.Ring{}
				}
				r.hand, r.finish = append(r.hand, hand), append(r.finish, finish)
				r.punt, r.inject = append(r.punt, nil), append(r.inject, &dpdk.Ring{})
			}
			var all []dpdk.ExchangeConfig
			queue := map[dpdk.Queue]int{}
			for w := range workers {
				x := l.exchangeConfig(w, 0, r)
				all = append(all, x)
				for _, q := range x.Receive {
					queue[q]++
				}
			}
			for q, n := range queue {
				if n != 1 {
					t.Errorf("%d workers: queue %+v has %d owners", workers, q, n)
				}
			}
			for w, x := range all {
				if len(x.Handed) != workers-1 || x.Finished[0] != r.inject[w] {
					t.Errorf("worker %d of %d takes from %d others", w, workers, len(x.Handed))
				}
				for port, ring := range x.Via {
					to := slices.Index(r.finish[w], ring)
					if to < 0 || !slices.Contains(all[to].Finished, ring) {
						t.Fatalf("%d workers, %d queues: worker %d's frames for port %d go to %d, who does not take them", workers, queues, w, port, to)
					}
					if !slices.ContainsFunc(all[to].Transmit, func(q dpdk.Queue) bool { return q.Port == port }) {
						t.Fatalf("%d workers, %d queues: worker %d, who gets frames for port %d, has no queue there", workers, queues, to, port)
					}
				}
				if len(x.Via)+len(x.Transmit) != len(l.Ports) {
					t.Errorf("worker %d reaches %d ports of %d", w, len(x.Via)+len(x.Transmit), len(l.Ports))
				}
			}
		}
	}
}

// A NIC's table brings flows home if its size and ours agree.
func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		workers, size int
		want          bool
	}{
		{1, 64, true},
		{2, 64, true},
		{4, 64, true},
		{3, 64, false},
		{3, 128, true},
		{3, 512, true},
		{7, 256, true},
		{2, 1, false},
		{3, 40, false},
		{2, 0, false},
	} {
		s := forward.NewSteering(tt.workers)
		if got := covers(s, tt.size); got != tt.want {
			t.Errorf("%d workers, %d entries: %v, want %v", tt.workers, tt.size, got, tt.want)
		}
		if table := reta(s, tt.size); tt.want {
			for hash := range uint32(1 << 12) {
				if table[hash%uint32(tt.size)] != s.Worker(int(hash%forward.Steers)) {
					t.Fatalf("%d workers, %d entries: hash %d goes astray", tt.workers, tt.size, hash)
				}
			}
		}
	}
}

func TestSteerable(t *testing.T) {
	able := dpdk.PortInfo{RSSTypes: rssTypes(Clients) | rssTypes(Reals) | dpdk.RSSIPv4, RetaSize: 512, KeySize: 40}
	for _, tt := range []struct {
		name   string
		change func(*dpdk.PortInfo)
		want   bool
	}{
		{"all that it takes", func(*dpdk.PortInfo) {}, true},
		{"a key of the usual length", func(i *dpdk.PortInfo) { i.KeySize = 0 }, true},
		{"the longest key", func(i *dpdk.PortInfo) { i.KeySize = 52 }, true},
		{"a longer key than ours", func(i *dpdk.PortInfo) { i.KeySize = 53 }, false},
		{"no redirection table", func(i *dpdk.PortInfo) { i.RetaSize = 0 }, false},
		{"addresses of both ends only", func(i *dpdk.PortInfo) { i.RSSTypes &^= dpdk.RSSL3SrcOnly }, false},
	} {
		info := able
		tt.change(&info)
		if got := Steerable(info, 2); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestRSSTypes(t *testing.T) {
	four := dpdk.RSSTCPv4 | dpdk.RSSUDPv4
	for side, want := range map[Side]uint64{
		Clients: four | dpdk.RSSL3SrcOnly | dpdk.RSSL4SrcOnly,
		Reals:   four | dpdk.RSSL3DstOnly | dpdk.RSSL4DstOnly,
		Both:    four,
	} {
		if got := rssTypes(side); got != want {
			t.Errorf("side %d: %x, want %x", side, got, want)
		}
	}
}

// A virtual device, which has no node, takes the mbufs of one that has.
func TestSettle(t *testing.T) {
	for _, tt := range []struct{ in, want []int }{
		{[]int{-1, -1}, []int{-1, -1}},
		{[]int{-1, 1, 0}, []int{1, 1, 0}},
		{[]int{0, -1}, []int{0, 0}},
		{nil, nil},
	} {
		var ports []*Port
		for _, s := range tt.in {
			ports = append(ports, &Port{Info: dpdk.PortInfo{Socket: s}})
		}
		settle(ports)
		var got []int
		for _, p := range ports {
			got = append(got, p.Info.Socket)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestMostMbufs(t *testing.T) {
	one := Config{CPUs: []int{1}, Ports: make([]PortConfig, 2), RxDesc: 4096, TxDesc: 1024}
	two := one
	two.CPUs = []int{1, 2}
	if n := one.MostMbufs(); n < 2*(4096+1024)+injectRing+puntRing*int(forward.PuntKinds) {
		t.Errorf("one worker: %d", n)
	}
	if a, b := one.MostMbufs(), two.MostMbufs(); b < 2*a+2*(handRing+finishRing) {
		t.Errorf("two workers: %d, one: %d", b, a)
	}
	two.Mbufs = 1000
	if n := two.MostMbufs(); n != 1000 {
		t.Errorf("with --mbufs 1000: %d", n)
	}
}
