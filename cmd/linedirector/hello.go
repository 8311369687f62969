package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"linedirector/conf"
	"linedirector/lcore"
)

// hello is what control's process is told at its start, so that it can read the configuration while ports are opened.
type hello struct {
	Flags conf.Flags
	Name  string // the configuration's
	Text  []byte `json:"-"` // stands behind the rest, as it is
	Again bool   // after one that died
}

// opening is what it is told once they are, with the board's files. Whatever changes later is on the board.
type opening struct {
	Board []lcore.Segment
	Ports []opened
	Mark  string // by which the virtuals' addresses on lo are known
}

// opened is a port as the workers' process opened it.
type opened struct {
	Name, Device, Driver string
	ID                   uint16 // by which workers know it
	MAC                  net.HardwareAddr
	Tap                  int // its tap's index in the kernel
	Rx, Tx               int // queues
	Steering             string
}

// file is h for a process to read as its standard input.
func (h *hello) file() (*os.File, error) {
	fd, err := unix.MemfdCreate("hello", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("tell control what to do: %w", err)
	}
	f := os.NewFile(uintptr(fd), "hello")
	err = json.NewEncoder(f).Encode(h) // on a line
	if err == nil {
		_, err = f.Write(h.Text)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("tell control what to do: %w", err)
	}
	return f, nil
}

// readHello is the other end.
func readHello(from io.Reader) (*hello, error) {
	h, in := &hello{}, bufio.NewReader(from)
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, h)
	}
	if err == nil {
		h.Text, err = io.ReadAll(in)
	}
	if err != nil {
		return nil, fmt.Errorf("control was not told what to do: %w", err)
	}
	return h, nil
}

// message is o, to be sent with the board's files.
func (o *opening) message(files []*os.File) (message, error) {
	text, err := json.Marshal(o)
	return message{tellOpened, string(text), files}, err
}

// awaitOpening waits until ports are open. It returns nothing if the workers' process says that they will not be.
func awaitOpening(w *wire) (*opening, []*os.File, error) {
	m, err := w.receive()
	switch {
	case err != nil:
		return nil, nil, errAlone
	case m.verb == tellStop:
		return nil, nil, nil
	}
	o := &opening{}
	if err := json.Unmarshal([]byte(m.text), o); err != nil {
		return nil, nil, fmt.Errorf("control was not told what is open: %w", err)
	}
	if m.verb != tellOpened || len(m.files) != len(o.Board) {
		return nil, nil, fmt.Errorf("control was told '%s', with %d files, instead of what is open", m.verb, len(m.files))
	}
	return o, m.files, nil
}
