package control

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"linedirector/lcore/ruleset"
)

// large has reals, every tenth with a backup and a limit, and virtuals that each name some of them.
func large(reals, virtuals, each int) string {
	var b strings.Builder
	b.WriteString("ports:\n" +
		"  - {name: outside, device: net_null0, addresses: [192.168.0.1/16], side: clients}\n" +
		"  - {name: inside, device: net_null1, addresses: [10.0.0.1/8], side: reals}\nreals:\n")
	for i := range reals {
		more := ""
		if i%10 == 0 {
			more = fmt.Sprintf(", backup: r%d, maxconns: 1000", (i+1)%reals)
		}
		fmt.Fprintf(&b, "  - {name: r%d, address: 10.1.%d.%d, port: 80%s}\n", i, i/200, 1+i%200, more)
	}
	b.WriteString("virtuals:\n")
	for i := range virtuals {
		fmt.Fprintf(&b, "  - {name: v%d, address: 192.168.%d.%d, port: 80, reals: [", i, 1+i/200, 1+i%200)
		for k := range each {
			fmt.Fprintf(&b, "r%d, ", (i*each+k)%reals)
		}
		b.WriteString("]}\n")
	}
	return b.String()
}

func newLargeRig(b *testing.B, reals, virtuals, each int) *rig {
	b.Helper()
	r := &rig{
		workers: newFakeWorkersOf(2, ruleset.Slots{Bindings: virtuals * (each + each/10 + 1), Reals: reals, Virtuals: virtuals}),
		keeper:  &fakeKeeper{}, stack: &fakeStack{}, mirror: newFakeMirror(), table: ruleset.NewHops(nil),
	}
	r.mirror.set(kernelOf())
	var err error
	if r.Director, r.first, err = New(r.config(parse(b, large(reals, virtuals, each)))); err != nil {
		b.Fatal(err)
	}
	return r
}

// BenchmarkPublish is what a real's failure costs control.
func BenchmarkPublish(b *testing.B) {
	for _, each := range []int{10, 100, 900} {
		r := newLargeRig(b, 10000, 1000, each)
		b.Run(fmt.Sprintf("10000 reals, 1000 virtuals of %d", each), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.locked(r.publish)
				r.workers.published = nil
			}
		})
	}
}

// BenchmarkSave is what of it goes to the ledger.
func BenchmarkSave(b *testing.B) {
	for _, each := range []int{10, 100, 900} {
		r := newLargeRig(b, 10000, 1000, each)
		ledger := &fakeLedger{}
		r.kept.ledger = ledger
		b.Run(fmt.Sprintf("10000 reals, 1000 virtuals of %d", each), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.locked(r.save)
			}
			b.ReportMetric(float64(len(ledger.kept)), "ledger-B")
		})
	}
}

// BenchmarkLook is an idle tick, and one after a signal.
func BenchmarkLook(b *testing.B) {
	r := newLargeRig(b, 10000, 1000, 10)
	now := time.Now()
	r.look(now)
	b.Run("idle", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.look(now)
		}
	})
	b.Run("a signal of no effect", func(b *testing.B) {
		for b.Loop() {
			r.shared.Raise(1, ruleset.TrialSilent)
			r.look(now)
		}
	})
	b.Run("timers", func(b *testing.B) {
		for b.Loop() {
			now = now.Add(grain)
			r.look(now)
		}
	})
}

// BenchmarkReals is what the control socket and a scrape cost, under the director's lock.
func BenchmarkReals(b *testing.B) {
	r := newLargeRig(b, 10000, 1000, 100)
	for b.Loop() {
		r.Reals()
	}
}
