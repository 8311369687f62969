package control

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"linedirector/conf"
	"linedirector/control/api"
	"linedirector/control/health"
	"linedirector/control/kernel"
	"linedirector/lcore/ruleset"
)

// fakeWorkers stand for poll loops: tests say what they count and acknowledge.
type fakeWorkers struct {
	counts []*ruleset.Counts

	mu           sync.Mutex
	acknowledged uint32
	wants        [][2]uint32 // device, address
	published    []*ruleset.Snapshot
	injected     chan injected
	flows        [][]Flow // by worker, a flow a record
	began        time.Time
	sticky       fakeSticky
	sweeps       []uint64
	explain      func(Packet) (Outlook, error)
}

type injected struct {
	port  int
	frame string
}

func newFakeWorkers(n int) *fakeWorkers {
	return newFakeWorkersOf(n, ruleset.Slots{Bindings: 64, Reals: 64, Virtuals: 64})
}

func newFakeWorkersOf(n int, slots ruleset.Slots) *fakeWorkers {
	w := &fakeWorkers{injected: make(chan injected, 10), flows: make([][]Flow, n), began: time.Now(), sweeps: make([]uint64, n)}
	shared := ruleset.NewShared(nil, slots.Reals)
	for range n {
		w.counts = append(w.counts, ruleset.NewCounts(nil, slots, shared))
	}
	return w
}

// Now counts milliseconds, from 1000 on.
func (w *fakeWorkers) Now() uint32 { return 1000 + uint32(time.Since(w.began).Milliseconds()) }

func (w *fakeWorkers) Sticky() Sticky { return &w.sticky }

func (w *fakeWorkers) Sweeps() []uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sweeps)
}

// sweep has every worker visit all its records so many times.
func (w *fakeWorkers) sweep(times uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.sweeps {
		w.sweeps[i] += times
	}
}

func (w *fakeWorkers) Explain(p Packet) (Outlook, error) { return w.explain(p) }

func (w *fakeWorkers) Flows(worker int, from uint32, page []Flow) (n int, next uint32, err error) {
	all := w.flows[worker]
	n = copy(page, all[min(int(from), len(all)):])
	if next = from + uint32(n); int(next) >= len(all) {
		next = 0
	}
	return n, next, nil
}

// open counts a connection as a worker does.
func open(c *ruleset.Counts, binding uint32, real uint16) {
	c.Reserve(real, 0)
	c.Begin(binding)
}

func (w *fakeWorkers) Publish(s *ruleset.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.published = append(w.published, s)
}

// last is the newest of the rules published, and how many there were.
func (w *fakeWorkers) last() (*ruleset.Snapshot, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.published) == 0 {
		return nil, 0
	}
	return w.published[len(w.published)-1], len(w.published)
}

func (w *fakeWorkers) acknowledge(generation uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acknowledged = generation
}

func (w *fakeWorkers) want(device uint16, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wants = append(w.wants, [2]uint32{uint32(device), ip(address)})
}

func (w *fakeWorkers) Acknowledged() uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acknowledged
}

func (w *fakeWorkers) Counts() []*ruleset.Counts { return w.counts }

func (w *fakeWorkers) TakeWant() (port uint16, address uint32, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wants) == 0 {
		return 0, 0, false
	}
	first := w.wants[0]
	w.wants = w.wants[1:]
	return uint16(first[0]), first[1], true
}

func (w *fakeWorkers) Inject(port int, frame []byte) error {
	w.injected <- injected{port, string(frame)}
	if string(frame) == "too long" {
		return errors.New("no room")
	}
	return nil
}

// fakeKeeper writes down what it is asked for: "keep 7 10.0.0.11".
type fakeKeeper struct {
	mu   sync.Mutex
	said []string
	err  error
}

func (k *fakeKeeper) say(what string, ifindex int, addr netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.said = append(k.said, fmt.Sprintf("%s %d %v", what, ifindex, addr))
	return k.err
}

