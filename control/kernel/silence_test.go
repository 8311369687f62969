package kernel

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// lived is another namespace that a process lives in, as a container's or that of a server under
// `ip netns exec`: only such a one can be found.
func lived(t *testing.T) netns.NsHandle {
	t.Helper()
	ns := otherNetns(t)
	in(t, ns, func() {
		p := exec.Command("sleep", "600")
		must(t, p.Start())
		t.Cleanup(func() {
			p.Process.Kill()
			p.Wait()
		})
	})
	return ns
}

// wire makes a veth from the test's namespace to another one.
func wire(t *testing.T, near, far string, there netns.NsHandle, farAddress string) {
	t.Helper()
	la := netlink.NewLinkAttrs()
	la.Name = near
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: la, PeerName: far, PeerNamespace: netlink.NsFd(there)}))
	in(t, there, func() {
		sh(t, "ip link set "+far+" up")
		sh(t, "ip addr add "+farAddress+" dev "+far)
	})
}

// packetSocket is what net_af_packet opens: all frames of one interface.
type packetSocket struct {
	fd    int
	iface *net.Interface
}

func openPacket(t *testing.T, iface string) *packetSocket {
	t.Helper()
	i, err := net.InterfaceByName(iface)
	must(t, err)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: binary.BigEndian.Uint16([]byte{unix.ETH_P_ALL, 0}), Ifindex: i.Index}))
	must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20))
	must(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100000}))
	t.Cleanup(func() { unix.Close(fd) })
	return &packetSocket{fd, i}
}

// read waits for a frame that came in, a tenth of a second at most.
func (p *packetSocket) read(b []byte) (int, error) {
	for {
		n, from, err := unix.Recvfrom(p.fd, b, 0)
		if err != nil {
			return 0, err
		}
		if a, ok := from.(*unix.SockaddrLinklayer); ok && a.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		return n, nil
	}
}

func (p *packetSocket) write(b []byte) error {
	_, err := unix.Write(p.fd, b)
	return err
}

// readIP reads frames until one is IPv4 of that protocol, with that TCP or UDP destination.
func (p *packetSocket) readIP(protocol byte, dstPort uint16) ([]byte, error) {
	b := make([]byte, 70000)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		n, err := p.read(b)
		if err != nil {
			continue
		}
		if f := b[:n]; n >= 38 && f[12] == 8 && f[13] == 0 && f[23] == protocol && binary.BigEndian.Uint16(f[36:]) == dstPort {
			return f, nil
		}
	}
	return nil, fmt.Errorf("no frame of protocol %d to %d", protocol, dstPort)
}

