package synretry

import (
	"fmt"
	"time"
)

// Kept is a machine as it outlives its process, but for its Settings, which are the configuration's.
type Kept struct {
	State   State
	Since   int64 // nanoseconds since 1970, as Began
	Cause   string
	Held    bool
	Back    State
	Ramping bool
	Began   int64
}

// Keep is the machine as another process may Revive it.
func (m *Machine) Keep() Kept {
	k := Kept{State: m.state, Since: m.since.UnixNano(), Cause: m.cause, Held: m.held, Back: m.back, Ramping: m.ramping}
	if m.ramping {
		k.Began = m.began.UnixNano()
	}
	return k
}

// Revive makes the machine again that was kept. A failed real rests anew, since nobody watched what it did meanwhile; a
// slow start goes on. It refuses states that there are not.
func Revive(s Settings, k Kept, now time.Time) (Machine, error) {
	if k.State >= States || k.Back >= States {
		return Machine{}, fmt.Errorf("state %d or %d is none", k.State, k.Back)
	}
	m := Machine{
		Settings: s, state: k.State, since: ago(k.Since, now), cause: k.Cause,
		held: k.Held, back: k.Back, ramping: k.Ramping, began: ago(k.Began, now),
	}
	if m.state == Failed {
		m.since = now
	}
	return m, nil
}

// ago is a moment of the past on the clock that now is of; one that lies ahead, since somebody set the clock back, is now.
func ago(moment int64, now time.Time) time.Time {
	return now.Add(min(0, time.Unix(0, moment).Sub(now)))
}
