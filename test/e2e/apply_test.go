package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exits runs ldctl against the director, and returns its exit code and what it printed on both outputs.
func (d *director) exits(args ...string) (code int, printed string) {
	d.t.Helper()
	p := d.ns.Start(append(append([]string{ldctl}, args...), "--socket", d.socket)...)
	code, err := p.Wait(bound)
	if err != nil {
		d.t.Fatal(err)
	}
	return code, p.Output()
}

// TestApplyEndToEnd changes the configuration by ldctl as an operator does: checked, compared, tried, applied, regretted. Wrong
// files change nothing. What is in force is in the file of --last-good, which a start with a broken file names.
//
// The usual network; 192.0.2.10:80 is served by a and b, and in new.yaml by b and c.
func TestApplyEndToEnd(t *testing.T) {
	setup := widest()
	s := newSite(t)
	s.serve(t)
	const virtual = "  - {name: web, address: 192.0.2.10, port: 80, predictor: roundrobin, slow-start: off, timers: {close-delay: 1s}, reals: [%s]}\n"
	old := ports(setup.queues) + realsOf([]string{"a", "b"}) + "virtuals:\n" + fmt.Sprintf(virtual, "a, b")
	changed := ports(setup.queues) + strings.Replace(realsOf([]string{"b", "c"}), "port: 8080", "port: 8080, weight: 3", 1) +
		"virtuals:\n" + fmt.Sprintf(virtual, "b, c")
	const changes = "~ real b weight 1 → 3\n+ real c "
	lastGood := filepath.Join(s.Dir(), "last-good.yaml")
	d := s.start(t, setup, old, "--last-good", lastGood)
	file := s.WriteFile("new.yaml", changed)
	live := s.hold(t, 10, "192.0.2.10:80")

	// inForce wants the text in force, in the kept file, and the reals that it names serving.
	inForce := func(when, text string, reals ...string) {
		t.Helper()
		if got := d.ldctl("show", "config"); got != text {
			t.Errorf("%s this is in force:\n%s", when, got)
		}
		if kept, err := os.ReadFile(lastGood); err != nil || string(kept) != text {
			t.Errorf("%s --last-good holds, %v:\n%s", when, err, kept)
		}
		got := tally{}
		for range 8 {
			real, _, err := s.once("192.0.2.10:80", time.Now().Add(bound))
			if err != nil {
				t.Errorf("%s: %v", when, err)
			}
			got[real]++
		}
		if len(got) != len(reals) || got[reals[0]] == 0 {
			t.Errorf("%s reals %v serve, want %v", when, got, reals)
		}
	}
	wants := func(wantCode int, want string, args ...string) {
		t.Helper()
		if code, printed := d.exits(args...); code != wantCode || !strings.Contains(printed, want) {
			t.Errorf("ldctl %s ends with %d and prints\n%swant %d and\n%s", strings.Join(args, " "), code, printed, wantCode, want)
		}
	}
	inForce("after the start", old, "a", "b")
	wants(1, "no other configuration was in force", "apply", "--previous")
	wants(0, "good: 2 ports, 1 virtuals, 2 reals", "check", file)
	wants(0, "nothing changes", "diff", d.config)
	wants(1, changes, "diff", file)
	wants(0, changes, "apply", "--dry-run", file)
	wants(0, "not applied", "apply", "--dry-run", file)
	inForce("after a trial", old, "a", "b")

	// Wrong files: each is told by name, line and mend, by every command, and changes nothing.
	bad := s.WriteFile("bad.yaml", strings.Replace(changed, "reals: [b, c]", "reals: [b, cc]", 1))
	line := fmt.Sprintf("%s:%d:", bad, strings.Count(changed, "\n"))
	for _, c := range []struct {
		code int
		args []string
	}{{1, []string{"check", bad}}, {2, []string{"diff", bad}}, {1, []string{"apply", "--dry-run", bad}}, {1, []string{"apply", bad}}} {
		wants(c.code, line, c.args...)
		wants(c.code, "did you mean", c.args...)
	}
	other := s.WriteFile("other.yaml", strings.Replace(changed, "iface=eth-in", "iface=eth-other", 1))
	wants(1, "restart to apply it", "apply", other)
	wants(1, "no such file", "apply", filepath.Join(s.Dir(), "nowhere.yaml"))
	inForce("after wrong files", old, "a", "b")

	wants(0, changes, "apply", file)
	inForce("after apply", changed, "b", "c")
	wants(0, "nothing changes", "diff", file)
	alive(t, live)
	if got := d.ldctl("show", "config", "--previous"); got != old {
		t.Errorf("this was in force before:\n%s", got)
	}
	wants(0, "4 changes applied", "apply", "--previous")
	inForce("after apply --previous", old, "a", "b")
	wants(0, "4 changes applied", "apply", "--previous")
	inForce("after another one", changed, "b", "c")
	alive(t, live)

	// The director ends, its file was left broken: the start fails, and names the one that was kept, which is good.
	d.stop()
	p := s.director.Start(append(commandLine(setup, bad), "--last-good", lastGood)...)
	code, err := p.Wait(bound)
	if err != nil {
		t.Fatal(err)
	}
	if said := p.Output(); code == 0 || !strings.Contains(said, line) || !strings.Contains(said, "start with --config "+lastGood) {
		t.Errorf("a start with a broken file ends with %d: %s", code, said)
	}
	s.director.Run(program, "--check", "--config", lastGood)
}
