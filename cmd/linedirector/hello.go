package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"linedirector/conf"
	"linedirector/lcore"
)

// hello is what control's process is told at its start. Whatever changes later is on the board.
type hello struct {
	Flags conf.Flags
	Name  string // the configuration's
	Text  []byte
	Board []lcore.Segment
	Ports []opened
	Mark  string // by which the virtuals' addresses on lo are known
	Again bool   // after one that died
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
	err = json.NewEncoder(f).Encode(h)
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
	h := &hello{}
	if err := json.NewDecoder(from).Decode(h); err != nil {
		return nil, fmt.Errorf("control was not told what to do: %w", err)
	}
	return h, nil
}
