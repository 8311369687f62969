package events

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
)

func numbers(all []Event) (seqs []uint64) {
	for _, e := range all {
		seqs = append(seqs, e.Seq)
	}
	return seqs
}

func TestSince(t *testing.T) {
	for _, tt := range []struct {
		kept, added int
		since       uint64
		want        string
	}{
		{4, 0, 0, "[]"},
		{4, 3, 0, "[1 2 3]"},
		{4, 3, 2, "[3]"},
		{4, 3, 3, "[]"},
		{4, 3, 9, "[]"},
		{4, 4, 0, "[1 2 3 4]"},
		{4, 5, 0, "[2 3 4 5]"},
		{4, 11, 0, "[8 9 10 11]"},
		{4, 11, 9, "[10 11]"},
		{1, 3, 0, "[3]"},
		{0, 3, 0, "[3]"},
	} {
		j := New(tt.kept)
		for i := range tt.added {
			if seq := j.Add(Event{Real: fmt.Sprint(i + 1)}); seq != uint64(i+1) {
				t.Errorf("event %d got number %d", i+1, seq)
			}
		}
		got := j.Since(tt.since)
		if fmt.Sprint(numbers(got)) != tt.want {
			t.Errorf("kept %d, added %d, since %d: %v, want %s", tt.kept, tt.added, tt.since, numbers(got), tt.want)
		}
		for _, e := range got {
			if e.Real != fmt.Sprint(e.Seq) {
				t.Errorf("number %d holds event %s", e.Seq, e.Real)
			}
		}
		if j.Last() != uint64(tt.added) {
			t.Errorf("last %d of %d", j.Last(), tt.added)
		}
	}
}

func TestFollow(t *testing.T) {
	j := New(4)
	for range 6 {
		j.Add(Event{})
	}
	f := j.Follow(0)
	defer f.Close()
	buf := make([]Event, 3)
	read := func(wantSeqs string, wantLost uint64) {
		t.Helper()
		n, lost := f.Read(buf)
		if got := fmt.Sprint(numbers(buf[:n])); got != wantSeqs || lost != wantLost {
			t.Errorf("read %s, lost %d; want %s, %d", got, lost, wantSeqs, wantLost)
		}
	}
	read("[3 4 5]", 0) // what was gone before is no loss of the follower's
	read("[6]", 0)
	read("[]", 0)
	select {
	case <-f.Ready():
		t.Error("ready although nothing was added")
	default:
	}
	j.Add(Event{})
	j.Add(Event{})
	<-f.Ready()
	read("[7 8]", 0)
	select {
	case <-f.Ready():
		t.Error("ready twice for what was read at once")
	default:
	}
	for range 7 {
		j.Add(Event{})
	}
	read("[12 13 14]", 3)
	read("[15]", 0)
}

// A journal that goes on from a lost one has none of its events, and no number twice.
func TestContinue(t *testing.T) {
	j := Continue(3, 5)
	if got := j.Since(0); len(got) != 0 || j.Last() != 5 {
		t.Fatalf("it begins with %v, the last %d", got, j.Last())
	}
	f, late := j.Follow(2), j.Follow(0)
	defer f.Close()
	defer late.Close()
	for range 2 {
		j.Add(Event{})
	}
	if got := fmt.Sprint(numbers(j.Since(0)), numbers(j.Since(4)), numbers(j.Since(6)), numbers(j.Since(7))); got != "[6 7] [6 7] [7] []" {
		t.Error(got)
	}
	buf := make([]Event, 4)
	if n, lost := f.Read(buf); n != 2 || buf[0].Seq != 6 || lost != 0 {
		t.Errorf("read %d from %d, lost %d", n, buf[0].Seq, lost)
	}
	for range 2 {
		j.Add(Event{})
	}
	if n, lost := late.Read(buf); fmt.Sprint(numbers(buf[:n]), lost) != "[7 8 9] 1" {
		t.Errorf("read %v, lost %d", numbers(buf[:n]), lost)
	}
}

func TestFollowFromTheEnd(t *testing.T) {
	j := New(4)
	j.Add(Event{})
	f := j.Follow(1)
	j.Add(Event{})
	<-f.Ready()
	buf := make([]Event, 4)
	if n, lost := f.Read(buf); n != 1 || buf[0].Seq != 2 || lost != 0 {
		t.Errorf("read %d, %d, lost %d", n, buf[0].Seq, lost)
	}
	f.Close()
	j.Add(Event{})
	select {
	case <-f.Ready():
		t.Error("woken after Close")
	default:
	}
	if len(j.followers) != 0 {
		t.Errorf("%d followers are remembered after Close", len(j.followers))
	}
}

// Everybody who keeps up reads everything, in order, while several add.
func TestConcurrent(t *testing.T) {
	const adders, each, followers = 4, 500, 8
	j := New(adders * each)
	var adding, reading sync.WaitGroup
	for range followers {
		f := j.Follow(0)
		reading.Go(func() {
			defer f.Close()
			buf := make([]Event, 16)
			for want := uint64(1); want <= adders*each; {
				n, lost := f.Read(buf)
				for _, e := range buf[:n] {
					if e.Seq != want || lost != 0 {
						t.Errorf("read %d, want %d; lost %d", e.Seq, want, lost)
						return
					}
					want++
				}
				if n == 0 {
					<-f.Ready()
				}
			}
		})
	}
	for range adders {
		adding.Go(func() {
			for range each {
				j.Add(Event{})
			}
		})
	}
	adding.Wait()
	reading.Wait()
}

func TestNoAllocation(t *testing.T) {
	j := New(16)
	f := j.Follow(0)
	defer f.Close()
	buf := make([]Event, 4)
	if n := testing.AllocsPerRun(100, func() { j.Add(Event{Real: "a"}); f.Read(buf) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func TestText(t *testing.T) {
	e := Event{Kind: State, Real: "a", From: "in-service", To: "failed", Cause: "threshold reached"}
	for _, tt := range []struct {
		numbers Numbers
		want    string
	}{
		{Numbers{8, 8, 6, 2, 12}, "real a: in-service → failed: threshold reached (ditched 8/8: 6 by silence, 2 by reset; 12 connections open)"},
		{Numbers{Threshold: 8, Connections: 1}, "real a: in-service → failed: threshold reached (1 connection open)"},
		{Numbers{Threshold: 8}, "real a: in-service → failed: threshold reached"},
	} {
		e.Numbers = tt.numbers
		if got := e.Text(); got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
	e.Cause = ""
	if got := e.Text(); got != "real a: in-service → failed" {
		t.Error(got)
	}
}

func TestJSON(t *testing.T) {
	e := Event{7, time.Date(2025, 11, 25, 3, 4, 5, 6e6, time.UTC), State, "a", "failed", "testing", "retry timer", Numbers{8, 8, 6, 2, 0}}
	const want = `{"seq":7,"time":"2025-11-25T03:04:05.006Z","kind":"state","real":"a","from":"failed","to":"testing","cause":"retry timer",` +
		`"numbers":{"ditched":8,"threshold":8,"by_silence":6,"by_reset":2,"connections":0}}`
	got, err := json.Marshal(e)
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
}

func BenchmarkAdd(b *testing.B) {
	j := New(Kept)
	for range 32 {
		defer j.Follow(0).Close()
	}
	for b.Loop() {
		j.Add(Event{Real: "a"})
	}
}
