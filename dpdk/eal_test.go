package dpdk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"linedirector/dpdk"
)

// childKey names the variable that makes the test binary one of the processes below: EAL starts once a process.
const childKey = "LINEDIRECTOR_DPDK_CHILD"

// child starts EAL with the arguments in what and ends as its first word says.
func child(what string) int {
	runtime.LockOSThread()
	args := strings.Fields(what)
	if args[0] == "loud" {
		dpdk.SetLogLevel(dpdk.LogDebug)
	}
	if err := dpdk.Init(args[1:]); err != nil {
		fmt.Println(err)
		return 3
	}
	fmt.Println("started")
	if args[0] == "wait" {
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
	if err := dpdk.Cleanup(); err != nil {
		fmt.Println(err)
		return 4
	}
	return 0
}

func start(t *testing.T, what string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childKey+"="+what)
	return cmd
}

// TestInitErrors wants one line, and nothing on standard error.
func TestInitErrors(t *testing.T) {
	for _, tt := range []struct {
		name, args string
		want       []string
	}{
		{"unknown argument", "--bogus", []string{"start DPDK: Invalid argument", "check the EAL arguments: --bogus"}},
		{"in-memory without hugepages", "--no-huge --in-memory", []string{"not compatible with --in-memory"}},
		{"unknown CPU", "--lcores 0@9999 --no-huge --no-pci", []string{"start DPDK: ", "lcores"}},
		{"too much memory", "--in-memory --no-pci -m 16777216", []string{"start DPDK: ", "sysctl -w vm.nr_hugepages=1024", "--no-huge"}},
		{"unknown driver", "--no-huge --no-pci --no-shconf --vdev net_bogus0", []string{"net_bogus0", "check the device's name"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := start(t, "quiet "+tt.args)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 3 {
				t.Errorf("ended with %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("%q, want %q in it", stdout.String(), want)
				}
			}
			if strings.Count(stdout.String(), "\n") != 1 || stderr.Len() != 0 {
				t.Errorf("not one line: %q, on standard error: %q", stdout.String(), stderr.String())
			}
		})
	}
}

// TestLogPasses lets DPDK's log through to standard error.
func TestLogPasses(t *testing.T) {
	cmd := start(t, "loud --no-huge --no-pci --no-shconf --file-prefix dpdktestloud -m 64")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil || !strings.Contains(stderr.String(), "EAL: Detected CPU lcores") {
		t.Errorf("%v, %q", err, stderr.String())
	}
}

func TestLastLog(t *testing.T) {
	if _, err := dpdk.Info(31); err == nil {
		t.Fatal("there is a port 31")
	}
	log := dpdk.LastLog()
	if n := len(log); n == 0 || n > 128 || !strings.Contains(log[n-1], "Invalid port_id=31") {
		t.Errorf("%q does not end with what was said of the port", log)
	}
}

func TestInitOnce(t *testing.T) {
	if err := dpdk.Init(nil); !errors.Is(err, syscall.EALREADY) {
		t.Errorf("%v", err)
	}
	if v := dpdk.Version(); !strings.HasPrefix(v, "DPDK ") {
		t.Error(v)
	}
}

// TestNothingLeft ends a process in both ways that there are, and looks at what it leaves.
func TestNothingLeft(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the runtime directory is elsewhere")
	}
	for _, end := range []os.Signal{nil, syscall.SIGKILL} {
		t.Run(fmt.Sprint(end), func(t *testing.T) {
			prefix := fmt.Sprintf("dpdktestend%d", os.Getpid())
			dir := filepath.Join("/var/run/dpdk", prefix)
			cmd := start(t, "wait --no-huge --no-pci --no-shconf -m 64 --file-prefix "+prefix)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := stdout.Read(make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
			aged := func() { // else CleanStale takes it for a process that is starting
				old := time.Now().Add(-time.Hour)
				if err := os.Chtimes(dir, old, old); err != nil {
					t.Fatal(err)
				}
				if err := dpdk.CleanStale(prefix); err != nil {
					t.Error(err)
				}
			}
			aged()
			if _, err := os.Stat(dir); err != nil {
				t.Error("a living process lost its directory")
			}
			if end == nil {
				_ = stdin.Close()
			} else if err := cmd.Process.Signal(end); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if end != nil {
				aged()
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is left: %v", dir, err)
			}
		})
	}
	if err := dpdk.CleanStale(""); err == nil {
		t.Error("cleaned up everybody's")
	}
}
