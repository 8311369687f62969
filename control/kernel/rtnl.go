package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// rtnl is a route netlink socket that reads into one buffer of its own: following ten thousand
// neighbours must not cost garbage, since a garbage collection stops workers.
type rtnl struct {
	file *os.File
	conn syscall.RawConn
	seq  uint32
	buf  []byte // of what comes
	out  []byte // of what goes
}

// A dump's datagram holds at most 32 KiB in kernels of today; MSG_TRUNC tells if that changes.
const rtnlBuffer = 1 << 17

// dialRtnl opens a socket in the calling thread's network namespace, subscribed to the groups.
func dialRtnl(groups ...int) (*rtnl, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("route netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("route netlink socket: %w", err)
	}
	for _, g := range groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("route netlink group %d: %w", g, err)
		}
	}
	// Filters in dump requests count only with this; a kernel without it (< 4.20) dumps more.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	// Room for a burst of events; without it there are just more full dumps.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	s := &rtnl{file: os.NewFile(uintptr(fd), "netlink"), buf: make([]byte, rtnlBuffer)}
	if s.conn, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// join subscribes to one more group.
func (s *rtnl) join(group int) error {
	var optErr error
	err := s.conn.Control(func(fd uintptr) {
		optErr = unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	})
	return errors.Join(err, optErr)
}

func (s *rtnl) Close() error { return s.file.Close() }

// message is one netlink message; body lies in the socket's buffer until the next receive.
type message struct {
	kind  uint16
	flags uint16
	seq   uint32
	body  []byte
}

// send sends one request and returns its sequence number.
func (s *rtnl) send(kind, flags uint16, body []byte) (uint32, error) {
	s.out = s.out[:0]
	s.append(kind, flags, func(b []byte) []byte { return append(b, body...) })
	return s.seq, s.flush()
}

// append puts one more request into the next datagram, with the next sequence number.
func (s *rtnl) append(kind, flags uint16, body func(b []byte) []byte) {
	s.seq++
	start := len(s.out)
	s.out = body(append(s.out, make([]byte, unix.SizeofNlMsghdr)...))
	b := s.out[start:]
	binary.NativeEndian.PutUint32(b[0:], uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags|unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(b[8:], s.seq)
	for len(s.out)%4 != 0 {
		s.out = append(s.out, 0)
	}
}

// flush sends what append gathered.
func (s *rtnl) flush() error {
	var sendErr error
	err := s.conn.Write(func(fd uintptr) bool {
		sendErr = unix.Sendto(int(fd), s.out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return !errors.Is(sendErr, unix.EAGAIN)
	})
	return errors.Join(err, sendErr)
}

// receive waits for one datagram and calls f for each message in it. A deadline set on the file ends it
// with os.ErrDeadlineExceeded, Close with an error of no name, lost messages with ENOBUFS.
func (s *rtnl) receive(f func(m message) error) error {
	var n int
	var recvErr error
	err := s.conn.Read(func(fd uintptr) bool {
		n, _, recvErr = unix.Recvfrom(int(fd), s.buf, unix.MSG_TRUNC)
		return !errors.Is(recvErr, unix.EAGAIN)
	})
	if err != nil {
		return err
	}
	if recvErr != nil {
		return recvErr
	}
	if n > len(s.buf) {
		return unix.ENOBUFS // cut: as good as lost
	}
	for b := s.buf[:n]; len(b) >= unix.SizeofNlMsghdr; {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return unix.EBADMSG
		}
		m := message{
			kind:  binary.NativeEndian.Uint16(b[4:]),
			flags: binary.NativeEndian.Uint16(b[6:]),
			seq:   binary.NativeEndian.Uint32(b[8:]),
			body:  b[unix.SizeofNlMsghdr:size],
		}
		if err := f(m); err != nil {
			return err
		}
		b = b[min(align4(size), len(b)):]
	}
	return nil
}

// errno reads the code of an NLMSG_ERROR or NLMSG_DONE; nil is an acknowledgement.
func (m message) errno() error {
	if len(m.body) < 4 {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(m.body)); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

func align4(n int) int { return (n + 3) &^ 3 }

// An attribute's kind without the flags for nesting and byte order.
const nlaTypeMask = 0x3fff

// attributes calls f for each attribute in b.
func attributes(b []byte, f func(kind uint16, value []byte)) {
	for len(b) >= unix.SizeofRtAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&nlaTypeMask, b[unix.SizeofRtAttr:size])
		b = b[min(align4(size), len(b)):]
	}
}

// appendAttribute appends one attribute.
func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
