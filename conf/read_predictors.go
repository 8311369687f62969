package conf

import (
	"fmt"
	"time"
)

const (
	maxLoad  = 1 << 30 // of a real
	minTable = 101     // places
	maxTable = 1048583 // places; 2 MiB
	minAging = time.Microsecond
	maxAging = time.Second // a second
)

// readPredictor reads a virtual's predictor and its keys, which no other predictor may have beside it: they would be
// without effect, and nobody would notice.
func (d *draft) readPredictor(o *object, x *Virtual, at *virtualPlaces) {
	known := true
	if v, ok := o.get("predictor"); ok {
		at.predictor = v
		known = choice(&d.walker, v, "predictor", predictorWords, &x.Predictor)
	}
	for _, of := range []struct {
		Predictor
		read func(value, *Virtual, *virtualPlaces)
	}{
		{Fastest, d.readFastest},
		{Hash, d.readHash},
	} {
		v, ok := o.get(of.String())
		if !ok {
			continue
		}
		if known && x.Predictor != of.Predictor {
			d.fail(v, fmt.Sprintf("this is for the predictor %v, and the virtual has %v", of.Predictor, x.Predictor),
				fmt.Sprintf("remove it, or write predictor: %v", of.Predictor))
		}
		of.read(v, x, at)
	}
}

func (d *draft) readFastest(v value, x *Virtual, _ *virtualPlaces) {
	o, ok := d.object(v, "aging")
	if !ok {
		return
	}
	if v, ok := o.get("aging"); ok {
		if isOff(v) {
			x.Aging = 0
			return
		}
		d.duration(v, minAging, maxAging, &x.Aging)
	}
}

func (d *draft) readHash(v value, x *Virtual, at *virtualPlaces) {
	o, ok := d.object(v, "of", "table")
	if !ok {
		return
	}
	if v, ok := o.get("of"); ok {
		choice(&d.walker, v, "part of a client", hashOfWords, &x.Hash.Of)
	}
	if v, ok := o.get("table"); ok {
		at.table = v
		n, ok := d.number(v, minTable, maxTable)
		if ok && !isPrime(n) {
			d.fail(v, fmt.Sprintf("%d is no prime", n), fmt.Sprintf("use %d", nearestPrime(n)))
			return
		}
		x.Hash.Table = n
	}
}

// checkPredictors refuses predictors that cannot do what they promise.
func (d *draft) checkPredictors() {
	for i := range d.config.Virtuals {
		x, at := &d.config.Virtuals[i], &d.virtuals[i]
		if x.Predictor == Fastest && x.Protocol != TCP {
			d.fail(at.predictor, fmt.Sprintf("fastest goes by handshakes of TCP, and the virtual %s is for %v", d.virtualLabel(i), x.Protocol),
				"use leastconns")
		}
		if n := x.Hash.Table; n != 0 && n < len(x.Reals) {
			d.fail(at.table, fmt.Sprintf("a table of %d places is too small for %d reals", n, len(x.Reals)),
				"use a prime above a hundred times their number, or remove the key")
		}
	}
}

func isPrime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n > 1
}

// nearestPrime is the prime that is next to n, within the bounds of a table; both bounds are primes.
func nearestPrime(n int) int {
	for off := 0; ; off++ {
		for _, p := range []int{n - off, n + off} {
			if p >= minTable && p <= maxTable && isPrime(p) {
				return p
			}
		}
	}
}
