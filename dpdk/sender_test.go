package dpdk_test

import (
	"bytes"
	"testing"

	"linedirector/dpdk"
)

// TestSender sends frames of its own round a ring device, more than the device takes at last, and more than there are
// mbufs.
//
//	sender ─tx→ net_ring ─rx→ exchange
func TestSender(t *testing.T) {
	worker(t)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Burst: dpdk.MaxBurst})
	const mbufs = 3000 // more than net_ring's 1024 places
	own := pool(t, mbufs, 512)
	s, err := dpdk.NewSender(dpdk.Queue{Port: l.port}, 32, own, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	write := func(mark byte, n int) {
		for i := range s.Frames()[:n] {
			f := &s.Frames()[i]
			f.Len = uint16(copy(s.Room(f), payload(mark+byte(i), 60+i)))
		}
	}
	if n := len(s.Frames()); n != 32 || len(s.Room(&s.Frames()[31])) != 512 {
		t.Fatalf("%d frames at hand, of %d bytes", n, len(s.Room(&s.Frames()[31])))
	}
	write(1, 5)
	if n := s.Send(5); n != 5 || len(s.Frames()) != 32 {
		t.Fatalf("sent %d of 5, %d at hand again", n, len(s.Frames()))
	}
	if n := l.x.Exchange(); n != 5 {
		t.Fatalf("received %d", n)
	}
	for i := range l.x.Frames()[:5] {
		if got := l.x.Frames()[i].Bytes(); !bytes.Equal(got, payload(1+byte(i), 60+i)) {
			t.Errorf("frame %d: % x", i, got)
		}
	}

	// A full device: what it did not take stays, as written, and comes first.
	taken := 0
	for {
		write(100, 32)
		n := s.Send(32)
		taken += n
		if n < 32 {
			for i := range 32 - n {
				f := &s.Frames()[i]
				if want := payload(100+byte(n+i), 60+n+i); !bytes.Equal(s.Room(f)[:f.Len], want) {
					t.Fatalf("frame %d was not taken and is now % x", n+i, s.Room(f)[:f.Len])
				}
			}
			break
		}
	}
	if s.Send(1) != 0 || len(s.Frames()) != 32 {
		t.Errorf("a full device took a frame; %d are at hand", len(s.Frames()))
	}
	received := 0
	for n := l.x.Exchange(); n > 0; n = l.x.Exchange() {
		received += n
	}
	if received != taken || taken < 32 {
		t.Errorf("received %d of %d", received, taken)
	}
	if s.Send(1000) != 32 || l.x.Exchange() != 32 || l.x.Exchange() != 0 {
		t.Error("more than are at hand: not just these were sent")
	}
}

// TestSenderWithoutMbufs lets the mempool run out, and recover.
func TestSenderWithoutMbufs(t *testing.T) {
	worker(t)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Burst: dpdk.MaxBurst})
	own := pool(t, 63, 512)
	s, err := dpdk.NewSender(dpdk.Queue{Port: l.port}, 32, own, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sent := 0
	for len(s.Frames()) > 0 {
		for i := range s.Frames() {
			s.Frames()[i].Len = 60
		}
		sent += s.Send(len(s.Frames()))
	}
	if n := s.Send(1); n != 0 || sent < 32 {
		t.Errorf("sent %d, and %d without an mbuf", sent, n)
	}
	if n := l.x.Exchange(); n != sent {
		t.Errorf("received %d of %d", n, sent)
	}
	l.x.Exchange() // frees them
	s.Send(0)
	if n := len(s.Frames()); n != 32 {
		t.Errorf("%d frames at hand once there are mbufs", n)
	}
}

// TestSenderRefuses wants wrong arguments refused.
func TestSenderRefuses(t *testing.T) {
	m := pool(t, 63, 512)
	id := port(t, "net_ring0", dpdk.PortConfig{Mempools: []*dpdk.Mempool{m}}).ID()
	for name, tt := range map[string]struct {
		q     dpdk.Queue
		burst int
	}{
		"no burst":   {dpdk.Queue{Port: id}, 0},
		"long burst": {dpdk.Queue{Port: id}, dpdk.MaxBurst + 1},
		"no queue":   {dpdk.Queue{Port: id, Queue: 1}, 32},
		"no port":    {dpdk.Queue{Port: 31}, 32},
	} {
		if s, err := dpdk.NewSender(tt.q, tt.burst, m, dpdk.AnySocket); err == nil {
			t.Errorf("%s: made", name)
			s.Close()
		}
	}
}
