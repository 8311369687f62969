package e2e

import (
	"net"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"linedirector/test/netlab"
)

// wire is the client's end for tests that write frames by themselves: gopacket builds and reads them,
// never a parser of the director's.
type wire struct {
	*netlab.Raw
	t      *testing.T
	router net.HardwareAddr // the director's outside port
}

// wire opens the client's interface and asks for the director's MAC, by ARP, as a neighbour does.
func (s *site) wire(t *testing.T) *wire {
	t.Helper()
	w := &wire{Raw: s.client.Raw("eth0"), t: t}
	w.router = w.resolve(outsideAddress)
	if w.router == nil {
		t.Fatal("the director does not answer ARP for its own address")
	}
	return w
}

// resolve asks for an address by ARP, once, and returns the MAC that answers, or nil.
func (w *wire) resolve(address string) net.HardwareAddr {
	w.t.Helper()
	wanted := net.ParseIP(address).To4()
	w.Send(w.frame(
		&layers.Ethernet{SrcMAC: w.MAC, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4,
			HwAddressSize: 6, ProtAddressSize: 4, Operation: layers.ARPRequest,
			SourceHwAddress: w.MAC, SourceProtAddress: net.ParseIP(clientAddress).To4(),
			DstHwAddress: make([]byte, 6), DstProtAddress: wanted,
		}))
	var mac net.HardwareAddr
	w.Receive(time.Second, func(frame []byte) bool {
		arp, ok := decode(frame).Layer(layers.LayerTypeARP).(*layers.ARP)
		if ok && arp.Operation == layers.ARPReply && net.IP(arp.SourceProtAddress).Equal(wanted) {
			mac = net.HardwareAddr(arp.SourceHwAddress)
		}
		return mac != nil
	})
	return mac
}

// frame serialises layers, with lengths and checksums filled in.
func (w *wire) frame(parts ...gopacket.SerializableLayer) []byte {
	w.t.Helper()
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, parts...); err != nil {
		w.t.Fatal(err)
	}
	return append([]byte(nil), buffer.Bytes()...)
}

// headers are those of a packet from the client to an address, by way of the director.
func (w *wire) headers(to string, protocol layers.IPProtocol) (*layers.Ethernet, *layers.IPv4) {
	return &layers.Ethernet{SrcMAC: w.MAC, DstMAC: w.router, EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{
			Version: 4, IHL: 5, TTL: 64, Protocol: protocol,
			SrcIP: net.ParseIP(clientAddress).To4(), DstIP: net.ParseIP(to).To4(),
		}
}

// tcp is a whole frame with a TCP segment to an address.
func (w *wire) tcp(to string, segment layers.TCP, payload string) []byte {
	w.t.Helper()
	ethernet, ip := w.headers(to, layers.IPProtocolTCP)
	segment.Window = 65535
	if err := segment.SetNetworkLayerForChecksum(ip); err != nil {
		w.t.Fatal(err)
	}
	return w.frame(ethernet, ip, &segment, gopacket.Payload(payload))
}

// udp is a whole frame with a UDP datagram to an address.
func (w *wire) udp(to string, source, destination int, payload string) []byte {
	w.t.Helper()
	ethernet, ip := w.headers(to, layers.IPProtocolUDP)
	datagram := layers.UDP{SrcPort: layers.UDPPort(source), DstPort: layers.UDPPort(destination)}
	if err := datagram.SetNetworkLayerForChecksum(ip); err != nil {
		w.t.Fatal(err)
	}
	return w.frame(ethernet, ip, &datagram, gopacket.Payload(payload))
}

func decode(frame []byte) gopacket.Packet {
	return gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
}

// tcpOf returns the TCP segment in a frame, and the IPv4 header around it, or nil.
func tcpOf(frame []byte) (*layers.IPv4, *layers.TCP) {
	packet := decode(frame)
	ip, _ := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	tcp, _ := packet.Layer(layers.LayerTypeTCP).(*layers.TCP)
	return ip, tcp
}

// Offsets in a frame without VLAN tag and IP options.
const (
	ipChecksumAt  = 14 + 10
	udpChecksumAt = 14 + 20 + 6
	tcpChecksumAt = 14 + 20 + 16
)
