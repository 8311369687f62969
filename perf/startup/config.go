package main

import (
	"fmt"
	"os"
	"strings"
)

// The most that config has addresses for.
const (
	maxReals    = 60000
	maxVirtuals = 50000
)

const devices = "ports:\n" +
	"  - {name: ldstart0, device: 'net_null0,no-rx=1', addresses: [192.168.0.1/16], side: clients}\n" +
	"  - {name: ldstart1, device: 'net_null1,no-rx=1', addresses: [10.1.0.1/16], side: reals}\n"

// writeConfig writes a configuration. Reals' neighbours are static: nobody answers ARP on net_null. Another weight is
// what a reload changes: all reals' and with them each virtual.
func writeConfig(path string, reals, virtuals, each, weight int) error {
	var b strings.Builder
	b.WriteString(devices)
	if reals > 0 {
		b.WriteString("neighbours:\n")
	}
	for i := range reals {
		fmt.Fprintf(&b, "  - {port: ldstart1, address: %s, mac: \"02:00:00:01:%02x:%02x\"}\n", realIP(i), i>>8, i&0xff)
	}
	if reals > 0 {
		b.WriteString("reals:\n")
	}
	for i := range reals {
		fmt.Fprintf(&b, "  - {name: r%d, address: %s, port: 8080, weight: %d}\n", i, realIP(i), weight)
	}
	if virtuals > 0 {
		b.WriteString("virtuals:\n")
	}
	for i := range virtuals {
		fmt.Fprintf(&b, "  - {name: v%d, address: 192.168.%d.%d, port: 80, reals: [", i, 1+i/200, 1+i%200)
		for k := range each {
			fmt.Fprintf(&b, "r%d, ", (i*each+k)%reals)
		}
		b.WriteString("]}\n")
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

func realIP(i int) string { return fmt.Sprintf("10.1.%d.%d", 1+i/250, 1+i%250) }
