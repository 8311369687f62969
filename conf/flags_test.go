package conf

import (
	"flag"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write golden files anew")

var fourCPUs = machine{has: []int{0, 1, 2, 3}, allowed: []int{0, 1, 2}}

func TestParseFlags(t *testing.T) {
	defaults := func(change func(*Flags)) *Flags {
		f := &Flags{
			Config: "x", Lcores: []int{1, 2}, ControlLcores: []int{0}, Poll: PollAuto, Flows: 1048576, Sticky: 131072, Burst: 32,
			RxDesc: 4096, TxDesc: 1024, Metrics: "127.0.0.1:9480", LogLevel: "info", LogFormat: "console",
			ControlSocket: "/run/linedirector/control.sock",
		}
		change(f)
		return f
	}
	for _, c := range []struct {
		args string
		want *Flags
	}{
		{"--config x", defaults(func(*Flags) {})},
		{"--config=-", defaults(func(f *Flags) { f.Config = "-" })},
		{"--config x --check", defaults(func(f *Flags) { f.Check = true })},
		{"--config x --lcores 0-1", defaults(func(f *Flags) { f.Lcores, f.ControlLcores = []int{0, 1}, []int{2} })},
		{"--config x --lcores 2,0", defaults(func(f *Flags) { f.Lcores, f.ControlLcores = []int{2, 0}, []int{1} })},
		{"--config x --lcores 0-2", defaults(func(f *Flags) { f.Lcores, f.ControlLcores = []int{0, 1, 2}, []int{0, 1, 2} })},
		{"--config x --lcores 1 --control-lcores 1", defaults(func(f *Flags) { f.Lcores, f.ControlLcores = []int{1}, []int{1} })},
		{"--config x --poll adaptive --burst 128 --flows 1000", defaults(func(f *Flags) { f.Poll, f.Burst, f.Flows = PollAdaptive, 128, 1000 })},
		{"--config x --mbufs 8191 --rx-desc 512 --tx-desc 256", defaults(func(f *Flags) { f.Mbufs, f.RxDesc, f.TxDesc = 8191, 512, 256 })},
		{"--config x --sticky 16777216", defaults(func(f *Flags) { f.Sticky = 1 << 24 })},
		{"--config x --last-good /var/lib/good.yaml", defaults(func(f *Flags) { f.LastGood = "/var/lib/good.yaml" })},
		{"--config x --last-good=", defaults(func(*Flags) {})},
		{"--config x --no-huge --memory 512", defaults(func(f *Flags) { f.NoHuge, f.Memory = true, 512 })},
		{"--config x --metrics off", defaults(func(f *Flags) { f.Metrics = "" })},
		{"--config x --metrics [::1]:0", defaults(func(f *Flags) { f.Metrics = "[::1]:0" })},
		{"--config x --metrics :9480", defaults(func(f *Flags) { f.Metrics = ":9480" })},
		{"--config x --control-socket /run/b.sock", defaults(func(f *Flags) { f.ControlSocket = "/run/b.sock" })},
		{"--config x --control-socket off", defaults(func(f *Flags) { f.ControlSocket = "" })},
		{"--config x --control-socket=", defaults(func(f *Flags) { f.ControlSocket = "" })},
		{"doctor --config x -o json", defaults(func(f *Flags) { f.Doctor, f.JSON = true, true })},
		{"doctor --lcores 0", defaults(func(f *Flags) { f.Doctor, f.Config, f.Lcores, f.ControlLcores = true, "", []int{0}, []int{1, 2} })},
		{"--config x doctor --output=table -- -l 0", defaults(func(f *Flags) { f.Doctor, f.EAL = true, []string{"-l", "0"} })},
		{"--config x --log-level debug --log-format json", defaults(func(f *Flags) { f.LogLevel, f.LogFormat = "debug", "json" })},
		{"--config x -- -l 0 --config y -- --help", defaults(func(f *Flags) { f.EAL = []string{"-l", "0", "--config", "y", "--", "--help"} })},
	} {
		got, err := parseFlags(strings.Fields(c.args), nil, fourCPUs)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.args, diff)
		}
	}
	if f, err := parseFlags([]string{"--version"}, nil, fourCPUs); err != nil || !f.Version {
		t.Errorf("--version: %+v, %v", f, err)
	}
}

func TestFlagErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "no configuration; give --config FILE (see --help for an example)"},
		{"--check", "no configuration; give --config FILE (see --help for an example)"},
		{"--config", "--config needs a value; give --config FILE"},
		{"--config x --burst", "--burst needs a value; give --burst N"},
		{"x", `unexpected argument "x"; only flags are taken, and EAL arguments after --`},
		{"--config x y -- z", `unexpected argument "y"; only flags are taken, and EAL arguments after --`},
		{"--confg x", "unknown flag --confg; did you mean --config?"},
		{"--config x --file-prefix a", "unknown flag --file-prefix; see --help, EAL arguments go after --"},
		{"-c x", "unknown flag -c; flags are written out, see --help"},
		{"doctor y", `unexpected argument "y"; only flags are taken, and EAL arguments after --`},
		{"doctor -o yaml", "--output yaml: no such format; use table or json"},
		{"--config x -o json", "--output is doctor's; write linedirector doctor -o json"},
		{"---config x", "bad flag syntax: ---config; see --help"},
		{"--check=often", "--check takes no value often; write --check alone"},
		{"--config x --lcores 0,7", "--lcores 0,7: this machine has no CPU 7; it has 0-3"},
		{"--config x --lcores 3", "--lcores 3: CPU 3 is outside this process's affinity; it may use 0-2, or widen its cpuset"},
		{"--config x --lcores=", `--lcores "": this is no CPU list; write it like 1 or 0,1 or 2-5`},
		{"--config x --lcores 1-", "--lcores 1-: this is no CPU list; write it like 1 or 0,1 or 2-5"},
		{"--config x --lcores all", "--lcores all: this is no CPU list; write it like 1 or 0,1 or 2-5"},
		{"--config x --lcores 2-1", "--lcores 2-1: the range 2-1 runs backwards; write 1-2"},
		{"--config x --lcores 1,0-2", "--lcores 1,0-2: CPU 1 is given twice; give it once"},
		{"--config x --lcores 0-2000000000", "--lcores 0-2000000000: there is no CPU 2000000000; the highest possible is 8191"},
		{"--config x --control-lcores 9", "--control-lcores 9: this machine has no CPU 9; it has 0-3"},
		{"--config x --poll fast", "--poll fast: no such mode; use auto, busy or adaptive"},
		{"--config x --burst 129", "--burst 129: out of range; use one from 1 to 128"},
		{"--config x --burst many", "--burst many: this is no number; use one from 1 to 128"},
		{"--config x --flows 0", "--flows 0: out of range; use one from 1 to 268435456"},
		{"--config x --sticky 0", "--sticky 0: out of range; use one from 1 to 16777216"},
		{"--config x --last-good", "--last-good needs a value; give --last-good FILE"},
		{"--config x --last-good ./x", "--last-good ./x: this is the configuration itself; name another file"},
		{"--config x --last-good /var/lib/", "--last-good /var/lib/: this names a directory; add the name of a file"},
		{"--config x --last-good y\x01", `--last-good "y\x01": the path holds a control character; remove it`},
		{"--config x --rx-desc -1", "--rx-desc -1: out of range; use one from 64 to 32768"},
		{"--config x --memory 1G", "--memory 1G: this is no number; use one from 0 to 4194304"},
		{"--config x --metrics 9480", "--metrics 9480: this is no HOST:PORT; write 127.0.0.1:9480"},
		{"--config x --metrics 10.0.0.1", "--metrics 10.0.0.1: this is no HOST:PORT; write 10.0.0.1:9480"},
		{"--config x --metrics localhost:http", "--metrics localhost:http: this is no HOST:PORT; write it like 127.0.0.1:9480, or off"},
		{"--config x --control-socket", "--control-socket needs a value; give --control-socket PATH"},
		{"--config x --control-socket @director", "--control-socket @director: an abstract socket has no owner and no mode; give a path"},
		{"--config x --control-socket /run/", "--control-socket /run/: this names a directory; add the name of a file"},
		{"--config x --control-socket /run/\x01", `--control-socket "/run/\x01": the path holds a control character; remove it`},
		{
			"--config x --control-socket /" + strings.Repeat("a", 107),
			"--control-socket /" + strings.Repeat("a", 63) + "...: longer than 107 bytes; give a shorter path",
		},
		{"--config x --log-level trace", "--log-level trace: no such level; use debug, info, warn or error"},
		{"--config x --log-format text", "--log-format text: no such format; use console or json"},
	} {
		_, err := parseFlags(strings.Fields(c.args), nil, fourCPUs)
		if err == nil {
			t.Errorf("%s: no error\nwant %s", c.args, c.want)
		} else if got := err.Error(); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.args, got, c.want)
		}
	}

	many := machine{}
	for cpu := range 100 {
		many.has = append(many.has, cpu)
	}
	many.allowed = many.has
	_, err := parseFlags([]string{"--config", "x", "--lcores", "1-65"}, nil, many)
	wantError(t, err, "--lcores 1-65: 65 workers; at most 64 are possible")
	if f, err := parseFlags([]string{"--config", "x"}, nil, many); err != nil || len(f.Lcores) != 64 || f.Lcores[0] != 1 {
		t.Errorf("default workers of 100 CPUs: %v, %v", f, err)
	}
	isolated := machine{has: []int{0, 1, 2, 3}, allowed: []int{0, 1}, isolated: []int{2, 3}}
	if f, err := parseFlags([]string{"--config", "x", "--lcores", "2-3"}, nil, isolated); err != nil ||
		!cmp.Equal(f.Lcores, []int{2, 3}) || !cmp.Equal(f.ControlLcores, []int{0, 1}) {
		t.Errorf("isolated CPUs for workers: %+v, %v", f, err)
	}
	if f, err := parseFlags([]string{"--config", "x"}, nil, isolated); err != nil || !cmp.Equal(f.Lcores, []int{1}) {
		t.Errorf("default workers beside isolated CPUs: %+v, %v", f, err)
	}
	one := machine{has: []int{0, 1}, allowed: []int{1}}
	if f, err := parseFlags([]string{"--config", "x"}, nil, one); err != nil ||
		!cmp.Equal(f.Lcores, []int{1}) || !cmp.Equal(f.ControlLcores, []int{1}) {
		t.Errorf("default workers of one CPU: %v, %v", f, err)
	}
}

