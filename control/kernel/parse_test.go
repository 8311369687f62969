package kernel

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever the kernel, or a bug of ours, puts into a message: the mirror does not fall over it.
func FuzzMirrorApply(f *testing.F) {
	hop := neighbourKey{2, addr("10.0.0.11")}
	f.Add(uint16(unix.RTM_NEWNEIGH), uint16(0), appendNdmsg(nil, hop, 0, 0))
	route := make([]byte, unix.SizeofRtMsg)
	route[0], route[4], route[7] = unix.AF_INET, unix.RT_TABLE_MAIN, unix.RTN_UNICAST
	index := binary.NativeEndian.AppendUint32(nil, 2)
	f.Add(uint16(unix.RTM_NEWROUTE), uint16(unix.NLM_F_REPLACE), appendAttribute(route, unix.RTA_OIF, index))
	hops := append([]byte{8, 0, 0, 0}, index...)
	f.Add(uint16(unix.RTM_NEWROUTE), uint16(unix.NLM_F_APPEND), appendAttribute(route, unix.RTA_MULTIPATH, append(hops, hops...)))
	f.Add(uint16(unix.RTM_NEWADDR), uint16(0), appendAttribute(make([]byte, unix.SizeofIfAddrmsg), unix.IFA_LOCAL, []byte{1, 2, 3, 4}))
	f.Add(uint16(unix.RTM_NEWLINK), uint16(0), appendAttribute(make([]byte, unix.SizeofIfInfomsg), unix.IFLA_MTU, index))
	f.Fuzz(func(t *testing.T, kind, flags uint16, body []byte) {
		m := &Mirror{now: newTables(), ports: map[int]int{loIndex: PortLo, 2: 0, 3: 1}, changed: map[neighbourKey]struct{}{}}
		taps := []*Tap{{index: 2}, {index: 3}}
		for _, k := range []uint16{kind, unix.RTM_NEWROUTE, unix.RTM_DELROUTE, unix.RTM_NEWNEIGH, unix.RTM_NEWADDR, unix.RTM_NEWLINK} {
			m.apply(m.now, message{kind: k, flags: flags, body: body})
			m.now.state(taps, m.ports)
		}
	})
}

func TestAttributesRoundTrip(t *testing.T) {
	b := appendAttribute(nil, 5, []byte{1, 2, 3, 4, 5})
	b = appendAttribute(b, 6|unix.NLA_F_NESTED, nil)
	var kinds []uint16
	attributes(append(b, 7, 0, 0), func(kind uint16, v []byte) {
		kinds = append(kinds, kind)
		if kind == 5 && len(v) != 5 {
			t.Errorf("value %x", v)
		}
	})
	if len(kinds) != 2 || kinds[0] != 5 || kinds[1] != 6 {
		t.Errorf("kinds %v", kinds)
	}
}
