package kernel

import (
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// dump asks for all entries and calls f for each; nothing else may be under way on the socket.
func (s *rtnl) dump(kind uint16, body []byte, timeout time.Duration, f func(m message)) error {
	if err := s.file.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	seq, err := s.send(kind, unix.NLM_F_DUMP, body)
	for done := false; err == nil && !done; {
		err = s.receive(func(m message) error {
			switch {
			case m.seq != seq:
			case m.kind == unix.NLMSG_DONE || m.kind == unix.NLMSG_ERROR:
				done = true
				return m.errno()
			default:
				f(m)
			}
			return nil
		})
	}
	return err
}

// request sends one request and waits for its answer or acknowledgement.
func (s *rtnl) request(kind, flags uint16, body []byte, f func(m message)) error {
	if err := s.file.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	seq, err := s.send(kind, flags, body)
	for done := false; err == nil && !done; {
		err = s.receive(func(m message) error {
			switch {
			case m.seq != seq:
			case m.kind == unix.NLMSG_ERROR:
				done = true
				return m.errno()
			default:
				done = true
				if f != nil {
					f(m)
				}
			}
			return nil
		})
	}
	return err
}

// A datagram of many requests holds so many bytes: enough that the way into the kernel costs nothing a request, and far below
// what a socket of the usual size takes.
const rtnlBatch = 1 << 15

// requests sends n requests of one kind that ask for no answer, many to a datagram, and returns when the kernel has acted on
// all: body appends the i-th one's, and refused says of those that the kernel refused why. The error is the socket's: nobody
// knows then what became of the requests.
func (s *rtnl) requests(kind, flags uint16, n int, body func(b []byte, i int) []byte) (refused map[int]error, err error) {
	refused = map[int]error{}
	for next := 0; next < n; {
		first, base := next, s.seq+1
		s.out = s.out[:0]
		for last := false; !last; next++ {
			// Refused ones are answered in any case; the last's acknowledgement says that all are done.
			f := flags
			if last = next == n-1 || len(s.out) > rtnlBatch; last {
				f |= unix.NLM_F_ACK
			}
			s.append(kind, f, func(b []byte) []byte { return body(b, next) })
		}
		if err := s.file.SetReadDeadline(time.Now().Add(replyTimeout)); err != nil {
			return refused, err
		}
		err := s.flush()
		for done := false; err == nil && !done; {
			err = s.receive(func(m message) error {
				i := first + int(m.seq-base)
				if m.kind != unix.NLMSG_ERROR || i < first || i >= next {
					return nil
				}
				if err := m.errno(); err != nil {
					refused[i] = err
				}
				done = done || i == next-1
				return nil
			})
		}
		if err != nil {
			return refused, err
		}
	}
	return refused, nil
}

// firstOf is the first request that was refused, of some.
func firstOf(refused map[int]error) int { return slices.Min(slices.Collect(maps.Keys(refused))) }
