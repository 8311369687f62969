package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// namespace is the short name of a machine of the site.
type namespace string

// command returns a command line that runs in the namespace.
func (n namespace) command(args ...string) []string {
	return append([]string{"ip", "netns", "exec", prefix + string(n)}, args...)
}

// run executes a command in the namespace to its end, input on its standard input. The error holds what it printed.
func (n namespace) run(input string, args ...string) error {
	return execute(input, n.command(args...)...)
}

// execute runs a command to its end. The error holds what it printed.
func execute(input string, args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(input)
	// A group of its own: an interrupt at the terminal is ours to answer.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// in calls f on a thread that stands in the namespace: sockets that f opens belong to it.
func (n namespace) in(f func() error) error {
	file, err := os.Open("/run/netns/" + prefix + string(n))
	if err != nil {
		return err
	}
	defer file.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, so no other one finds itself in here.
		runtime.LockOSThread()
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("setns %s: %w", n, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// dial connects from within the namespace.
func (n namespace) dial(ctx context.Context, address string) (conn net.Conn, err error) {
	err = n.in(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp4", address)
		return err
	})
	return conn, err
}

// process is a program that runs in a namespace.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // valid once ended is closed

	mu     sync.Mutex
	output bytes.Buffer
}

// Write keeps what the program prints.
func (p *process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(text)
}

// printed is the end of what the program printed.
func (p *process) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := bytes.TrimSpace(p.output.Bytes())
	return string(text[max(0, len(text)-2000):])
}

// start runs a program in the namespace until stop, or until we die. If stdout is nil its standard output is kept, too.
func (n namespace) start(stdout *os.File, args ...string) (*process, error) {
	full := n.command(args...)
	p := &process{ended: make(chan struct{})}
	p.cmd = exec.Command(full[0], full[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// The signal at death is tied to the thread that started the program: it must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// stop ends the program: by SIGTERM, and by SIGKILL if it does not follow.
func (p *process) stop() {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-p.cmd.Process.Pid, signal)
		select {
		case <-p.ended:
			return
		case <-time.After(5 * time.Second):
		}
	}
}

// kill ends the program at once.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}
