package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// program is the binary under test, ldctl what an operator speaks to it with.
var (
	program = os.Getenv("LINEDIRECTOR")
	ldctl   = filepath.Join(filepath.Dir(program), "ldctl")
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if program != "" || os.Geteuid() != 0 {
		return m.Run() // without root each test says why it is skipped
	}
	dir, err := os.MkdirTemp("", "linedirector-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// Open to all, since one test runs the program as nobody.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program, ldctl = filepath.Join(dir, "linedirector"), filepath.Join(dir, "ldctl")
	build := exec.Command("go", "build", "-ldflags", "-X main.version=e2e", "-o", dir,
		"linedirector/cmd/linedirector", "linedirector/cmd/ldctl")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "building linedirector and ldctl: %v\n", err)
		return 1
	}
	return m.Run()
}

// setup is one way to spread the director's work over cores.
type setup struct {
	name   string
	lcores string
	queues int // of each port
}

var (
	oneWorker      = setup{name: "one worker", lcores: "1", queues: 1}
	twoWorkers     = setup{name: "two workers", lcores: "0,1", queues: 2}
	twoOnOneQueue  = setup{name: "two workers on one queue", lcores: "0,1", queues: 1}
	oneAndTwo      = []setup{oneWorker, twoWorkers}
	everySetup     = []setup{oneWorker, twoWorkers, twoOnOneQueue}
	manyProcessors = runtime.NumCPU() >= 2
)

// widest is the setup with as many workers as this machine can run, two at most.
func widest() setup {
	if manyProcessors {
		return twoWorkers
	}
	return setup{name: "one worker", lcores: "0", queues: 1}
}

// each runs a test once for each of the given setups that this machine can run.
func each(t *testing.T, setups []setup, f func(t *testing.T, s setup)) {
	for _, s := range setups {
		t.Run(s.name, func(t *testing.T) {
			if !manyProcessors {
				if s != oneWorker {
					t.Skip("needs two processors")
				}
				s.lcores = "0"
			}
			f(t, s)
		})
	}
}
