package synretry

import (
	"math"
	"testing"
	"time"
)

// A machine that is kept and revived behaves as it would have, but for a failed real's rest, which begins anew.
func TestReviveGoesOn(t *testing.T) {
	for way := range ways {
		was := machineAt(t, way, settings)
		kept := was.Keep()
		later := start.Add(2 * time.Minute)
		is, err := Revive(settings, kept, later)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		if was.State() == Failed {
			if left, ok := is.RetryIn(later); !ok || left != settings.Retry {
				t.Errorf("%s: it rests for %v more, want all of %v", way, left, settings.Retry)
			}
			is.since = was.since
		}
		if is.State() != was.State() || is.Cause() != was.Cause() || !is.Since().Equal(was.Since()) || is.HeldByProbe() != was.HeldByProbe() {
			t.Errorf("%s: %+v became %+v", way, was, is)
		}
		a, moved := was.ProbeUp(later, "up")
		b, movedToo := is.ProbeUp(later, "up")
		if a != b || moved != movedToo {
			t.Errorf("%s: a probe's rise has %+v, had %+v", way, b, a)
		}
	}
}

func TestReviveGoesOnWithASlowStart(t *testing.T) {
	m := New(settings, InService, start)
	m.Ramp(start)
	is, err := Revive(settings, m.Keep(), start.Add(20*time.Second))
	if left, ok := is.RampLeft(start.Add(20 * time.Second)); err != nil || !ok || left != 10*time.Second || !is.Ramping() {
		t.Errorf("%v of it are left, %v, %v", left, ok, err)
	}
	if !is.EndRamp(start.Add(30 * time.Second)) {
		t.Error("it does not end")
	}
}

// A clock that was set back keeps nobody waiting.
func TestReviveUnderAnEarlierClock(t *testing.T) {
	m := New(settings, InService, start)
	m.Ramp(start)
	earlier := start.Add(-time.Hour)
	is, err := Revive(settings, m.Keep(), earlier)
	if err != nil || is.Since().After(earlier) {
		t.Errorf("since %v, %v", is.Since(), err)
	}
	if left, _ := is.RampLeft(earlier); left > settings.SlowStart {
		t.Errorf("its slow start lasts %v more", left)
	}
}

func TestReviveRefusesWhatIsNone(t *testing.T) {
	for _, k := range []Kept{{State: States}, {Back: States}, {State: math.MaxUint8}} {
		if _, err := Revive(settings, k, start); err == nil {
			t.Errorf("%+v was revived", k)
		}
	}
}
