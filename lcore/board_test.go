package lcore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linedirector/lcore/forward"
	"linedirector/lcore/ruleset"
)

func boardConfig() *Config {
	c := config(2)
	c.Sticky = 100
	return &c
}

// snapshot is one with a real at that address.
func snapshot(generation, address uint32) *ruleset.Snapshot {
	return ruleset.Build(&ruleset.Source{Generation: generation, Reals: map[uint16]ruleset.Real{1: {Address: address, Port: 80}}})
}

// acknowledge is what workers do once they use rules of a generation.
func (b *Board) acknowledge(generations ...uint32) {
	for i, g := range generations {
		b.seats[i].stats.Generation.Store(g)
	}
}

// Rules stay what they are as long as a worker uses them, however many others are published.
func TestPublishedRulesStay(t *testing.T) {
	b, err := newBoard(boardConfig())
	must(t, err)
	defer b.Close()
	b.Publish(snapshot(1, 101))
	first := b.rules.current.Load()
	b.acknowledge(1, 1)
	for g := uint32(2); g <= rulesPlaces; g++ {
		b.Publish(snapshot(g, 100+g))
		b.acknowledge(g, 1) // worker 1 stands still
	}
	if b.vacant() >= 0 {
		t.Error("there is room, though a worker uses the oldest rules")
	}
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		b.Publish(snapshot(9, 109))
	}()
	if first.Generation != 1 || first.Real(1).Address != 101 {
		t.Errorf("rules of generation %d, real at %d", first.Generation, first.Real(1).Address)
	}
	b.acknowledge(rulesPlaces, rulesPlaces)
	<-waits
	if now := b.rules.current.Load(); now.Generation != 9 || now.Real(1).Address != 109 || now.Real(1).Port != 80 {
		t.Errorf("rules of generation %d", now.Generation)
	}
	for g := uint32(10); g < 100; g++ { // workers are quick: places are used again and again
		b.acknowledge(g-1, g-1)
		b.Publish(snapshot(g, g))
		if now := b.rules.current.Load(); now.Generation != g || now.Real(1).Address != g {
			t.Fatalf("rules of generation %d, want %d", now.Generation, g)
		}
	}
}

// The ledger is what was stored last.
func TestLedger(t *testing.T) {
	b, err := newBoard(boardConfig())
	must(t, err)
	defer b.Close()
	if got := b.Load(); got != nil {
		t.Errorf("%q", got)
	}
	for _, text := range []string{"one", "two and more", "", "three", string(bytes.Repeat([]byte("x"), 1<<20)), "four"} {
		b.Store([]byte(text))
		if got := b.Load(); string(got) != text {
			t.Errorf("%d bytes, want %d", len(got), len(text))
		}
	}
}

// The memory is at one address: where something else is, there is no board.
func TestAttachElsewhere(t *testing.T) {
	b, err := newBoard(boardConfig())
	must(t, err)
	defer b.Close()
	files, at := b.Share()
	if len(files) != 2 || len(at) != 2 || at[0].Address < firstSegment || at[0].Address%uint64(unix.Getpagesize()) != 0 {
		t.Fatalf("%v", at)
	}
	fd, err := dup(int(files[0].Fd()))
	must(t, err)
	other, err := dup(int(files[1].Fd()))
	must(t, err)
	if _, err := Attach([]*os.File{os.NewFile(uintptr(fd), ""), os.NewFile(uintptr(other), "")}, at); err == nil {
		t.Error("the same memory twice in a process")
	}
}

// Another process, as control is, finds what was shown, and shows something itself.
func TestAttach(t *testing.T) {
	b, err := newBoard(boardConfig())
	must(t, err)
	defer b.Close()
	b.Publish(snapshot(3, 103))
	b.Store([]byte("a ledger"))
	b.Hops.Set(7, 1, 2, 3)
	b.seats[1].listing.Question(forward.Question{}) // by one that died
	b.Sticky().Open(1, 2, 3, 0, b.Now())
	b.counts[1].Begin(5)

	files, at := b.Share()
	text, err := json.Marshal(at)
	must(t, err)
	child := exec.Command("/proc/self/exe")
	child.Env, child.ExtraFiles, child.Stderr = append(os.Environ(), attachAt+"="+string(text)), files, os.Stderr
	must(t, child.Run())

	if now := b.rules.current.Load(); now.Generation != 4 || now.Real(1).Address != 104 {
		t.Errorf("rules of generation %d", now.Generation)
	}
	if got := string(b.Load()); got != "another ledger" {
		t.Errorf("ledger %q", got)
	}
	if real, ok := b.Sticky().Find(5, 6, b.Now()); !ok || real != 7 {
		t.Errorf("real %d, %v", real, ok)
	}
}

const attachAt = "LCORE_TEST_ATTACH"

// attached is the other process of TestAttach. What it misses it prints; its result is its exit code.
func attached(at string) (code int) {
	var segments []Segment
	if err := json.Unmarshal([]byte(at), &segments); err != nil {
		panic(err)
	}
	var files []*os.File
	for i := range segments {
		files = append(files, os.NewFile(uintptr(3+i), ""))
	}
	b, err := Attach(files, segments)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer b.Close()
	check := func(what string, ok bool) {
		if !ok {
			fmt.Fprintln(os.Stderr, what)
			code = 1
		}
	}
	now := b.rules.current.Load()
	check("rules", now.Generation == 3 && now.Real(1).Address == 103)
	check("ledger", string(b.Load()) == "a ledger")
	hop, ok := b.Hops.Get(7)
	check("hop", ok && hop.Port == 3)
	check("pending question", !b.lists[0].late && b.lists[1].late)
	real, ok := b.Sticky().Find(1, 2, b.Now())
	check("sticky entry", ok && real == 3 && b.Sticky().Stats().Capacity == 100)
	check("counts", b.Counts()[1].Binding(5).Opened == 1 && b.Counts()[0].Binding(5).Opened == 0)
	check("workers", b.Workers() == 2 && b.Owner(1, 2) < 2 && b.Clock.Ticks(time.Second) > 100)
	b.Publish(snapshot(4, 104))
	b.Store([]byte("another ledger"))
	b.Sticky().Open(5, 6, 7, 0, b.Now())
	return code
}
