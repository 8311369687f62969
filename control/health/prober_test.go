package health

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// fake is a checker that ends as it is told, in the time of a synctest bubble.
type fake struct {
	result func(probe int) error // 1 is the first
	takes  time.Duration
	probes atomic.Int32
	times  chan time.Time // of their starts, if not nil
}

func (f *fake) check(t *turn) error {
	if f.times != nil {
		f.times <- time.Now()
	}
	if f.takes > 0 {
		timer := time.NewTimer(f.takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-t.stop:
		}
	}
	n := int(f.probes.Add(1))
	if f.result == nil {
		return nil
	}
	return f.result(n)
}

var errDown = errors.New("down")

// script fails where s has an x.
func script(s string) func(int) error {
	return func(n int) error {
		switch {
		case n > len(s) || s[n-1] == '.':
			return nil
		case s[n-1] == '!':
			return fault{errors.New("ours")}
		}
		return errDown
	}
}

// prober probes with fakes by the reals' names; changes come as words.
func fakeProber(fakes map[string]*fake) (p *Prober, changes chan string) {
	changes = make(chan string, 1000)
	p = newProber(zap.NewNop(), func(c Change) {
		changes <- fmt.Sprintf("%s %v %d %s", c.Real, c.Up, c.Row, c.Cause)
	})
	p.make = func(t *Target) (checker, error) { return fakes[t.Real], nil }
	return p, changes
}

func every(d time.Duration, names ...string) (targets []Target) {
	for _, n := range names {
		targets = append(targets, Target{Real: n, Spec: Spec{Type: TCP, Interval: d, Rise: 2, Fall: 3}})
	}
	return targets
}

func drain(c chan string) (all []string) {
	for len(c) > 0 {
		all = append(all, <-c)
	}
	return all
}

func TestRiseAndFall(t *testing.T) {
	for _, c := range []struct {
		script     string
		rise, fall int
		down       bool
		want       []string
	}{
		{".....", 2, 3, false, nil},
		{"xx.xx.", 2, 3, false, nil},
		{"xxx", 2, 3, false, []string{"a false 3 down", "a true 2 answered"}},
		{"xxxxxx.x.x..", 2, 3, false, []string{"a false 3 down", "a true 2 answered"}},
		{"xxx..xxx", 2, 3, false, []string{"a false 3 down", "a true 2 answered", "a false 3 down", "a true 2 answered"}},
		{"xx!x", 2, 3, false, []string{"a false 3 down", "a true 2 answered"}}, // what says nothing does not count, nor break a row
		{"!!!!!!", 2, 3, false, nil},
		{"x", 1, 1, false, []string{"a false 1 down", "a true 1 answered"}},
		{"x", 0, 0, false, []string{"a false 1 down", "a true 1 answered"}},
		{"", 2, 3, true, []string{"a true 2 answered"}},
		{"x", 2, 1, true, []string{"a true 2 answered"}},
	} {
		t.Run(c.script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, changes := fakeProber(map[string]*fake{"a": {result: script(c.script)}})
				defer p.Close()
				targets := every(time.Second, "a")
				targets[0].Spec.Rise, targets[0].Spec.Fall, targets[0].Down = c.rise, c.fall, c.down
				p.Set(targets)
				time.Sleep(20 * time.Second)
				if got := drain(changes); !slices.Equal(got, c.want) {
					t.Errorf("changes are %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := fakeProber(map[string]*fake{"a": {result: script(".xxxx"), takes: 10 * time.Millisecond}, "b": {result: script("!!!!!!!!!!")}})
		defer p.Close()
		targets := every(time.Second, "a", "b")
		p.Set(targets)
		if s := p.Status()[0]; s.Target.Real != "a" || !s.Up || s.OK || s.Probes != 0 || !s.At.IsZero() {
			t.Errorf("before the first probe: %+v", s)
		}
		for p.Status()[0].Probes < 5 {
			time.Sleep(100 * time.Millisecond)
		}
		s := p.Status()[0]
		if s.Up || s.OK || s.Cause != "down" || s.Ours || s.Row != 4 || s.Probes != 5 || s.Failures != 4 || s.Took != 10*time.Millisecond ||
			time.Since(s.At) > time.Second {
			t.Errorf("after five probes, the last four failed: %+v", s)
		}
		if s := p.Status()[1]; !s.Up || s.Probes != 0 || !s.Ours || s.Cause != "ours" || s.At.IsZero() {
			t.Errorf("after faults of ours: %+v", s)
		}
	})
}

// Starts keep their interval, within the jitter and the scheduler's grain; the first one comes soon.
func TestIntervalAndJitter(t *testing.T) {
	for _, c := range []struct {
		interval time.Duration
		jitter   float64
		takes    time.Duration
		min, max time.Duration
	}{
		{time.Second, 0, 0, time.Second, time.Second},
		{time.Second, 0, 900 * time.Millisecond, time.Second, time.Second},
		{time.Second, 0, 1500 * time.Millisecond, 1500 * time.Millisecond, 1500 * time.Millisecond},
		{10 * time.Second, 0.2, 0, 8 * time.Second, 12 * time.Second},
		{10 * time.Second, 7, 0, 0, 20 * time.Second},
	} {
		t.Run(fmt.Sprint(c.interval, c.jitter, c.takes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{takes: c.takes, times: make(chan time.Time, 1000)}
				p, _ := fakeProber(map[string]*fake{"a": f})
				defer p.Close()
				begin := time.Now()
				targets := every(c.interval, "a")
				targets[0].Spec.Jitter = c.jitter
				p.Set(targets)
				first := <-f.times
				if first.Sub(begin) > min(c.interval, time.Second)+grain {
					t.Errorf("the first probe comes after %v", first.Sub(begin))
				}
				last := <-f.times
				if wait := last.Sub(first); wait > max(c.interval, c.takes)+grain {
					t.Errorf("the second probe comes after %v", wait)
				}
				shortest, longest := time.Hour, time.Duration(0)
				for range 100 {
					now := <-f.times
					shortest, longest = min(shortest, now.Sub(last)), max(longest, now.Sub(last))
					last = now
				}
				if shortest < c.min-grain || longest > c.max+grain {
					t.Errorf("waits are from %v to %v, want %v to %v", shortest, longest, c.min, c.max)
				}
				if c.jitter > 0 && longest-shortest < (c.max-c.min)/2 {
					t.Errorf("waits are from %v to %v: where is the jitter?", shortest, longest)
				}
			})
		})
	}
}

