package main

import "linedirector/perf/record"

// machine is what the figures were taken on, and of what.
type machine struct {
	record.Machine
	HasLinear bool `json:"kernel_has_tcp_syn_linear_timeouts"`
}

// inspect gathers what a reader needs to judge the figures.
func inspect(s *settings) (machine, error) {
	m, err := record.Inspect(s.invocation, map[string][]string{
		"linedirector": {s.director, "--version"}, "haproxy": {"haproxy", "-v"}, "nftables": {"nft", "--version"},
	})
	return machine{m, hasLinear()}, err
}
