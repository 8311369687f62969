package traffic

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"linedirector/lcore/packet"
)

func arpFrame(t *testing.T, op uint16, from net.HardwareAddr, sender, target string) []byte {
	t.Helper()
	address := func(s string) []byte { a := netip.MustParseAddr(s).As4(); return a[:] }
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{},
		&layers.Ethernet{SrcMAC: from, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
			SourceHwAddress: from, SourceProtAddress: address(sender), DstHwAddress: make([]byte, 6), DstProtAddress: address(target),
		})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(buf.Bytes())
}

// TestARP asks for addresses that are and are not the generator's.
func TestARP(t *testing.T) {
	c := config(UDP)
	c.Answer = []netip.Addr{netip.MustParseAddr("192.0.2.254")}
	l := newLab(t, c)
	for _, tt := range []struct {
		target string
		side   Side
		ours   bool
	}{
		{"198.18.0.1", ClientSide, true},
		{"198.18.255.254", ClientSide, true},
		{"192.0.2.254", ClientSide, true},
		{"10.0.0.255", ServerSide, true},
		{"192.0.2.10", ClientSide, false},
		{"198.19.0.1", ClientSide, false},
		{"10.0.1.0", ServerSide, false},
	} {
		f := arpFrame(t, 1, directorMAC[:], "192.0.2.1", tt.target)
		n := l.p.Receive(f, tt.side, 1, &l.out)
		if (n > 0) != tt.ours {
			t.Errorf("%s: answered with %d bytes", tt.target, n)
			continue
		}
		if n == 0 {
			continue
		}
		p := gopacket.NewPacket(f[:n], layers.LayerTypeEthernet, gopacket.Default)
		eth := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
		arp := p.Layer(layers.LayerTypeARP).(*layers.ARP)
		mac := c.MAC[tt.side]
		if !slices.Equal(eth.SrcMAC, mac[:]) || !slices.Equal(eth.DstMAC, directorMAC[:]) || arp.Operation != 2 ||
			!slices.Equal(arp.SourceHwAddress, mac[:]) || net.IP(arp.SourceProtAddress).String() != tt.target ||
			!slices.Equal(arp.DstHwAddress, directorMAC[:]) || net.IP(arp.DstProtAddress).String() != "192.0.2.1" {
			t.Errorf("%s: %+v %+v", tt.target, eth, arp)
		}
	}
	if n := l.p.Receive(arpFrame(t, 1, directorMAC[:], "10.0.0.7", "10.0.0.7"), ServerSide, 1, &l.out); n != 0 {
		t.Error("somebody's own announcement was answered")
	}
	if n := l.p.Receive(arpFrame(t, 1, directorMAC[:], "192.0.2.1", "10.0.0.7")[:41], ServerSide, 1, &l.out); n != 0 || l.p.Malformed != 1 {
		t.Error("a short request")
	}
}

// TestResolve learns the next hop, after a while, or gives up.
func TestResolve(t *testing.T) {
	for _, answered := range []bool{true, false} {
		c := config(UDP)
		c.Blind, c.Hop, c.HopAddr, c.Timeout = true, [6]byte{}, netip.MustParseAddr("192.0.2.10"), 2*time.Second
		l := newLab(t, c)
		asked := 0
		for l.p.phase != Done && l.now < 10_000_000_000 {
			l.now += 10_000_000
			l.p.Play(l.now, 32, &l.out)
			for _, f := range l.out.frames {
				p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
				arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP)
				if !ok {
					continue
				}
				asked++
				if arp.Operation != 1 || net.IP(arp.DstProtAddress).String() != "192.0.2.10" || net.IP(arp.SourceProtAddress).String() != "198.18.0.1" ||
					!slices.Equal(arp.SourceHwAddress, clientMAC[:]) {
					t.Fatalf("%+v", arp)
				}
				if answered && asked == 3 {
					l.p.Receive(arpFrame(t, 2, net.HardwareAddr{2, 9, 9, 9, 9, 9}, "192.0.2.77", "198.18.0.1"), ClientSide, l.now, &l.out)
					l.p.Receive(arpFrame(t, 2, directorMAC[:], "192.0.2.10", "198.18.0.1"), ClientSide, l.now, &l.out)
				}
			}
			l.out.frames = nil
		}
		if answered && (asked != 3 || l.p.Err() != nil || l.p.Hop != directorMAC || l.p.Sent == 0) {
			t.Errorf("asked %d times, then %v, sent %d to %x", asked, l.p.Err(), l.p.Sent, l.p.Hop)
		}
		if !answered && (asked != 4 || l.p.Err() == nil || !strings.Contains(l.p.Err().Error(), "192.0.2.10") || l.p.Frames != 0) {
			t.Errorf("asked %d times, then %v", asked, l.p.Err())
		}
	}
}