// Many targets are spread over the interval, also a long one.
func TestSpread(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{times: make(chan time.Time, 1<<16)}
			fakes, names := map[string]*fake{}, []string{}
			for i := range 1000 {
				names = append(names, fmt.Sprint(i))
				fakes[names[i]] = f
			}
			p, _ := fakeProber(fakes)
			defer p.Close()
			begin := time.Now()
			p.Set(every(interval, names...))
			time.Sleep(3 * interval)
			synctest.Wait()
			tenths := [30]int{}
			for len(f.times) > 0 {
				at := int((<-f.times).Sub(begin) * 10 / interval)
				tenths[min(at, 29)]++
			}
			for i, n := range tenths[20:] { // when all have found their place
				if n < 50 || n > 200 {
					t.Errorf("every %v: tenth %d of an interval sees %d probes of a thousand", interval, i, n)
				}
			}
		})
	}
}

// Set keeps what has not changed, begins anew what has, and stops what is gone.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fakes := map[string]*fake{"keep": {result: script("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")}, "change": {result: script("xxxxxxxxx")}, "gone": {}, "new": {}}
		p, changes := fakeProber(fakes)
		defer p.Close()
		p.Set(every(time.Second, "keep", "change", "gone"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := drain(changes); len(got) != 2 {
			t.Fatalf("changes are %q, want two", got)
		}
		before := p.Status()
		targets := every(time.Second, "new", "change", "keep")
		targets[1].Spec.Fall = 100
		p.Set(targets)
		after := p.Status()
		if after[2].Probes != before[0].Probes || after[2].Up || after[2].Row != before[0].Row {
			t.Errorf("what has not changed was %+v and is %+v", before[0], after[2])
		}
		if after[1].Probes != 0 || !after[1].Up {
			t.Errorf("what has changed is %+v, want it new", after[1])
		}
		gone := fakes["gone"].probes.Load()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := fakes["gone"].probes.Load(); n != gone {
			t.Errorf("what is gone was probed %d times more", n-gone)
		}
		if n := fakes["new"].probes.Load(); n < 4 {
			t.Errorf("what is new was probed %d times in 5 s", n)
		}
		if got := drain(changes); len(got) != 0 {
			t.Errorf("changes are %q, want none", got)
		}
		p.Set(nil)
		if n := len(p.Status()); n != 0 {
			t.Errorf("%d targets after Set(nil)", n)
		}
	})
}

// A probe under way of a target that is removed is broken off, and its result is not reported.
func TestRemovedWhileProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{result: script("xxxx"), takes: time.Hour, times: make(chan time.Time, 10)}
		p, changes := fakeProber(map[string]*fake{"a": f})
		defer p.Close()
		targets := every(time.Second, "a")
		targets[0].Spec.Fall = 1
		p.Set(targets)
		<-f.times
		removed := time.Now()
		p.Set(nil)
		synctest.Wait()
		if f.probes.Load() != 1 || time.Since(removed) > 0 {
			t.Error("the probe goes on")
		}
		if got := drain(changes); len(got) > 0 {
			t.Errorf("it is reported: %q", got)
		}
	})
}

