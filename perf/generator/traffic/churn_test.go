package traffic

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"linedirector/lcore/packet"
)

// flagsOf names a segment as the sequence of a test does.
func flagsOf(f []byte) string {
	var m packet.Meta
	packet.Parse(f, &m)
	var b strings.Builder
	for i, letter := range "FSRPA" {
		if m.TCPFlags>>i&1 != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}

// TestConnection wants one connection's segments in order, right by gopacket, with numbers that follow each other.
func TestConnection(t *testing.T) {
	for _, requests := range []int{1, 3} {
		t.Run(fmt.Sprint(requests), func(t *testing.T) {
			c := config(Churn)
			c.Blind, c.Flows, c.Requests, c.Rate, c.WarmUp, c.Duration = true, 1, requests, 100, 0, 5*time.Millisecond
			l := newLab(t, c)
			var flow []string
			next := map[bool]uint32{} // sequence number by direction
			l.fault = func(f []byte) int {
				decode(t, f)
				fromClient := packet.DstMAC(f) == packet.MACFrom(directorMAC) && packet.SrcMAC(f) == packet.MACFrom(clientMAC)
				arrow := map[bool]string{true: ">", false: "<"}[fromClient]
				flags := flagsOf(f)
				flow = append(flow, arrow+flags)
				seq, ack := binary.BigEndian.Uint32(f[38:]), binary.BigEndian.Uint32(f[42:])
				data := uint32(binary.BigEndian.Uint16(f[16:])) - 40
				if want, ok := next[fromClient]; ok && seq != want {
					t.Errorf("%s has number %d, want %d", flow[len(flow)-1], seq, want)
				}
				if want, ok := next[!fromClient]; ok && ack != want {
					t.Errorf("%s acknowledges %d, want %d", flow[len(flow)-1], ack, want)
				}
				next[fromClient] = seq + data
				if strings.ContainsAny(flags, "SF") {
					next[fromClient]++
				}
				return 1
			}
			l.run()
			want := ">S <SA >A" + strings.Repeat(" >PA <PA", requests) + " >FA <FA >A"
			if got := strings.Join(flow, " "); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if p := l.p; p.Opened != 1 || p.Connected != 1 || p.Completed != 1 || p.Open != 0 || p.Stale != 0 || p.Repeated != 0 {
				t.Errorf("%+v", p.Counters)
			}
			connect, complete := l.p.Times()
			if connect.Max() != l.latency || complete.Max() != l.latency {
				t.Errorf("connected in %d, completed in %d; each of the lab's answers comes after %d", connect.Max(), complete.Max(), l.latency)
			}
		})
	}
}

// TestChurn opens connections at a rate, and as fast as they end, on a network that is sound or loses one frame in ten: all
// that were opened end, and each in turn uses an endpoint that no other one used for longest.
func TestChurn(t *testing.T) {
	for _, tt := range []struct {
		name        string
		rate        uint64
		lossy       bool
		least, most uint64
	}{
		{"rate", 2000, false, 195, 205},
		{"closed loop", 0, false, 10_000, 50_000},
		{"rate, lossy", 2000, true, 195, 205},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config(Churn)
			c.Rate, c.Flows, c.Timeout = tt.rate, 50, 5*time.Second
			if tt.lossy {
				c.Interval, c.Flows = 5*time.Millisecond, 5000
			}
			if tt.rate == 0 {
				c.Duration = 10 * time.Millisecond
			}
			l := newLab(t, c)
			used, order := map[netip.AddrPort]int{}, 0
			l.seen = func(f []byte) {
				if flagsOf(f) != "S" || tt.lossy {
					return
				}
				client := netip.AddrPortFrom(netip.AddrFrom4([4]byte(f[26:30])), binary.BigEndian.Uint16(f[34:]))
				if order++; used[client] > 0 {
					t.Fatalf("%v is used again after %d connections; there are endpoints enough", client, order-used[client])
				}
				used[client] = order
			}
			if tt.lossy {
				n := 0
				l.fault = func([]byte) int {
					if n++; n%10 == 0 {
						return 0
					}
					return 1
				}
			}
			l.run()
			p := l.p
			if p.Opened < tt.least || p.Opened > tt.most {
				t.Errorf("opened %d", p.Opened)
			}
			if p.Reset+p.TimedOut != 0 || p.Open != 0 || p.Cut != 0 || (p.Repeated > 0) != tt.lossy {
				t.Errorf("%+v", p.Counters)
			}
			if p.Completed < p.Opened || p.Completed > p.Opened+50 { // some were opened before
				t.Errorf("completed %d of %d", p.Completed, p.Opened)
			}
			_, atEnd := p.Measured()
			if atEnd.Completed > p.Completed || atEnd.Completed == 0 {
				t.Errorf("completed %d by the end, %d later", atEnd.Completed, p.Completed)
			}
		})
	}
}