// The kernel hears nothing, the packet socket all; and after Restore it is as before.
//
//	client 192.0.2.2 ─ p0 │ d0 (silenced), kernel with 192.0.2.10 on lo: answers a SYN by RST
func TestSilence(t *testing.T) {
	newNetns(t)
	client := lived(t)
	wire(t, "d0", "p0", client, "192.0.2.2/24")
	sh(t, "ip link set lo up")
	sh(t, "ip addr add 192.0.2.10/32 dev lo")
	before := snapshot(t, "d0", client, "p0")

	s, err := Silence("d0", "net_af_packet")
	must(t, err)
	if s.PartialChecksums() || len(s.Warnings()) != 0 {
		t.Errorf("partial %v, warnings %q", s.PartialChecksums(), s.Warnings())
	}
	if _, err := Silence("d0", "net_af_packet"); err == nil || !strings.Contains(err.Error(), "another linedirector") {
		t.Errorf("silenced twice: %v", err)
	}
	answerable := func() { sh(t, "ip route add 192.0.2.2 dev d0 src 192.0.2.10") }
	answerable()
	d0 := openPacket(t, "d0")
	ask := func() {
		in(t, client, func() {
			sh(t, "ip neigh replace 192.0.2.10 dev p0 lladdr "+d0.iface.HardwareAddr.String())
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
			must(t, err)
			// Open till the end: a SYN that the veth, just up, loses is sent again.
			t.Cleanup(func() { unix.Close(fd) })
			err = unix.Connect(fd, &unix.SockaddrInet4{Port: 80, Addr: [4]byte{192, 0, 2, 10}})
			if err != unix.EINPROGRESS {
				t.Errorf("connect: %v", err)
			}
		})
	}
	ask()
	_, err = d0.readIP(unix.IPPROTO_TCP, 80)
	must(t, err)
	if out := sh(t, "nft list table netdev linedirector-d0"); !regexp.MustCompile(`counter packets [1-9]`).MatchString(out) {
		t.Errorf("the packet socket has the SYN, the kernel was not kept from it: %s", out)
	}
	var p0 *packetSocket
	in(t, client, func() { p0 = openPacket(t, "p0") })
	marker := make([]byte, 60)
	copy(marker, p0.iface.HardwareAddr)
	marker[12], marker[13] = 0x88, 0xb5 // for experiments
	ask()
	_, err = d0.readIP(unix.IPPROTO_TCP, 80)
	must(t, err)
	must(t, d0.write(marker))
	b := make([]byte, 2048)
	for {
		n, err := p0.read(b)
		must(t, err)
		if b[12] == 0x88 && b[13] == 0xb5 {
			break
		}
		t.Errorf("the kernel said something: %x", b[:n])
	}

	must(t, s.Restore())
	if after := snapshot(t, "d0", client, "p0"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	sh(t, "ip link set d0 up")
	answerable()
	ask()
	in(t, client, func() {
		f, err := p0.readTCPReset()
		if err != nil {
			t.Errorf("no RST after Restore: the test proves nothing: %v %x", err, f)
		}
	})
}

func (p *packetSocket) readTCPReset() ([]byte, error) {
	b := make([]byte, 2048)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		n, err := p.read(b)
		if err == nil && n >= 54 && b[13] == 0 && b[23] == unix.IPPROTO_TCP && b[47]&4 != 0 {
			return b[:n], nil
		}
	}
	return nil, fmt.Errorf("none comes")
}

// snapshot is all that Silence changes, as text.
func snapshot(t *testing.T, near string, there netns.NsHandle, far string) string {
	t.Helper()
	out := sh(t, "ethtool -k "+near) + sh(t, "nft list ruleset") + sh(t, "sysctl net.ipv6.conf."+near+".disable_ipv6") +
		strings.Split(sh(t, "ip -o link show "+near), ">")[0]
	in(t, there, func() { out += sh(t, "ethtool -k "+far) })
	return out
}

// A run that was killed, at any point, leaves what the next one takes over; its Restore puts back what the
// first one found.
func TestSilenceAfterKill(t *testing.T) {
	newNetns(t)
	client := lived(t)
	wire(t, "d0", "p0", client, "192.0.2.2/24")
	sh(t, "ethtool -K d0 tso off")
	in(t, client, func() { sh(t, "ethtool -K p0 gso off") })
	before := snapshot(t, "d0", client, "p0")
	for range 3 {
		s, err := Silence("d0", "net_af_packet")
		must(t, err)
		s.held.Close() // all that the kernel does for a killed process
		s.h.Close()
	}
	// Killed before its changes were complete.
	sh(t, "ethtool -K d0 gro on")
	s, err := Silence("d0", "net_af_xdp")
	must(t, err)
	if out := sh(t, "nft list ruleset"); strings.Contains(out, "ingress") {
		t.Errorf("net_af_xdp needs no drop, and the killed run's is still there: %s", out)
	}
	must(t, s.Restore())
	after := snapshot(t, "d0", client, "p0")
	after = strings.Replace(after, "generic-receive-offload: on", "generic-receive-offload: off", 1) // ours, above
	if after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}

	// Memory of another interface of that name is worth nothing.
	_, err = Silence("d0", "net_af_packet")
	must(t, err)
	sh(t, "ip link del d0")
	sh(t, "nft list table netdev linedirector-d0")
}

