package traffic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
)

// TestFrames has gopacket read what clients send, of each length and flow: lengths, checksums, endpoints, padding.
func TestFrames(t *testing.T) {
	for _, mode := range []Mode{UDP, TCP} {
		t.Run(mode.String(), func(t *testing.T) {
			c := config(mode)
			c.Flows, c.Mix = 66_000, Mix{{60, 2}, {71, 1}, {590, 1}, {1513, 1}, {1514, 1}}
			c.OpenRate, c.Duration = 0, 50*time.Millisecond
			l := newLab(t, c)
			lengths := map[int]int{}
			controls := map[[2]bool]int{} // SYN, RST
			l.seen = func(f []byte) {
				p := decode(t, f)
				ip := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
				if ip.TTL != 64 || ip.Flags != layers.IPv4DontFragment || ip.SrcIP[0] != 198 || ip.SrcIP[1] != 18 {
					t.Fatalf("%+v", ip)
				}
				if tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP); ok && len(tcp.Payload) == 0 {
					if len(f) != MinFrame {
						t.Fatalf("%d bytes: %+v", len(f), tcp)
					}
					controls[[2]bool{tcp.SYN, tcp.RST}]++
					return
				}
				lengths[len(f)]++
			}
			l.run()
			want := map[int]int{60: 2, 71: 1, 590: 1, 1513: 1, 1514: 1}
			if mode == TCP {
				want = map[int]int{72: 3, 590: 1, 1513: 1, 1514: 1}
				for _, kind := range [][2]bool{{true, false}, {false, false}, {false, true}} {
					if controls[kind] != c.Flows {
						t.Errorf("%d frames with SYN, RST = %v, of %d flows", controls[kind], kind, c.Flows)
					}
				}
			}
			unit := lengths[590]
			for length, weight := range want {
				if n := lengths[length]; unit < 500 || n < weight*(unit-1) || n > weight*(unit+1) {
					t.Errorf("%d frames of %d bytes, and %d of 590", n, length, unit)
				}
			}
			if len(lengths) != len(want) {
				t.Errorf("lengths: %v", lengths)
			}
		})
	}
}

// TestFlood counts what it should when nothing goes wrong: rate, bytes, flows, latency.
func TestFlood(t *testing.T) {
	for _, mode := range []Mode{UDP, TCP} {
		for _, echo := range []bool{false, true} {
			for _, skew := range []float64{0, 1.1} {
				t.Run(fmt.Sprintf("%v echo=%v skew=%v", mode, echo, skew), func(t *testing.T) {
					c := config(mode)
					c.Echo, c.Flows, c.Skew, c.Mix = echo, 1000, skew, Mix{{100, 1}}
					l := newLab(t, c)
					l.run()
					p := l.p
					if p.Sent < 9_990 || p.Sent > 10_010 || p.SentBytes != 100*p.Sent {
						t.Errorf("sent %d frames of %d bytes in 0.1 s at 100 kpps", p.Sent, p.SentBytes)
					}
					cycles, _ := p.Measured()
					if d := time.Duration(cycles); d < 99*time.Millisecond || d > 101*time.Millisecond {
						t.Errorf("measured %v", d)
					}
					there, latency := p.There()
					if there != (Arrivals{Received: p.Sent}) || latency.Count() != p.Sent {
						t.Errorf("there: %+v of %d", there, p.Sent)
					}
					if latency.Quantile(0.5) < l.latency || latency.Quantile(1) > l.latency*101/100 {
						t.Errorf("latency %d to %d, want %d", latency.Quantile(0.0001), latency.Max(), l.latency)
					}
					back, _ := p.Back()
					if want := map[bool]uint64{true: p.Sent}[echo]; back != (Arrivals{Received: want}) {
						t.Errorf("back: %+v of %d", back, want)
					}
					seen := uint64(1000)
					if mode == TCP && skew > 0 { // nobody draws the last ones
						seen = max(p.FlowsSeen, 800)
					}
					if p.FlowsSeen != seen || p.Behind != 0 || p.Open != 0 || p.Unopened != 0 {
						t.Errorf("%+v", p.Counters)
					}
					if wrong := p.Malformed + p.BadChecksum + p.Unstamped + p.Misdelivered + p.Other + p.Resets + p.Unreachable; wrong != 0 {
						t.Errorf("%+v", p.Counters)
					}
					if len(l.conns) != 0 {
						t.Errorf("the director still holds %d connections", len(l.conns))
					}
				})
			}
		}
	}
}

