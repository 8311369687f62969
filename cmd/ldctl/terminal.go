package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal tells whether a person looks at what is written to f.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// What moves a terminal's cursor.
const (
	clearScreen = "\x1b[H\x1b[2J"
	rewriteLine = "\r\x1b[K"
)
