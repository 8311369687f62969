package dpdk_test

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"linedirector/dpdk"
)

func TestPortByName(t *testing.T) {
	for _, tt := range []struct{ name, device, want string }{
		{"device", "net_null0", ""},
		{"arguments", "net_null0,size=64", ""},
		{"unknown", "net_null7", "find device net_null7: No such device: check its name and arguments; DPDK has net_null0, net_pcap0"},
		{"PCI", "0000:3b:00.1", "find device 0000:3b:00.1: No such device: bind it to a driver for DPDK"},
		{"failed", "net_pcap9,rx_pcap=whatever", "missing9.pcap: No such file or directory): check"},
		{"empty", "", "No such device"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, err := dpdk.PortByName(tt.device)
			if tt.want == "" {
				info, err2 := dpdk.Info(id)
				if err != nil || err2 != nil || info.Name != "net_null0" {
					t.Errorf("%v, %v, %+v", err, err2, info)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, syscall.ENODEV) {
				t.Errorf("%v, want %q in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	ids := dpdk.Ports()
	if len(ids) < 6 {
		t.Errorf("%d devices", len(ids))
	}
	id, err := dpdk.PortByName("net_null0")
	if err != nil || !slices.Contains(ids, id) {
		t.Errorf("%v has no %d, %v", ids, id, err)
	}
	if _, err := dpdk.Info(31); !errors.Is(err, syscall.ENODEV) {
		t.Errorf("port 31: %v", err)
	}
	info, err := dpdk.Info(id)
	if err != nil {
		t.Fatal(err)
	}
	if info.Driver != "net_null" || info.MaxRxQueues < 2 || info.RetaSize == 0 || info.MaxMTU < 1500 || info.IfIndex != 0 {
		t.Errorf("%+v", info)
	}
}

func TestOpenErrors(t *testing.T) {
	m := pool(t, 255, 2048)
	one := []*dpdk.Mempool{m}
	null, err := dpdk.PortByName("net_null0")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		id   dpdk.PortID
		cfg  dpdk.PortConfig
		want string
	}{
		{"no device", 31, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: one}, "port 31: No such device"},
		{"no queues", null, dpdk.PortConfig{Mempools: one}, "open port net_null0: 0 rx and 0 tx queues"},
		{"too many queues", null, dpdk.PortConfig{RxQueues: 5000, TxQueues: 1, Mempools: one}, "5000 rx and 1 tx queues: it has"},
		{"no mempool", null, dpdk.PortConfig{RxQueues: 1, TxQueues: 1}, "0 mempools for 1 rx queues"},
		{"two mempools for three queues", null, dpdk.PortConfig{RxQueues: 3, TxQueues: 1, Mempools: []*dpdk.Mempool{m, m}}, "2 mempools for 3 rx queues"},
		{"MTU", null, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: one, MTU: 20}, "MTU 20: it takes"},
		{"descriptors", null, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: one, RxDesc: 1 << 20}, "1048576 rx and 0 tx descriptors"},
		{"short key", null, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: one, RSSTypes: dpdk.RSSIPv4, RSSKey: make([]byte, 20)}, "RSS key of 20 bytes: it takes 40"},
		{"short table", null, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: one, Reta: []uint16{0}}, "redirection table of 1 entries"},
		{"table beyond the queues", null, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: one, Reta: slices.Repeat([]uint16{1}, retaSize(t, null))}, "redirection to rx queue 1: there are 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := dpdk.Open(tt.id, tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q in it", err, tt.want)
			}
		})
	}
}

func retaSize(t *testing.T, id dpdk.PortID) int {
	t.Helper()
	info, err := dpdk.Info(id)
	if err != nil {
		t.Fatal(err)
	}
	return info.RetaSize
}

