package main

import (
	"strings"

	"linedirector/conf"
	"linedirector/flowtable"
	"linedirector/lcore"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

// sides are the configuration's, as workers name them.
var sides = map[conf.Side]lcore.Side{conf.SideBoth: lcore.Both, conf.SideClients: lcore.Clients, conf.SideReals: lcore.Reals}

// workerConfig turns flags and ports into what workers need.
func workerConfig(flags *conf.Flags, config *conf.Config) lcore.Config {
	c := lcore.Config{
		CPUs: flags.Lcores, Flows: flags.Flows, Sticky: flags.Sticky, Burst: flags.Burst, Mbufs: flags.Mbufs,
		RxDesc: flags.RxDesc, TxDesc: flags.TxDesc, NoHuge: flags.NoHuge, Adaptive: adaptive(flags.Poll, config), PuntRate: puntRates,
		MaxSlots: ruleset.Slots{Bindings: ruleset.MaxBindings, Reals: ruleset.MaxReals, Virtuals: ruleset.MaxVirtuals},
	}
	for _, p := range config.Ports {
		c.Ports = append(c.Ports, lcore.PortConfig{Device: p.Device, Side: sides[p.Side]})
	}
	return c
}

// adaptive is what --poll auto means: workers nap where every port is a virtual device.
func adaptive(poll conf.Poll, config *conf.Config) bool {
	if poll != conf.PollAuto {
		return poll == conf.PollAdaptive
	}
	for _, p := range config.Ports {
		if !p.Virtual() {
			return false
		}
	}
	return true
}

func devices(config *conf.Config) (out []string) {
	for _, p := range config.Ports {
		out = append(out, p.Device)
	}
	return out
}

// driver is a virtual device's, without its number: net_af_packet of net_af_packet0.
func driver(p conf.Port) string { return strings.TrimRight(p.DeviceName(), "0123456789") }

// memory is what EAL is told to take at the start, in MiB: what the operator says; else, without hugepages, where it
// cannot take more later, tables, mbufs, and room for the rest.
func memory(flags *conf.Flags, c lcore.Config) int {
	if !flags.NoHuge || flags.Memory > 0 {
		return flags.Memory
	}
	const rest = 96 << 20
	return (footprint(c)+rest)>>20 + 1
}

// footprint is what flow tables and mbufs take of EAL's memory, in bytes.
func footprint(c lcore.Config) int {
	const mbuf = 2560
	return len(c.CPUs)*flowtable.Size(c.Flows) + c.MostMbufs()*mbuf
}

// demand is all that a start takes, in bytes: what EAL is told to, or what it will take from hugepages as it goes, and sticky
// entries.
func demand(flags *conf.Flags, c lcore.Config) int64 {
	const rest = 16 << 20 // rings, devices, and what rounding to hugepages wastes
	return max(int64(memory(flags, c))<<20, int64(footprint(c)+rest)) + int64(sticky.Size(c.Sticky))
}
