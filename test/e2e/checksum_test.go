package e2e

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"golang.org/x/sys/unix"

	"linedirector/test/netlab"
)

// oneReal is a configuration with a alone behind both virtuals, so that the test knows who answers.
const oneReal = `reals:
  - {name: a, address: 10.0.0.11, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, protocol: tcp, reals: [a], timers: {close-delay: 1s}}
  - {name: echo, address: 192.0.2.10, port: 7, protocol: udp, reals: [a], timers: {udp-idle: 5s}}
`

// bodySizes are odd and even, and around a full segment.
var bodySizes = []int{0, 1, 2, 3, 4, 5, 7, 63, 64, 65, 255, 1001, 1399, 1400, 1401, 1459, 1460, 1461, 2919, 65535}

// TestChecksums sends TCP and UDP of many lengths both ways, and the corners of UDP's checksum, and has
// tshark verify every packet on both sides of the director.
func TestChecksums(t *testing.T) {
	each(t, oneAndTwo, func(t *testing.T, setup setup) {
		s := newSite(t)
		real := s.reals["a"]
		serveBytes(real.Listen(realAddress("a", 8080)))
		server := real.ListenUDP(realAddress("a", 8080))
		s.start(t, setup, ports(setup.queues)+oneReal)
		outside, inside := s.client.Capture("eth0"), real.Capture("eth0")

		for _, size := range bodySizes {
			body, err := s.fetch(fmt.Sprintf("http://192.0.2.10/%d", size))
			if err != nil || len(body) != size {
				t.Errorf("a body of %d bytes: %d came, %v", size, len(body), err)
			}
		}
		s.udpCorners(t, server)
		outside.Stop()
		inside.Stop()

		for side, capture := range map[string]*netlab.Capture{"client's": outside, "real's": inside} {
			verified := verify(t, side, capture)
			// Nothing is wrong with an empty capture, either.
			if verified.tcp < 200 || verified.udp < 60 {
				t.Errorf("the %s side: %d segments and %d datagrams with good checksums, expected more", side, verified.tcp, verified.udp)
			}
			for what, got := range map[string]int{
				"client → real": verified.bareFrom[noChecksumPort],
				"real → client": verified.bareTo[noChecksumPort],
			} {
				if got != 3 {
					t.Errorf("the %s side: %d datagrams %s are without checksum, want 3", side, got, what)
				}
			}
			// One as its sender computed it, one as the director did.
			if from, to := verified.foldedFrom[foldingPort], verified.foldedTo[foldingPort]; from != 1 || to != 1 {
				t.Errorf("the %s side: %d datagrams client → real and %d real → client have checksum 0xFFFF, want 1 and 1", side, from, to)
			}
		}
	})
}

// verified is what tshark found in a capture. The maps count datagrams by the client's port.
type verified struct {
	tcp, udp             int         // with a good checksum
	bareFrom, bareTo     map[int]int // without checksum
	foldedFrom, foldedTo map[int]int // with checksum 0xFFFF
}

// verify has tshark check every checksum in a capture.
func verify(t *testing.T, side string, capture *netlab.Capture) verified {
	t.Helper()
	const good = "1"
	found := verified{
		bareFrom: map[int]int{}, bareTo: map[int]int{},
		foldedFrom: map[int]int{}, foldedTo: map[int]int{},
	}
	for _, row := range capture.Select("ip && !icmp",
		"frame.number", "ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "udp.checksum", "udp.srcport", "udp.dstport") {
		number, ip, tcp, udp, checksum := row[0], row[1], row[2], row[3], row[4]
		from, _ := strconv.Atoi(row[5])
		to, _ := strconv.Atoi(row[6])
		if ip != good {
			t.Errorf("the %s side: frame %s: the IPv4 header's checksum is not good", side, number)
		}
		switch {
		case checksum == "0x0000":
			found.bareFrom[from]++
			found.bareTo[to]++
		case checksum == "0xffff":
			found.foldedFrom[from]++
			found.foldedTo[to]++
		}
		switch {
		case tcp == good:
			found.tcp++
		case udp == good:
			found.udp++
		case checksum != "0x0000":
			t.Errorf("the %s side: frame %s: the checksum of TCP or UDP is not good", side, number)
		}
	}
	return found
}

