// Package control is the control core: the single writer of everything that workers read. It turns the operator's
// configuration and what the kernel knows into snapshots, keeps next hops resolved, carries frames between workers
// and the kernel's taps, and lets slots go when their last flow has gone.
//
//	conf ─────────────┐
//	kernel.Mirror ────┼─► director.go ─► rules.go, tiers.go ─► ruleset.Snapshot ─► workers
//	                  │      ▲
//	                  │      └── states.go ◄─ synretry ◄─ workers' signals, probes.go, show.go (the operator)
//	                  └─► hops.go ───────────────────────► ruleset.Hops ─────► workers
//	workers ◄─► taps.go ◄─► kernel's taps
//
// keep.go writes into a Ledger what a successor must know, takeover.go is that successor.
//
// It knows workers only through the interface below.
package control