// TestFaults lets the network lose, repeat, delay and damage frames, and wants exactly that found.
func TestFaults(t *testing.T) {
	var stamped func(f []byte) bool
	counts := func(f []byte) bool { return stamped(f) }
	run := func(t *testing.T, fault func(l *lab, n int, f []byte) int) *Player {
		c := config(UDP)
		l := newLab(t, c)
		stamped = func([]byte) bool { return l.p.phase == Measuring }
		n := 0
		l.fault = func(f []byte) int {
			if !counts(f) {
				return 1
			}
			n++
			return fault(l, n, f)
		}
		l.run()
		return l.p
	}
	t.Run("loss", func(t *testing.T) {
		lost := uint64(0)
		p := run(t, func(_ *lab, n int, _ []byte) int {
			if n%10 == 0 {
				lost++
				return 0
			}
			return 1
		})
		if a, _ := p.There(); a != (Arrivals{Received: p.Sent - lost}) || lost < 900 {
			t.Errorf("%+v of %d, %d were lost", a, p.Sent, lost)
		}
	})
	t.Run("duplicates", func(t *testing.T) {
		twice := uint64(0)
		p := run(t, func(_ *lab, n int, _ []byte) int {
			if n%7 == 0 {
				twice++
				return 2
			}
			return 1
		})
		if a, _ := p.There(); a != (Arrivals{Received: p.Sent, Duplicates: twice}) {
			t.Errorf("%+v of %d, %d came twice", a, p.Sent, twice)
		}
	})
	t.Run("damage", func(t *testing.T) {
		damaged := uint64(0)
		r := rand.New(rand.NewPCG(5, 6))
		p := run(t, func(_ *lab, n int, f []byte) int {
			if n%9 == 0 {
				f[42+r.IntN(18)] ^= 1 << r.IntN(8)
				damaged++
			}
			return 1
		})
		if a, _ := p.There(); a != (Arrivals{Received: p.Sent - damaged}) || p.BadChecksum != damaged {
			t.Errorf("%+v of %d, %d were damaged, %d found", a, p.Sent, damaged, p.BadChecksum)
		}
	})
	t.Run("delay", func(t *testing.T) {
		// Each frame of flow 3 lets the next one pass.
		var held []byte
		swapped := uint64(0)
		var l *lab
		p := run(t, func(lab *lab, _ int, f []byte) int {
			l = lab
			if f[45] != 3 { // the stamp's flow
				return 1
			}
			if held == nil {
				held = slices.Clone(f)
				return 0
			}
			swapped++
			first := held
			held = nil
			fault := lab.fault
			lab.fault = nil
			lab.send(f, ClientSide)
			lab.send(first, ClientSide)
			lab.fault = fault
			return 0
		})
		if held != nil {
			l.fault = nil
			l.send(held, ClientSide)
		}
		if a, _ := p.There(); a != (Arrivals{Received: p.Sent, Reordered: swapped}) || swapped < 20 {
			t.Errorf("%+v of %d, %d overtaken", a, p.Sent, swapped)
		}
	})
}

// TestTrackWindow lets frames come again within and beyond the window, and gaps wider than it.
func TestTrackWindow(t *testing.T) {
	var tr track
	add := func(seq uint64) { tr.add(&stamp{flow: 1, seq: seq}, 0) }
	tr.start(10)
	for _, seq := range []uint64{10, 11, 12, 11, 9} { // 9 does not count
		add(seq)
	}
	if want := (Arrivals{Received: 3, Duplicates: 1}); tr.Arrivals != want {
		t.Fatalf("%+v, want %+v", tr.Arrivals, want)
	}
	add(12 + seen)       // the place of 12 is taken
	add(13)              // the lowest that is still told
	add(13)              //
	add(12)              // no longer told: late
	add(20 + 5*seen)     // a wide gap
	add(20 + 4*seen + 1) // in it, though its place was taken before
	if want := (Arrivals{Received: 8, Duplicates: 2, Late: 1}); tr.Arrivals != want {
		t.Errorf("%+v, want %+v", tr.Arrivals, want)
	}
}