// A change that was reported before Set removed the target says so from then on; one that was not reported is not.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reported, let := make(chan Change, 10), make(chan struct{})
		p := newProber(zap.NewNop(), func(c Change) { reported <- c; <-let })
		p.make = func(*Target) (checker, error) { return &fake{result: script("xxxx")}, nil }
		defer p.Close()
		targets := every(time.Second, "a", "b")
		for i := range targets {
			targets[i].Spec.Fall = 1
		}
		p.Set(targets)
		c := <-reported
		if c.Stale() {
			t.Error("it is stale while the target is there")
		}
		time.Sleep(3 * time.Second) // the other one waits to be reported
		p.Set(nil)
		if !c.Stale() {
			t.Error("it is not stale when the target is gone")
		}
		close(let)
		synctest.Wait()
		if len(reported) > 0 {
			t.Errorf("reported after it was removed: %v", <-reported)
		}
	})
}

// Reals that hang delay no others, and a report that hangs delays no probe.
func TestHangingDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fakes, names := map[string]*fake{"good": {}}, []string{"good"}
		for i := range atOnce / 2 {
			n := fmt.Sprint(i)
			fakes[n], names = &fake{takes: 10 * time.Second, result: func(int) error { return errDown }}, append(names, n)
		}
		let := make(chan struct{})
		p := newProber(zap.NewNop(), func(Change) { <-let })
		p.make = func(t *Target) (checker, error) { return fakes[t.Real], nil }
		defer p.Close()
		defer close(let)
		p.Set(every(time.Second, names...))
		time.Sleep(60 * time.Second)
		if n := fakes["good"].probes.Load(); n < 59 {
			t.Errorf("probed %d times in a minute", n)
		}
	})
}

// Beyond the bound probes come late, but they come, and the pool shrinks when it is over.
func TestMoreThanAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{}
		for i := range 2 * atOnce {
			names = append(names, fmt.Sprint(i))
		}
		var all, now, most atomic.Int32
		p := newProber(zap.NewNop(), func(Change) {})
		p.make = func(*Target) (checker, error) {
			return checkFunc(func(turn *turn) error {
				all.Add(1)
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				select {
				case <-turn.stop:
				case <-time.After(5 * time.Second):
				}
				return nil
			}), nil
		}
		defer p.Close()
		p.Set(every(time.Second, names...))
		time.Sleep(61 * time.Second)
		if got, want := int(all.Load()), atOnce*60/5; got < want*9/10 {
			t.Errorf("%d probes in a minute, want about %d", got, want)
		}
		if most.Load() != atOnce {
			t.Errorf("at most %d at a time, want %d", most.Load(), atOnce)
		}
		p.Set(every(time.Second, "0"))
		time.Sleep(2 * leisure)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.workers > 2 {
			t.Errorf("%d goroutines for one target", p.workers)
		}
	})
}

type checkFunc func(*turn) error

func (f checkFunc) check(t *turn) error { return f(t) }

// Close breaks off what runs; nothing of it is left.
func TestClose(t *testing.T) {
	hanging, udp := tcpServer(t, hang), udpServer(t, func([]byte) [][]byte { return nil })
	full := fullListener(t)
	at := netip.MustParseAddr("127.0.0.1")
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	p := New(zap.NewNop(), func(Change) {})
	targets := []Target{
		{Real: "http", Address: at, Spec: Spec{Type: HTTP, Port: hanging.Port()}},
		{Real: "https", Address: at, Spec: Spec{Type: HTTPS, Port: hanging.Port()}},
		{Real: "tcp", Address: at, Spec: Spec{Type: TCP, Port: full.Port()}},
		{Real: "udp", Address: at, Spec: Spec{Type: UDP, Port: udp.Port()}},
		{Real: "dns", Address: at, Spec: Spec{Type: DNS, Port: udp.Port(), Query: "a"}},
	}
	if os.Getuid() == 0 {
		targets = append(targets, Target{Real: "icmp", Address: at, Spec: Spec{Type: ICMP}})
	}
	for i := range targets {
		targets[i].Spec.Interval, targets[i].Spec.Timeout = grain, time.Hour
	}
	p.Set(targets)
	await(t, "all probes to run", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, target := range p.targets {
			if target.running == nil && target.results == 0 {
				return false
			}
		}
		return true
	})
	p.Close()
	p.Close() // once more is harmless
	p.Set(targets)
	await(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
	await(t, "descriptors to be closed", func() bool { return descriptors(t) <= files })
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain for ", what)
		}
	}
}

func descriptors(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// fullListener accepts nothing, and its queue is full.
func fullListener(t *testing.T) netip.AddrPort {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(client) })
		_ = unix.Connect(client, sa)
	}
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(sa.(*unix.SockaddrInet4).Port))
}
