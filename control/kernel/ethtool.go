package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// feature is the state of one offload of an interface.
type feature struct {
	bit       int  // position in the kernel's bit set
	available bool // can be turned on and off
	requested bool // is asked for; another feature may keep it from being active
	active    bool
}

const (
	ethSSFeatures = 4  // ETH_SS_FEATURES
	ethGstringLen = 32 // ETH_GSTRING_LEN
)

// ethtool asks about one interface of the network namespace of the thread that opened it.
type ethtool struct {
	fd    int
	iface string
}

func openEthtool(iface string) (*ethtool, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &ethtool{fd, iface}, nil
}

func (e *ethtool) Close() { unix.Close(e.fd) }

// do sends a struct of 32-bit words and returns it as the kernel filled it in.
func (e *ethtool) do(words ...uint32) ([]uint32, error) {
	b := make([]byte, 0, 4*len(words))
	for _, w := range words {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	if err := ioctlEthtool(e.fd, e.iface, b); err != nil {
		return nil, fmt.Errorf("ethtool command %#x: %w", words[0], err)
	}
	for i := range words {
		words[i] = binary.NativeEndian.Uint32(b[4*i:])
	}
	return words, nil
}

// names lists the features in the order of their bits; an empty one is a bit without a name.
func (e *ethtool) names() ([]string, error) {
	// struct ethtool_sset_info: cmd, reserved, a 64-bit mask of sets, a length for each set asked for.
	mask := binary.NativeEndian.AppendUint64(nil, 1<<ethSSFeatures)
	info, err := e.do(unix.ETHTOOL_GSSET_INFO, 0, binary.NativeEndian.Uint32(mask), binary.NativeEndian.Uint32(mask[4:]), 0)
	if err != nil {
		return nil, err
	}
	// struct ethtool_gstrings: cmd, string_set, len, then the names.
	n := info[4]
	b := binary.NativeEndian.AppendUint32(nil, unix.ETHTOOL_GSTRINGS)
	b = binary.NativeEndian.AppendUint32(b, ethSSFeatures)
	b = binary.NativeEndian.AppendUint32(b, n)
	b = append(b, make([]byte, n*ethGstringLen)...)
	if err := ioctlEthtool(e.fd, e.iface, b); err != nil {
		return nil, fmt.Errorf("names of features: %w", err)
	}
	names := make([]string, n)
	for i := range names {
		name := b[12+i*ethGstringLen:][:ethGstringLen]
		if end := bytes.IndexByte(name, 0); end >= 0 {
			name = name[:end]
		}
		names[i] = string(name)
	}
	return names, nil
}

// features gives the state of every named feature.
func (e *ethtool) features() (map[string]feature, error) {
	names, err := e.names()
	if err != nil {
		return nil, err
	}
	// struct ethtool_gfeatures: cmd, size, then for each 32 features the sets available, requested, active,
	// never_changed.
	blocks := (len(names) + 31) / 32
	request := make([]uint32, 2+4*blocks)
	request[0], request[1] = unix.ETHTOOL_GFEATURES, uint32(blocks)
	state, err := e.do(request...)
	if err != nil {
		return nil, err
	}
	all := make(map[string]feature, len(names))
	for i, name := range names {
		if name == "" {
			continue
		}
		block := state[2+4*(i/32):]
		is := func(set int) bool { return block[set]>>(i%32)&1 != 0 }
		all[name] = feature{bit: i, available: is(0) && !is(3), requested: is(1), active: is(2)}
	}
	return all, nil
}

// set turns features on or off, in one go, since some go only together. A name that the device does not
// have is passed over.
func (e *ethtool) set(names []string, on bool) error {
	all, err := e.features()
	if err != nil {
		return err
	}
	// struct ethtool_sfeatures: cmd, size, then for each 32 features the sets valid, requested.
	blocks := 0
	for _, f := range all {
		blocks = max(blocks, f.bit/32+1)
	}
	request := make([]uint32, 2+2*blocks)
	request[0], request[1] = unix.ETHTOOL_SFEATURES, uint32(blocks)
	for _, name := range names {
		f, ok := all[name]
		if !ok || !f.available {
			continue
		}
		block := request[2+2*(f.bit/32):]
		block[0] |= 1 << (f.bit % 32)
		if on {
			block[1] |= 1 << (f.bit % 32)
		}
	}
	_, err = e.do(request...)
	return err
}

// receiveQueues counts the queues on which the interface receives.
func (e *ethtool) receiveQueues() (int, error) {
	// struct ethtool_channels: cmd, max_{rx,tx,other,combined}, {rx,tx,other,combined}_count.
	c, err := e.do(unix.ETHTOOL_GCHANNELS, 0, 0, 0, 0, 0, 0, 0, 0)
	if err != nil {
		return 0, err
	}
	return int(c[5] + c[8]), nil
}

// driver is the name of the interface's kernel driver.
func (e *ethtool) driver() (string, error) {
	info, err := unix.IoctlGetEthtoolDrvinfo(e.fd, e.iface)
	if err != nil {
		return "", err
	}
	return unix.ByteSliceToString(info.Driver[:]), nil
}