func TestSilenceInterfaceGone(t *testing.T) {
	newNetns(t)
	client := lived(t)
	wire(t, "d0", "p0", client, "192.0.2.2/24")
	s, err := Silence("d0", "net_af_packet")
	must(t, err)
	sh(t, "ip link del d0")
	wire(t, "d0", "p0", client, "192.0.2.2/24")
	before := snapshot(t, "d0", client, "p0")
	must(t, s.Restore())
	if out := sh(t, "nft list ruleset"); out != "" {
		t.Errorf("left behind: %s", out)
	}
	before = regexp.MustCompile(`(?s)table .*?\n}\n`).ReplaceAllString(before, "")
	if after := snapshot(t, "d0", client, "p0"); after != before {
		t.Errorf("Restore changed an interface that it did not silence:\n%s\n%s", before, after)
	}
}

func TestSilenceRefuses(t *testing.T) {
	newNetns(t)
	if _, err := Silence("nowhere", "net_af_packet"); err == nil || !strings.Contains(err.Error(), "iface=") {
		t.Errorf("no such interface: %v", err)
	}
	if _, err := Silence("lo", "net_pcap"); err == nil || !strings.Contains(err.Error(), "net_af_packet") {
		t.Errorf("driver: %v", err)
	}
}

func TestSilenceWarns(t *testing.T) {
	newNetns(t)
	// In a namespace that no name and no process leads to.
	wire(t, "d0", "p0", otherNetns(t), "192.0.2.2/24")
	sh(t, "ip addr add 192.0.2.9/24 dev d0")
	s, err := Silence("d0", "net_af_packet")
	must(t, err)
	if w := strings.Join(s.Warnings(), "\n"); !s.PartialChecksums() || !strings.Contains(w, "tx off") || !strings.Contains(w, "ip addr del 192.0.2.9/24 dev d0") {
		t.Errorf("partial %v, warnings %q", s.PartialChecksums(), w)
	}
	must(t, s.Restore())

	sh(t, "ip link add d1 numrxqueues 4 type veth peer name p1 numtxqueues 4")
	sh(t, "ethtool -L d1 rx 4")
	s, err = Silence("d1", "net_af_xdp")
	must(t, err)
	if w := strings.Join(s.Warnings(), "\n"); s.PartialChecksums() || !strings.Contains(w, "queue_count=4") {
		t.Errorf("partial %v, warnings %q", s.PartialChecksums(), w)
	}
	must(t, s.Restore())
}

// tally is what a forwarder saw of TCP and UDP over IPv4.
type tally struct{ frames, long, bad int }

func (t *tally) look(f []byte) {
	if len(f) < 34 || f[12] != 8 || f[13] != 0 {
		return
	}
	ip := f[14:]
	head, total := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if total > 1500 || total == 0 { // 0: a super-packet of more than 64 KiB
		t.long++
	}
	if total < head || total > len(ip) || ip[9] != unix.IPPROTO_TCP && ip[9] != unix.IPPROTO_UDP {
		return
	}
	t.frames++
	sum := uint32(ip[9]) + uint32(total-head)
	for b := ip[12:20]; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	b := ip[head:total]
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	if sum != 0xffff {
		t.bad++
	}
}

// forward copies frames from one interface to the other until stop.
func forward(from, to *packetSocket, stop <-chan struct{}) (t tally) {
	b := make([]byte, 1<<17)
	for {
		n, err := from.read(b)
		if err == nil {
			t.look(b[:n])
			_ = to.write(b[:n]) // one that is too long the kernel refuses; it is counted
			continue
		}
		select {
		case <-stop:
			return t
		default:
		}
	}
}