// TestPort asks a port for all that it can tell.
func TestPort(t *testing.T) {
	worker(t)
	m := pool(t, 1023, 2048)
	p := port(t, "net_null0", dpdk.PortConfig{RxQueues: 2, TxQueues: 2, Mempools: []*dpdk.Mempool{m, m}, Promiscuous: true})
	if p.Name() != "net_null0" {
		t.Error(p.Name())
	}
	if rx, tx := p.Descriptors(); rx < 1 || tx < 1 {
		t.Errorf("%d and %d descriptors", rx, tx)
	}
	link, err := p.Link()
	if err != nil || !link.Up || !link.FullDuplex || link.SpeedMbps != 10000 {
		t.Errorf("%+v, %v", link, err)
	}
	if mtu, err := p.MTU(); err != nil || mtu != 1500 {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	mac := [6]byte{2, 0, 0, 0, 0, 7}
	if err := p.SetMAC(mac); err != nil || p.MAC() != mac {
		t.Errorf("%x, %v", p.MAC(), err)
	}
	if err := p.SetMAC([6]byte{1}); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "set MAC address 01:00:00:00:00:00 of port net_null0") {
		t.Errorf("a group address: %v", err)
	}
	if err := p.AddMAC([6]byte{2, 0, 0, 0, 0, 8}); err != nil && !errors.Is(err, syscall.ENOTSUP) {
		t.Error(err)
	}
	if err := p.SetAllmulticast(true); err != nil && !errors.Is(err, syscall.ENOTSUP) {
		t.Error(err)
	}
	x := exchange(t, dpdk.ExchangeConfig{Receive: []dpdk.Queue{{Port: p.ID(), Queue: 1}}})
	x.Exchange()
	x.Exchange()
	stats, err := p.Stats()
	if err != nil || stats.RxPackets == 0 {
		t.Errorf("%+v, %v", stats, err)
	}
	xstats, err := p.Xstats()
	if i := slices.IndexFunc(xstats, func(x dpdk.Xstat) bool { return x.Name == "rx_good_packets" }); err != nil || i < 0 || xstats[i].Value == 0 {
		t.Errorf("%+v, %v", xstats, err)
	}
	for range 3 { // the null device numbers its frames' queues
		x.Exchange()
	}
	if n := x.Frames()[0].Port; n != uint16(p.ID()) {
		t.Errorf("from port %d", n)
	}
}

func TestRSSGranted(t *testing.T) {
	m := pool(t, 1023, 2048)
	id, err := dpdk.PortByName("net_null0")
	if err != nil {
		t.Fatal(err)
	}
	key := slices.Repeat([]byte{0x6d, 0x5a}, 20)
	all := dpdk.RSSTCPv4 | dpdk.RSSUDPv4
	for _, tt := range []struct {
		name   string
		device string
		types  uint64
		key    []byte
		want   uint64
		ok     bool
	}{
		{"none asked", "net_null0", 0, nil, 0, false},
		{"all granted", "net_null0", all, key, all, true},
		{"driver's key", "net_null0", all, nil, all, true},
		{"part", "net_null0", all | 1<<50, key, all, false},
		{"device without", "net_ring0", all, nil, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := dpdk.PortConfig{RxQueues: 2, Mempools: []*dpdk.Mempool{m}, RSSTypes: tt.types, RSSKey: tt.key}
			if tt.device == "net_null0" && tt.types != 0 {
				for i := range retaSize(t, id) {
					cfg.Reta = append(cfg.Reta, uint16(i%2))
				}
			}
			p := port(t, tt.device, cfg)
			if types, ok := p.RSS(); types != tt.want || ok != tt.ok {
				t.Errorf("%#x, %v; want %#x, %v", types, ok, tt.want, tt.ok)
			}
		})
	}
}

var closed bool

// TestPortClose closes a device for good, so no other test may use net_ring3.
func TestPortClose(t *testing.T) {
	if closed {
		t.Skip("closed by an earlier run")
	}
	closed = true
	m := pool(t, 255, 2048)
	id, err := dpdk.PortByName("net_ring3")
	if err != nil {
		t.Fatal(err)
	}
	p, err := dpdk.Open(id, dpdk.PortConfig{RxQueues: 1, TxQueues: 1, Mempools: []*dpdk.Mempool{m}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := dpdk.PortByName("net_ring3"); err == nil {
		t.Error("it is still there")
	}
	if _, err := p.Stats(); !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), "statistics of port net_ring3") {
		t.Errorf("%v", err)
	}
}
