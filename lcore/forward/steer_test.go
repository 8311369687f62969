package forward

import (
	"math/rand/v2"
	"testing"

	"linedirector/lcore/packet"
)

// toeplitz is the hash by its definition: for each bit of the input, the key's 32 bits from there on.
func toeplitz(key []byte, data []byte) (hash uint32) {
	bit := func(i int) uint32 { return uint32(key[i/8]>>(7-i%8)) & 1 }
	for i := range 8 * len(data) {
		if data[i/8]>>(7-i%8)&1 == 0 {
			continue
		}
		window := uint32(0)
		for j := range 32 {
			window = window<<1 | bit(i+j)
		}
		hash ^= window
	}
	return hash
}

// inputs are a client's address and port as they stand in a packet, at every place where a NIC may read them.
func inputs(address uint32, port uint16) map[string][]byte {
	a := []byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}
	p := []byte{byte(port >> 8), byte(port)}
	join := func(parts ...[]byte) (out []byte) {
		for _, b := range parts {
			out = append(out, b...)
		}
		return out
	}
	return map[string][]byte{
		"address and port alone":             join(a, p),
		"as source, the rest masked":         join(a, make([]byte, 4), p, make([]byte, 2)),
		"as destination, the rest masked":    join(make([]byte, 4), a, make([]byte, 2), p),
		"as source, the other address gone":  join(a, p, make([]byte, 2)),
		"as destination, likewise":           join(a, make([]byte, 2), p),
		"as destination of an IPv6-long key": join(make([]byte, 32), a, p),
	}
}

func TestHash(t *testing.T) {
	s := NewSteering(4)
	random := rand.New(rand.NewPCG(8, 8))
	for n := range 3000 {
		address, port := random.Uint32(), uint16(random.Uint32())
		if n < 64 {
			address, port = 1<<n, uint16(uint64(1)<<n>>32)
		}
		for name, data := range inputs(address, port) {
			if got, want := s.Hash(address, port), toeplitz(SteeringKey[:], data); got != want {
				t.Fatalf("%#x:%d %s: %#x, want %#x", address, port, name, got, want)
			}
		}
	}
}

// TestHashOfBothDirections: a NIC that hashes both endpoints gives both directions one hash, if not the owner's.
func TestHashOfBothDirections(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 9))
	for range 500 {
		b := make([]byte, 12)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		swapped := append(append(append(append([]byte{}, b[4:8]...), b[0:4]...), b[10:12]...), b[8:10]...)
		if toeplitz(SteeringKey[:], b) != toeplitz(SteeringKey[:], swapped) {
			t.Fatalf("% x", b)
		}
	}
}

func TestOwnersAreSpread(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 10))
	for _, workers := range []int{1, 2, 3, 4, 5, 7, 8, 16, 33, 64, 128} {
		s := NewSteering(workers)
		for name, next := range map[string]func(i int) (uint32, uint16){
			"anybody":                  func(int) (uint32, uint16) { return random.Uint32(), uint16(random.Uint32()) },
			"one client's ports":       func(i int) (uint32, uint16) { return 0xc6336401, uint16(1024 + i) },
			"every other port":         func(i int) (uint32, uint16) { return 0xc6336401, uint16(2 * i) },
			"one port, many addresses": func(i int) (uint32, uint16) { return 0x0a000000 + uint32(i), 40000 },
		} {
			const n = 1 << 14
			count := make([]int, workers)
			for i := range n {
				owner := s.Owner(next(i))
				if int(owner) >= workers {
					t.Fatalf("owner %d of %d", owner, workers)
				}
				count[owner]++
			}
			// 128 places cannot be spread evenly over every number of workers.
			least, most := Steers/workers, (Steers+workers-1)/workers
			for worker, got := range count {
				low, high := n*least/Steers, n*most/Steers
				if got < low*7/10 || got > high*13/10 {
					t.Errorf("%d workers, %s: worker %d owns %d of %d", workers, name, worker, got, n)
				}
			}
		}
	}
}

// TestRedirectionTables: a NIC's table of any length that is a multiple of 128, filled by Worker, agrees with Owner.
func TestRedirectionTables(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 11))
	for _, workers := range []int{1, 2, 3, 6, 64} {
		s := NewSteering(workers)
		for _, size := range []int{128, 256, 384, 512, 1024, 2048} {
			for range 2000 {
				address, port := random.Uint32(), uint16(random.Uint32())
				if got, want := s.Worker(int(s.Hash(address, port))%size), s.Owner(address, port); got != want {
					t.Fatalf("%d workers, table of %d: %d, want %d", workers, size, got, want)
				}
			}
		}
	}
}

// TestHandOver: a miss goes to its owner, once; a hit stays where it is.
func TestHandOver(t *testing.T) {
	w := newWorld(t, 100, nil)
	w.steering = NewSteering(2)
	own, foreign := "", ""
	for n := 0; own == "" || foreign == ""; n++ {
		if client := at(n); w.steering.Owner(0xc6330000, uint16(1024+n)) == 0 {
			own = client
		} else {
			foreign = client
		}
	}
	hand := func(p pkt) stepOf { return stepOf{in: p, verdict: Hand, out: 1, counters: "handed 1"} }
	again := func(p pkt) stepOf {
		return stepOf{in: p, flags: FlagHanded, verdict: Drop, counters: "no-flow 1"}
	}
	w.play(t, []stepOf{
		sent(fromClient("S").from(own), toReal(1, "S").from(own), opens1),
		sent(fromReal(1, "SA").to(own), toClient("SA").to(own), rep),
		hand(fromClient("S").from(foreign)),
		hand(fromClient("A").from(foreign)),
		hand(fromClient("A").from(foreign).hops(1)), // the owner answers
		hand(fromReal(2, "SA").to(foreign)),
		hand(fromClient("u").to(webUDP).from(foreign)),
		again(fromClient("S").from(foreign)),
		again(fromReal(2, "A").to(foreign)),
		punted(PuntHost, fromClient("S").from(foreign).to("192.0.2.1:22")),
		dropped(fromClient("S").from(foreign).to("203.0.113.1:1"), packet.Transit),
	})
	// A removed virtual's and a removed real's flows live on at their owners.
	w.source.Virtuals[0].Draining = true
	for i := range w.source.Virtuals[0].Members {
		w.source.Virtuals[0].Members[i].Weight = 0
	}
	w.apply()
	w.play(t, []stepOf{
		hand(fromClient("A").from(foreign)),
		hand(fromReal(2, "A").to(foreign)),
		sent(fromClient("A").from(own), toReal(1, "A").from(own), fwd),
	})
	w.end(t)
}
