package kernel

import "golang.org/x/sys/unix"

// Rings tells the descriptors of the interface's receive queues: how many there are, and how many there may be. A virtual
// interface has none, which is an error. It looks at the calling thread's network namespace, and blocks on the kernel only.
func Rings(iface string) (now, most int, err error) {
	e, err := openEthtool(iface)
	if err != nil {
		return 0, 0, err
	}
	defer e.Close()
	// struct ethtool_ringparam: cmd, {rx,rx_mini,rx_jumbo,tx}_max_pending, {rx,rx_mini,rx_jumbo,tx}_pending.
	r, err := e.do(unix.ETHTOOL_GRINGPARAM, 0, 0, 0, 0, 0, 0, 0, 0)
	if err != nil {
		return 0, 0, err
	}
	return int(r[5]), int(r[1]), nil
}
