package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"linedirector/lcore/forward"
	"linedirector/perf/replay"
)

func TestParse(t *testing.T) {
	s, err := parse([]string{"--flows", "64,128", "--bursts", "8", "--workers", "1,2", "--connections", "8"})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, c := range s.cases() {
		said = append(said, c.By+": "+c.String())
	}
	want := `flows: 64 flows, bursts of 32, 1 workers
flows: 128 flows, bursts of 32, 1 workers
burst: 16384 flows, bursts of 8, 1 workers
workers: 16384 flows, bursts of 32, 1 workers
workers: 32768 flows, bursts of 32, 2 workers
workers: 32768 flows, bursts of 32, 2 workers, frames come to any
connections: 8 whole connections, bursts of 32, 1 workers`
	if got := strings.Join(said, "\n"); got != want {
		t.Errorf("cases\n%s\nwant\n%s", got, want)
	}
	if s, err = parse([]string{"--vary", byWorkers}); err != nil || len(s.cases()) != 3 {
		t.Errorf("--vary workers: %d cases, %v", len(s.cases()), err)
	}
	for _, bad := range []string{
		"--flows 0", "--flows x", "--bursts 129", "--workers 3", "--rounds 0", "--window 10ms", "--control 1", "--vary lcores", "--connections 6", "more",
	} {
		if _, err := parse(strings.Fields(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// TestCaptures reads captures for two workers: every flow is in its owner's, its client's frame first.
func TestCaptures(t *testing.T) {
	const flows, workers = 1000, 2
	files, err := replay.WriteCaptures(t.TempDir(), flows, workers)
	if err != nil || len(files) != workers {
		t.Fatalf("%d files, %v", len(files), err)
	}
	steering := forward.NewSteering(workers)
	opened, answered := map[gopacket.Flow]bool{}, 0
	for w, file := range files {
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
				break
			}
			p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
			ip, u := p.NetworkLayer().(*layers.IPv4), p.TransportLayer().(*layers.UDP)
			client, port := ip.SrcIP, u.SrcPort
			if forwards := ip.DstIP.Equal(replay.VirtualIP); !forwards {
				client, port = ip.DstIP, u.DstPort
			}
			key := gopacket.NewFlow(layers.EndpointUDPPort, []byte(client), []byte{byte(port >> 8), byte(port)})
			if ip.DstIP.Equal(replay.VirtualIP) {
				opened[key] = true
			} else if answered++; !opened[key] {
				t.Fatalf("%v answers before the client's frame", ip.SrcIP)
			}
			address := uint32(client[0])<<24 | uint32(client[1])<<16 | uint32(client[2])<<8 | uint32(client[3])
			if owner := steering.Owner(address, uint16(port)); int(owner) != w {
				t.Fatalf("worker %d's flow is in the capture of worker %d", owner, w)
			}
		}
	}
	if len(opened) != flows || answered != flows {
		t.Errorf("%d flows, %d answers, want %d of each", len(opened), answered, flows)
	}
}

func TestReport(t *testing.T) {
	r := report{Rounds: 3, Window: 2, Cases: []measured{
		{By: byFlows, Flows: 1024, Burst: 32, Workers: 1, Mpps: map[string][]float64{
			director: {20, 10, 30}, io: {60, 60, 60}, macswap: {50, 50, 50}, ceiling: {40, 40, 40},
		}},
		{By: byFlows, Flows: 1 << 20, Burst: 32, Workers: 1, Left: "too little memory"},
		{By: byBurst, Flows: usualFlows, Burst: 8, Workers: 1, Mpps: map[string][]float64{director: {10}, macswap: {40}, ceiling: {20}}},
		{By: byConnections, Flows: 1024, Burst: 32, Workers: 1, Opened: []float64{1e6, 2e6, 1.5e6}, Mpps: map[string][]float64{director: {10, 20, 15}, ceiling: {30, 30, 30}}},
	}}
	text := r.markdown()
	for _, want := range []string{
		"| 1024 | 20.0 (10.0–30.0) | 60.0 | 50.0 | 40.0 | 0.40 | 0.50 |", "| 1048576 | left out: too little memory |",
		"| 8 | 10.0 (10.0–10.0) | 40.0 | 20.0 | 0.25 | 0.50 |", "(images/device.svg)",
		"| 1024 | 1500000 (1000000–2000000) | 3.00 | 15.0 (10.0–20.0) | 30.0 | 0.50 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "second worker") {
		t.Errorf("the page speaks of workers, of which none were measured:\n%s", text)
	}
	svg, err := r.plot()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"linedirector", "macswap", "5tswap", "against flows", "against frames a burst", "1048576"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if strings.Contains(string(svg), "against workers") {
		t.Error("the picture has a panel of workers, of which none were measured")
	}
	if err := r.dropped(); err != nil {
		t.Error(err)
	}
	r.Cases[2].Dropped = mostDropped
	r.Cases = append(r.Cases,
		measured{By: byWorkers, Flows: 10, Burst: 32, Workers: 1, Mpps: map[string][]float64{director: {10}, macswap: {40}, ceiling: {20}}},
		measured{By: byWorkers, Flows: 20, Burst: 32, Workers: 2, Mpps: map[string][]float64{director: {19}, macswap: {76}, ceiling: {30}}},
		measured{
			By: byWorkers, Flows: 20, Burst: 32, Workers: 2, Unsteered: true, Dropped: 0.0123, Handed: 0.5,
			Mpps: map[string][]float64{director: {15}, macswap: {76}, ceiling: {30}},
		})
	text = r.markdown()
	for _, want := range []string{"| 2, unsteered | 15.0", "50.00 % of the frames were handed over", "1.2300 % dropped", "1.90 times what one worker does (5tswap 1.50 times), unsteered 1.50 times"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if err := r.dropped(); err == nil || !strings.Contains(err.Error(), "bursts of 8") {
		t.Errorf("dropped frames: %v, want the case named", err)
	}
}

func TestHugepages(t *testing.T) {
	if _, err := wantHugepages(1 << 40); !errors.Is(err, errMemory) {
		t.Errorf("more hugepages than there is memory: %v", err)
	}
	if restore, err := wantHugepages(0); err != nil {
		t.Error(err)
	} else {
		restore()
	}
	if _, err := memory("No such figure:"); err == nil {
		t.Error("a figure that is not there, no error")
	}
}

func TestDevice(t *testing.T) {
	in, out := []string{"a", "b"}, []string{"c", "d"}
	if got, want := device(in, nil), "net_pcap0,rx_pcap=a,rx_pcap=b,infinite_rx=1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := device(in, out), "net_pcap0,rx_pcap=a,rx_pcap=b,tx_pcap=c,tx_pcap=d"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	s := settings{control: 0, worker: 1}
	if got := join(s.cpus(1)) + " " + join(s.cpus(2)); got != "1 0,1" {
		t.Errorf("CPUs %q", got)
	}
	if err := allOpened(&measured{Flows: 400}, 10_000, 10_050, 100_500); err != nil {
		t.Error(err)
	}
	for _, closed := range []float64{0, 9_000, 11_000} {
		if err := allOpened(&measured{Flows: 400}, 10_000, closed, 100_000); err == nil {
			t.Errorf("of 10000 connections %.0f were closed, no error", closed)
		}
	}
	if _, err := check(filepath.Join(t.TempDir(), "none"), "udp"); err == nil {
		t.Error("no file, no error")
	}
}
