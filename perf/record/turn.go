package record

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Turn waits until nobody else holds a file's lock (flock), takes it and returns what gives it back: so that several
// measurements, or a measurement and builds, take turns on one machine. An empty name asks for no turn.
func Turn(file string) (done func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("--lock: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("--lock %s: %w", file, err)
	}
	return func() { f.Close() }, nil
}

// Command is the command line that measures the same: without --lock, which names a file of one machine.
func Command(program string, args []string) string {
	words := strings.Fields(program)
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--lock":
			i++
		case strings.HasPrefix(args[i], "--lock="):
		default:
			words = append(words, args[i])
		}
	}
	return strings.Join(words, " ")
}
