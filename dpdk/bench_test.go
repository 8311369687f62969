package dpdk_test

import (
	"testing"

	"linedirector/dpdk"
)

// BenchmarkExchange is one crossing: "empty" has nothing to do, the others receive and send bursts of 32. ns/frame includes
// the device, which for ring is little. The tests run without hugepages, which makes null three times as slow.
func BenchmarkExchange(b *testing.B) {
	b.Run("empty", func(b *testing.B) {
		worker(b)
		m := pool(b, 255, 2048)
		q := []dpdk.Queue{{Port: port(b, "net_ring0", dpdk.PortConfig{Mempools: []*dpdk.Mempool{m}}).ID()}}
		x := exchange(b, dpdk.ExchangeConfig{Receive: q, Transmit: q})
		for b.Loop() {
			x.Exchange()
		}
	})
	b.Run("null", func(b *testing.B) {
		worker(b)
		m := pool(b, 4095, 2048)
		q := []dpdk.Queue{{Port: port(b, "net_null0", dpdk.PortConfig{Mempools: []*dpdk.Mempool{m}}).ID()}}
		forward(b, exchange(b, dpdk.ExchangeConfig{Receive: q, Transmit: q}), q[0].Port, 0)
	})
	b.Run("ring", func(b *testing.B) {
		worker(b)
		l := newLoop(b, "net_ring0", dpdk.ExchangeConfig{})
		var frames [][]byte
		for range 32 {
			frames = append(frames, payload(0, 60))
		}
		forward(b, l.x, l.port, len(l.feed(b, frames...)))
	})
}

// forward sends each burst on, beginning with the held frames of the last one.
func forward(b *testing.B, x *dpdk.Exchange, out dpdk.PortID, held int) {
	n := 0
	for b.Loop() {
		frames := x.Frames()[:held]
		for i := range frames {
			frames[i].Verdict, frames[i].Out = dpdk.Send, uint16(out)
		}
		held = x.Exchange()
		n += held
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/frame")
}
