package conf

import "time"

// A setting is one that a real may have of its own, or else of its virtuals.
type setting uint8

const (
	threshold setting = iota
	retry
	slowStart
	probe
	settings // how many
)

// String returns the setting's key.
func (s setting) String() string { return givenKeys[s] }

// givenKeys are the keys of the settings, in their order, and that of a backup.
var givenKeys = []string{"threshold", "retry", "slow-start", "probe", "backup"}

// given is what a real or a virtual says of failure: values, and where they
// stand; what is not given stands nowhere.
type given struct {
	at        [settings]value
	wrong     [settings]bool // given, but without a value that could be compared
	threshold int
	retry     time.Duration
	slowStart time.Duration
	probe     *Probe

	backupAt value
	backup   string
}

// readGiven returns nil where nothing is given.
func (d *draft) readGiven(o *object) *given {
	var g given
	for s := range settings {
		v, ok := o.get(s.String())
		if !ok {
			continue
		}
		g.at[s] = v
		switch s {
		case threshold:
			if isOff(v) {
				break
			}
			g.threshold, ok = d.number(v, 0, 65535)
		case retry:
			ok = d.timer(v, &g.retry)
		case slowStart:
			if zero, err := time.ParseDuration(rawText(v)); isOff(v) || err == nil && zero == 0 {
				break
			}
			ok = d.timer(v, &g.slowStart)
		case probe:
			g.probe, ok = d.readProbeOf(v)
		}
		g.wrong[s] = !ok
	}
	if v, ok := o.get("backup"); ok {
		g.backupAt = v
		g.backup, _ = d.text(v, "a name")
	}
	if g == (given{}) {
		return nil
	}
	return new(g)
}

// readReassign reads after how much silence a client's next SYN goes elsewhere.
func (d *draft) readReassign(o *object, count *int, after *time.Duration) {
	if v, ok := o.get("reassign"); ok {
		if n, ok := d.number(v, 1, 100); ok {
			*count = n
		}
	}
	if v, ok := o.get("reassign-after"); ok {
		d.timer(v, after)
	}
}

func (d *draft) readSynguard(v value, g *Synguard) {
	o, ok := d.object(v, "limit", "above")
	if !ok {
		return
	}
	if v, ok := o.need("limit", "10000"); ok {
		g.Limit, _ = d.number(v, 0, maxHalfOpen)
	}
	if v, ok := o.get("above"); ok {
		choice(&d.walker, v, "remedy", aboveWords, &g.Above)
	}
}
