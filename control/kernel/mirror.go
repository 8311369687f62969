package kernel

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Mirror follows the kernel's links, addresses, routes and neighbours.
//
//  1. subscribe, then dump: links, addresses, routes, neighbours, on the same socket, so that an event and
//     the dump's entry come in the order in which they happened;
//  2. apply events as they come;
//  3. dump again, into fresh tables that replace the old ones when complete: after lost events (ENOBUFS),
//     after changes by which the kernel removes routes without a word (a tap down, an address or a
//     next-hop object removed), and once a minute in case this list is not complete.
//
// Readers see one table or the other, never a half of each.
type Mirror struct {
	sock  *rtnl
	taps  []*Tap
	ports map[int]int // interface index to port or PortLo

	changes chan struct{}
	events  chan []Neighbour
	wake    chan struct{} // to the goroutine that hands out events
	done    chan struct{}
	workers sync.WaitGroup

	mu      sync.Mutex
	now     *tables
	changed map[neighbourKey]struct{} // not handed out yet

	// The reader's own.
	next   *tables // being filled by a dump
	stage  int     // of the dump under way
	seq    uint32  // of the dump request under way
	intr   bool    // the dump was disturbed
	redump bool    // one is due
	tries  int     // disturbed dumps in a row
	route  routeMessage
}

const (
	resyncEvery  = time.Minute
	dumpTimeout  = 10 * time.Second
	dumpAttempts = 10
)

// NewMirror subscribes and returns once the first dump is complete. A tap is known by its index: it
// must be open.
func NewMirror(taps []*Tap) (*Mirror, error) {
	sock, err := dialRtnl(unix.RTNLGRP_LINK, unix.RTNLGRP_NEIGH, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV4_ROUTE)
	if err != nil {
		return nil, err
	}
	m := &Mirror{
		sock:    sock,
		taps:    slices.Clone(taps),
		ports:   map[int]int{loIndex: PortLo},
		changes: make(chan struct{}, 1),
		events:  make(chan []Neighbour),
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		now:     newTables(),
		changed: map[neighbourKey]struct{}{},
	}
	for i, t := range taps {
		m.ports[t.index] = i
	}
	// Since Linux 5.3; without it there are no next-hop objects, either.
	_ = sock.join(unix.RTNLGRP_NEXTHOP)
	if err := m.first(); err != nil {
		sock.Close()
		return nil, fmt.Errorf("first netlink dump: %w", err)
	}
	m.workers.Add(2)
	go m.read()
	go m.handOut()
	return m, nil
}

// loIndex is lo's in every network namespace (LOOPBACK_IFINDEX).
const loIndex = 1

// Changes receives when links, addresses or routes have changed since the last receive; several changes
// make one. A neighbour's change does not show here.
func (m *Mirror) Changes() <-chan struct{} { return m.changes }

// NeighbourEvents receives the neighbours whose MAC address or validity has changed since the last
// receive, each once, in its latest state; one that is gone is not Valid. Mere transitions (reachable,
// stale) are not events. The receiver owns the slice. Not receiving costs nothing but the delay.
func (m *Mirror) NeighbourEvents() <-chan []Neighbour { return m.events }

// State is a copy.
func (m *Mirror) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now.state(m.taps, m.ports)
}

// Close ends the mirror; the channels stay open and deliver nothing more.
func (m *Mirror) Close() error {
	close(m.done)
	err := m.sock.Close()
	m.workers.Wait()
	return err
}

// first runs the first dump to its end.
func (m *Mirror) first() error {
	if err := m.sock.file.SetReadDeadline(time.Now().Add(dumpTimeout)); err != nil {
		return err
	}
	if err := m.startDump(); err != nil {
		return err
	}
	for m.next != nil {
		err := m.sock.receive(m.message)
		if errors.Is(err, unix.ENOBUFS) {
			m.redump = true
		} else if err != nil {
			return err
		}
	}
	// The first State has it all.
	clear(m.changed)
	select {
	case <-m.changes:
	default:
	}
	return nil
}

func (m *Mirror) read() {
	defer m.workers.Done()
	for {
		err := m.step()
		select {
		case <-m.done:
			return
		default:
		}
		switch {
		case err == nil:
		case errors.Is(err, unix.ENOBUFS):
			// Events are lost. A dump under way goes on: its parts are not lost, and the kernel answers a
			// second request with EBUSY until the first one is read.
			m.redump = true
		case errors.Is(err, os.ErrDeadlineExceeded):
			// A minute passed, or a dump does not end.
			m.next, m.redump = nil, true
		default:
			m.next, m.redump = nil, true
			m.pause()
		}
		m.signal(m.wake, func() bool { return len(m.changed) > 0 })
	}
}