func (k *fakeKeeper) Keep(i int, all ...netip.Addr) (err error) {
	for _, a := range all {
		err = k.say("keep", i, a)
	}
	return err
}
func (k *fakeKeeper) Forget(i int, a netip.Addr) error  { return k.say("forget", i, a) }
func (k *fakeKeeper) Resolve(i int, a netip.Addr) error { return k.say("resolve", i, a) }

// asked gives what was asked for since the last call, sorted.
func (k *fakeKeeper) asked() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	said := k.said
	k.said = nil
	slices.Sort(said)
	return said
}

// fakeStack takes everything but what refuse refuses.
type fakeStack struct {
	refuse   func(kernel.Wanted) error
	applied  []kernel.Wanted
	warnings []string
}

func (s *fakeStack) Apply(w kernel.Wanted) error {
	if s.refuse != nil {
		if err := s.refuse(w); err != nil {
			return err
		}
	}
	s.applied = append(s.applied, w)
	return nil
}

func (s *fakeStack) Warnings() []string { return s.warnings }

// fakeMirror shows the state that a test gives it.
type fakeMirror struct {
	mu      sync.Mutex
	state   kernel.State
	changes chan struct{}
	events  chan []kernel.Neighbour
	closed  bool
}

func newFakeMirror() *fakeMirror {
	return &fakeMirror{changes: make(chan struct{}), events: make(chan []kernel.Neighbour)}
}

func (m *fakeMirror) State() kernel.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

func (m *fakeMirror) Changes() <-chan struct{}                   { return m.changes }
func (m *fakeMirror) NeighbourEvents() <-chan []kernel.Neighbour { return m.events }
func (m *fakeMirror) Close() error                               { m.closed = true; return nil }

func (m *fakeMirror) set(s kernel.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
}

// fakePunts gives the frames that tests put into it, until it is interrupted.
type fakePunts struct {
	frames chan injected
	done   chan struct{}
}

func (p *fakePunts) Next(deliver func(port int, frame []byte)) error {
	select {
	case f := <-p.frames:
		deliver(f.port, []byte(f.frame))
		return nil
	case <-p.done:
		return os.ErrClosed
	}
}

func (p *fakePunts) Interrupt() { close(p.done) }

// twoPorts is a configuration with a client's side and a side of two reals, one behind a router.
//
//	192.0.2.0/24 ─ outside (device 3, tap 7) │ director │ inside (device 5, tap 8) ─ 10.0.0.0/24 ─ 10.0.0.254 ─ 10.9.0.0/16
const twoPorts = `
ports:
  - {name: outside, device: net_null0, addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: net_null1, addresses: [10.0.0.1/24], side: reals}
routes:
  - {to: 10.9.0.0/16, via: 10.0.0.254}
reals:
  - {name: a, address: 10.0.0.11, port: 8080, weight: 3}
  - {name: b, address: 10.9.0.12, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, predictor: weighted, timers: {idle: 5s}, reals: [a, b]}
  - {name: dns, address: 192.0.2.10, port: 53, protocol: udp, unknown: drop, reals: [a]}
`

// kernelOf is what the kernel has once twoPorts is applied.
func kernelOf() kernel.State {
	return kernel.State{
		Addresses: []kernel.Address{
			{Port: kernel.PortLo, Prefix: prefix("198.51.100.7/32")},
			{Port: 0, Prefix: prefix("192.0.2.1/24")},
			{Port: 0, Prefix: prefix("192.0.2.10/32")},
			{Port: 1, Prefix: prefix("10.0.0.1/24")},
		},
		Routes: []kernel.Route{
			{Dst: prefix("10.0.0.0/24"), Port: 1},
			{Dst: prefix("10.9.0.0/16"), Port: 1, Gateway: addr("10.0.0.254")},
			{Dst: prefix("192.0.2.0/24"), Port: 0},
		},
	}
}

