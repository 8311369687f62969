// Command linedirector is the director: two processes of this program, until it is told to stop. The workers' process, which
// the operator starts, has ports, taps and workers; it starts control's, and starts it again if that dies. They share memory
// (lcore.Board) and a socket (wire). docs/design/0013-two-processes.md says why.
//
//	main.go      flags, configuration, exit code
//	director.go  the workers' process: the order in which everything is opened, and closed again
//	workers.go   flags and ports as workers need them
//	taps.go      the kernel's side of the ports
//	overseer.go  control's process, as the workers' process starts it, serves it and starts it again
//	process.go   which CPUs, what priority and how much garbage collection each process has
//
//	hello.go     what control is told at its start, and once ports are open
//	wire.go      what the two tell each other later
//
//	control.go   control's process: the order in which everything is opened, and closed again
//	peer.go      the workers' process, as control knows it
//	loops.go     the workers, as control and its socket know them
//	entries.go   sticky entries, likewise
//	ports.go     the devices, as the control socket shows them
//	readings.go  what metrics show
//
//	doctor.go    linedirector doctor: what to change on the machine
//	log.go       how both log
package main

import (
	"fmt"
	"os"
	"time"

	"linedirector/conf"
	"linedirector/dpdk"
)

// version is set by the linker (make build).
var version = "unreleased"

func main() {
	if os.Args[0] == controlName {
		os.Exit(runControl())
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "linedirector:", err)
		os.Exit(1)
	}
}

// run does all that the process does; its error is the last line that the operator sees.
func run(args []string) error {
	flags, err := conf.ParseFlags(args, os.Stdout)
	if err != nil {
		return err
	}
	switch {
	case flags.Help:
		return nil
	case flags.Version:
		fmt.Printf("linedirector %s, %s\n", version, dpdk.Version())
		return nil
	}
	if flags.Doctor {
		return examine(flags)
	}
	name, text, err := conf.Read(flags.Config, os.Stdin)
	switch {
	case err != nil:
		return orLastGood(err, flags)
	case flags.Check:
		return check(name, text)
	}
	log, err := newLog(flags.LogLevel, flags.LogFormat)
	if err != nil {
		return err
	}
	return direct(flags, name, text, log)
}

// check reads a configuration, and does no more.
func check(name string, text []byte) error {
	config, err := conf.Parse(name, text)
	if err == nil {
		fmt.Printf("%s: good: %d ports, %d virtuals, %d reals\n",
			config.Name, len(config.Ports), len(config.Virtuals), len(config.Reals))
	}
	return err
}

// orLastGood says with what the director can be started when its file is broken.
func orLastGood(err error, flags *conf.Flags) error {
	if flags.LastGood == "" || flags.LastGood == flags.Config || flags.Check {
		return err
	}
	if good, stat := os.Stat(flags.LastGood); stat == nil {
		return fmt.Errorf("%w\nthe configuration that was applied last, at %s, is in %s: start with --config %[3]s to go on with it",
			err, good.ModTime().Format(time.DateTime), flags.LastGood)
	}
	return err
}
