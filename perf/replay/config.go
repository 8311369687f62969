package replay

import (
	"fmt"
	"os"
	"strings"
)

// Others are reals and virtuals that no frame of the capture asks for: they make a configuration as large as a site's.
type Others struct {
	Virtuals, Reals int // as many reals for each virtual as there are, evenly
	Weight          int // of each; another weight is another configuration
}

// WriteConfig writes the director's configuration for one capture. Nobody answers ARP on this device: neighbours are
// static. The file is replaced as a whole.
func WriteConfig(path, device string, others Others) error {
	var b strings.Builder
	fmt.Fprintf(&b, "ports:\n  - {name: ldbench, device: %q, addresses: [192.0.2.1/24, 10.0.0.1/24]}\n", device)
	b.WriteString("routes:\n  - {to: 10.1.0.0/16, via: 192.0.2.254}\n  - {to: 10.2.0.0/16, via: 192.0.2.254}\n")
	fmt.Fprintf(&b, "neighbours:\n  - {port: ldbench, address: 192.0.2.254, mac: %q}\n", gatewayMAC)
	for i := range reals {
		fmt.Fprintf(&b, "  - {port: ldbench, address: %s, mac: %q}\n", realIP(i), realMAC(i))
	}
	b.WriteString("reals:\n")
	for i := range reals {
		fmt.Fprintf(&b, "  - {name: r%d, address: %s, port: %d}\n", i, realIP(i), RealPort)
	}
	for i := range others.Reals {
		fmt.Fprintf(&b, "  - {name: other-r%d, address: 10.2.%d.%d, port: %d, weight: %d}\n", i, i/250, 1+i%250, RealPort, others.Weight)
	}
	b.WriteString("virtuals:\n")
	for _, v := range []struct {
		name, protocol string
		port, reals    int
	}{{"bench", "udp", VirtualPort, reals}, {"single", "udp", singlePort, 1}, {"connections", "tcp", VirtualPort, reals}} {
		fmt.Fprintf(&b, "  - {name: %s, address: %s, port: %d, protocol: %s, predictor: roundrobin, reals: [", v.name, VirtualIP, v.port, v.protocol)
		for i := range v.reals {
			fmt.Fprintf(&b, "r%d, ", i)
		}
		b.WriteString("]}\n")
	}
	for i := range others.Virtuals {
		fmt.Fprintf(&b, "  - {name: other-v%d, address: %s, port: %d, protocol: tcp, predictor: weighted, reals: [", i, VirtualIP, 1000+i)
		for k := i * others.Reals / others.Virtuals; k < (i+1)*others.Reals/others.Virtuals; k++ {
			fmt.Fprintf(&b, "other-r%d, ", k)
		}
		b.WriteString("]}\n")
	}
	if err := os.WriteFile(path+".new", []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Mbufs is how many a capture of so many flows needs: net_pcap holds all of it in mbufs.
func Mbufs(flows int) int { return 2*flows + 2*flows/4 + 32768 }

// TableFlows is the director's --flows: a table half full, as an operator who knows the load would size it.
func TableFlows(flows int) int { return max(2*flows, 4096) }
