package control

import (
	"time"

	"linedirector/conf"
	"linedirector/lcore/ruleset"
)

// predictors are the configuration's, as workers number them.
var predictors = map[conf.Predictor]ruleset.Predictor{
	conf.LeastConns: ruleset.LeastConns,
	conf.RoundRobin: ruleset.RoundRobin,
	conf.Weighted:   ruleset.Weighted,
	conf.Fastest:    ruleset.Fastest,
	conf.Loaded:     ruleset.Loaded,
	conf.Hash:       ruleset.Hash,
	conf.P2C:        ruleset.P2C,
}

// predict says what the predictor of a tier, whose reals a virtual names, is to go by. The length of a hash table goes by
// the reals that are configured, not by those in service: it must not change when one fails.
func (d *Director) predict(t *ruleset.TierSource, of *virtual) {
	switch t.Predictor {
	case ruleset.Fastest:
		t.Aging = ruleset.NewAging(d.beats(of.conf.Aging), d.clock.ticks(time.Second))
		for _, members := range [][]ruleset.Member{t.Members, t.StandIns} {
			for _, m := range members {
				d.measured = max(d.measured, uint32(m.Real))
			}
		}
	case ruleset.Hash:
		t.ByPort = of.conf.Hash.Of == conf.HashEndpoint
		if t.Table = uint32(of.conf.Hash.Table); t.Table == 0 {
			t.Table = ruleset.TableSize(len(of.conf.Reals))
		}
	}
}

// unmeasured lets no worker go by what was measured of a slot's former real.
func (d *Director) unmeasured(r *real) {
	for _, c := range d.workers.Counts() {
		for was := c.Sample(r.slot); was != 0 && !c.Inform(r.slot, was, 0); {
			was = c.Sample(r.slot)
		}
	}
}
