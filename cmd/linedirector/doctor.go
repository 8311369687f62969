package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"linedirector/conf"
	"linedirector/control/doctor"
	"linedirector/control/kernel"
	"linedirector/dpdk"
	"linedirector/lcore"
)

// examine says what to change on the machine before a start with these flags. It changes nothing itself. A problem is
// an error.
func examine(flags *conf.Flags) error {
	m := doctor.Machine{
		Root: os.DirFS("/"), User: os.Geteuid(), Flags: flags, Rings: kernel.Rings, MaxMTU: lcore.MaxMTU,
	}
	var found []doctor.Finding
	ports := &conf.Config{Ports: make([]conf.Port, 2)} // unknown: two NICs
	if flags.Config != "" {
		config, err := conf.Load(flags.Config, os.Stdin)
		if err != nil {
			found = append(found, doctor.Finding{
				Level: doctor.Problem, Topic: "configuration", What: oneLine(err).Error(), Do: "mend it: nothing starts with it; no port was looked at",
			})
		} else {
			m.Config, ports = config, config
		}
	}
	m.Memory, m.Adaptive = demand(flags, workerConfig(flags, ports)), adaptive(flags.Poll, ports)
	if m.Config != nil {
		m.Devices = devicesOf(flags, m.Config)
	}
	found = append(found, doctor.Examine(m)...)

	write := func() error { return doctor.Text(os.Stdout, found, terminalWidth(os.Stdout)) }
	if flags.JSON {
		write = func() error { return doctor.JSON(os.Stdout, found) }
	}
	if err := write(); err != nil {
		return err
	}
	switch n := doctor.Count(found, doctor.Problem); n {
	case 0:
		return nil
	case 1:
		return errors.New("1 problem: the start fails, or costs much")
	default:
		return fmt.Errorf("%d problems: the start fails, or costs much", n)
	}
}

// devicesOf asks DPDK about ports on NICs. Virtual devices are not made: that would take an interface's frames from a
// director that runs on it.
func devicesOf(flags *conf.Flags, config *conf.Config) map[int]doctor.Device {
	nics := &conf.Config{}
	for _, p := range config.Ports {
		if !p.Virtual() {
			nics.Ports = append(nics.Ports, p)
		}
	}
	if len(nics.Ports) == 0 || os.Geteuid() != 0 {
		return nil
	}
	runtime.LockOSThread() // EAL's main lcore is this thread
	err := dpdk.Init(lcore.EALArgs(lcore.EALConfig{
		ControlCPU: flags.ControlLcores[0], Devices: devices(nics), NoHuge: flags.NoHuge,
		Prefix: prefix + strconv.Itoa(os.Getpid()), Extra: flags.EAL,
	}))
	if err == nil {
		defer func() { _ = dpdk.Cleanup() }() // the process ends
	}
	all := map[int]doctor.Device{}
	for i, p := range config.Ports {
		switch {
		case p.Virtual():
		case err != nil:
			all[i] = doctor.Device{Err: err}
		default:
			all[i] = deviceOf(p, len(flags.Lcores))
		}
	}
	return all
}

// deviceOf is what DPDK says of one.
func deviceOf(p conf.Port, workers int) doctor.Device {
	id, err := dpdk.PortByName(p.Device)
	if err != nil {
		return doctor.Device{Err: err}
	}
	info, err := dpdk.Info(id)
	if err != nil {
		return doctor.Device{Err: err}
	}
	return doctor.Device{
		MaxRxQueues: info.MaxRxQueues, MaxTxQueues: info.MaxTxQueues, MaxRxDesc: info.RxDescMax,
		Steerable: lcore.Steerable(info, workers),
	}
}

// terminalWidth is in characters, 0 if the file is no terminal.
func terminalWidth(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