// fakePorts go with twoPorts.
func fakePorts() []Port {
	return []Port{
		{Name: "outside", Device: 3, MAC: [6]byte{2, 0, 0, 0, 0, 3}, Interface: 7},
		{Name: "inside", Device: 5, MAC: [6]byte{2, 0, 0, 0, 0, 5}, Interface: 8},
	}
}

func parse(t testing.TB, text string) *conf.Config {
	t.Helper()
	c, err := conf.Parse("dir.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rig is a director between fakes.
type rig struct {
	*Director
	first   *ruleset.Snapshot
	workers *fakeWorkers
	keeper  *fakeKeeper
	stack   *fakeStack
	mirror  *fakeMirror
	table   *ruleset.Hops
	logs    *observer.ObservedLogs
	prober  *fakeProber
}

// newRig makes a director under twoPorts, in the kernel's state kernelOf.
func newRig(t *testing.T, workers int) *rig {
	t.Helper()
	return newRigOf(t, workers, twoPorts)
}

// newRigOf makes one under another configuration of the same ports.
func newRigOf(t testing.TB, workers int, text string) *rig {
	t.Helper()
	return newRigWith(t, workers, text, func(*Config) {})
}

// newRigWith makes one whose Config the test changes.
func newRigWith(t testing.TB, workers int, text string, change func(*Config)) *rig {
	t.Helper()
	r := &rig{
		workers: newFakeWorkers(workers), keeper: &fakeKeeper{}, stack: &fakeStack{}, mirror: newFakeMirror(), table: ruleset.NewHops(nil),
	}
	r.mirror.set(kernelOf())
	c := r.config(parse(t, text))
	change(&c)
	var err error
	if r.Director, r.first, err = New(c); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) config(c *conf.Config) Config {
	var core zapcore.Core
	core, r.logs = observer.New(zap.DebugLevel)
	return Config{
		Log: zap.New(core), Conf: c, Workers: r.workers, Ports: fakePorts(), Hops: r.table, Stack: r.stack,
		Follow: func() (Mirror, error) { return r.mirror, nil }, Keeper: r.keeper,
		Ticks:    func(d time.Duration) uint32 { return uint32(d.Milliseconds()) },
		Beats:    func(d time.Duration) uint32 { return uint32(d.Microseconds()) },
		Elapsed:  func(ticks uint32) time.Duration { return time.Duration(ticks) * time.Millisecond },
		Response: func(beats uint32) time.Duration { return time.Duration(beats) * time.Microsecond },
		NewProber: func(report func(health.Change)) Prober {
			r.prober = &fakeProber{report: report}
			return r.prober
		},
		ShowWorkers: func() []api.Worker { return []api.Worker{{Number: 0, CPU: 2}} },
		ShowPorts:   func() []api.Port { return []api.Port{{Device: "net_null0"}, {Device: "net_null1"}} },
	}
}

// fakeProber finds what tests tell it.
type fakeProber struct {
	report func(health.Change)

	mu     sync.Mutex
	sets   [][]health.Target
	status []health.Status
	closed bool
}

func (p *fakeProber) Set(targets []health.Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sets = append(p.sets, targets)
}

func (p *fakeProber) Status() []health.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *fakeProber) Close() { p.closed = true }

// told are the targets of each Set since the last call, as "a b(down)".
func (p *fakeProber) told() (sets []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, targets := range p.sets {
		var names []string
		for _, t := range targets {
			name := t.Real
			if t.Down {
				name += "(down)"
			}
			names = append(names, name)
		}
		sets = append(sets, strings.Join(names, " "))
	}
	p.sets = nil
	return sets
}

// said are the log's lines since the last call.
func (r *rig) said() (lines []string) {
	for _, e := range r.logs.TakeAll() {
		line := e.Message
		for _, f := range e.Context {
			if f.Type == zapcore.StringType {
				line += " " + f.Key + "=" + f.String
			} else {
				line += fmt.Sprintf(" %s=%v", f.Key, f.Interface)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func ip(s string) uint32           { return ipv4(addr(s)) }

func equal(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func asAPI(err error, e **api.Error) bool { return errors.As(err, e) }
