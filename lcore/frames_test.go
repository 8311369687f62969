package lcore

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// Who is who in the captures: one port, on which clients and reals both live.
//
//	clients 192.0.2.100 and up ─┐
//	                            ├─ port 192.0.2.1, 10.0.0.1; virtual 192.0.2.10:80 (TCP), :53 (UDP)
//	real 10.0.0.11:8080, :53 ───┘
var (
	macPort   = [6]byte{2, 0, 0, 0, 0, 1}
	macClient = [6]byte{2, 0, 0, 0, 0, 0x64}
	macReal   = [6]byte{2, 0, 0, 0, 0, 0x0b}

	ipPort    = net.IP{192, 0, 2, 1}
	ipVirtual = net.IP{192, 0, 2, 10}
	ipReal    = net.IP{10, 0, 0, 11}
)

// build serialises layers; lengths and checksums are filled in.
func build(parts ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...); err != nil {
		panic(err)
	}
	return bytes.Clone(buf.Bytes())
}

// end is one end of a packet.
type end struct {
	mac  [6]byte
	ip   net.IP
	port uint16
}

func client(n int) end {
	return end{macClient, net.IP{192, 0, 2, byte(100 + n%100)}, uint16(1024 + n*7)}
}
func virtualEnd(port uint16) end { return end{macPort, ipVirtual, port} }
func realEnd(port uint16) end    { return end{macReal, ipReal, port} }

func tcpFrame(from, to end, ttl uint8, syn, ack bool, payload string) []byte {
	ip := &layers.IPv4{Version: 4, TTL: ttl, Id: 7, Protocol: layers.IPProtocolTCP, SrcIP: from.ip, DstIP: to.ip}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(from.port), DstPort: layers.TCPPort(to.port), Seq: 1000, Window: 65535, SYN: syn, ACK: ack}
	_ = tcp.SetNetworkLayerForChecksum(ip)
	return build(&layers.Ethernet{SrcMAC: from.mac[:], DstMAC: to.mac[:], EthernetType: layers.EthernetTypeIPv4}, ip, tcp, gopacket.Payload(payload))
}

func udpFrame(from, to end, ttl uint8, payload string) []byte {
	ip := &layers.IPv4{Version: 4, TTL: ttl, Id: 7, Protocol: layers.IPProtocolUDP, SrcIP: from.ip, DstIP: to.ip}
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.port), DstPort: layers.UDPPort(to.port)}
	_ = udp.SetNetworkLayerForChecksum(ip)
	return build(&layers.Ethernet{SrcMAC: from.mac[:], DstMAC: to.mac[:], EthernetType: layers.EthernetTypeIPv4}, ip, udp, gopacket.Payload(payload))
}

// arpRequest asks for the port's address.
func arpRequest() []byte {
	return build(
		&layers.Ethernet{SrcMAC: macClient[:], DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPRequest, SourceHwAddress: macClient[:], SourceProtAddress: net.IP{192, 0, 2, 100},
			DstHwAddress: make([]byte, 6), DstProtAddress: ipPort,
		})
}

func ping() []byte {
	return build(
		&layers.Ethernet{SrcMAC: macClient[:], DstMAC: macPort[:], EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: net.IP{192, 0, 2, 100}, DstIP: ipPort},
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 1, Seq: 1})
}

// conversation is what comes in of n TCP and n UDP connections, each packet of them all before the next, and what
// must go out: the real never shows to the client.
func conversation(n int) (in, out [][]byte) {
	data := "odd data." // an odd length
	type step func(i int) (in, out []byte)
	leave := func(e end) end { e.mac = macPort; return e }
	for _, s := range []step{
		func(i int) ([]byte, []byte) {
			return tcpFrame(client(i), virtualEnd(80), 64, true, false, ""), tcpFrame(leave(client(i)), realEnd(8080), 63, true, false, "")
		},
		func(i int) ([]byte, []byte) {
			return udpFrame(client(i), virtualEnd(53), 64, data), udpFrame(leave(client(i)), realEnd(53), 63, data)
		},
		func(i int) ([]byte, []byte) {
			return tcpFrame(realEnd(8080), at(client(i), macPort), 60, true, true, ""), tcpFrame(leave(virtualEnd(80)), client(i), 59, true, true, "")
		},
		func(i int) ([]byte, []byte) {
			return udpFrame(realEnd(53), at(client(i), macPort), 60, data), udpFrame(leave(virtualEnd(53)), client(i), 59, data)
		},
		func(i int) ([]byte, []byte) {
			return tcpFrame(client(i), virtualEnd(80), 64, false, true, data), tcpFrame(leave(client(i)), realEnd(8080), 63, false, true, data)
		},
	} {
		for i := range n {
			a, b := s(i)
			in, out = append(in, a), append(out, b)
		}
	}
	return in, out
}

// at is an end whose frames go to another MAC: those that a real sends to a client go to the port.
func at(e end, mac [6]byte) end { e.mac = mac; return e }

func writeCapture(path string, frames [][]byte) {
	f, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	w := pcapgo.NewWriter(f)
	err = w.WriteFileHeader(65535, layers.LinkTypeEthernet)
	for _, frame := range frames {
		info := gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(frame), Length: len(frame)}
		err = errors.Join(err, w.WritePacket(info, frame))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		panic(err)
	}
}

func readCapture(t *testing.T, path string) (frames [][]byte) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	must(t, err)
	for {
		frame, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return frames
		}
		must(t, err)
		frames = append(frames, frame)
	}
}
