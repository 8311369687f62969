package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load is something that the clients do.
type load struct {
	name        string
	says        string
	connections func(*settings) int
	args        []string
}

var (
	requests    = load{"requests", "requests on connections that stay open", func(s *settings) int { return s.Connections }, nil}
	connections = load{"connections", "a connection for each request", func(s *settings) int { return s.Connections }, []string{"--header", "Connection: close"}}
	single      = load{"single", "one request at a time, on one connection", func(*settings) int { return 1 }, nil}
	loads       = []load{requests, connections, single}
)

// counted is what wrk saw, as load.lua prints it.
type counted struct {
	Requests int     `json:"requests"`
	Duration float64 `json:"duration_us"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	P999     float64 `json:"p999_us"`
	Failed   int     `json:"failed"`
}

// rate is in requests a second.
func (c counted) rate() float64 { return float64(c.Requests) / c.Duration * 1e6 }

// run lets the client work for a while.
func (l load) run(ctx context.Context, s *settings, site *site, length time.Duration) (c counted, err error) {
	open := l.connections(s)
	args := []string{
		"taskset", "-c", otherCPU, "wrk", "--threads", strconv.Itoa(min(open, len(reals))), "--connections", strconv.Itoa(open),
		"--duration", fmt.Sprintf("%ds", int(length.Seconds())), "--script", filepath.Join(configs, "load.lua"),
	}
	args = client.Command(append(append(args, l.args...), "http://"+site.target+"/")...)
	ctx, cancel := context.WithTimeout(ctx, length+patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = os.Environ()
	if site.target != virtual+":80" {
		addresses := make([]string, len(reals))
		for i, r := range reals {
			addresses[i] = r.address
		}
		cmd.Env = append(cmd.Env, "REALS="+strings.Join(addresses, " "))
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return c, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return parseLoad(string(out))
}

// parseLoad reads what wrk printed.
func parseLoad(out string) (c counted, err error) {
	_, line, found := strings.Cut(out, "JSON ")
	if !found {
		return c, fmt.Errorf("wrk printed no figures: %s", out)
	}
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&c); err != nil {
		return c, fmt.Errorf("wrk printed %q: %w", line, err)
	}
	if c.Requests == 0 || c.Duration == 0 {
		return c, fmt.Errorf("nobody answered: %s", out)
	}
	return c, nil
}
