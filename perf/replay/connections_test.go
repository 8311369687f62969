package replay

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// frames reads a capture.
func frames(t *testing.T, file string) (all [][]byte) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			return all
		}
		all = append(all, data)
	}
}

// TestConnections follows each connection of a capture from SYN to the last ACK, with the real whose turn it is: numbers
// and checksums are right, and no more are open at a time than there may be.
func TestConnections(t *testing.T) {
	const connections, passes = 64, 2
	file, err := WriteConnections(t.TempDir(), connections, passes)
	if err != nil {
		t.Fatal(err)
	}
	all := frames(t, file)
	if len(all) != passes*connections*Segments {
		t.Fatalf("%d frames, want %d", len(all), passes*connections*Segments)
	}
	for i := range all[:len(all)/passes] {
		if !bytes.Equal(all[i], all[i+len(all)/passes]) {
			t.Fatalf("frame %d is another in the second pass", i)
		}
	}
	type state struct {
		seen, real int
		next       [2]uint32 // sequence number, by direction
	}
	states := map[layers.TCPPort]*state{}
	opened, open := 0, 0
	for i, data := range all[:len(all)/passes] {
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		if err := p.ErrorLayer(); err != nil || len(data) != 60 {
			t.Fatalf("frame %d: %d bytes, %v", i, len(data), err)
		}
		ip, tcp := p.NetworkLayer().(*layers.IPv4), p.TransportLayer().(*layers.TCP)
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		if sum, err := tcp.ComputeChecksum(); err != nil || sum != 0 { // over the one that is there
			t.Fatalf("frame %d: a wrong checksum, by %#x, %v", i, sum, err)
		}
		d, client := 0, tcp.SrcPort
		if ip.SrcIP.String()[:3] == "10." && !ip.DstIP.Equal(VirtualIP) {
			d, client = 1, tcp.DstPort
		}
		s := states[client]
		if s == nil {
			s = &state{real: opened % reals}
			states[client] = s
			if opened++; !tcp.SYN || tcp.ACK {
				t.Fatalf("frame %d: a connection begins with no SYN", i)
			}
			open++
		}
		if d == 1 && (!ip.SrcIP.Equal(realIP(s.real)) || tcp.SrcPort != RealPort) {
			t.Errorf("frame %d comes from %v:%d, want real %d", i, ip.SrcIP, tcp.SrcPort, s.real)
		}
		if !tcp.SYN && tcp.Seq != s.next[d] || tcp.ACK && tcp.Ack != s.next[1-d] {
			t.Errorf("frame %d: sequence number %d, acknowledges %d; want %d, %d", i, tcp.Seq, tcp.Ack, s.next[d], s.next[1-d])
		}
		s.next[d] = tcp.Seq + uint32(len(tcp.Payload))
		if tcp.SYN || tcp.FIN {
			s.next[d]++
		}
		if s.seen++; s.seen == Segments {
			open--
		}
		if open > AtOnce(connections) {
			t.Fatalf("frame %d: %d connections at a time", i, open)
		}
	}
	if opened != connections || open != 0 {
		t.Errorf("%d connections, %d not closed", opened, open)
	}
	if _, err := WriteConnections(t.TempDir(), 6, 1); err == nil {
		t.Error("a number of connections by which the reals' turns change from pass to pass, no error")
	}
}

// TestUnsteered: every flow's two frames are in one capture, half of them in one whose worker does not own it.
func TestUnsteered(t *testing.T) {
	const flows, workers = 1000, 2
	files, err := WriteUnsteered(t.TempDir(), flows, workers)
	if err != nil || len(files) != workers {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for w, file := range files {
		seen, opened := map[layers.UDPPort]int{}, 0
		for _, data := range frames(t, file) {
			p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
			ip, udp := p.NetworkLayer().(*layers.IPv4), p.TransportLayer().(*layers.UDP)
			switch {
			case ip.DstIP.Equal(VirtualIP) && udp.DstPort == singlePort:
				seen[udp.SrcPort]++
				opened++
			case ip.SrcIP.Equal(realIP(0)) && seen[udp.DstPort] == 1:
				seen[udp.DstPort]++
			default:
				t.Fatalf("a frame from %v to %v", ip.SrcIP, ip.DstIP)
			}
		}
		if opened != flows/workers || len(seen) != opened {
			t.Errorf("worker %d's capture opens %d flows, want %d", w, opened, flows/workers)
		}
	}
}
