package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Process is a program that runs in a namespace.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // valid once ended is closed

	mu     sync.Mutex
	output bytes.Buffer
}

// Write keeps what the program prints.
func (p *Process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(text)
}

// Printed is the end of what the program printed.
func (p *Process) Printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := bytes.TrimSpace(p.output.Bytes())
	return string(text[max(0, len(text)-2000):])
}

// Start runs a program in the namespace until Stop, or until we die. If stdout is nil its standard output is kept, too.
func (n Namespace) Start(stdout *os.File, args ...string) (*Process, error) {
	full := n.Command(args...)
	p := &Process{ended: make(chan struct{})}
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

// Args is the command line, as Start was given it.
func (p *Process) Args() []string { return p.cmd.Args[len(Namespace("").Command()):] }

// CommandLine is the whole of it, the way into the namespace included.
func (p *Process) CommandLine() []string { return p.cmd.Args }

// PID is the program's id: ip netns exec becomes what it runs.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed at the program's end.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err tells why the program ended, with what it printed last, and nil while it lives.
func (p *Process) Err() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended: %w: %s", p.Args()[0], cmp.Or(p.err, errors.New("without an error")), p.Printed())
	default:
		return nil
	}
}

// Await calls f until it succeeds, for as long as the program lives and patience lasts.
func (p *Process) Await(ctx context.Context, patience time.Duration, f func(context.Context) error) error {
	return repeat(ctx, patience, p, 1, p.Args()[0]+" is not ready", f)
}

// Stop ends the program: by SIGTERM, and by SIGKILL if it does not follow.
func (p *Process) Stop() {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-p.cmd.Process.Pid, signal)
		select {
		case <-p.ended:
			return
		case <-time.After(5 * time.Second):
		}
	}
}

// Kill ends the program at once.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}
