// Command capture writes a capture of clients' datagrams to the benchmark's virtual, for generators that replay one:
// dpdk-testpmd (net_pcap with infinite_rx=1), Pktgen (-s 0:FILE), tcpreplay.
//
//	go run ./perf/pktgen/capture -flows 10000 -sizes imix -o replay.pcap
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// settings are the command's flags.
type settings struct {
	flows int
	sizes string
	mac   string // the director's port
	out   string
}

// mixes are sizes of frames with their checksum, as generators count them, in the order in which they come: the
// simple IMIX is 7 parts of 64 bytes, 4 of 594, 1 of 1518, evenly mixed.
var mixes = map[string][]int{
	"64":   {64},
	"512":  {512},
	"1518": {1518},
	"imix": {64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64},
}

func main() {
	var s settings
	flag.IntVar(&s.flows, "flows", 10000, "connections, 1 to 4,000,000; a frame each and size")
	flag.StringVar(&s.sizes, "sizes", "64", "sizes of frames: 64, 512, 1518 or imix")
	flag.StringVar(&s.mac, "mac", "02:00:00:00:00:01", "MAC of the director's port outside")
	flag.StringVar(&s.out, "o", "replay.pcap", "file to write")
	flag.Parse()
	if err := s.run(); err != nil {
		fmt.Fprintln(os.Stderr, "capture:", err)
		os.Exit(1)
	}
}

func (s *settings) run() error {
	f, err := os.Create(s.out)
	if err != nil {
		return err
	}
	n, err := s.write(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Printf("%s: %d frames, %d flows\n", s.out, n, s.flows)
	return nil
}

// write writes the capture: each flow once for each place of the mix, so that every flow has frames of every size. It
// returns the number of frames.
func (s *settings) write(out io.Writer) (frames int, err error) {
	mac, err := net.ParseMAC(s.mac)
	if err != nil {
		return 0, fmt.Errorf("-mac %s: %w", s.mac, err)
	}
	mix, ok := mixes[s.sizes]
	if !ok {
		return 0, fmt.Errorf("-sizes %s: no such mix; use 64, 512, 1518 or imix", s.sizes)
	}
	if s.flows < 1 || s.flows > 4_000_000 {
		return 0, fmt.Errorf("-flows %d: use 1 to 4000000", s.flows)
	}
	buffered := bufio.NewWriterSize(out, 1<<20)
	w := pcapgo.NewWriter(buffered)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		return 0, err
	}
	for round := range mix {
		for flow := range s.flows {
			data, err := datagram(mac, flow, mix[(round+flow)%len(mix)])
			if err != nil {
				return frames, err
			}
			info := gopacket.CaptureInfo{Timestamp: time.Unix(0, 0), CaptureLength: len(data), Length: len(data)}
			if err := w.WritePacket(info, data); err != nil {
				return frames, err
			}
			frames++
		}
	}
	return frames, buffered.Flush()
}

// portsEach is how many of a client address's ports are used before the next address.
const portsEach = 64000

// datagram is a client's to the virtual, size bytes long with the Ethernet checksum that a capture leaves out.
func datagram(to net.HardwareAddr, flow, size int) ([]byte, error) {
	var client [4]byte
	binary.BigEndian.PutUint32(client[:], 198<<24|19<<16|1+uint32(flow/portsEach)) // 198.19.0.1 and on
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: client[:], DstIP: net.IPv4(198, 18, 0, 10),
	}
	udp := &layers.UDP{SrcPort: layers.UDPPort(1024 + flow%portsEach), DstPort: 80}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	const headers, checksum = 14 + 20 + 8, 4
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 0x0a}, DstMAC: to, EthernetType: layers.EthernetTypeIPv4},
		ip, udp, gopacket.Payload(make([]byte, size-checksum-headers)))
	return b.Bytes(), err
}
