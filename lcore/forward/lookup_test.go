package forward

import (
	"testing"

	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// beside adds a virtual like the first one, changed, whose members are these reals.
func beside(slot uint16, edit func(*ruleset.VirtualSource), reals ...uint16) func(*world) {
	return change(func(s *ruleset.Source) {
		v := s.Virtuals[0]
		v.Slot, v.Members = slot, nil
		for _, r := range reals {
			v.Members = append(v.Members, ruleset.Member{Binding: 10*uint32(slot) + uint32(r), Real: r, Weight: 1})
		}
		edit(&v)
		s.Virtuals = append(s.Virtuals, v)
	})
}

// classed has clients of 198.51.100.0/24 in class 5.
var classed = change(func(s *ruleset.Source) {
	s.Classes = []ruleset.Class{{Prefix: 0xc6336400, Bits: 24, Class: 5}}
})

var secured = change(func(s *ruleset.Source) { s.Secure = true })

// TestLookup: which virtual a packet is for (SPEC.md section 1).
func TestLookup(t *testing.T) {
	ofClass := func(v *ruleset.VirtualSource) { v.Class = 5 }
	everyPort := func(v *ruleset.VirtualSource) { v.Port = 0 }
	anyProtocol := func(v *ruleset.VirtualSource) { v.Port, v.Protocol = 443, 0 }
	const stranger = "203.0.113.7:1"
	keepPort := change(func(s *ruleset.Source) { s.Reals[3] = ruleset.Real{Address: s.Reals[3].Address} })
	for _, tt := range []struct {
		description string
		rules       func(*world)
		steps       []stepOf
	}{
		{"a class has its own virtual", all(classed, beside(3, ofClass, 3)), []stepOf{
			sent(fromClient("S"), toReal(3, "S"), opens1),
			sent(fromReal(3, "SA"), toClient("SA"), rep),
			sent(fromClient("S").from(stranger), toReal(1, "S").from(stranger), opens1),
			sent(fromReal(1, "SA").to(stranger), toClient("SA").to(stranger), rep),
		}},
		{"clients that no virtual is for", all(classed, beside(3, ofClass, 3), change(func(s *ruleset.Source) {
			s.Virtuals = s.Virtuals[1:]
		})), []stepOf{
			sent(fromClient("S"), toReal(3, "S"), opens1),
			punted(PuntHost, fromClient("S").from(stranger)),
		}},
		{"every port, kept", all(keepPort, beside(3, everyPort, 3)), []stepOf{
			sent(fromClient("S").to("192.0.2.10:9999"), toReal(3, "S").to("10.0.0.13:9999"), opens1),
			sent(fromReal(3, "SA").from("10.0.0.13:9999"), toClient("SA").from("192.0.2.10:9999"), rep),
			sent(fromClient("S"), toReal(1, "S"), opens1), // an exact one goes before it
			punted(PuntRest, fromClient("u").to("192.0.2.10:9999")),
		}},
		{"TCP and UDP", beside(3, anyProtocol, 3), []stepOf{
			sent(fromClient("S").to("192.0.2.10:443"), toReal(3, "S"), opens1),
			sent(fromClient("u").to("192.0.2.10:443"), toReal(3, "u"), opens1),
			sent(fromReal(3, "SA"), toClient("SA").from("192.0.2.10:443"), rep),
			sent(fromReal(3, "u"), toClient("u").from("192.0.2.10:443"), rep),
			refusedBy(fromClient("A").to("192.0.2.10:443").from(stranger), packet.NoFlow, rst(fromClient("A").to("192.0.2.10:443").from(stranger), "R", 0, 0)),
			{in: fromReal(3, "u").to(stranger), verdict: Drop, counters: "stray-reply 1"},
		}},
		{"TCP and UDP: a trial is TCP's", all(beside(3, anyProtocol, 3), func(w *world) {
			change(func(s *ruleset.Source) {
				v := &s.Virtuals[2]
				v.Members, v.Trials = []ruleset.Member{{Binding: 31, Real: 1, Weight: 1}, {Binding: 33, Real: 3}}, []ruleset.Member{{Binding: 33, Real: 3, Weight: 1}}
			})(w)
			w.counts.Shared.OpenTrial(3)
		}), []stepOf{
			sent(fromClient("u").to("192.0.2.10:443"), toReal(1, "u"), opens1),
			sent(fromClient("S").to("192.0.2.10:443"), toReal(3, "S"), opens1),
		}},
		{"TCP and UDP: a guard is TCP's", all(beside(3, anyProtocol, 3), change(func(s *ruleset.Source) {
			s.Virtuals[2].Guard = ruleset.Guard{Limit: 1, Drop: true}
		})), []stepOf{
			sent(fromClient("S").to("192.0.2.10:443"), toReal(3, "S"), opens1),
			dropped(fromClient("S").to("192.0.2.10:443").from(stranger), packet.Synguard),
			sent(fromClient("u").to("192.0.2.10:443"), toReal(3, "u"), opens1),
		}},
		{"not balanced", change(func(*ruleset.Source) {}), []stepOf{
			punted(PuntHost, fromClient("S").to("192.0.2.10:22")),
			punted(PuntRest, fromClient("u").to("192.0.2.10:22")),
		}},
		{"secure: not balanced", secured, []stepOf{
			dropped(fromClient("S").to("192.0.2.10:22"), packet.Secure),
			dropped(fromClient("u").to("192.0.2.10:22"), packet.Secure),
			punted(PuntHost, fromClient("S").to("192.0.2.1:22")), // a port's own
			sent(fromClient("S"), toReal(1, "S"), opens1),
		}},
		{"secure: of no class's", all(secured, classed, change(func(s *ruleset.Source) { s.Virtuals[0].Class = 5 })), []stepOf{
			dropped(fromClient("S").from(stranger), packet.Secure),
			sent(fromClient("S"), toReal(1, "S"), opens1),
		}},
		{"secure: a port's address stays reachable", all(secured, change(func(s *ruleset.Source) { s.Local = append(s.Local, web) })), []stepOf{
			punted(PuntHost, fromClient("S").to("192.0.2.10:22")),
		}},
		{"secure: a removed virtual beside another", all(secured, change(func(s *ruleset.Source) { s.Virtuals[0].Draining = true })), []stepOf{
			dropped(fromClient("S"), packet.Secure),
		}},
		{"a virtual that came after one that drains", all(beside(3, func(*ruleset.VirtualSource) {}, 3), change(func(s *ruleset.Source) { s.Virtuals[0].Draining = true })), []stepOf{
			sent(fromClient("S"), toReal(3, "S"), opens1),
		}},
	} {
		t.Run(tt.description, func(t *testing.T) {
			w := newWorld(t, 100, nil)
			tt.rules(w)
			w.play(t, tt.steps)
			w.end(t)
		})
	}
	t.Run("secure: ping", func(t *testing.T) {
		w := newWorld(t, 100, nil)
		secured(w)
		if f := w.run(frameOf(outside, icmp(t, outside, "198.51.100.1", "192.0.2.10", 8, nil, 64)))[0]; f.Verdict != Punt {
			t.Errorf("verdict %d", f.Verdict)
		}
	})
}

// TestFlowsOutliveClasses: a flow goes on when its client is of another class, whichever worker its frames come to.
func TestFlowsOutliveClasses(t *testing.T) {
	c := newCluster(t, 4, 100)
	classed(c.world)
	c.source.Virtuals[0].Class = 5
	c.apply()
	c.deliver(0, outside, fromClient("S").in(t))
	for _, rules := range []func(){
		func() { c.source.Classes = nil },
		func() { beside(3, func(v *ruleset.VirtualSource) { v.Class = 0 }, 3)(c.world) },
		func() { c.source.Virtuals[0].Draining = true },
	} {
		rules()
		c.apply()
		for worker := range c.workers {
			if f := c.deliver(worker, outside, fromClient("A").in(t)); f.Verdict != Send || keyIn(f.Bytes()).Dst != firstReal {
				t.Errorf("worker %d: verdict %d", worker, f.Verdict)
			}
		}
	}
}
