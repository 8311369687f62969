package dpdk_test

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"

	"linedirector/dpdk"
)

// TestSoftRSS holds the hash against Microsoft's "Verifying the RSS Hash Calculation".
func TestSoftRSS(t *testing.T) {
	key, err := hex.DecodeString("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		dst, src   string
		ip, withL4 uint32
	}{
		{"161.142.100.80:1766", "66.9.149.187:2794", 0x323e8fc2, 0x51ccc178},
		{"65.69.140.83:4739", "199.92.111.2:14230", 0xd718262a, 0xc626b0ea},
		{"12.22.207.184:38024", "24.19.198.95:12898", 0xd2d0a5de, 0x5c2b394a},
		{"209.142.163.6:2217", "38.27.205.30:48228", 0x82989176, 0xafc7327f},
		{"202.188.127.2:1303", "153.39.163.191:44251", 0x5d1809c5, 0x10e828a2},
	} {
		dst, src := netip.MustParseAddrPort(tt.dst), netip.MustParseAddrPort(tt.src)
		words := []uint32{word(src), word(dst), uint32(src.Port())<<16 | uint32(dst.Port())}
		if h := dpdk.SoftRSS(words[:2], key); h != tt.ip {
			t.Errorf("%s to %s: %#x, want %#x", tt.src, tt.dst, h, tt.ip)
		}
		if h := dpdk.SoftRSS(words, key); h != tt.withL4 {
			t.Errorf("%s to %s with ports: %#x, want %#x", tt.src, tt.dst, h, tt.withL4)
		}
	}
	if dpdk.SoftRSS(make([]uint32, 10), key) != 0 || dpdk.SoftRSS(nil, key) != 0 {
		t.Error("read beyond the key")
	}
}

func word(a netip.AddrPort) uint32 {
	b := a.Addr().As4()
	return binary.BigEndian.Uint32(b[:])
}
