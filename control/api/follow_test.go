package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"linedirector/control/api"
	"linedirector/control/events"
)

var errEnough = errors.New("enough")

// follow reads events until it has seen as many as wanted, in order from first.
func follow(s *site, since, first uint64, wanted int) error {
	c := api.NewClient(s.Path())
	defer c.Close()
	next := first
	err := c.Events(s.t.Context(), since, true, func(e api.Event) error {
		if e.Seq != next {
			return fmt.Errorf("event %d, want %d", e.Seq, next)
		}
		if e.Text == "" || e.Text != e.Event.Text() {
			return fmt.Errorf("event %d says %q", e.Seq, e.Text)
		}
		if next++; next == first+uint64(wanted) {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func TestEvents(t *testing.T) {
	s := serve(t)
	c := api.NewClient(s.Path())
	defer c.Close()
	for since, want := range map[uint64]string{0: "[1 2]", 1: "[2]", 2: "[]"} {
		var got []uint64
		err := c.Events(t.Context(), since, false, func(e api.Event) error { got = append(got, e.Seq); return nil })
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("since %d: %v, %v; want %s", since, got, err, want)
		}
	}
}

// Each event comes as it is added, before the next one is.
func TestFollowOneByOne(t *testing.T) {
	s := serve(t)
	answer, err := s.http.Get("http://ld/v1/events?since=2&follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	for seq := uint64(3); seq < 10; seq++ {
		s.backend.Log.Add(events.Event{Kind: events.State, Real: "web1", From: api.Failed, To: api.Testing})
		line, err := lines.ReadString('\n')
		var e api.Event
		if err != nil || json.Unmarshal([]byte(line), &e) != nil || e.Seq != seq {
			t.Fatalf("%q, %v; want event %d", line, err, seq)
		}
	}
}

func TestManyFollowers(t *testing.T) {
	s := serve(t)
	const each, followers = 300, 32
	var following sync.WaitGroup
	for i := range followers {
		since := uint64(i % 3)
		following.Go(func() {
			if err := follow(s, since, since+1, each+2-int(since)); err != nil {
				t.Errorf("since %d: %v", since, err)
			}
		})
	}
	until(t, "all followers", func() bool { return s.Followers() == followers })
	if status, text := s.ask("GET", "/v1/events?follow=1", ""); status != http.StatusServiceUnavailable || !strings.Contains(text, "32 clients follow already") {
		t.Errorf("one too many: %d %s", status, text)
	}
	for range each {
		s.backend.Log.Add(events.Event{Kind: events.State, Real: "web1"})
	}
	following.Wait()
	until(t, "the followers' end", func() bool { return s.Followers() == 0 })
	if err := follow(s, 0, 1, 1); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A follower outlives the time that a request may take.
func TestFollowLong(t *testing.T) {
	s := serveWith(t, zap.NewNop(), api.Production.Within(0.02, 0.05))
	done := make(chan error, 1)
	go func() { done <- follow(s, 2, 3, 4) }()
	until(t, "the follower", func() bool { return s.Followers() == 1 })
	for range 4 {
		select {
		case err := <-done:
			t.Fatalf("ended early: %v", err)
		case <-time.After(100 * time.Millisecond): // more than any of the limits
		}
		s.backend.Log.Add(events.Event{Kind: events.State, Real: "web1"})
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCloseWhileFollowing(t *testing.T) {
	s := serve(t)
	path := s.Path()
	const followers = 8
	ended := make(chan error, followers)
	for range followers {
		go func() {
			c := api.NewClient(path)
			defer c.Close()
			ended <- c.Events(t.Context(), 0, true, func(api.Event) error { return nil })
		}()
	}
	until(t, "all followers", func() bool { return s.Followers() == followers })
	begun := time.Now()
	s.close()
	for range followers {
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "the director at "+path+" stopped") {
			t.Errorf("%v", err)
		}
	}
	if took := time.Since(begun); took > 900*time.Millisecond {
		t.Errorf("Close took %v: it waited for followers", took)
	}
}

// A client that leaves is let go, without a word in the log.
func TestLeave(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	s := serveWith(t, zap.New(core), api.Production)
	ctx, cancel := context.WithCancel(t.Context())
	c := api.NewClient(s.Path())
	defer c.Close()
	err := c.Events(ctx, 0, true, func(e api.Event) error {
		if e.Seq == 2 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	until(t, "its end", func() bool { return s.Followers() == 0 })
	if logged.Len() > 0 {
		t.Errorf("%v", logged.All())
	}
}

// A reader that lags by more than the journal keeps is dropped, and told so by the last line.
func TestLaggingReader(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	s := serveWith(t, zap.New(core), api.Production)
	answer, err := s.http.Get("http://ld/v1/events?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	fill(s, func() bool { return false }, 5*events.Kept)
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	last := text[strings.LastIndexByte(strings.TrimSpace(string(text)), '\n')+1:]
	var said api.Error
	if err := json.Unmarshal(last, &said); err != nil || !strings.HasPrefix(said.Problem, "too slow: the ") || said.Mend == "" {
		t.Errorf("the last line is %s, %v", last, err)
	}
	if logged.FilterMessageSnippet("too slow").FilterFieldKey("why").Len() != 1 {
		t.Errorf("%v", logged.All())
	}
}

// A reader that takes nothing any more is cut, and the log tells.
func TestStuckReader(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	s := serveWith(t, zap.New(core), api.Production.Within(5, 0.1))
	answer, err := s.http.Get("http://ld/v1/events?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	dropped := func() bool { return logged.FilterMessageSnippet("too slow").Len() == 1 }
	fill(s, dropped, events.Kept-10) // it misses nothing, but there is no getting rid of it
	until(t, "word in the log", dropped)
	until(t, "its end", func() bool { return s.Followers() == 0 })
}

// fill adds long events; a few hundred of them fill a socket.
func fill(s *site, enough func() bool, n int) {
	long := strings.Repeat("because ", 100)
	for i := 0; i < n && !enough(); i++ {
		s.backend.Log.Add(events.Event{Kind: events.State, Real: "web1", Cause: long})
	}
}