// step starts a dump if one is due, and takes in one datagram.
func (m *Mirror) step() error {
	if m.redump && m.next == nil {
		if err := m.startDump(); err != nil {
			return err
		}
	}
	timeout := resyncEvery
	if m.next != nil {
		timeout = dumpTimeout
	}
	if err := m.sock.file.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	return m.sock.receive(m.message)
}

// pause keeps an error that stays, such as ENOMEM, from taking a whole CPU.
func (m *Mirror) pause() {
	select {
	case <-time.After(time.Second):
	case <-m.done:
	}
}

// signal fills a channel of one without waiting, if there is cause.
func (m *Mirror) signal(c chan struct{}, cause func() bool) {
	m.mu.Lock()
	ok := cause()
	m.mu.Unlock()
	if ok {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// handOut offers what has changed, in batches as large as the receiver is slow.
func (m *Mirror) handOut() {
	defer m.workers.Done()
	for {
		select {
		case <-m.wake:
		case <-m.done:
			return
		}
		m.mu.Lock()
		batch := make([]Neighbour, 0, len(m.changed))
		for k := range m.changed {
			batch = append(batch, m.now.neighbours[k].neighbour(m.ports[k.index], k.addr))
		}
		clear(m.changed)
		m.mu.Unlock()
		if len(batch) == 0 {
			continue
		}
		slices.SortFunc(batch, compareNeighbours)
		select {
		case m.events <- batch:
		case <-m.done:
			return
		}
	}
}

// dumps are the requests of a full dump, in order.
var dumps = [...]struct {
	kind uint16
	body func() []byte
}{
	{unix.RTM_GETLINK, func() []byte { return make([]byte, unix.SizeofIfInfomsg) }},
	{unix.RTM_GETADDR, func() []byte { return family(unix.SizeofIfAddrmsg) }},
	{unix.RTM_GETROUTE, func() []byte { b := family(unix.SizeofRtMsg); b[4] = unix.RT_TABLE_MAIN; return b }},
	{unix.RTM_GETNEIGH, func() []byte { return family(unix.SizeofNdMsg) }},
}

func family(size int) []byte {
	b := make([]byte, size)
	b[0] = unix.AF_INET
	return b
}

func (m *Mirror) startDump() error {
	m.next, m.stage, m.intr, m.redump = newTables(), 0, false, false
	return m.sendDump()
}

func (m *Mirror) sendDump() (err error) {
	d := dumps[m.stage]
	m.seq, err = m.sock.send(d.kind, unix.NLM_F_DUMP, d.body())
	return err
}

// message takes an event or a part of a dump. While a dump runs both go into the new tables.
func (m *Mirror) message(msg message) error {
	if m.next != nil && msg.seq == m.seq && msg.flags&unix.NLM_F_DUMP_INTR != 0 {
		m.intr = true
	}
	switch msg.kind {
	case unix.NLMSG_DONE, unix.NLMSG_ERROR:
		if m.next == nil || msg.seq != m.seq {
			return nil // of a dump that was given up
		}
		err := msg.errno()
		if err != nil && !(dumps[m.stage].kind == unix.RTM_GETROUTE && errors.Is(err, unix.ENOENT)) {
			return err // ENOENT: no route was ever set in this namespace, so there is no main table yet
		}
		return m.dumped()
	}
	if m.next != nil {
		m.apply(m.next, msg)
		return nil
	}
	m.mu.Lock()
	changed := m.apply(m.now, msg)
	m.mu.Unlock()
	if changed {
		m.signal(m.changes, func() bool { return true })
	}
	return nil
}

// dumped goes to the next stage, and after the last one puts the new tables in place.
func (m *Mirror) dumped() error {
	if m.stage++; m.stage < len(dumps) {
		return m.sendDump()
	}
	next := m.next
	m.next = nil
	if m.intr && m.tries < dumpAttempts {
		// The kernel says that the table changed under the dump, which may have missed an entry.
		m.tries++
		return m.startDump()
	}
	m.tries = 0
	m.mu.Lock()
	old := m.now
	m.now = next
	for k, v := range next.neighbours {
		if old.neighbours[k] != v {
			m.changed[k] = struct{}{}
		}
	}
	for k, v := range old.neighbours {
		if _, still := next.neighbours[k]; !still && v.valid {
			m.changed[k] = struct{}{}
		}
	}
	m.mu.Unlock()
	if !maps.Equal(old.links, next.links) || !maps.Equal(old.addresses, next.addresses) ||
		!maps.EqualFunc(old.routes, next.routes, equalRoutes) {
		m.signal(m.changes, func() bool { return true })
	}
	return nil
}

func equalRoutes(a, b []routeValue) bool {
	return slices.EqualFunc(a, b, func(a, b routeValue) bool { return slices.Equal(a, b) })
}
