package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"go.uber.org/zap"

	"linedirector/lcore"
)

// overseer starts control's process, does what it asks, and starts it again if it dies: packets go on meanwhile.
type overseer struct {
	log    *zap.Logger
	lcores *lcore.Lcores
	taps   *taps
	hello  hello
	opened *opening // nil until it is known

	process  *exec.Cmd
	wire     *wire
	messages <-chan message
	ended    chan error // by process
	failure  string     // why control ends, in its own words
	running  bool       // workers are
	ready    bool       // control was, once
	born     time.Time
	wait     time.Duration // of the last successor
}

// rest are the messages of a control that has ended.
func (o *overseer) rest() <-chan message {
	if o.messages == nil {
		none := make(chan message)
		close(none)
		return none
	}
	return o.messages
}

// controlName is control's process in lists of processes.
const controlName = "linedirector-control"

// wireFile is what control's process inherits behind the usual files.
const wireFile = 3

// begin starts control's process, which reads the configuration while this one reads it, too, and opens ports, unless they are
// open. The thread that calls it must live as long as this process: with it control dies.
func (o *overseer) begin() (err error) {
	input, err := o.hello.file()
	if err != nil {
		return err
	}
	defer input.Close()
	ours, theirs, err := newWire()
	if err != nil {
		return err
	}
	defer theirs.Close()
	o.process = &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{controlName}, os.Args[1:]...),
		Stdin: input, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}
	if err := o.process.Start(); err != nil {
		ours.close()
		return fmt.Errorf("start control: %w", err)
	}
	o.wire, o.messages, o.failure, o.born = ours, ours.listen(), "", time.Now()
	ended := make(chan error, 1)
	o.ended = ended
	go func(p *exec.Cmd) { ended <- p.Wait() }(o.process)
	if o.opened != nil {
		return o.introduce()
	}
	return nil
}

// introduce tells control what is open. If it has died, its end tells.
func (o *overseer) introduce() error {
	files, _ := o.lcores.Share()
	m, err := o.opened.message(files)
	if err == nil {
		_ = o.wire.send(m)
	}
	return err
}

// oversee serves control until the director is to end.
func (o *overseer) oversee(ctx context.Context, hangup <-chan os.Signal) error {
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			o.log.Info("stopping")
			return nil
		case <-hangup:
			o.tell(tellReload)
		case m, ok := <-o.messages:
			if !ok {
				o.messages = nil
				continue
			}
			o.hear(m)
		case err := <-o.ended:
			for m := range o.rest() { // what it said before
				o.hear(m)
			}
			o.process, o.ended = nil, nil
			next, err := o.bury(err)
			if err != nil {
				return err
			}
			again = next
		case <-again:
			o.hello.Again = true
			if err := o.begin(); err != nil {
				o.log.Error("control cannot be started again", zap.Error(err))
				again = time.After(o.revival(time.Now()))
			}
		}
	}
}

// hear acts upon a message of control's.
func (o *overseer) hear(m message) {
	var err error
	switch m.verb {
	case askStart:
		err = o.start()
	case askRead:
		o.lcores.Read()
	case tellReady:
		o.ready = true
		return
	case tellFailed:
		o.failure = m.text
		return
	default:
		o.log.Error("control says what nobody understands", zap.String("verb", string(m.verb)))
		return
	}
	answer := message{verb: done}
	if err != nil {
		answer = message{verb: refused, text: err.Error()}
	}
	_ = o.wire.send(answer) // if control has died, its end tells
}

// start sets workers and taps going, unless they are.
func (o *overseer) start() error {
	if o.running {
		return nil
	}
	tidy()
	if err := o.taps.start(o.lcores); err != nil {
		return err
	}
	o.running = true
	return nil
}

// tell tells control something, which it may not live to hear.
func (o *overseer) tell(v verb) { _ = o.wire.send(message{verb: v}) }

// A successor is soon there. Where one after the other dies at once, each waits twice as long as the one before, so that they take
// little CPU from workers.
const (
	firstRevival = 100 * time.Millisecond
	lastRevival  = 5 * time.Second
	longLife     = 10 * time.Second // of one that did not die at once
)

// revival is how long the next successor waits.
func (o *overseer) revival(now time.Time) time.Duration {
	if now.Sub(o.born) >= longLife {
		o.wait = 0
	}
	o.wait = min(max(2*o.wait, firstRevival), lastRevival)
	return o.wait
}

// errEnded is for a control that ended before it was ready.
var errEnded = errors.New("control ended before it was ready")

// bury is told how control's process ended, and says when the next one begins. An error ends the director: it was never ready.
func (o *overseer) bury(err error) (next <-chan time.Time, _ error) {
	o.wire.close()
	switch {
	case o.failure != "" && !o.ready:
		return nil, errors.New(o.failure)
	case !o.ready:
		return nil, fmt.Errorf("%w: %w", errEnded, err)
	}
	wait := o.revival(time.Now())
	o.log.Error("control died; packets go on, and it is started again",
		zap.Duration("in", wait), zap.NamedError("end", err), zap.String("last_words", o.failure))
	return time.After(wait), nil
}

// abandon ends a control that was told of nothing that is open, and so has nothing to undo.
func (o *overseer) abandon() {
	_ = o.process.Process.Kill()
	for range o.rest() { // until it is gone
	}
	o.wire.close()
	o.process = nil
}

// endPatience is how long control may take to undo what it did.
const endPatience = 10 * time.Second

// end has control undo what it did, and waits for it.
func (o *overseer) end() error {
	if o.process == nil {
		return nil
	}
	if o.opened == nil {
		o.abandon() // what kept it from beginning has been said
		return nil
	}
	o.tell(tellStop)
	patience := time.After(endPatience)
	for {
		select {
		case m, ok := <-o.messages:
			if !ok {
				o.messages = nil
				continue
			}
			o.hear(m)
		case err := <-o.ended:
			o.wire.close()
			o.process = nil
			if o.failure != "" {
				return errors.New(o.failure)
			}
			if err != nil {
				return fmt.Errorf("control did not end well: %w", err)
			}
			return nil
		case <-patience:
			_ = o.process.Process.Kill()
			o.failure = "control did not end within " + endPatience.String()
			patience = nil
		}
	}
}
