package replay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"linedirector/lcore/forward"
)

// The world of the capture, as config.go configures it: one port for both sides.
//
//	clients 10.1.0.0/16 ── 192.0.2.254 ─┐
//	                                    ├─ port 192.0.2.1, 10.0.0.1, virtual 192.0.2.10:80, udp and tcp
//	reals 10.0.0.11 to .14, port 8080 ──┘
const (
	VirtualPort = 80
	singlePort  = 81   // of UDP, the virtual of one real
	RealPort    = 8080 // of all reals
	reals       = 4
	payload     = 18 // 60-byte frames
)

var (
	portMAC    = net.HardwareAddr{2, 0x70, 0x63, 0x61, 0x70, 0} // what net_pcap gives its first port
	gatewayMAC = net.HardwareAddr{2, 0, 0, 0, 0, 0xfe}

	// VirtualIP is the address that clients see.
	VirtualIP = net.IPv4(192, 0, 2, 10)
)

func realIP(i int) net.IP { return net.IPv4(10, 0, 0, byte(11+i)) }

func realMAC(i int) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 1, byte(i)} }

func clientIP(flow int) net.IP {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x0a010001+uint32(flow/60000))
	return b[:]
}

func clientPort(flow int) uint16 { return uint16(1024 + flow%60000) }

// WriteCaptures writes a file for each worker: the frames of the flows that it owns, so that none is handed over.
func WriteCaptures(dir string, flows, workers int) (files []string, err error) {
	steering := forward.NewSteering(workers)
	owned := make([][]int, workers)
	for flow := range flows {
		w := steering.Owner(binary.BigEndian.Uint32(clientIP(flow)), clientPort(flow))
		owned[w] = append(owned[w], flow)
	}
	return writeCaptures(dir, owned, &asked{VirtualPort, reals})
}

// WriteUnsteered writes a file for each worker as they come from a device that does not steer: whoever owns its flow, a frame
// comes to any of them. All flows are of the virtual of one real, since nobody can tell in which order the owner opens them.
func WriteUnsteered(dir string, flows, workers int) (files []string, err error) {
	dealt := make([][]int, workers)
	for flow := range flows {
		dealt[flow%workers] = append(dealt[flow%workers], flow)
	}
	return writeCaptures(dir, dealt, &asked{singlePort, 1})
}

func writeCaptures(dir string, flows [][]int, v *asked) (files []string, err error) {
	for w, flows := range flows {
		files = append(files, filepath.Join(dir, fmt.Sprintf("in-%d.pcap", w)))
		if err := writeCapture(files[w], flows, w, v); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// asked is the virtual that a capture's clients ask for, with so many reals.
type asked struct {
	port  uint16
	reals int
}

// writeCapture writes each flow's client frame and its reply, two frames of 60 bytes with right checksums, in random
// order, but for one rule: a flow's client frame comes before its reply, so that one pass drops nothing. The real that a
// reply comes from is the one that the flow gets at its first frame: of round robin, where workers begin their rounds apart.
func writeCapture(path string, flows []int, worker int, v *asked) error {
	order := slices.Concat(flows, flows)
	random := rand.New(rand.NewPCG(1, uint64(len(flows))))
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })

	w, err := createCapture(path)
	if err != nil {
		return err
	}
	defer w.close()
	realOf := make(map[int]int, len(flows)) // once the flow is open
	for _, flow := range order {
		var data []byte
		if i, open := realOf[flow]; open {
			data, err = udp(realMAC(i), realIP(i), clientIP(flow), RealPort, clientPort(flow))
		} else {
			realOf[flow] = (worker + len(realOf)) % v.reals
			data, err = udp(gatewayMAC, clientIP(flow), VirtualIP, clientPort(flow), v.port)
		}
		if err != nil {
			return err
		}
		if err := w.write(data); err != nil {
			return err
		}
	}
	return w.finish()
}

// capture is a file while frames are written to it.
type capture struct {
	file     *os.File
	buffered *bufio.Writer
	frames   *pcapgo.Writer
}

func createCapture(path string) (*capture, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := &capture{f, buffered, pcapgo.NewWriter(buffered)}
	if err := w.frames.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *capture) write(frame []byte) error {
	return w.frames.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(0, 0), CaptureLength: len(frame), Length: len(frame)}, frame)
}

func (w *capture) finish() error { return errors.Join(w.buffered.Flush(), w.file.Close()) }

// close is for a file that is not finished, and does nothing to one that is.
func (w *capture) close() { _ = w.file.Close() }

func udp(from net.HardwareAddr, src, dst net.IP, srcPort, dstPort uint16) ([]byte, error) {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: src, DstIP: dst}
	u := &layers.UDP{SrcPort: layers.UDPPort(srcPort), DstPort: layers.UDPPort(dstPort)}
	if err := u.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: from, DstMAC: portMAC, EthernetType: layers.EthernetTypeIPv4},
		ip, u, gopacket.Payload(make([]byte, payload)))
	frame := append([]byte(nil), b.Bytes()...)
	if sum := frame[40:42]; err == nil && sum[0]|sum[1] == 0 {
		sum[0], sum[1] = 0xff, 0xff // gopacket leaves 0, which means none (RFC 768)
	}
	return frame, err
}
