package kernel

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// arpFrame is an ARP request or reply; the target MAC of a request is zero.
func arpFrame(t *testing.T, op uint16, fromMAC [6]byte, from netip.Addr, toMAC [6]byte, to netip.Addr) []byte {
	t.Helper()
	dst := net.HardwareAddr(toMAC[:])
	if op == layers.ARPRequest {
		dst = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	buf := gopacket.NewSerializeBuffer()
	must(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{},
		&layers.Ethernet{SrcMAC: fromMAC[:], DstMAC: dst, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: op,
			SourceHwAddress: fromMAC[:], SourceProtAddress: from.AsSlice(), DstHwAddress: toMAC[:], DstProtAddress: to.AsSlice(),
		}))
	return buf.Bytes()
}

// readARP reads frames until one is an ARP packet of that operation.
func readARP(tap *Tap, op uint16) (*layers.ARP, *layers.Ethernet, error) {
	if err := tap.file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, nil, err
	}
	b := make([]byte, 2048)
	for {
		n, err := tap.Read(b)
		if err != nil {
			return nil, nil, err
		}
		p := gopacket.NewPacket(b[:n], layers.LayerTypeEthernet, gopacket.Default)
		if a, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok && a.Operation == op {
			return a, p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet), nil
		}
	}
}

// The kernel answers through a tap as on a wire.
//
//	test ──Write──▶ tap outside 192.0.2.1/24 ──▶ kernel
//	test ◀──Read─── tap outside              ◀── kernel
func TestTapCarriesFrames(t *testing.T) {
	newNetns(t)
	tap, err := OpenTap("outside", macPort, 1400)
	must(t, err)
	defer tap.Close()
	out := sh(t, "ip -d link show outside")
	for _, want := range []string{"02:00:00:00:00:01", "mtu 1400", "UP", "tun type tap pi off", "persist off", "addrgenmode none"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if got := sh(t, "ip -6 addr show dev outside"); got != "" {
		t.Errorf("IPv6 addresses on a fresh tap: %s", got)
	}
	if got := sh(t, "sysctl -n net.ipv4.conf.outside.rp_filter net.ipv4.conf.outside.promote_secondaries"); got != "2\n1\n" {
		t.Errorf("rp_filter, promote_secondaries = %q", got)
	}

	sh(t, "ip addr add 192.0.2.1/24 dev outside")
	_, err = tap.Write(arpFrame(t, layers.ARPRequest, macHop, addr("192.0.2.9"), [6]byte{}, addr("192.0.2.1")))
	must(t, err)
	reply, _, err := readARP(tap, layers.ARPReply)
	must(t, err)
	if !bytes.Equal(reply.SourceHwAddress, macPort) {
		t.Errorf("the kernel answers with %x", reply.SourceHwAddress)
	}

	must(t, tap.SetCarrier(false))
	if out := sh(t, "ip link show outside"); !strings.Contains(out, "NO-CARRIER") {
		t.Errorf("carrier is still there: %s", out)
	}
}

func TestTapRefusesTakenName(t *testing.T) {
	newNetns(t)
	sh(t, "ip link add outside type veth peer name far")
	if _, err := OpenTap("outside", macPort, 0); err == nil || !strings.Contains(err.Error(), "choose another port name") {
		t.Errorf("veth of the name: %v", err)
	}
	openTapT(t, "inside", macInside)
	if _, err := OpenTap("inside", macPort, 0); err == nil || !strings.Contains(err.Error(), "choose another port name") {
		t.Errorf("tap of the name: %v", err)
	}
	if _, err := OpenTap("sixteencharacter", macPort, 0); err == nil || !strings.Contains(err.Error(), "15 characters") {
		t.Errorf("long name: %v", err)
	}
	if _, err := OpenTap("odd", macPort, 12); err == nil || !strings.Contains(err.Error(), "MTU 12") {
		t.Errorf("impossible MTU: %v", err)
	}
	gone(t, "odd")
}

func TestTapCloseEndsRead(t *testing.T) {
	newNetns(t)
	tap := openTapT(t, "outside", macPort)
	ended := make(chan error, 1)
	go func() {
		b := make([]byte, 2048)
		for {
			if _, err := tap.Read(b); err != nil {
				ended <- err
				return
			}
		}
	}()
	must(t, tap.Close())
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("Read ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Read did not end")
	}
	gone(t, "outside")
}

// gone waits until no interface has the name. The tap's file may be open for a moment longer in a child that
// another test has just forked and that has not executed its program yet.
func gone(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := net.InterfaceByName(name); err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the tap %s is left behind", name)
		}
	}
}
