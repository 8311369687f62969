package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"linedirector/perf/lab"
)

// result is what this command reads of the generator's.
type result struct {
	Requests direction `json:"requests"` // to the server
	Answers  direction `json:"answers"`  // and back
	Errors   struct {
		Behind uint64 `json:"behind"`
	} `json:"errors"`
}

type direction struct {
	Sent      uint64  `json:"sent"`
	PerSecond float64 `json:"received_per_second"`
	Lost      uint64  `json:"lost"`
	Latency   times   `json:"latency_us"`
}

// times are microseconds.
type times struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`

	P9999  float64 `json:"p99_99"`
	P99999 float64 `json:"p99_999"`
	Max    float64 `json:"max"`
}

// disturbed tells whether a twentieth of the requests could not be sent in time.
func (r *result) disturbed() bool { return r.Errors.Behind > (r.Requests.Sent+r.Errors.Behind)/20 }

func (r *result) String() string {
	there, back := &r.Requests.Latency, &r.Answers.Latency
	return fmt.Sprintf("%.2f M requests/s, there p50 %.1f, p99 %.1f, p99.9 %.1f µs, and back %.1f, %.1f, %.1f; %d of %d lost, %d unsent",
		r.Requests.PerSecond/1e6, there.P50, there.P99, there.P999, back.P50, back.P99, back.P999, r.Answers.Lost, r.Requests.Sent, r.Errors.Behind)
}

// warmUp is long enough for the generator's line a second to tell that it has begun.
const (
	warmUp  = 2 * time.Second
	warming = "warming up"
)

// generate runs the generator through to its result, then ends what is between and the generator.
func generate(s *settings, machine lab.Namespace, dir string, p *program, rate uint64, between *lab.Process) (r result, err error) {
	file := filepath.Join(dir, "result.json")
	args := []string{
		"taskset", "--cpu-list", strconv.Itoa(s.control), "nice", "--adjustment=-20", // control's threads have -15
		s.generator, "--lcore", strconv.Itoa(s.control), "--client-device", memif(dir, "c", "client"), "--server-device", memif(dir, "s", "client"),
		"--virtual", virtual, "--servers", servers, "--answer", router, "--flows", strconv.Itoa(s.flows), "--open-rate", "500000",
		"--rate", strconv.FormatUint(rate, 10), "--echo", "--warm-up", warmUp.String(), "--duration", s.window.String(), "--progress", "--json", file, "--linger",
	}
	if !p.routes {
		args = append(args, "--next-hop", "02:00:00:00:00:01")
	}
	generator, err := machine.Start(nil, args...)
	if err != nil {
		return r, err
	}
	defer generator.Stop()
	err = generator.Await(context.Background(), patience, func(context.Context) error {
		if !strings.Contains(generator.Printed(), warming) {
			return errors.New("it does not send yet")
		}
		return between.Err()
	})
	if err != nil {
		return r, err
	}
	if p.quiet {
		control, err := controlOf(between.PID())
		if err != nil {
			return r, err
		}
		back, err := quieten(control, s.control)
		if err != nil {
			return r, err
		}
		defer back() // before it is told to stop
	}
	select { // not to look, on either CPU, while it measures
	case <-generator.Ended():
	case <-time.After(s.window + warmUp):
	}
	err = generator.Await(context.Background(), patience+s.window, func(context.Context) error {
		if err := between.Err(); err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &r) // an error while it is being written
	})
	between.Stop()
	if err == nil && r.Requests.Sent == 0 {
		err = errors.New("the generator sent nothing")
	}
	return r, err
}
