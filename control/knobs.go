package control

import "linedirector/conf"

// knobs are what an operator may turn while the director runs. What is turned holds until the configuration itself says
// something else than before.
type knobs struct{ weight, maxConns, load int }

func knobsOf(c *conf.Real) knobs { return knobs{c.Weight, c.MaxConns, c.Load} }

// configure takes over what the configuration has changed since it was read last.
func (r *real) configure() {
	is := knobsOf(&r.conf)
	r.were = r.knobs
	for _, k := range []struct {
		was, holds *int
		is         int
	}{
		{&r.file.weight, &r.weight, is.weight}, {&r.file.maxConns, &r.maxConns, is.maxConns}, {&r.file.load, &r.load, is.load},
	} {
		if *k.was != k.is {
			*k.was, *k.holds = k.is, k.is
		}
	}
}

// overrides names what an operator has turned.
func (r *real) overrides() (names []string) {
	for _, k := range []struct {
		name       string
		file, live int
	}{
		{"weight", r.file.weight, r.weight}, {"maxconns", r.file.maxConns, r.maxConns}, {"load", r.file.load, r.load},
	} {
		if k.file != k.live {
			names = append(names, k.name)
		}
	}
	return names
}

// realsWeight says that a virtual gives a real no weight of its own.
const realsWeight = -1

// ownWeight is what a virtual gives its k-th real.
func ownWeight(c *conf.Virtual, k int) int {
	if k >= len(c.Weights) {
		return realsWeight
	}
	return c.Weights[k]
}
