package control

import (
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// fakeTap is a tap whose kernel is the test.
type fakeTap struct {
	name   string
	sends  chan string // by the kernel
	gets   chan string
	broken chan error
	closed chan struct{}
}

func newFakeTap(name string) *fakeTap {
	return &fakeTap{name, make(chan string), make(chan string, 10), make(chan error), make(chan struct{})}
}

func (f *fakeTap) Name() string { return f.name }

func (f *fakeTap) Read(b []byte) (int, error) {
	select {
	case frame := <-f.sends:
		return copy(b, frame), nil
	case err := <-f.broken:
		return 0, err
	case <-f.closed:
		return 0, os.ErrClosed
	}
}

func (f *fakeTap) Write(b []byte) (int, error) {
	f.gets <- string(b)
	if string(b) == "refused" {
		return 0, errors.New("input/output error")
	}
	return len(b), nil
}

func (f *fakeTap) Close() error { close(f.closed); return nil }

func TestTapsCarryFrames(t *testing.T) {
	workers := newFakeWorkers(1)
	punts := &fakePunts{make(chan injected), make(chan struct{})}
	outside, inside := newFakeTap("outside"), newFakeTap("inside")
	core, logs := observer.New(zap.DebugLevel)
	taps := NewTaps(zap.New(core), workers, punts, []Tap{outside, inside})
	taps.Start()

	inside.sends <- "from inside"
	if got := <-workers.injected; got != (injected{1, "from inside"}) {
		t.Errorf("workers got %v", got)
	}
	outside.sends <- "too long"
	<-workers.injected
	outside.sends <- "from outside" // one that is not sent stops nothing
	if got := <-workers.injected; got != (injected{0, "from outside"}) {
		t.Errorf("workers got %v", got)
	}

	punts.frames <- injected{0, "refused"}
	punts.frames <- injected{0, "to outside"}
	punts.frames <- injected{1, "to inside"}
	if a, b, c := <-outside.gets, <-outside.gets, <-inside.gets; a != "refused" || b != "to outside" || c != "to inside" {
		t.Errorf("taps got %q, %q, %q", a, b, c)
	}

	// A tap that goes away under the director is told; the others work on.
	inside.broken <- errors.New("file descriptor in bad state")
	outside.sends <- "still there"
	<-workers.injected
	taps.Stop()
	if lost := logs.FilterMessageSnippet("tap is lost").All(); len(lost) != 1 || lost[0].ContextMap()["port"] != "inside" {
		t.Errorf("log: %v", logs.All())
	}
	if n := logs.FilterMessageSnippet("not sent").Len(); n != 1 {
		t.Errorf("%d frames not sent, want 1: %v", n, logs.All())
	}
	for _, e := range logs.All() {
		if strings.Contains(e.Message, "closed") {
			t.Errorf("Stop is no error: %v", e)
		}
	}
}