// TestForeign wants frames of others not taken for ours.
func TestForeign(t *testing.T) {
	c := config(UDP)
	l := newLab(t, c)
	var sample []byte
	l.seen = func(f []byte) { sample = slices.Clone(f) }
	l.run()
	before := l.p.Counters
	c.Run++
	other := newLab(t, c)
	other.run()
	l.p.Receive(slices.Clone(sample), ServerSide, l.now, &l.out) // once more, which is known
	if l.p.Unstamped != before.Unstamped {
		t.Fatal("its own")
	}
	other.p.Receive(sample, ServerSide, l.now, &l.out)
	if other.p.Unstamped != 1 {
		t.Error("the frame of another run was counted as this one's")
	}
	for n := range len(sample) {
		l.p.Receive(slices.Clip(slices.Clone(sample[:n])), ClientSide, l.now, &l.out)
	}
	if n := l.p.Malformed - before.Malformed; n != uint64(len(sample)) {
		t.Errorf("%d of %d truncated frames", n, len(sample))
	}
}

// TestMisdelivered sends an answer to another client.
func TestMisdelivered(t *testing.T) {
	c := config(UDP)
	c.Echo = true
	l := newLab(t, c)
	l.director = false
	wrong := uint64(0)
	l.fault = func(f []byte) int {
		if f[59] == answer && l.p.phase == Measuring && wrong < 5 {
			f[37], f[35] = f[37]+1, f[35]-1 // ports: the checksum stays right
			wrong++
		}
		return 1
	}
	l.run()
	if l.p.Misdelivered != wrong || wrong != 5 {
		t.Errorf("%d of %d found", l.p.Misdelivered, wrong)
	}
}

// TestFull lets the device take nothing for a while: what the rate asked for meanwhile is made good up to a millisecond's,
// and the rest is told.
func TestFull(t *testing.T) {
	l := newLab(t, config(UDP))
	for l.p.phase != Measuring {
		l.step()
	}
	l.out.full = true
	for range 1000 { // 10 ms
		l.step()
	}
	l.out.full = false
	l.run()
	if n := l.p.Sent + l.p.Behind; n < 9_990 || n > 10_010 || l.p.Behind < 800 || l.p.Behind > 900 {
		t.Errorf("sent %d, behind %d", l.p.Sent, l.p.Behind)
	}
	if a, _ := l.p.There(); a.Received != l.p.Sent {
		t.Errorf("received %d of %d", a.Received, l.p.Sent)
	}
}

// TestNothingAllocates plays each mode.
func TestNothingAllocates(t *testing.T) {
	for _, mode := range []Mode{UDP, TCP, Churn} {
		c := config(mode)
		c.Echo, c.Rate, c.OpenRate, c.Duration = true, 0, 0, time.Hour
		p, err := NewPlayer(c)
		if err != nil {
			t.Fatal(err)
		}
		o := &reused{}
		now := uint64(0)
		n := testing.AllocsPerRun(2000, func() {
			now += 1_000_000
			p.Play(now, 16, o)
			for i := 0; i < o.n; i++ {
				frame := o.frame[i][:o.length[i]]
				if n := p.Receive(frame, ServerSide, now, o); n > 0 {
					p.Receive(frame[:n], ClientSide, now, o)
				}
			}
			o.n = 0
		})
		if n != 0 || p.Sent < 1000 {
			t.Errorf("%v: %v allocations, %d sent", mode, n, p.Sent)
		}
	}
}

// reused is an Out without allocation.
type reused struct {
	frame  [256][2048]byte
	length [256]int
	n      int
}

func (o *reused) Next() []byte {
	if o.n == len(o.frame) {
		return nil
	}
	return o.frame[o.n][:]
}

func (o *reused) Done(n int) { o.length[o.n] = n; o.n++ }

// BenchmarkFlood is a frame written, and one that is received and checked, too.
func BenchmarkFlood(b *testing.B) {
	for _, bytes := range []int{60, 1514} {
		for _, receive := range []bool{false, true} {
			b.Run(fmt.Sprintf("bytes=%d receive=%v", bytes, receive), func(b *testing.B) {
				c := config(UDP)
				c.Rate, c.OpenRate, c.Flows, c.Mix = 0, 0, 1_000_000, Mix{{bytes, 1}}
				c.Duration = time.Hour
				p, err := NewPlayer(c)
				if err != nil {
					b.Fatal(err)
				}
				o := &reused{}
				now, n := uint64(0), 0
				for b.Loop() {
					now += 1000
					o.n = 0
					p.Play(now, 32, o)
					n += o.n
					if receive {
						for i := range o.n {
							p.Receive(o.frame[i][:o.length[i]], ServerSide, now, o)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/frame")
			})
		}
	}
}