// TestPing answers echo requests to servers, as probes send them, and to nobody else.
func TestPing(t *testing.T) {
	l := newLab(t, config(UDP))
	ping := func(to string, typ uint8) []byte {
		ip := &layers.IPv4{Version: 4, TTL: 3, Protocol: layers.IPProtocolICMPv4, SrcIP: net.IP{10, 0, 0, 254}, DstIP: net.ParseIP(to)}
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
			&layers.Ethernet{SrcMAC: directorMAC[:], DstMAC: serverMAC[:], EthernetType: layers.EthernetTypeIPv4}, ip,
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(typ, 0), Id: 0x1234, Seq: 7}, gopacket.Payload("abcdefghijklmnopqrstuvwxyzabcdef"))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(buf.Bytes())
	}
	f := ping("10.0.0.9", 8)
	n := l.p.Receive(f, ServerSide, 1, &l.out)
	if n != len(f) {
		t.Fatalf("answered with %d bytes", n)
	}
	p := decode(t, f[:n])
	ip, icmp := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4), p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
	if ip.SrcIP.String() != "10.0.0.9" || ip.DstIP.String() != "10.0.0.254" || ip.TTL != 64 || icmp.TypeCode != 0 || icmp.Id != 0x1234 ||
		icmp.Seq != 7 || string(icmp.Payload) != "abcdefghijklmnopqrstuvwxyzabcdef" {
		t.Errorf("%+v %+v", ip, icmp)
	}
	if l.p.Receive(ping("10.0.1.9", 8), ServerSide, 1, &l.out) != 0 || l.p.Receive(ping("10.0.0.9", 0), ServerSide, 1, &l.out) != 0 || l.p.Other != 2 {
		t.Errorf("%+v", l.p.Counters)
	}
	broken := ping("10.0.0.9", 8)
	broken[60] ^= 1
	if l.p.Receive(broken, ServerSide, 1, &l.out) != 0 {
		t.Error("a damaged one was answered")
	}
	if l.p.Receive(ping("198.18.0.1", 3), ClientSide, 1, &l.out) != 0 || l.p.Unreachable != 1 {
		t.Error("an ICMP error was not counted")
	}
}

// TestProbe opens a connection to a server as a kernel does, with options, and closes it.
func TestProbe(t *testing.T) {
	l := newLab(t, config(UDP))
	send := func(tcp layers.TCP, data string) *layers.TCP {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 254}, DstIP: net.IP{10, 0, 0, 9}}
		tcp.SrcPort, tcp.DstPort = 40000, 80
		_ = tcp.SetNetworkLayerForChecksum(ip)
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
			&layers.Ethernet{SrcMAC: directorMAC[:], DstMAC: serverMAC[:], EthernetType: layers.EthernetTypeIPv4}, ip, &tcp, gopacket.Payload(data))
		if err != nil {
			t.Fatal(err)
		}
		f := slices.Clip(slices.Clone(buf.Bytes()[:14+20+int(tcp.DataOffset)*4+len(data)]))
		n := l.p.Receive(f, ServerSide, 1, &l.out)
		if n == 0 {
			return nil
		}
		p := decode(t, f[:n])
		if ip := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ip.SrcIP.String() != "10.0.0.9" || ip.DstIP.String() != "10.0.0.254" {
			t.Fatalf("%+v", ip)
		}
		return p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	}
	options := []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: binary.BigEndian.AppendUint16(nil, 1460)},
		{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2},
		{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}},
	}
	r := send(layers.TCP{Seq: 1000, SYN: true, Window: 65535, Options: options}, "")
	if r == nil || !r.SYN || !r.ACK || r.Ack != 1001 || r.SrcPort != 80 || r.DstPort != 40000 || r.Window == 0 {
		t.Fatalf("to the SYN: %+v", r)
	}
	next := r.Seq + 1
	if r := send(layers.TCP{Seq: 1001, Ack: next, ACK: true, Window: 65535}, ""); r != nil {
		t.Errorf("to the ACK: %+v", r)
	}
	if r := send(layers.TCP{Seq: 1001, Ack: next, ACK: true, FIN: true, Window: 65535}, "bye"); r == nil || !r.FIN || r.Ack != 1005 || r.Seq != next {
		t.Errorf("to the FIN: %+v", r)
	}
	if r := send(layers.TCP{Seq: 1001, RST: true}, ""); r != nil || l.p.ServerResets != 1 {
		t.Errorf("to the RST: %+v", r)
	}
}

