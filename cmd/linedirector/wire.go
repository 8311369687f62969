package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// A wire joins the workers' process and control's. What goes over it is short and rare: all else is on the board.
type wire struct{ conn *net.UnixConn }

// verb says what a message is about.
type verb string

// Control asks, and waits for done or refused.
const (
	askStart verb = "start" // start ports and workers under the rules on the board
	askRead  verb = "read"  // read the devices, onto the board

	done    verb = "done"
	refused verb = "refused" // and why
)

// What one tells the other.
const (
	tellReady  verb = "ready"  // control: all is served
	tellFailed verb = "failed" // control: why it ends
	tellReload verb = "reload" // workers' process: read the configuration anew
	tellStop   verb = "stop"   // workers' process: undo all, and end
)

// message is a verb and, of some, a sentence.
type message struct {
	verb verb
	text string
}

// longest is how long a message may be, in bytes; a longer one is cut.
const longest = 64 << 10

// newWire makes both ends; theirs is for a process to inherit.
func newWire() (ours *wire, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("join the two processes: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "wire")
	if ours, err = wireOf(os.NewFile(uintptr(fds[0]), "wire")); err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// wireOf is the end that a file holds, which it closes.
func wireOf(f *os.File) (*wire, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("join the two processes: %w", err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.New("join the two processes: no Unix socket was inherited")
	}
	return &wire{conn}, nil
}

// send does not wait: nobody leaves messages unread for long.
func (w *wire) send(m message) error {
	b := append([]byte(m.verb), ' ')
	b = append(b, m.text...)
	_, err := w.conn.Write(b[:min(len(b), longest)])
	return err
}

// receive waits for the next message. The error is io.EOF once the other process has ended.
func (w *wire) receive(buffer []byte) (message, error) {
	n, err := w.conn.Read(buffer)
	if err != nil {
		return message{}, err
	}
	for i, c := range buffer[:n] {
		if c == ' ' {
			return message{verb(buffer[:i]), string(buffer[i+1 : n])}, nil
		}
	}
	return message{verb: verb(buffer[:n])}, nil
}

// listen delivers messages until the other process has ended, then closes the channel.
func (w *wire) listen() <-chan message {
	all := make(chan message)
	go func() {
		defer close(all)
		buffer := make([]byte, longest)
		for {
			m, err := w.receive(buffer)
			if err != nil {
				return
			}
			all <- m
		}
	}()
	return all
}

func (w *wire) close() { _ = w.conn.Close() }