// TestReuse lets two slots share four endpoints.
func TestReuse(t *testing.T) {
	c := config(Churn)
	c.Clients, c.Flows = netip.MustParsePrefix("198.18.0.1/32"), 16_128 // a quarter of the ports
	c.Rate, c.Duration, c.WarmUp = 0, 50*time.Millisecond, 0
	l := newLab(t, c)
	last, order := map[uint16]int{}, 0
	again := 0
	l.seen = func(f []byte) {
		if flagsOf(f) != "S" {
			return
		}
		port := binary.BigEndian.Uint16(f[34:])
		if order++; last[port] > 0 {
			again++
			if n := order - last[port]; n != 4*16_128 {
				t.Fatalf("port %d is used again after %d connections", port, n)
			}
		}
		last[port] = order
	}
	for l.p.Opened < 5*16_128 {
		l.step()
	}
	if again < 16_000 || len(last) != 4*16_128 {
		t.Errorf("%d ports, %d used again", len(last), again)
	}
}

// TestFailures lets nobody answer, or somebody with RST, in each state, and wants it counted, the director told, and the
// slot used again.
func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name  string
		drop  string // what flags a segment to a client has that is lost
		want  Connections
		reset bool
	}{
		{"no SYN-ACK", "SA", Connections{Opened: 1, TimedOut: 1, Unanswered: 1, MostOpen: 1, Repeated: 9}, false},
		{"no answer", "PA", Connections{Opened: 1, Connected: 1, TimedOut: 1, MostOpen: 1, Repeated: 9}, false},
		{"no FIN", "FA", Connections{Opened: 1, Connected: 1, TimedOut: 1, MostOpen: 1, Repeated: 9}, false},
		{"RST to the SYN", "SA", Connections{Opened: 1, Reset: 1, MostOpen: 1}, true},
		{"RST to the request", "PA", Connections{Opened: 1, Connected: 1, Reset: 1, MostOpen: 1}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config(Churn)
			c.Blind, c.Flows, c.Rate, c.WarmUp, c.Duration = true, 1, 1, 0, 900*time.Millisecond
			l := newLab(t, c)
			l.fault = func(f []byte) int {
				if packet.SrcMAC(f) != packet.MACFrom(serverMAC) || flagsOf(f) != tt.drop {
					return 1
				}
				if !tt.reset {
					return 0
				}
				f[47] = packet.RST | packet.ACK
				binary.BigEndian.PutUint16(f[50:], 0)
				total := sum(f[34:14+binary.BigEndian.Uint16(f[16:])]) + sum(f[26:34]) + packet.ProtocolTCP + uint64(binary.BigEndian.Uint16(f[16:])-20)
				binary.BigEndian.PutUint16(f[50:], ^fold(total))
				return 1
			}
			var resets []string
			l.seen = func(f []byte) {
				if strings.Contains(flagsOf(f), "R") {
					resets = append(resets, flagsOf(f))
				}
			}
			l.run()
			got := l.p.Connections
			if d := int(got.Repeated) - int(tt.want.Repeated); d < -2 || d > 0 {
				t.Errorf("sent again %d times, want %d", got.Repeated, tt.want.Repeated)
			}
			got.Repeated = tt.want.Repeated
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			if want := map[bool][]string{false: {"RA"}}[tt.reset]; !slices.Equal(resets, want) {
				t.Errorf("the client sent %v, want %v", resets, want)
			}
			if l.p.Open != 0 || l.p.churn.idle != 1 || !tt.reset && len(l.conns) != 0 {
				t.Errorf("open %d, the director holds %d", l.p.Open, len(l.conns))
			}
		})
	}
}

// TestStale wants segments of earlier connections, and wrong numbers, not taken for the present one's.
func TestStale(t *testing.T) {
	c := config(Churn)
	c.Flows, c.Rate, c.WarmUp, c.Duration = 1, 20, 0, 200*time.Millisecond
	l := newLab(t, c)
	var old []byte
	stale := uint64(0)
	l.fault = func(f []byte) int {
		if packet.SrcMAC(f) == packet.MACFrom(serverMAC) && flagsOf(f) == "SA" {
			if old == nil {
				old = slices.Clone(f)
			} else {
				stale++
				again := slices.Clone(old)
				l.translate(again, ServerSide)
				l.p.Receive(again, ClientSide, l.now, &l.out)
			}
			return 2 // the second one comes too late
		}
		return 1
	}
	l.run()
	if p := l.p; p.Completed != p.Opened || p.Opened < 3 || p.Stale != stale+p.Opened {
		t.Errorf("%+v", p.Counters)
	}
}
