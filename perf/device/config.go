package main

import (
	"fmt"
	"os"
	"strings"
)

// writeConfig writes the director's configuration for one capture. Nobody answers ARP on this device: neighbours are
// static.
func writeConfig(path, device string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "ports:\n  - {name: ldbench, device: %q, addresses: [192.0.2.1/24, 10.0.0.1/24]}\n", device)
	b.WriteString("routes:\n  - {to: 10.1.0.0/16, via: 192.0.2.254}\n")
	fmt.Fprintf(&b, "neighbours:\n  - {port: ldbench, address: 192.0.2.254, mac: %q}\n", gatewayMAC)
	for i := range reals {
		fmt.Fprintf(&b, "  - {port: ldbench, address: %s, mac: %q}\n", realIP(i), realMAC(i))
	}
	b.WriteString("reals:\n")
	for i := range reals {
		fmt.Fprintf(&b, "  - {name: r%d, address: %s, port: %d}\n", i, realIP(i), realPort)
	}
	fmt.Fprintf(&b, "virtuals:\n  - {name: bench, address: %s, port: %d, protocol: udp, predictor: roundrobin, reals: [", virtualIP, virtualPort)
	for i := range reals {
		fmt.Fprintf(&b, "r%d, ", i)
	}
	b.WriteString("]}\n")
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
