package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// outcome is what became of a connection.
type outcome string

// What a client may see. All but ok are lost connections.
const (
	ok             outcome = "ok"
	connectTimeout outcome = "connect-timeout" // not connected by the deadline
	answerTimeout  outcome = "answer-timeout"  // connected, but no answer by the deadline
	refused        outcome = "refused"         // a RST answered the SYN
	reset          outcome = "reset"           // a RST after that
	unreachable    outcome = "unreachable"     // an ICMP error answered the SYN
	short          outcome = "short"           // closed before the answer was there
	failed         outcome = "failed"          // on the client's own machine: the case says nothing
)

// sample is one connection of the client. Times are in nanoseconds.
type sample struct {
	Start   time.Duration `json:"s"`           // since the client began
	Connect time.Duration `json:"c,omitempty"` // until connected; 0: never
	Total   time.Duration `json:"t"`           // until the end of the answer, or until it was lost
	Outcome outcome       `json:"o"`
	Real    string        `json:"r,omitempty"` // who answered
}

// load is the client's program. It prints the time when it begins, in nanoseconds since 1970, and, when its last
// connection has ended, all samples as JSON. Its rate is kept however slow connections are.
func load(args []string) error {
	if len(args) != 4 {
		return errors.New("usage: rescue client ENDPOINT COUNT INTERVAL DEADLINE")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	interval, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	deadline, err := time.ParseDuration(args[3])
	if err != nil {
		return err
	}
	begin := time.Now()
	fmt.Println(begin.UnixNano())
	samples := make([]sample, count)
	var open sync.WaitGroup
	for i := range samples {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * interval)))
		open.Go(func() { samples[i] = connect(args[0], begin, deadline) })
	}
	open.Wait()
	out := bufio.NewWriter(os.Stdout)
	if err := json.NewEncoder(out).Encode(samples); err != nil {
		return err
	}
	return out.Flush()
}

// connect is one connection from its opening to its end.
func connect(address string, begin time.Time, deadline time.Duration) (s sample) {
	start := time.Now()
	s.Start = start.Sub(begin)
	defer func() { s.Total = time.Since(start) }()
	dialer := net.Dialer{Deadline: start.Add(deadline), KeepAlive: -1}
	conn, err := dialer.Dial("tcp4", address)
	if err != nil {
		s.Outcome = classify(err, false)
		return s
	}
	s.Connect = time.Since(start)
	defer conn.Close()
	_ = conn.SetDeadline(start.Add(deadline))
	if _, err := conn.Write([]byte(request)); err != nil {
		s.Outcome = classify(err, true)
		return s
	}
	text, err := io.ReadAll(io.LimitReader(conn, 64))
	switch {
	case err != nil:
		s.Outcome = classify(err, true)
	case !strings.HasSuffix(string(text), "\n"):
		s.Outcome = short
	default:
		s.Outcome, s.Real = ok, strings.TrimSpace(string(text))
	}
	return s
}

// classify says what an error of a connection means.
func classify(err error, connected bool) outcome {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && !connected:
		return refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNREFUSED):
		return reset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return unreachable
	case errors.As(err, &timeout) && timeout.Timeout() && connected:
		return answerTimeout
	case errors.As(err, &timeout) && timeout.Timeout():
		return connectTimeout
	}
	fmt.Fprintln(os.Stderr, err)
	return failed
}
