package replay

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// segment is one of a whole connection's, in the order in which they pass the director.
type segment struct {
	reply    bool
	flags    string // of S, A, F
	seq, ack uint32 // from the sender's and the other's first sequence number
	data     bool
}

// One request and one answer. Every frame is 60 bytes long: those without data are padded.
var segments = [Segments]segment{
	{flags: "S"},
	{reply: true, flags: "SA", ack: 1},
	{flags: "A", seq: 1, ack: 1},
	{flags: "A", seq: 1, ack: 1, data: true},
	{reply: true, flags: "A", seq: 1, ack: 1 + request},
	{reply: true, flags: "A", seq: 1, ack: 1 + request, data: true},
	{flags: "A", seq: 1 + request, ack: 1 + request},
	{flags: "FA", seq: 1 + request, ack: 1 + request},
	{reply: true, flags: "FA", seq: 1 + request, ack: 2 + request},
	{flags: "A", seq: 2 + request, ack: 2 + request},
}

const (
	request = 6 // bytes of data in a 60-byte frame, an answer's as well
	// Segments is how many a connection has, from SYN to the last ACK.
	Segments = 10
)

// AtOnce is how many of a capture's connections are under way at a time.
func AtOnce(connections int) int { return max(connections/4, 1) }

// WriteConnections writes a file of whole TCP connections, several passes of them. The next frame is that of any connection
// under way, at random. As the real that answers is round robin's choice, they are a multiple of four: each pass gives
// every connection the same real again, and its SYN finds the record that the pass before left closing.
func WriteConnections(dir string, connections, passes int) (string, error) {
	if connections%reals != 0 {
		return "", fmt.Errorf("%d connections: use a multiple of %d, the reals that take turns", connections, reals)
	}
	path := filepath.Join(dir, fmt.Sprintf("connections-%d.pcap", passes))
	w, err := createCapture(path)
	if err != nil {
		return "", err
	}
	defer w.close()
	for range passes {
		if err := pass(w, connections); err != nil {
			return "", err
		}
	}
	return path, w.finish()
}

// pass writes each connection once.
func pass(w *capture, connections int) error {
	type underWay struct{ connection, next, real int }
	var open []underWay
	random := rand.New(rand.NewPCG(1, uint64(connections)))
	for begun, syns := 0, 0; begun < connections || len(open) > 0; {
		for ; begun < connections && len(open) < AtOnce(connections); begun++ {
			open = append(open, underWay{connection: begun})
		}
		i := random.IntN(len(open))
		c := &open[i]
		if c.next == 0 {
			c.real = syns % reals
			syns++
		}
		frame, err := tcp(c.connection, c.real, &segments[c.next])
		if err != nil {
			return err
		}
		if err := w.write(frame); err != nil {
			return err
		}
		if c.next++; c.next == Segments {
			open[i] = open[len(open)-1]
			open = open[:len(open)-1]
		}
	}
	return nil
}

// tcp is a segment of a connection with a real.
func tcp(connection, real int, s *segment) ([]byte, error) {
	from, src, dst, srcPort, dstPort := gatewayMAC, clientIP(connection), VirtualIP, clientPort(connection), uint16(VirtualPort)
	seq, ack := uint32(connection)*7919, uint32(connection)*104729
	if s.reply {
		from, src, dst, srcPort, dstPort = realMAC(real), realIP(real), clientIP(connection), RealPort, clientPort(connection)
		seq, ack = ack, seq
	}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: src, DstIP: dst}
	t := &layers.TCP{SrcPort: layers.TCPPort(srcPort), DstPort: layers.TCPPort(dstPort), Seq: seq + s.seq, Window: 65535}
	for _, flag := range s.flags {
		switch flag {
		case 'S':
			t.SYN = true
		case 'A':
			t.ACK, t.Ack = true, ack+s.ack
		case 'F':
			t.FIN = true
		}
	}
	if err := t.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	data := 0
	if s.data {
		data = request
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: from, DstMAC: portMAC, EthernetType: layers.EthernetTypeIPv4}, ip, t, gopacket.Payload(make([]byte, data)))
	frame := make([]byte, 60)
	copy(frame, b.Bytes())
	return frame, err
}
