package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// What ldctl prints with -o json, as far as tests ask for it (docs/api.md).
type (
	shownReal struct {
		Name        string
		State       string
		Cause       string
		Draining    bool
		Connections int
		Weight      int
		Opened      int `json:"opened_total"`
		Ditched     int
		Threshold   int
		BySilence   int      `json:"ditched_by_silence_total"`
		ByReset     int      `json:"ditched_by_reset_total"`
		Reassigned  int      `json:"reassigned_total"`
		Response    *float64 `json:"response_time_seconds"`
		RetryIn     *float64 `json:"retry_in_seconds"`
		SlowStart   *float64 `json:"slow_start_left_seconds"`
		Probe       *struct {
			Type  string
			Up    bool
			Last  time.Time
			Cause string
		}
	}
	shownVirtual struct {
		Name        string
		Connections int
		HalfOpen    int `json:"half_open"`
		NoReal      int `json:"no_real_total"`
		Active      struct{ Tier, Virtual string }
	}
	shownFlow struct {
		Client  string
		Virtual string
		Real    string
		Phase   string
		Worker  int
		Idle    float64 `json:"idle_seconds"`
	}
	shownWorker struct {
		Number int
		Flows  int
	}
	shownEvent struct {
		Seq            int
		Time           time.Time
		Real, From, To string
		Cause          string
		Numbers        struct {
			Ditched     int
			Threshold   int
			BySilence   int `json:"by_silence"`
			ByReset     int `json:"by_reset"`
			Connections int
		}
		Text string
	}
)

// tryLdctl runs ldctl against the director. Its failure holds what it said.
func (d *director) tryLdctl(args ...string) (string, error) {
	cmd := exec.Command(ldctl, append(args, "--socket", d.socket)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("ldctl %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), err
}

// ldctl is tryLdctl for what must succeed.
func (d *director) ldctl(args ...string) string {
	d.t.Helper()
	out, err := d.tryLdctl(args...)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// show reads what `ldctl show KIND -o json` prints, save for its frame {"KINDs": ...}.
func show[T any](d *director, kind string, args ...string) []T {
	d.t.Helper()
	var list map[string][]T
	out := d.ldctl(append([]string{"show", kind, "-o", "json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		d.t.Fatalf("ldctl show %s prints what is no JSON: %v\n%s", kind, err, out)
	}
	return list[kind+"s"]
}

func (d *director) showReals() map[string]shownReal {
	d.t.Helper()
	reals := map[string]shownReal{}
	for _, r := range show[shownReal](d, "real") {
		reals[r.Name] = r
	}
	return reals
}

func (d *director) showVirtual(name string) shownVirtual {
	d.t.Helper()
	virtuals := show[shownVirtual](d, "virtual", name)
	if len(virtuals) != 1 || virtuals[0].Name != name {
		d.t.Fatalf("ldctl show virtual %s shows %+v", name, virtuals)
	}
	return virtuals[0]
}

// set sets a real's state and wants it so.
func (d *director) set(real, state string) {
	d.t.Helper()
	d.ldctl("set", "real", real, "state", state)
	if got := d.showReals()[real].State; got != state {
		d.t.Errorf("real %s is %s after it was set to %s", real, got, state)
	}
}

// journal is what `ldctl events --follow` prints from the director's start on.
type journal struct {
	*netlab.Process
	t *testing.T
}

func (s *site) follow(t *testing.T, d *director) *journal {
	t.Helper()
	return &journal{s.director.Start(ldctl, "events", "--follow", "-o", "json", "--socket", d.socket), t}
}

// events are those so far.
func (j *journal) events() []shownEvent {
	j.t.Helper()
	var events []shownEvent
	for line := range strings.Lines(j.Output()) {
		if !strings.HasSuffix(line, "\n") {
			break // the rest is yet to come
		}
		var e shownEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			j.t.Fatalf("ldctl events prints what is no event: %v: %s", err, line)
		}
		events = append(events, e)
	}
	return events
}

// of are the events of one real.
func (j *journal) of(real string) []shownEvent {
	j.t.Helper()
	var events []shownEvent
	for _, e := range j.events() {
		if e.Real == real {
			events = append(events, e)
		}
	}
	return events
}

// await waits until a real has entered a state n times, and returns the n-th event.
func (j *journal) await(within time.Duration, n int, real, state string) (event shownEvent) {
	j.t.Helper()
	err := netlab.Eventually(within, func() error {
		seen := 0
		for _, e := range j.of(real) {
			if e.To != state {
				continue
			}
			if seen++; seen == n {
				event = e
				return nil
			}
		}
		if !j.Alive() {
			return netlab.Final(errors.New("ldctl events ended"))
		}
		return fmt.Errorf("real %s became %s %d times, want %d; its events: %s", real, state, seen, n, j.text(real))
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return event
}

// text is a real's events, a line each, for messages.
func (j *journal) text(real string) string {
	var text strings.Builder
	for _, e := range j.of(real) {
		fmt.Fprintf(&text, "\n\t%s %s", e.Time.Format("15:04:05.000"), e.Text)
	}
	return text.String()
}
