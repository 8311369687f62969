package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"linedirector/dpdk"
	"linedirector/perf/generator/traffic"
)

// loop sends and receives on one core until the player is done.
type loop struct {
	cpu, burst int
	d          *devices
	player     *traffic.Player
	out        outlet

	stop  atomic.Bool
	asked chan *reading // by others, to be filled
	told  chan *reading
	done  chan struct{}
}

// reading is what goes on, for those outside the loop.
type reading struct {
	at          uint64 // cycles
	counters    traffic.Counters
	there, back traffic.Arrivals
	delay       uint64 // sum of what was measured, in cycles
	delays      uint64
}

func newLoop(s *settings, d *devices, player *traffic.Player) *loop {
	return &loop{
		cpu: s.lcore, burst: s.burst, d: d, player: player, out: outlet{sender: d.sender},
		asked: make(chan *reading, 1), told: make(chan *reading, 1), done: make(chan struct{}),
	}
}

// start begins, on the loop's own thread, and returns when it polls.
func (l *loop) start() error {
	ready := make(chan error)
	go func() {
		defer close(l.done)
		err := l.pin()
		ready <- err
		if err == nil {
			defer dpdk.UnregisterThread()
			l.run()
		}
	}()
	return <-ready
}

// leave moves every thread that the process has so far away from the loop's CPU. Threads that come later are made by these
// and stay where they are.
func leave(to int) error {
	var set unix.CPUSet
	set.Set(to)
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list this process's threads: %w", err)
	}
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("keep to CPU %d: %w", to, err)
		}
	}
	return nil
}

// pin makes the calling thread the loop's alone.
func (l *loop) pin() error {
	runtime.LockOSThread() // and never unlocked: the thread ends with the loop
	var set unix.CPUSet
	set.Set(l.cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("send and receive on CPU %d: %w", l.cpu, err)
	}
	return dpdk.RegisterThread()
}

// bursts is how many are received at most before one is sent: a request may come in at the servers' side, and its answer at
// the clients', so that sending must not outrun receiving.
const bursts = 4

// lastRounds is how often the loop goes round when all is done, to get rid of what is written.
const lastRounds = 1000

func (l *loop) run() {
	x, p := l.d.exchange, l.player
	frames := x.Frames()
	look, lookEvery := uint64(0), dpdk.TSCHz()/1000
	for last := 0; last < lastRounds; {
		n := 0
		for range bursts {
			n = x.Exchange()
			for i := range frames[:n] {
				l.receive(&frames[i], x.Now())
			}
			if n < l.burst {
				break
			}
		}
		now := x.Now()
		phase := p.Play(now, l.burst, &l.out)
		l.out.flush()
		if phase == traffic.Done {
			if last++; n == 0 && l.out.written == 0 {
				break
			}
		}
		if now-look >= lookEvery {
			look = now
			l.report(now)
		}
	}
	l.d.drain()
}

// receive gives a frame to the player, and its answer back to where it came from.
func (l *loop) receive(f *dpdk.Frame, now uint64) {
	n := l.player.Receive(f.Bytes(), l.d.side[f.Port%dpdk.MaxPorts], now, &l.out)
	if n == 0 {
		return // dropped
	}
	f.Verdict, f.Out = dpdk.Send, f.Port
	if n != int(f.Len) {
		f.Len = uint16(n)
		f.Flags |= dpdk.FlagResized
	}
}

// report does, each millisecond, what others asked for.
func (l *loop) report(now uint64) {
	if l.stop.CompareAndSwap(true, false) {
		l.player.Stop(now)
	}
	select {
	case r := <-l.asked:
		there, latency := l.player.There()
		back, _ := l.player.Back()
		*r = reading{now, l.player.Counters, there, back, latency.Sum(), latency.Count()}
		l.told <- r
	default:
	}
}

// outlet is where the player's clients write frames: the sender's burst.
type outlet struct {
	sender  *dpdk.Sender
	written int
}

// Next is the room of the next frame, nil if the queue takes no more.
func (o *outlet) Next() []byte {
	frames := o.sender.Frames()
	if o.written == len(frames) {
		o.written -= o.sender.Send(o.written)
		if frames = o.sender.Frames(); o.written == len(frames) {
			return nil
		}
	}
	return o.sender.Room(&frames[o.written])
}

// Done sets its length.
func (o *outlet) Done(length int) {
	o.sender.Frames()[o.written].Len = uint16(length)
	o.written++
}

// flush sends what is written, as far as the queue takes it.
func (o *outlet) flush() {
	if o.written > 0 {
		o.written -= o.sender.Send(o.written)
	}
}
