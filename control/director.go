package control

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control/api"
	"linedirector/control/events"
	"linedirector/control/health"
	"linedirector/control/kernel"
	"linedirector/control/load"
	"linedirector/lcore/ruleset"
)

// Config is what a Director is made of.
type Config struct {
	Log     *zap.Logger
	Conf    *conf.Config
	Workers Workers
	Ports   []Port // in the order of Conf.Ports
	Hops    *ruleset.Hops
	Stack   Stack
	Follow  func() (Mirror, error) // begins to follow the kernel
	Keeper  Keeper

	// Workers' clocks.
	Ticks    func(time.Duration) uint32       // ticks in a duration
	Beats    func(time.Duration) uint32       // beats in a duration
	Elapsed  func(ticks uint32) time.Duration // what ticks last
	Response func(beats uint32) time.Duration // what beats last

	// ShowWorkers lists the workers by number, ShowPorts the devices in the configuration's order, for the control socket.
	ShowWorkers func() []api.Worker
	ShowPorts   func() []api.Port
	// Keep is the file that each configuration is written to once it is applied; "": none.
	Keep string
	// Ledger is where the Director keeps what its successor must know, and finds its predecessor's; nil: nothing is kept.
	Ledger Ledger
	// NewProber makes what probes reals; nil is health.New.
	NewProber func(report func(health.Change)) Prober
}

// Director is the control core. Run is one goroutine; the other methods may be called from any.
type Director struct {
	log     *zap.Logger
	workers Workers
	ports   []Port
	stack   Stack
	mirror  Mirror
	clock   clock
	shared  *ruleset.Shared
	journal *events.Journal
	prober  Prober

	showWorkers func() []api.Worker
	showPorts   func() []api.Port
	keep        string

	asks  float64   // addresses that the kernel may be asked for now
	asked time.Time // when asks was reckoned

	mu          sync.Mutex // guards what follows
	conf        *conf.Config
	objects     *objects
	hops        *hops
	needed      map[hopKey]string
	unreachable stretch
	checked     int // most next hops that the kernel's neighbour table was checked for
	source      *ruleset.Source
	tables      ruleset.Tables
	guarded     uint32 // highest slot of a virtual that bounds its half-open connections
	measured    uint32 // highest slot of a real that is chosen by its response time
	generation  uint32
	routeGen    uint16

	raised         uint64 // signals of workers that hear has seen
	pacer          pacer
	looked         time.Time // when age and measure looked last
	changed        bool      // rules must change because of what look found
	rest           time.Time // until then they do not
	timed          []*real   // what age looks after
	limited        []*real   // what measure looks after
	probing        bool
	targetsChanged bool       // the prober must be told
	anew           []*real    // whose probe must begin anew
	named          *slotNames // what flows were listed by last
	flushing       []*flush
	purges         []purge
	inForce        applied
	before         *applied // nil: there was none
	kept           keeping
}

// New applies the configuration to the kernel, begins to follow the kernel, and makes the first rules. The stack is
// still empty. Close undoes it.
//
// Where the ledger holds what a Director left that died, New takes over from it: the configuration is that one's, whatever
// c.Conf says, c.Workers are those that it had, and the rules follow its last. The caller publishes them.
func New(c Config) (*Director, *ruleset.Snapshot, error) {
	past, err := predecessor(c.Ledger)
	if err != nil {
		return nil, nil, err
	}
	d := &Director{
		log: c.Log, workers: c.Workers, ports: c.Ports, stack: c.Stack,
		showWorkers: c.ShowWorkers, showPorts: c.ShowPorts, keep: c.Keep,
		clock:  clock{c.Ticks, c.Beats, c.Elapsed, c.Response},
		shared: c.Workers.Counts()[0].Shared, journal: events.New(events.Kept),
		conf: c.Conf, objects: newObjects(), hops: newHops(c.Log, c.Hops, c.Ports, c.Keeper), generation: 1, routeGen: 1,
		kept: keeping{ledger: c.Ledger},
	}
	if past != nil {
		err = d.takeOver(past)
	} else {
		err = d.start(c.Conf)
	}
	if err != nil {
		return nil, nil, err
	}
	mirror, err := c.Follow()
	if err != nil {
		return nil, nil, err
	}
	d.mirror = mirror
	state := mirror.State()
	if past != nil {
		d.hops.takeOver(past.Hop)
		d.hops.renewed(d.generation)
	}
	d.hops.learn(resolved(state.Neighbours)) // the others reconcile loses, once it is known which of them are needed
	if c.NewProber == nil {
		c.NewProber = func(report func(health.Change)) Prober { return health.New(c.Log, report) }
	}
	d.prober = c.NewProber(d.probed)
	rules := d.build(&state)
	if past != nil {
		d.hops.reconcile(state.Neighbours)
		d.announce()
	}
	d.save()
	return d, rules, nil
}

// start begins with a configuration and nothing else.
func (d *Director) start(c *conf.Config) error {
	if err := d.objects.fits(c); err != nil {
		return err
	}
	if err := d.apply(c); err != nil {
		return err
	}
	if err := d.objects.adopt(c, d.workers.Counts(), d.generation); err != nil {
		return err
	}
	d.settle(time.Now(), true)
	d.note(c)
	d.keepFile(c)
	return nil
}

