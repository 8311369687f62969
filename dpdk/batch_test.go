package dpdk_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linedirector/dpdk"
)

// TestInject tries frames and rings that do not fit.
func TestInject(t *testing.T) {
	m := pool(t, 63, 512)
	small, large := ring(t, 4), ring(t, 128)
	for _, tt := range []struct {
		name string
		len  int
		ok   bool
	}{{"empty", 0, false}, {"short", 1, true}, {"whole mbuf", 512, true}, {"longer", 513, false}, {"longest", 65535, false}, {"beyond", 65536, false}} {
		t.Run(tt.name, func(t *testing.T) {
			frame := payload(1, tt.len)
			if err := dpdk.Inject(m, small, 7, frame); (err == nil) != tt.ok {
				t.Fatalf("%v", err)
			}
			got, ports := take(t, small)
			if tt.ok && (len(got) != 1 || !bytes.Equal(got[0], frame) || ports[0] != 7) {
				t.Errorf("%d frames, from %v", len(got), ports)
			}
		})
	}
	for i := range 5 {
		if err := dpdk.Inject(m, small, 0, payload(1, 60)); (i < 3 && err != nil) || (i >= 3 && !errors.Is(err, dpdk.ErrFull)) {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	for i := range 65 {
		if err := dpdk.Inject(m, large, 0, payload(1, 60)); (i < 60 && err != nil) || (i >= 60 && !errors.Is(err, dpdk.ErrNoMbuf)) {
			t.Errorf("frame %d: %v", i, err)
		}
	}
	b := dpdk.NewBatch()
	defer b.Close()
	for _, want := range []int{32, 28, 0} { // Take frees what it took before
		if n := b.Take(large); n != want || len(b.Frames()) != want {
			t.Errorf("took %d, want %d", n, want)
		}
	}
	take(t, small)
}

// TestRingFree frees the mbufs left on a ring; the pool's cleanup counts.
func TestRingFree(t *testing.T) {
	m := pool(t, 63, 512)
	r, err := dpdk.NewRing("left", 100, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := dpdk.Inject(m, r, 0, payload(1, 60)); err != nil {
			t.Fatal(err)
		}
	}
	if r.Len() != 50 || r.Cap() != 127 || m.InUse() != 50 {
		t.Errorf("%d of %d on the ring, %d in use", r.Len(), r.Cap(), m.InUse())
	}
	if _, err := dpdk.NewRing("left", 100, dpdk.AnySocket); err == nil {
		t.Error("two rings of one name")
	}
	r.Free()
}

// rung waits for a bell.
func rung(t *testing.T, b *dpdk.Bell, wait time.Duration) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(b.FD()), Events: unix.POLLIN}}, int(wait.Milliseconds()))
		if errors.Is(err, unix.EINTR) { // Go preempts by signals
			continue
		}
		if err != nil {
			t.Error(err)
		}
		return n > 0
	}
}

// TestBell rings once for each arming, and only after a punt.
func TestBell(t *testing.T) {
	worker(t)
	bell, err := dpdk.NewBell()
	if err != nil {
		t.Fatal(err)
	}
	defer bell.Close()
	punt := ring(t, 4)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Punt: []*dpdk.Ring{punt}, Bell: bell})
	do := func(verdict uint8) {
		l.feed(t, payload(0, 60))[0].Verdict = verdict
		l.x.Exchange()
	}
	do(dpdk.Punt)
	if rung(t, bell, 0) {
		t.Error("rang unarmed")
	}
	bell.Arm()
	do(dpdk.Drop)
	if rung(t, bell, 0) {
		t.Error("rang without a punt")
	}
	do(dpdk.Punt)
	if !rung(t, bell, time.Second) {
		t.Error("did not ring")
	}
	bell.Disarm()
	do(dpdk.Punt)
	if rung(t, bell, 0) {
		t.Error("rang again")
	}
	bell.Arm()
	do(dpdk.Punt) // the ring is full: nothing to wake up for
	if rung(t, bell, 0) {
		t.Error("rang for a refused frame")
	}
	take(t, punt)
}

// TestBellLosesNothing has control sleep whenever its ring is empty while a worker punts: each frame must arrive.
func TestBellLosesNothing(t *testing.T) {
	const frames = 3000
	worker(t)
	bell, err := dpdk.NewBell()
	if err != nil {
		t.Fatal(err)
	}
	defer bell.Close()
	punt := ring(t, 64)
	l := newLoop(t, "net_ring0", dpdk.ExchangeConfig{Punt: []*dpdk.Ring{punt}, Bell: bell})
	done := make(chan int, 1)
	go func() {
		b := dpdk.NewBatch()
		got := 0
		for got < frames {
			got += b.Take(punt)
			bell.Arm()
			if punt.Len() > 0 {
				bell.Disarm()
				continue
			}
			if got < frames && !rung(t, bell, 5*time.Second) {
				break
			}
			bell.Disarm()
		}
		b.Close()
		done <- got
	}()
	for range frames {
		l.feed(t, payload(0, 60))[0].Verdict = dpdk.Punt
		l.x.Exchange()
		for punt.Len() == punt.Cap() && len(done) == 0 {
			time.Sleep(10 * time.Microsecond)
		}
	}
	got := <-done
	take(t, punt)
	if got != frames {
		t.Errorf("%d of %d arrived before control slept for good", got, frames)
	}
}
