package health

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// icmpChecker sends an echo and waits until the pinger hears the answer.
type icmpChecker struct {
	pinger *pinger
	to     netip.Addr
}

func (c *icmpChecker) check(t *turn) error {
	if err := c.pinger.send(t, c.to); err != nil {
		return err
	}
	t.timer.Reset(t.timeout)
	defer t.timer.Stop()
	select {
	case cause := <-t.echo.answer:
		if cause != "" {
			return errors.New(cause)
		}
		return nil
	case <-t.timer.C:
	case <-t.stop:
	}
	c.pinger.forget(&t.echo)
	return silent(t.timeout)
}

// echo is an echo request that is under way.
type echo struct {
	to     netip.Addr
	key    uint32
	cookie uint64      // nobody but who got the request can know it
	answer chan string // receives once why there is none, "" if there is; or nothing, after forget
}

// pinger is the socket of all ICMP probes of a family, and a goroutine that reads from it. It opens with the first probe.
type pinger struct {
	v6 bool

	mu      sync.Mutex
	file    *os.File
	fd      int
	closed  bool
	id, seq uint16
	waiting map[uint32]*echo // by id and sequence number
	reading sync.WaitGroup
}

// open makes the socket. The caller holds the lock.
func (p *pinger) open() error {
	if p.file != nil || p.closed {
		return nil
	}
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if p.v6 {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return fmt.Errorf("icmp socket: %w; it takes CAP_NET_RAW", err)
	}
	if err := p.filter(fd); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("icmp socket: %w", err)
	}
	p.fd, p.file = fd, os.NewFile(uintptr(fd), "icmp")
	p.id, p.seq, p.waiting = uint16(rand.Uint32()), 0, map[uint32]*echo{}
	file := p.file
	p.reading.Go(func() { p.read(file) })
	return nil
}

// filter lets through what parse understands, so that a flood of anything else wakes nobody.
func (p *pinger) filter(fd int) error {
	if p.v6 {
		var block unix.ICMPv6Filter
		for i := range block.Data {
			block.Data[i] = ^uint32(0)
		}
		for _, kind := range []int{echoReply6, unreachable6, timeExceeded6} {
			block.Data[kind/32] &^= 1 << (kind % 32)
		}
		return unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &block)
	}
	const icmpFilter = 1 // ICMP_FILTER of linux/icmp.h
	let := 1<<echoReply4 | 1<<unreachable4 | 1<<timeExceeded4
	return unix.SetsockoptInt(fd, unix.SOL_RAW, icmpFilter, int(^uint32(let)))
}

// send sends an echo request to a real. The answer comes to the turn's echo.
func (p *pinger) send(t *turn, to netip.Addr) error {
	family := t.address(netip.AddrPortFrom(to, 0))
	select {
	case <-t.echo.answer: // of a probe that was given up
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(); err != nil {
		return fault{err}
	}
	if p.closed {
		return silent(t.timeout)
	}
	t.echo.to, t.echo.cookie = to, rand.Uint64()
	for taken := true; taken; { // of 65,536 at most atOnce are
		p.seq++
		t.echo.key = uint32(p.id)<<16 | uint32(p.seq)
		_, taken = p.waiting[t.echo.key]
	}
	message := putEcho(t.buf, family == unix.AF_INET6, t.echo.key, t.echo.cookie)
	if err := unix.Sendto(p.fd, message, 0, t.sa); err != nil {
		return t.failed("send", err)
	}
	p.waiting[t.echo.key] = &t.echo
	return nil
}

// forget gives an echo up. It may have been answered before.
func (p *pinger) forget(e *echo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[e.key] == e {
		delete(p.waiting, e.key)
	}
}

// read hears answers until the socket is closed.
func (p *pinger) read(file *os.File) {
	buf := make([]byte, 2048)
	for {
		n, err := file.Read(buf)
		if err != nil {
			if p.over() {
				return
			}
			continue // the socket reports an error of one real's once
		}
		if h, ok := parseICMP(buf[:n], p.v6); ok {
			p.deliver(&h)
		}
	}
}

func (p *pinger) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// deliver tells who waits for it what was heard, if it is from the real, or about the packet sent there.
func (p *pinger) deliver(h *heard) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.waiting[h.key]
	if e == nil || h.real.IsValid() && h.real != e.to || h.hasCookie && h.cookie != e.cookie || h.cause == "" && !h.hasCookie {
		return
	}
	delete(p.waiting, h.key)
	e.answer <- h.cause
}

func (p *pinger) close() {
	p.mu.Lock()
	p.closed = true
	if p.file != nil {
		_ = p.file.Close()
		p.file = nil
	}
	p.mu.Unlock()
	p.reading.Wait()
}
