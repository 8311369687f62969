package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A wire joins the workers' process and control's. What goes over it is short and rare: all else is on the board.
type wire struct {
	conn       *net.UnixConn
	in, rights []byte // of the message that is being received: each process makes them once, and no garbage of them
}

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
	tellOpened verb = "opened" // workers' process: board and ports are there
	tellReload verb = "reload" // workers' process: read the configuration anew
	tellStop   verb = "stop"   // workers' process: undo all, and end
)

// message is a verb and, of some, a sentence, and files that the receiver has from then on.
type message struct {
	verb  verb
	text  string
	files []*os.File
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
	return &wire{conn, make([]byte, longest), make([]byte, unix.CmsgSpace(4*mostFiles))}, nil
}

// send does not wait: nobody leaves messages unread for long.
func (w *wire) send(m message) error {
	b := append([]byte(m.verb), ' ')
	b = append(b, m.text...)
	var rights []byte
	if len(m.files) > 0 {
		fds := make([]int, len(m.files))
		for i, f := range m.files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err := w.conn.WriteMsgUnix(b[:min(len(b), longest)], rights, nil)
	return err
}

// mostFiles is how many may come with a message: the kernel's own limit (SCM_MAX_FD).
const mostFiles = 253

// receive waits for the next message, for one goroutine at a time. The error is io.EOF once the other process has ended.
func (w *wire) receive() (m message, err error) {
	n, r, _, _, err := w.conn.ReadMsgUnix(w.in, w.rights)
	if err != nil {
		return m, err
	}
	if m.files, err = filesOf(w.rights[:r]); err != nil {
		return m, err
	}
	name, text, _ := strings.Cut(string(w.in[:n]), " ")
	m.verb, m.text = verb(name), text
	return m, nil
}

// filesOf are those that came with a message.
func filesOf(rights []byte) (files []*os.File, err error) {
	if len(rights) == 0 {
		return nil, nil
	}
	all, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	for i := range all {
		fds, err := unix.ParseUnixRights(&all[i])
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "board"))
		}
	}
	return files, nil
}

// listen delivers messages until the other process has ended, then closes the channel.
func (w *wire) listen() <-chan message {
	all := make(chan message)
	go func() {
		defer close(all)
		for {
			m, err := w.receive()
			if err != nil {
				return
			}
			all <- m
		}
	}()
	return all
}

func (w *wire) close() { _ = w.conn.Close() }