// serveBytes answers GET /n with n bytes.
func serveBytes(listener net.Listener) {
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
			w.Header().Set("Content-Length", strconv.Itoa(n))
			_, _ = io.WriteString(w, strings.Repeat("x", n))
		}))
	}()
}

// The client's ports that the corners of UDP's checksum come from.
const (
	plainPort      = 50001
	noChecksumPort = 50002
	foldingPort    = 50003
)

// udpCorners exchanges datagrams of many lengths, some without checksum, and four whose checksum is
// computed as 0, which goes out as 0xFFFF: on each of the two wires, in each direction.
func (s *site) udpCorners(t *testing.T, server *net.UDPConn) {
	t.Helper()
	client := net.ParseIP(clientAddress)
	virtual, real := net.ParseIP(virtualAddress), net.ParseIP(realAddresses["a"])

	plain := s.udpFrom(t, plainPort, false)
	for size := range 30 {
		passes(t, plain, server, make([]byte, size), make([]byte, 29-size))
	}
	for _, size := range []int{1400, 1471, 1472} {
		passes(t, plain, server, make([]byte, size), make([]byte, size))
	}

	bare := s.udpFrom(t, noChecksumPort, true)
	setNoChecksum(t, server, true)
	for _, payload := range []string{"", "odd", "even"} {
		passes(t, bare, server, []byte(payload), []byte(payload))
	}
	setNoChecksum(t, server, false)

	folding := s.udpFrom(t, foldingPort, false)
	passes(t, folding, server, // as the client sends them
		foldsToZero(client, virtual, foldingPort, 7),
		foldsToZero(real, client, 8080, foldingPort))
	passes(t, folding, server, // as the director sends them
		foldsToZero(client, real, foldingPort, 8080),
		foldsToZero(virtual, client, 7, foldingPort))
}

// udpFrom opens a socket from a port of the client to the virtual.
func (s *site) udpFrom(t *testing.T, port int, noChecksum bool) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	err := s.client.Do(func() (err error) {
		conn, err = net.DialUDP("udp4", &net.UDPAddr{Port: port}, &net.UDPAddr{IP: net.ParseIP(virtualAddress), Port: 7})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	setNoChecksum(t, conn, noChecksum)
	return conn
}

func setNoChecksum(t *testing.T, conn *net.UDPConn, on bool) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	value := 0
	if on {
		value = 1
	}
	if err := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, value)
	}); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// passes sends one datagram from client to server and one back; both kernels verify what they take.
func passes(t *testing.T, client, server *net.UDPConn, request, reply []byte) {
	t.Helper()
	buffer := make([]byte, 1<<16)
	if _, err := client.Write(request); err != nil {
		t.Fatal(err)
	}
	_ = server.SetReadDeadline(time.Now().Add(time.Second))
	n, from, err := server.ReadFromUDPAddrPort(buffer)
	if err != nil || string(buffer[:n]) != string(request) {
		t.Errorf("a request of %d bytes: %d came to the real, %v", len(request), n, err)
		return
	}
	if _, err := server.WriteToUDPAddrPort(reply, from); err != nil {
		t.Fatal(err)
	}
	_ = client.SetReadDeadline(time.Now().Add(time.Second))
	if n, err := client.Read(buffer); err != nil || string(buffer[:n]) != string(reply) {
		t.Errorf("a reply of %d bytes: %d came to the client, %v", len(reply), n, err)
	}
}