// Real TCP and UDP through a director that copies frames as they are: are they whole?
//
//	client 192.0.2.2 ─ p0 │ d0 ─ the test's packet sockets ─ d1 │ p1 ─ server 192.0.2.3
func TestChecksums(t *testing.T) {
	for _, c := range []struct {
		name    string
		silence bool
		prepare string
		whole   bool
	}{
		{name: "untouched"},
		{name: "own end's offloads off", prepare: "ethtool -K d0 rx off tx off gro off; ethtool -K d1 rx off tx off gro off"},
		{name: "own end's GRO on", prepare: "ethtool -K d0 gro on; ethtool -K d1 gro on"},
		{name: "silenced", silence: true, whole: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			newNetns(t)
			client, server := lived(t), lived(t)
			wire(t, "d0", "p0", client, "192.0.2.2/24")
			wire(t, "d1", "p1", server, "192.0.2.3/24")
			sh(t, "ip link set d0 up")
			sh(t, "ip link set d1 up")
			for _, line := range strings.Split(c.prepare, "; ") {
				if line != "" {
					sh(t, line)
				}
			}
			if c.silence {
				for _, iface := range []string{"d0", "d1"} {
					s, err := Silence(iface, "net_af_packet")
					must(t, err)
					defer s.Restore()
					if s.PartialChecksums() || len(s.Warnings()) > 0 {
						t.Fatalf("%s: %q", iface, s.Warnings())
					}
				}
			}
			d0, d1 := openPacket(t, "d0"), openPacket(t, "d1")
			stop, tallies := make(chan struct{}), make(chan tally, 2)
			go func() { tallies <- forward(d0, d1, stop) }()
			go func() { tallies <- forward(d1, d0, stop) }()

			var sent, echoed int64
			talk(t, client, server, c.whole, &sent, &echoed)
			close(stop)
			var sum tally
			for range 2 {
				x := <-tallies
				sum.frames += x.frames
				sum.long += x.long
				sum.bad += x.bad
			}
			t.Logf("%d frames, %d longer than the MTU, %d with an incomplete checksum; %d bytes sent, %d back", sum.frames, sum.long, sum.bad, sent, echoed)
			if c.whole && (sum.long > 0 || sum.bad > 0 || sum.frames < 1000 || echoed != sent) {
				t.Error("frames are not whole")
			}
		})
	}
}

// talk sends a megabyte by TCP to an echo server and back, and a few datagrams of odd length. Where it need
// not work, it gives up soon.
func talk(t *testing.T, client, server netns.NsHandle, whole bool, sent, echoed *int64) {
	var l net.Listener
	var u net.PacketConn
	in(t, server, func() {
		var err error
		l, err = net.Listen("tcp", "192.0.2.3:7")
		must(t, err)
		u, err = net.ListenPacket("udp", "192.0.2.3:7")
		must(t, err)
	})
	defer l.Close()
	defer u.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c)
	}()
	in(t, client, func() {
		wait := patience
		if !whole {
			wait = time.Second
		}
		c, err := net.DialTimeout("tcp", "192.0.2.3:7", wait)
		if whole {
			must(t, err)
		}
		if err == nil {
			defer c.Close()
			must(t, c.SetDeadline(time.Now().Add(wait)))
			const size = 1 << 20
			done := make(chan struct{})
			go func() {
				defer close(done)
				*echoed, _ = io.Copy(io.Discard, io.LimitReader(c, size))
			}()
			n, _ := c.Write(make([]byte, size))
			*sent = int64(n)
			<-done
		}

		d, err := net.Dial("udp", "192.0.2.3:7")
		must(t, err)
		defer d.Close()
		for n := 1; n < 1400; n += 111 {
			_, _ = d.Write(make([]byte, n))
		}
		// UDP leaves before this arrives: the last frame is seen.
		b := make([]byte, 2048)
		_ = u.SetReadDeadline(time.Now().Add(time.Second))
		for n := 1; n < 1400; n += 111 {
			_, _, _ = u.ReadFrom(b)
		}
	})
}
