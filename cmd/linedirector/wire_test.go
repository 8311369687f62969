package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"linedirector/conf"
	"linedirector/lcore"
)

// wires are both ends.
func wires(t *testing.T) (a, b *wire) {
	t.Helper()
	a, theirs, err := newWire()
	if err != nil {
		t.Fatal(err)
	}
	if b, err = wireOf(theirs); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close(); b.close() })
	return a, b
}

// Messages arrive whole and in order, whatever their sentences hold; one that is too long is cut. Then the other has ended.
func TestWire(t *testing.T) {
	a, b := wires(t)
	sent := []message{
		{verb: askStart},
		{verb: refused, text: "dir.yaml:3:5: port outside: no such device"},
		{verb: done},
		{verb: tellFailed, text: "two\nlines and  spaces "},
		{verb: tellFailed, text: strings.Repeat("x", 2*longest)},
	}
	got := b.listen()
	for _, want := range sent {
		if err := a.send(want); err != nil {
			t.Fatal(err)
		}
		want.text = want.text[:min(len(want.text), longest-len(want.verb)-1)]
		if m := <-got; m.verb != want.verb || m.text != want.text || m.files != nil {
			t.Errorf("not what was sent: %s, %d bytes", want.verb, len(want.text))
		}
	}
	a.close()
	if m, ok := <-got; ok {
		t.Errorf("%v from one that has ended", m)
	}
}

// What is no wire is said to be none.
func TestNoWire(t *testing.T) {
	for _, f := range []func() *os.File{
		func() *os.File { return os.NewFile(1000, "wire") },
		func() *os.File { f, _ := os.Open(os.DevNull); return f },
	} {
		if _, err := wireOf(f()); err == nil || !strings.HasPrefix(err.Error(), "join the two processes: ") {
			t.Errorf("%v", err)
		}
	}
}

func TestHello(t *testing.T) {
	h := &hello{
		Flags: conf.Flags{Config: "a.yaml", Lcores: []int{1}, ControlSocket: "/run/x", EAL: []string{"--log-level=8"}},
		Name:  "a.yaml", Text: []byte("ports: []\n\xff"), Again: true,
	}
	f, err := h.file()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := readHello(f)
	if err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("%+v, %v", got, err)
	}
	var text bytes.Buffer
	_ = json.NewEncoder(&text).Encode(h)
	if _, err := readHello(io.LimitReader(&text, 20)); err == nil {
		t.Error("half a hello is one")
	}
}

// What is open arrives whole, with files that are the sender's; or it is not to be, or the other has died.
func TestOpening(t *testing.T) {
	want := &opening{
		Board: []lcore.Segment{{Address: 1 << 44, Size: 7}, {Address: 1 << 45, Size: 8}},
		Ports: []opened{{Name: "outside", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, Tap: 7, Steering: "none"}}, Mark: "mark",
	}
	a, b := wires(t)
	send := func(text string, files ...*os.File) {
		t.Helper()
		m, err := want.message(files)
		if err == nil {
			m.text += text
			err = a.send(m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file := func(text string) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), "segment"))
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	send("", file("first"), file("second"))
	got, files, err := awaitOpening(b)
	if err != nil || !reflect.DeepEqual(got, want) || len(files) != 2 {
		t.Fatalf("%+v, %d files, %v", got, len(files), err)
	}
	for i, text := range []string{"first", "second"} {
		buffer := make([]byte, 10)
		if n, _ := files[i].ReadAt(buffer, 0); string(buffer[:n]) != text {
			t.Errorf("file %d has %q", i, buffer[:n])
		}
		_ = files[i].Close()
	}
	send("", file("first"))
	if got, _, err := awaitOpening(b); err == nil {
		t.Errorf("with a file too few: %+v", got)
	}
	send("x", file("first"), file("second"))
	if got, _, err := awaitOpening(b); err == nil {
		t.Errorf("with words that are none: %+v", got)
	}
	_ = a.send(message{verb: tellStop})
	if got, _, err := awaitOpening(b); got != nil || err != nil {
		t.Errorf("told to stop: %+v, %v", got, err)
	}
	a.close()
	if _, _, err := awaitOpening(b); !errors.Is(err, errAlone) {
		t.Errorf("by nobody: %v", err)
	}
}

// peerOf is control's end, served by answer as the workers' process would.
func peerOf(t *testing.T, answer func(message) message) (*peer, *wire) {
	t.Helper()
	ours, theirs := wires(t)
	p := newPeer(theirs, nil, nil)
	messages := ours.listen()
	go func() {
		for m := range messages {
			_ = ours.send(message{verb: tellReload}) // may come at any time
			_ = ours.send(answer(m))
		}
	}()
	return p, ours
}

// Control asks, and is told done or why not, whatever else it is told meanwhile; the end of the workers' process is its own.
func TestPeer(t *testing.T) {
	p, ours := peerOf(t, func(m message) message {
		if m.verb == askStart {
			return message{verb: refused, text: "port outside: no link"}
		}
		return message{verb: done}
	})
	if err := p.ask(askStart); err == nil || err.Error() != "port outside: no link" {
		t.Errorf("start: %v", err)
	}
	if err := p.ask(askRead); err != nil {
		t.Errorf("read: %v", err)
	}
	<-p.reload
	select {
	case <-p.stop:
		t.Error("told to stop")
	default:
	}
	ours.close()
	<-p.stop
	if err := p.ask(askRead); err == nil {
		t.Error("an answer of nobody")
	}
}

// What control must do it does in the order told.
func TestPeerStops(t *testing.T) {
	p, ours := peerOf(t, func(message) message { return message{verb: done} })
	_ = ours.send(message{verb: tellReload})
	_ = ours.send(message{verb: tellReload})
	_ = ours.send(message{verb: tellStop})
	<-p.stop
	<-p.reload
	if err := p.ask(askRead); err != nil {
		t.Errorf("while it ends: %v", err)
	}
}