// Close ends what New began, after Run has ended. What was applied to the kernel is the stack's to undo.
func (d *Director) Close() error {
	d.prober.Close()
	return d.mirror.Close()
}

// apply sets addresses, routes and static neighbours in the kernel.
func (d *Director) apply(c *conf.Config) error {
	if err := d.stack.Apply(wanted(c)); err != nil {
		return inFile(c, err)
	}
	for _, warning := range d.stack.Warnings() {
		d.log.Warn(warning)
	}
	return nil
}

// build makes the next rules. The caller publishes them.
func (d *Director) build(state *kernel.State) *ruleset.Snapshot {
	d.changed = false
	src := d.describe(d.conf, state)
	if d.source != nil && !slices.Equal(src.Routes, d.source.Routes) || d.hops.mustRenew() {
		d.routeGen = nextRoutes(d.routeGen)
		d.hops.renewed(d.generation)
	}
	src.Generation, src.RouteGeneration = d.generation, d.routeGen
	rules := ruleset.Build(src)
	d.source = src
	d.needed, d.unreachable.now = d.need(state, rules)
	d.hops.keep(d.needed)
	return rules
}

// nextRoutes is the route generation behind another; 0 is none.
func nextRoutes(generation uint16) uint16 { return max(generation+1, 1) }

// publish makes and publishes the next rules.
func (d *Director) publish() {
	d.generation++
	state := d.mirror.State()
	d.send(d.build(&state))
}

// Run follows the kernel, the workers and the probes until ctx ends.
func (d *Director) Run(ctx context.Context) {
	housekeeping := time.NewTicker(time.Second)
	defer housekeeping.Stop()
	d.pacer = newPacer(len(d.workers.Counts()))
	quick := time.NewTicker(d.pacer.pace)
	defer quick.Stop()
	d.locked(func() { d.probe(true) })
	defer d.locked(func() { d.probe(false) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.mirror.Changes():
			d.locked(d.publish)
		case changed := <-d.mirror.NeighbourEvents():
			d.locked(func() { d.hops.learn(changed) })
		case now := <-quick.C:
			raised := d.shared.Raised()
			d.locked(func() {
				load.Share(d.workers.Counts(), d.objects.realSlots.highest, d.guarded)
				load.ShareSamples(d.workers.Counts(), d.measured)
				raised -= d.raised
				d.look(now)
			})
			if asked := d.answerWants(now); d.pacer.looked(asked || raised > 0) {
				quick.Reset(d.pacer.pace)
			}
		case now := <-housekeeping.C:
			d.locked(func() { d.tidy(now) })
		}
	}
}

func (d *Director) locked(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// resolveRate is how many addresses a second the kernel is asked for on behalf of workers, at most: forged clients
// must not fill its neighbour table.
const resolveRate = 200

// answerWants has the kernel resolve what workers miss, within the rate, and tells whether they did. What is over it the workers
// ask again.
func (d *Director) answerWants(now time.Time) (some bool) {
	d.asks = min(d.asks+now.Sub(d.asked).Seconds()*resolveRate, resolveRate)
	d.asked = now
	for range 1024 {
		device, address, ok := d.workers.TakeWant()
		if !ok {
			return some
		}
		some = true
		if i := d.place(device); i >= 0 && d.asks >= 1 {
			d.asks--
			d.hops.resolve(hopKey{i, fromIPv4(address)})
		}
	}
	return some
}

// tidy lets slots go and speaks up about silent next hops.
func (d *Director) tidy(now time.Time) {
	acknowledged := d.workers.Acknowledged()
	d.hops.reap(acknowledged)
	gone := d.objects.reap(d.workers.Counts(), d.workers.Sticky(), acknowledged)
	d.workers.Sticky().Expire(d.workers.Now())
	if gone > 0 || d.hops.mustRenew() {
		d.publish()
	}
	if d.kept.due {
		d.save()
	}
	d.watchRuns()
	d.hops.complain(d.needed, now)
	if reals, say := d.unreachable.settled(); say {
		d.log.Warn("no route leads to these reals; add an address to a port, or a route", zap.String("reals", reals))
	}
	if n := len(d.needed); n > d.checked {
		d.checked = n
		if text := kernel.CheckNeighbours(n); text != "" {
			d.log.Warn(text)
		}
	}
}

// stretch is a list of names that the log shows once it has stayed the same from one look to the next: right after a
// change of the configuration, the mirror does not yet know what the kernel has just been told.
type stretch struct{ now, before, told []string }

// settled says whether there is something to say, and what.
func (s *stretch) settled() (names string, say bool) {
	stays := slices.Equal(s.now, s.before)
	s.before = s.now
	if !stays || slices.Equal(s.now, s.told) {
		return "", false
	}
	s.told = s.now
	return strings.Join(s.now, ", "), len(s.now) > 0
}

// Unresolved is how many next hops of reals and routes have not answered yet.
func (d *Director) Unresolved() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hops.unresolved()
}

// Conf is the configuration in force.
func (d *Director) Conf() *conf.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conf
}