// foldsToZero returns a payload of two bytes with which the checksum of a datagram between these
// endpoints is computed as 0.
func foldsToZero(from, to net.IP, source, destination int) []byte {
	const length = 8 + 2
	sum := uint32(17 + length + source + destination + length)
	for _, ip := range []net.IP{from.To4(), to.To4()} {
		sum += uint32(binary.BigEndian.Uint16(ip)) + uint32(binary.BigEndian.Uint16(ip[2:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return binary.BigEndian.AppendUint16(nil, 0xffff-uint16(sum))
}

// TestWrongChecksumsStayWrong sends packets with damaged checksums through the director. What comes to
// the real must be damaged by exactly as much: repaired, the real would take a corrupt packet for a sound one.
func TestWrongChecksumsStayWrong(t *testing.T) {
	s := newSite(t)
	s.web(t, "a")
	s.start(t, oneWorker, ports(1)+oneReal)
	w, real := s.wire(t), s.reals["a"].Raw("eth0")
	const damage = 0x0101 // what is taken from the true checksum, in ones' complement

	for _, c := range []struct {
		what  string
		frame []byte
		at    int // of the checksum in the frame
	}{
		{"a UDP datagram", w.udp(virtualAddress, 41001, 7, "odd"), udpChecksumAt},
		{"a TCP SYN", w.tcp(virtualAddress, layers.TCP{SrcPort: 41002, DstPort: 80, Seq: 77, SYN: true}, ""), tcpChecksumAt},
	} {
		frame := append([]byte(nil), c.frame...)
		binary.BigEndian.PutUint16(frame[c.at:], subtract(binary.BigEndian.Uint16(frame[c.at:]), damage))
		w.Send(frame)
		ports := frame[14+20 : 14+20+2]
		got := real.Receive(2*time.Second, func(f []byte) bool {
			return len(f) > 14+20+2 && f[12] == 8 && f[23] == frame[23] && string(f[14+20:14+20+2]) == string(ports)
		})
		if got == nil {
			t.Errorf("%s with a wrong checksum did not come to the real", c.what)
			continue
		}
		carried, truth := binary.BigEndian.Uint16(got[c.at:]), trueChecksum(t, w, got)
		if carried == truth {
			t.Errorf("%s with a wrong checksum was repaired", c.what)
		} else if diff := subtract(truth, carried); diff != damage {
			t.Errorf("%s: the checksum was wrong by %#x, now by %#x", c.what, damage, diff)
		}
	}

	// A wrong checksum of the IPv4 header: dropped, or still wrong, but never mended.
	frame := w.udp(virtualAddress, 41003, 7, "even")
	binary.BigEndian.PutUint16(frame[ipChecksumAt:], subtract(binary.BigEndian.Uint16(frame[ipChecksumAt:]), damage))
	w.Send(frame)
	got := real.Receive(500*time.Millisecond, func(f []byte) bool {
		return len(f) > 14+20+2 && f[23] == 17 && binary.BigEndian.Uint16(f[34:]) == 41003
	})
	if got != nil && headerSum(got[14:34]) == 0xffff {
		t.Error("the wrong checksum of an IPv4 header was repaired")
	}
}

// subtract is ones' complement subtraction.
func subtract(a, b uint16) uint16 {
	sum := uint32(a) + uint32(^b)
	return uint16(sum&0xffff + sum>>16)
}

// headerSum is the ones' complement sum of an IPv4 header: 0xFFFF if its checksum is right.
func headerSum(header []byte) uint16 {
	var sum uint32
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}

// trueChecksum computes, by gopacket, the L4 checksum that a frame ought to carry.
func trueChecksum(t *testing.T, w *wire, frame []byte) uint16 {
	t.Helper()
	packet := decode(frame)
	ip := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	ethernet := packet.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	switch l4 := packet.TransportLayer().(type) {
	case *layers.TCP:
		_ = l4.SetNetworkLayerForChecksum(ip)
		return binary.BigEndian.Uint16(w.frame(ethernet, ip, l4, gopacket.Payload(l4.Payload))[tcpChecksumAt:])
	case *layers.UDP:
		_ = l4.SetNetworkLayerForChecksum(ip)
		return binary.BigEndian.Uint16(w.frame(ethernet, ip, l4, gopacket.Payload(l4.Payload))[udpChecksumAt:])
	default:
		t.Fatalf("neither TCP nor UDP: %v", packet)
		return 0
	}
}