func TestThisMachine(t *testing.T) {
	m, err := thisMachine()
	if err != nil || len(m.has) == 0 || len(m.allowed) == 0 {
		t.Fatalf("%+v, %v", m, err)
	}
	f, err := ParseFlags([]string{"--config", "x"}, nil)
	if err != nil || len(f.Lcores) == 0 || len(f.ControlLcores) == 0 {
		t.Errorf("%+v, %v", f, err)
	}
}

// What a thread may run on if it asks, whatever it runs on now; afterwards it runs there again.
func TestReachable(t *testing.T) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	m, err := thisMachine()
	if err != nil {
		t.Fatal(err)
	}
	var narrow, after unix.CPUSet
	narrow.Set(m.allowed[0])
	if err := unix.SchedSetaffinity(0, &narrow); err != nil {
		t.Fatal(err)
	}
	if got := reachable(append(slices.Clone(m.allowed), maxCPU)); !slices.Equal(got, m.allowed) {
		t.Errorf("reachable are %v, want %v", got, m.allowed)
	}
	if got := reachable([]int{maxCPU}); got != nil {
		t.Errorf("no machine has CPU %v", got)
	}
	if err := unix.SchedGetaffinity(0, &after); err != nil || after != narrow {
		t.Errorf("the thread is elsewhere afterwards: %v", err)
	}
}

func TestCPUText(t *testing.T) {
	for _, list := range []string{"0", "0-1", "0,2", "0-3,5,7-8"} {
		cpus, err := parseCPUs(list)
		if err != nil || cpuText(cpus) != list {
			t.Errorf("%s: %v, %v, %s", list, cpus, err, cpuText(cpus))
		}
	}
}

// The help, word for word: go test ./conf -run Help -update writes it anew.
func TestHelp(t *testing.T) {
	const golden = "testdata/help.txt"
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--burst", "5", "--help"}} {
		var b strings.Builder
		if f, err := parseFlags(args, &b, fourCPUs); err != nil || !f.Help {
			t.Fatalf("%v: %+v, %v", args, f, err)
		}
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%v: (-want +got)\n%s", args, diff)
		}
		for line := range strings.Lines(b.String()) {
			if len(line) > 81 {
				t.Errorf("longer than 80 columns: %s", line)
			}
		}
	}
}

// What the help shows is what an operator would type.
func TestHelpExample(t *testing.T) {
	text := newFlagSet().help()
	c, err := Parse("director.yaml", []byte(exampleConfig))
	if err != nil || len(c.Virtuals) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	commands := 0
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "linedirector --config ")
		if !ok || strings.HasPrefix(line, "  linedirector --config FILE") {
			continue
		}
		commands++
		if _, err := parseFlags(strings.Fields("--config "+args), nil, fourCPUs); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if commands != 3 {
		t.Errorf("%d commands in the example", commands)
	}
}
