package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"linedirector/perf/lab"
	"linedirector/perf/record"
)

// program is one of those that stand between the memifs.
type program struct {
	name   string
	says   string // one line for the reader of a table
	routes bool   // asks for addresses, as the director does
	quiet  bool   // its threads on the generator's CPU run only when nobody else wants to, while it is measured
	args   func(s *settings, dir string) ([]string, error)
}

// programs begin with the director. The last one is what it is compared with.
var programs = []program{
	{"linedirector", "one worker that polls all the time (`--poll busy`)", true, false, directorArgs},
	{"the worker alone", "the same, while control's process gets no time on the generator's CPU (`SCHED_IDLE`)", true, true, directorArgs},
	{"testpmd io", "frames from one memif to the other as they are", false, false, testpmdArgs("io")},
	{"testpmd macswap", "the same, with their MAC addresses swapped", false, false, testpmdArgs("macswap")},
}

// socket is a memif's, of clients (c) or servers (s).
func socket(dir, side string) string { return filepath.Join(dir, side+".sock") }

// memif is a device.
func memif(dir, side, role string) string {
	number := map[string]int{"c": 0, "s": 1}[side]
	return fmt.Sprintf("net_memif%d,role=%s,socket=%s,socket-abstract=no", number, role, socket(dir, side))
}

// The director's side of the lab: clients are routed by an address that the generator answers for.
const (
	virtual = "192.0.2.10:7"
	servers = "10.0.0.8/29"
	router  = "192.0.2.254"
)

func directorArgs(s *settings, dir string) ([]string, error) {
	config := filepath.Join(dir, "director.yaml")
	text := fmt.Sprintf(`ports:
  - {name: outside, device: %q, addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: %q, addresses: [10.0.0.1/24], side: reals}
routes:
  - {to: 198.18.0.0/16, via: %s}
reals:
  - {name: a, address: 10.0.0.11, port: 8080}
  - {name: b, address: 10.0.0.12, port: 8080}
virtuals:
  - {name: echo, address: 192.0.2.10, port: 7, protocol: udp, reals: [a, b]}
`, memif(dir, "c", "server"), memif(dir, "s", "server"), router)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return []string{
		s.director, "--config", config, "--poll", "busy", "--metrics", "off", "--control-socket", filepath.Join(dir, "control"),
		"--lcores", strconv.Itoa(s.worker), "--control-lcores", strconv.Itoa(s.control), "--flows", strconv.Itoa(2 * s.flows),
	}, nil
}

func testpmdArgs(mode string) func(*settings, string) ([]string, error) {
	return func(s *settings, dir string) ([]string, error) {
		return []string{
			"nice", "--adjustment=-15", "dpdk-testpmd", // as the director gives itself
			"--lcores", fmt.Sprintf("0@%d,1@%d", s.control, s.worker), "--no-pci", "--in-memory", "--no-telemetry", "--log-level", "3",
			"--vdev", memif(dir, "c", "server"), "--vdev", memif(dir, "s", "server"),
			"--", "--forward-mode=" + mode, "--nb-cores=1", "--burst=32", "--total-num-mbufs=32768", "--auto-start", "--stats-period=1000",
		}, nil
	}
}

// patience is how long a program may take to start, and the generator to come through besides what it measures.
const patience = 60 * time.Second

// measure starts a program anew, sends through it at a rate, as fast as it goes if that is 0, and ends it before the
// generator: DPDK's memif does not survive that its peer goes while it polls.
func measure(s *settings, machine lab.Namespace, p *program, rate uint64) (result, error) {
	done, err := record.Turn(s.lock)
	if err != nil {
		return result{}, err
	}
	defer done()
	dir, err := place.Temp()
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	args, err := p.args(s, dir)
	if err != nil {
		return result{}, err
	}
	between, err := machine.Start(nil, args...)
	if err != nil {
		return result{}, err
	}
	defer between.Stop()
	err = between.Await(context.Background(), patience, func(context.Context) error {
		if p.routes && !strings.Contains(between.Printed(), "ready") {
			return errors.New("it does not say that it is")
		}
		_, clients := os.Stat(socket(dir, "c"))
		_, servers := os.Stat(socket(dir, "s"))
		return errors.Join(clients, servers)
	})
	if err != nil {
		return result{}, err
	}
	return generate(s, machine, dir, p, rate, between)
}