// TestProbing wants nothing begun before the director lets frames through, and an error if it never does that says which way
// it does not.
func TestProbing(t *testing.T) {
	for _, mode := range []Mode{UDP, TCP, Churn} {
		for _, echo := range []bool{false, true} {
			for name, tt := range map[string]struct {
				until uint64 // nanoseconds for which frames are lost
				from  Side
				want  string
			}{
				"sound":       {0, ClientSide, ""},
				"late there":  {700_000_000, ClientSide, ""},
				"late back":   {700_000_000, ServerSide, ""},
				"never there": {1 << 60, ClientSide, "comes to the servers 10.0.0.0/24"},
				"never back":  {1 << 60, ServerSide, "a route to 198.18.0.0/16"},
			} {
				t.Run(fmt.Sprint(mode, echo, name), func(t *testing.T) {
					c := config(mode)
					c.Echo = echo
					l := newLab(t, c)
					answers := mode != UDP || echo
					l.fault = func(f []byte) int {
						if fromClient := packet.SrcMAC(f) == packet.MACFrom(clientMAC); fromClient == (tt.from == ClientSide) && l.now < tt.until {
							return 0
						}
						if l.p.phase > Probing && l.p.Err() == nil && l.now < tt.until && answers {
							t.Fatalf("%v before frames come through", l.p.phase)
						}
						return 1
					}
					l.run()
					if tt.want == "" || !answers && tt.from == ServerSide {
						if there, _ := l.p.There(); l.p.Err() != nil || l.p.Sent == 0 || there.Received != l.p.Sent {
							t.Fatalf("%v, sent %d, received %d", l.p.Err(), l.p.Sent, there.Received)
						}
					} else if l.p.Err() == nil || !strings.Contains(l.p.Err().Error(), tt.want) {
						t.Fatalf("%v, want %q", l.p.Err(), tt.want)
					}
					if l.p.Open != 0 {
						t.Errorf("%d are still open", l.p.Open)
					}
				})
			}
		}
	}
}

// TestOpening loses SYNs: flows are asked for again, and those that never answer are told.
func TestOpening(t *testing.T) {
	c := config(TCP)
	c.Grace = time.Millisecond
	l := newLab(t, c)
	syns := map[byte]int{}
	l.fault = func(f []byte) int {
		if flagsOf(f) != "S" {
			return 1
		}
		syns[f[29]]++
		if f[29] == 77 || f[29] == 50 && syns[50] < 4 {
			return 0
		}
		return 1
	}
	l.director = false // which would want to know the connection of data
	l.run()
	if l.p.Unopened != 1 || syns[77] != 1+passes || syns[50] != 4 || syns[51] != 1 {
		t.Errorf("%d unopened; %d SYNs for one that is lost always, %d three times, %d never", l.p.Unopened, syns[77], syns[50], syns[51])
	}
}

// TestStop ends in each phase.
func TestStop(t *testing.T) {
	for _, mode := range []Mode{UDP, TCP, Churn} {
		for _, phase := range []Phase{Probing, Opening, WarmingUp, Measuring} {
			if mode == Churn && phase == Opening {
				continue
			}
			l := newLab(t, config(mode))
			for l.p.phase != phase {
				l.step()
			}
			for range 20 {
				if l.p.phase == phase {
					l.step()
				}
			}
			l.p.Stop(l.now)
			l.run()
			if l.p.Open != 0 || mode == TCP && len(l.conns) != 0 {
				t.Errorf("%v, stopped %v: %d open", mode, phase, l.p.Open)
			}
		}
	}
}

// TestRefusals wants wrong configurations refused, with the words to mend them.
func TestRefusals(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"no IPv4 prefix":   func(c *Config) { c.Clients = netip.MustParsePrefix("2001:db8::/64") },
		"overlap":          func(c *Config) { c.Servers = netip.MustParsePrefix("198.18.1.0/24") },
		"no virtual":       func(c *Config) { c.Virtuals = nil },
		"with a port":      func(c *Config) { c.Virtuals = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.10:0")} },
		"among the client": func(c *Config) { c.Virtuals = []netip.AddrPort{netip.MustParseAddrPort("198.18.0.10:80")} },
		"0 flows":          func(c *Config) { c.Flows = 0 },
		"shorter prefix":   func(c *Config) { c.Clients, c.Flows = netip.MustParsePrefix("198.18.0.0/32"), 64513 },
		"59 bytes":         func(c *Config) { c.Mix = Mix{{59, 1}} },
		"requests":         func(c *Config) { c.Mode, c.Requests = Churn, 256 },
		"0 requests":       func(c *Config) { c.Mode, c.Requests = Churn, 0 },
	} {
		c := config(UDP)
		change(&c)
		if _, err := NewPlayer(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
