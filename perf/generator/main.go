// Command generator plays clients and servers towards a director (make generator): floods of UDP or TCP over many flows, or
// connections opened, used and closed; it measures rate, loss and latency. It drives DPDK devices by the project's own
// dpdk package from one core, and needs no NIC: virtual devices will do. docs/generator.md says how to use it.
//
//	flags.go    what the command line says
//	devices.go  DPDK, ports, mbufs
//	loop.go     the one loop that sends and receives
//	progress.go a line a second, for a person who waits
//	report.go   what was measured: JSON, and a table
//	traffic/    the clients and servers, as pure Go
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/pflag"

	"linedirector/dpdk"
	"linedirector/perf/generator/traffic"
)

// version is the build's, set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status: 0 when it measured, 1 when it could not, 2 for a wrong command line.
func run(args []string, stdout, stderr io.Writer) int {
	s, err := parseFlags(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(stdout, help())
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "generator:", err)
		return 2
	case s.version:
		fmt.Fprintln(stdout, "generator", version)
		return 0
	}
	runtime.LockOSThread() // EAL's main lcore
	if err := leave(s.control); err != nil {
		fmt.Fprintln(stderr, "generator:", err)
		return 1
	}
	if err := measure(s, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "generator:", err)
		return 1
	}
	return 0
}

// measure starts DPDK, plays, and reports.
func measure(s *settings, stdout, stderr io.Writer) (err error) {
	if err := dpdk.Init(s.ealArgs()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dpdk.Cleanup()) }()
	return play(s, stderr, func(r *report) error {
		if err := r.writeFile(s.json, stdout); err != nil || s.json == "-" {
			return err
		}
		_, err := io.WriteString(stdout, r.table())
		return err
	})
}

// play runs the whole course on open devices, and hands the report out before it closes them.
func play(s *settings, stderr io.Writer, publish func(*report) error) error {
	d, err := openDevices(s)
	if err != nil {
		return err
	}
	defer d.close()
	c := s.traffic
	c.MAC, c.Hz = d.macs(), dpdk.TSCHz()
	player, err := traffic.NewPlayer(c)
	if err != nil {
		return err
	}
	if err := d.start(stderr); err != nil {
		return err
	}
	// A collection would hold the loop up. What is allocated from here on is a line of text a second.
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	l := newLoop(s, d, player)
	if err := l.start(); err != nil {
		return err
	}
	watch(s, l, interrupted, stderr)
	if err := player.Err(); err != nil {
		return err
	}
	if err := publish(newReport(s, d, l)); err != nil || !s.linger {
		return err
	}
	fmt.Fprintln(stderr, "generator: idle; end the director, then interrupt me")
	<-interrupted
	return nil
}
