package kernel

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// States of a neighbour in which its MAC address may be used.
const nudValid = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE | unix.NUD_PERMANENT | unix.NUD_NOARP

// Since Linux 5.16, see linux/neighbour.h.
const (
	ndaFlagsExt   = 15
	ntfExtManaged = 1
)

// Who set an entry, as the protocol of a route: since Linux 5.0 and 5.18. Kernels before pass over them.
const (
	ndaProtocol = 12
	ifaProto    = 11
)

// neighbourMessage is what RTM_NEWNEIGH and RTM_DELNEIGH say.
type neighbourMessage struct {
	index   int
	addr    netip.Addr
	state   uint16
	managed bool
	ours    bool // set by a director
	neighbourValue
}

func (m *neighbourMessage) parse(b []byte) bool {
	if len(b) < unix.SizeofNdMsg {
		return false
	}
	*m = neighbourMessage{index: int(binary.NativeEndian.Uint32(b[4:])), state: binary.NativeEndian.Uint16(b[8:])}
	if flags, kind := b[10], b[11]; flags&unix.NTF_PROXY != 0 || kind != unix.RTN_UNICAST && kind != unix.RTN_UNSPEC {
		return false
	}
	family := b[0]
	hasMAC := false
	attributes(b[unix.SizeofNdMsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.NDA_DST:
			m.addr = addrOf(family, v)
		case unix.NDA_LLADDR:
			hasMAC = len(v) == len(m.mac)
			copy(m.mac[:], v)
		case ndaProtocol:
			m.ours = len(v) == 1 && v[0] == Protocol
		case ndaFlagsExt:
			m.managed = len(v) >= 4 && binary.NativeEndian.Uint32(v)&ntfExtManaged != 0
		}
	})
	m.valid = hasMAC && m.state&nudValid != 0
	if !m.valid {
		m.mac = [6]byte{}
	}
	return m.addr.IsValid()
}

// addressMessage is what RTM_NEWADDR and RTM_DELADDR say.
type addressMessage struct {
	addressKey
	ours bool // set by a director
}

func (m *addressMessage) parse(b []byte) bool {
	if len(b) < unix.SizeofIfAddrmsg {
		return false
	}
	family, bits := b[0], int(b[1])
	m.index, m.ours = int(binary.NativeEndian.Uint32(b[4:])), false
	var address, local netip.Addr
	attributes(b[unix.SizeofIfAddrmsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.IFA_ADDRESS:
			address = addrOf(family, v)
		case unix.IFA_LOCAL: // differs from IFA_ADDRESS on a point-to-point address
			local = addrOf(family, v)
		case ifaProto:
			m.ours = len(v) == 1 && v[0] == Protocol
		}
	})
	if !local.IsValid() {
		local = address
	}
	m.prefix = netip.PrefixFrom(local, bits)
	return m.prefix.IsValid()
}

// linkMessage is what RTM_NEWLINK and RTM_DELLINK say.
type linkMessage struct {
	index int
	linkValue
}

func (m *linkMessage) parse(b []byte) bool {
	if len(b) < unix.SizeofIfInfomsg {
		return false
	}
	flags := binary.NativeEndian.Uint32(b[8:])
	*m = linkMessage{index: int(binary.NativeEndian.Uint32(b[4:]))}
	m.up = flags&unix.IFF_UP != 0
	m.running = flags&unix.IFF_LOWER_UP != 0
	attributes(b[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) {
		switch {
		case kind == unix.IFLA_ADDRESS && len(v) == len(m.mac):
			copy(m.mac[:], v)
		case kind == unix.IFLA_MTU && len(v) >= 4:
			m.mtu = int(binary.NativeEndian.Uint32(v))
		}
	})
	return true
}

// routeMessage is what RTM_NEWROUTE and RTM_DELROUTE say of a unicast route.
type routeMessage struct {
	table   uint32
	unicast bool
	routeKey
	hops []routeHop
}

func (m *routeMessage) parse(b []byte) bool {
	if len(b) < unix.SizeofRtMsg {
		return false
	}
	family, bits, tos := b[0], int(b[1]), b[3]
	flags := binary.NativeEndian.Uint32(b[8:])
	if flags&unix.RTM_F_CLONED != 0 {
		return false // an entry of a cache, no route
	}
	*m = routeMessage{table: uint32(b[4]), unicast: b[7] == unix.RTN_UNICAST, hops: m.hops[:0]}
	m.tos = tos
	dst := netip.IPv4Unspecified()
	if family == unix.AF_INET6 {
		dst = netip.IPv6Unspecified()
	}
	single := routeHop{weight: 1, dead: flags&unix.RTNH_F_DEAD != 0}
	attributes(b[unix.SizeofRtMsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.RTA_TABLE:
			m.table = uint32Of(v)
		case unix.RTA_DST:
			dst = addrOf(family, v)
		case unix.RTA_PRIORITY:
			m.priority = int(uint32Of(v))
		case unix.RTA_MULTIPATH:
			m.multipath(family, v)
		default:
			single.attribute(family, kind, v)
		}
	})
	if single.index != 0 {
		m.hops = append(m.hops, single)
	}
	m.dst = netip.PrefixFrom(dst, bits)
	return m.dst.IsValid()
}

// multipath reads a list of struct rtnexthop, each with attributes of its own.
func (m *routeMessage) multipath(family uint8, b []byte) {
	for len(b) >= unix.SizeofRtNexthop {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtNexthop || size > len(b) {
			return
		}
		h := routeHop{
			index:  int(binary.NativeEndian.Uint32(b[4:])),
			weight: int(b[3]) + 1,
			dead:   b[2]&unix.RTNH_F_DEAD != 0,
		}
		attributes(b[unix.SizeofRtNexthop:size], func(kind uint16, v []byte) { h.attribute(family, kind, v) })
		m.hops = append(m.hops, h)
		b = b[min(align4(size), len(b)):]
	}
}

func (h *routeHop) attribute(family uint8, kind uint16, v []byte) {
	switch kind {
	case unix.RTA_OIF:
		h.index = int(uint32Of(v))
	case unix.RTA_GATEWAY:
		h.gateway = addrOf(family, v)
	case unix.RTA_VIA: // a gateway of another family: family, then address
		if len(v) > 2 {
			h.gateway = addrOf(uint8(binary.NativeEndian.Uint16(v)), v[2:])
		}
	}
}

func addrOf(family uint8, v []byte) netip.Addr {
	switch {
	case family == unix.AF_INET && len(v) == 4, family == unix.AF_INET6 && len(v) == 16:
		a, _ := netip.AddrFromSlice(v)
		return a
	default:
		return netip.Addr{}
	}
}

func uint32Of(v []byte) uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(v)
}
