package netlab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take to end once it was told to.
const patience = 10 * time.Second

// Process is a program that runs in a namespace. Its methods may be called from any goroutine.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output output
	done   chan struct{}
	err    error // of Wait, once done is closed
}

// output gathers what a process prints, for others to read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Start runs a program in the namespace beside the test. It is stopped with the test, if it did not
// end before, and what it printed is logged if the test failed.
func (n *Namespace) Start(args ...string) *Process {
	tb := n.lab.tb
	tb.Helper()
	full := n.exec(args)
	tb.Logf("$ %s &", strings.Join(full, " "))
	p := &Process{name: n.Name + ": " + filepath.Base(args[0]), done: make(chan struct{})}
	p.cmd = exec.Command(full[0], full[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	// A group of its own, so that its children can be told to stop with it. `ip netns exec` becomes the program.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		tb.Fatalf("%s: %v", p.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	tb.Cleanup(func() { p.end(tb) })
	return p
}

// end stops the process at the end of its test.
func (p *Process) end(tb testing.TB) {
	if p.Alive() {
		p.Signal(syscall.SIGTERM)
		if _, err := p.Wait(patience); err != nil {
			tb.Errorf("%v", err)
		}
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // its children, if any outlived it
	if tb.Failed() {
		tb.Logf("%s printed:\n%s", p.name, tail(p.Output(), 60))
	}
}

// Alive reports whether the process still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Output is what it printed so far, on both outputs.
func (p *Process) Output() string { return p.output.String() }

// Signal sends a signal to the process, not to its children.
func (p *Process) Signal(signal os.Signal) { _ = p.cmd.Process.Signal(signal) }

// Wait waits until the process has ended and returns its exit code, -1 if a signal ended it. If it takes
// longer than bound it is killed, and an error returned.
func (p *Process) Wait(bound time.Duration) (int, error) {
	select {
	case <-p.done:
		var exit *exec.ExitError
		if p.err != nil && !errors.As(p.err, &exit) {
			return 0, fmt.Errorf("%s: %w", p.name, p.err)
		}
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(bound):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
		return 0, fmt.Errorf("%s did not end within %v and was killed; it printed:\n%s", p.name, bound, tail(p.Output(), 20))
	}
}

// WaitFor waits until the process has printed text.
func (p *Process) WaitFor(text string, bound time.Duration) error {
	return Eventually(bound, func() error {
		switch {
		case strings.Contains(p.Output(), text):
			return nil
		case !p.Alive():
			return Final(fmt.Errorf("%s ended before it printed %q: %s", p.name, text, tail(p.Output(), 20)))
		default:
			return fmt.Errorf("%s did not print %q", p.name, text)
		}
	})
}

// tail returns the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) > lines {
		all = append([]string{fmt.Sprintf("(%d lines before)", len(all)-lines)}, all[len(all)-lines:]...)
	}
	return strings.Join(all, "\n")
}

// final is an error that no waiting mends.
type final struct{ error }

// Final marks an error that Eventually returns at once.
func Final(err error) error { return final{err} }

// Eventually calls f every few milliseconds until it returns nil, or until the bound has passed: then
// it returns f's last error.
func Eventually(bound time.Duration, f func() error) error {
	deadline := time.Now().Add(bound)
	for {
		err := f()
		if err == nil {
			return nil
		}
		var stop final
		if errors.As(err, &stop) {
			return stop.error
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v: %w", bound, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Children are the processes that it has started and that have not ended.
func (p *Process) Children(tb testing.TB) (all []int) {
	tb.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.PID()))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has just ended
		}
		for word := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, pid)
		}
	}
	return all
}
