package dpdk_test

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

	"linedirector/dpdk"
)

// captured are the frames that in0.pcap and in1.pcap hold: UDP datagrams of many lengths, odd ones too.
func captured() [][]byte {
	var frames [][]byte
	for i := range 200 {
		eth := layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
		ip := layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IP{192, 0, 2, byte(i)}, DstIP: net.IP{198, 51, 100, 1}}
		udp := layers.UDP{SrcPort: layers.UDPPort(1000 + i), DstPort: 80}
		if err := udp.SetNetworkLayerForChecksum(&ip); err != nil {
			panic(err)
		}
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
			&eth, &ip, &udp, gopacket.Payload(payload(byte(i), 7*i+1)))
		if err != nil {
			panic(err)
		}
		frames = append(frames, buf.Bytes())
	}
	return frames
}

func writeCaptures() {
	for n := range 2 {
		f, err := os.Create(file("in", n))
		if err != nil {
			panic(err)
		}
		w := pcapgo.NewWriter(f)
		err = w.WriteFileHeader(65535, layers.LinkTypeEthernet)
		for _, frame := range captured() {
			info := gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(frame), Length: len(frame)}
			err = errors.Join(err, w.WritePacket(info, frame))
		}
		if err = errors.Join(err, f.Close()); err != nil {
			panic(err)
		}
	}
}

func readCapture(t *testing.T, path string) [][]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	for {
		frame, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, frame)
	}
}

// TestCapture reads a capture, drops every fifth frame, rewrites the destination MAC address of the others in place and
// sends them into another capture. In the second case mbufs are smaller than most frames, which come in segments.
func TestCapture(t *testing.T) {
	for n, tt := range []struct {
		name      string
		room      int
		segmented bool
	}{{"whole", 2048, false}, {"segmented", 256, true}} {
		t.Run(tt.name, func(t *testing.T) {
			worker(t)
			mac := []byte{2, 0, 0, 0, 0, 9}
			m := pool(t, 4095, tt.room)
			p := port(t, pcapDevice(n), dpdk.PortConfig{Mempools: []*dpdk.Mempool{m}})
			q := []dpdk.Queue{{Port: p.ID()}}
			x := exchange(t, dpdk.ExchangeConfig{Receive: q, Transmit: q})
			before, err := p.Stats() // of an earlier run of this test
			if err != nil {
				t.Fatal(err)
			}
			var want [][]byte
			var bytesSent uint64
			seen, segmented := 0, false
			in := captured()
			for got := x.Exchange(); got > 0; got = x.Exchange() {
				for i := range x.Frames()[:got] {
					f := &x.Frames()[i]
					frame := in[seen]
					seen++
					if f.Flags&dpdk.FlagSegmented != 0 {
						segmented = true
					} else if int(f.Len) != len(frame) {
						t.Fatalf("frame %d has %d bytes, want %d", seen, f.Len, len(frame))
					}
					if !bytes.Equal(f.Bytes(), frame[:f.Len]) || f.Port != uint16(p.ID()) || f.Verdict != dpdk.Drop {
						t.Fatalf("frame %d is not as sent: %+v", seen, *f)
					}
					if seen%5 == 0 {
						continue
					}
					copy(f.Bytes(), mac)
					f.Verdict, f.Out = dpdk.Send, uint16(p.ID())
					want = append(want, append(bytes.Clone(mac), frame[6:]...))
					bytesSent += uint64(len(frame))
				}
			}
			if seen != len(in) || segmented != tt.segmented {
				t.Errorf("%d frames of %d, segmented: %v", seen, len(in), segmented)
			}
			c := x.Counters()
			if c.Received != 200 || c.SentPackets[p.ID()] != 160 || c.SentBytes[p.ID()] != bytesSent {
				t.Errorf("received %d, sent %d, %d bytes; want 200, 160, %d", c.Received, c.SentPackets[p.ID()], c.SentBytes[p.ID()], bytesSent)
			}
			stats, err := p.Stats()
			if err != nil || stats.RxPackets-before.RxPackets != 200 || stats.TxPackets-before.TxPackets != 160 ||
				stats.TxBytes-before.TxBytes != bytesSent {
				t.Errorf("the port says %+v, %v", stats, err)
			}
			if err := p.Stop(); err != nil { // flushes the file
				t.Fatal(err)
			}
			got := readCapture(t, file("out", n))
			if len(got) != len(want) {
				t.Fatalf("%d frames written, want %d", len(got), len(want))
			}
			for i := range got {
				if !bytes.Equal(got[i], want[i]) {
					t.Errorf("frame %d: %x, want %x", i, got[i], want[i])
				}
				if p := gopacket.NewPacket(got[i], layers.LayerTypeEthernet, gopacket.Default); p.ErrorLayer() != nil {
					t.Errorf("frame %d: %v", i, p.ErrorLayer().Error())
				}
			}
		})
	}
}
