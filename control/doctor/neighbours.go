package doctor

import (
	"fmt"
	"net/netip"
)

// neighbours of all network namespaces share one table; above gc_thresh3 the kernel learns no new one.
func (e *examination) neighbours() {
	const folder = "proc/sys/net/ipv4/neigh/default/"
	most, ok := e.root.number(folder + "gc_thresh3")
	if !ok || e.Config == nil {
		return
	}
	var onLink []netip.Prefix
	for _, p := range e.Config.Ports {
		onLink = append(onLink, p.Addresses...)
	}
	reals := map[netip.Addr]bool{}
	for _, r := range e.Config.Reals {
		for _, subnet := range onLink {
			if subnet.Contains(r.Address) {
				reals[r.Address] = true
			}
		}
	}
	needed := int64(len(reals) + len(e.Config.Routes) + len(e.Config.Neighbours))
	var possible int64 // addresses that the subnets hold
	for _, subnet := range onLink {
		possible += 1 << min(32, subnet.Addr().BitLen()-subnet.Bits())
	}
	raise := func(to int64) string {
		return fmt.Sprintf("sysctl -w net.ipv4.neigh.default.gc_thresh3=%d net.ipv4.neigh.default.gc_thresh2=%d", to, to/2)
	}
	switch {
	case needed > most:
		e.problem("neighbours", fmt.Sprintf("gc_thresh3 is %d; the configuration has %d on-link addresses", most, needed),
			raise(2*needed+most)+": the kernel refuses to learn more, and reals without a next hop get no connections")
	case possible > most:
		e.advice("neighbours", fmt.Sprintf("gc_thresh3 is %d; the ports' subnets hold %d addresses", most, possible),
			raise(min(2*possible, 1<<20))+", if many clients are on-link: beyond it no new one is answered")
	default:
		e.ok("neighbours", fmt.Sprintf("gc_thresh3 is %d, more than the ports' subnets hold", most))
	}
}
