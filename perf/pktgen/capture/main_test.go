package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// Every flow has every size of the mix, and comes as the director's port expects it.
func TestWrite(t *testing.T) {
	for _, tt := range []struct {
		settings
		clients int
		bySize  map[int]int
	}{
		{settings{flows: 100, sizes: "imix", mac: "02:00:00:00:00:01"}, 1, map[int]int{64: 700, 594: 400, 1518: 100}},
		{settings{flows: portsEach + 10, sizes: "64", mac: "02:00:00:00:00:02"}, 2, map[int]int{64: portsEach + 10}},
	} {
		var b bytes.Buffer
		n, err := tt.write(&b)
		if err != nil || n != tt.flows*len(mixes[tt.sizes]) {
			t.Fatalf("%d frames, %v", n, err)
		}
		r, err := pcapgo.NewReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		bySize, clients, flows := map[int]int{}, map[gopacket.Endpoint]bool{}, map[[2]gopacket.Endpoint]int{}
		for {
			data, _, err := r.ReadPacketData()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			bySize[len(data)+4]++
			p := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Lazy)
			eth, ok := p.LinkLayer().(*layers.Ethernet)
			if !ok || p.TransportLayer() == nil || eth.DstMAC.String() != tt.mac || p.NetworkLayer().NetworkFlow().Dst().String() != "198.18.0.10" {
				t.Fatalf("no frame for the director: %v", p)
			}
			client := p.NetworkLayer().NetworkFlow().Src()
			clients[client] = true
			flows[[2]gopacket.Endpoint{client, p.TransportLayer().TransportFlow().Src()}]++
		}
		if !maps.Equal(bySize, tt.bySize) {
			t.Errorf("frames by size: %v", bySize)
		}
		if len(clients) != tt.clients || len(flows) != tt.flows {
			t.Errorf("%d clients, %d flows", len(clients), len(flows))
		}
		for flow, frames := range flows {
			if frames != len(mixes[tt.sizes]) {
				t.Fatalf("%v has %d frames", flow, frames)
			}
		}
	}
}

func TestWriteErrors(t *testing.T) {
	for want, s := range map[string]settings{
		"-mac x":    {flows: 1, sizes: "64", mac: "x"},
		"-sizes 65": {flows: 1, sizes: "65", mac: "02:00:00:00:00:01"},
		"-flows 0":  {flows: 0, sizes: "64", mac: "02:00:00:00:00:01"},
	} {
		if _, err := s.write(io.Discard); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
