package record

import (
	"fmt"
	"os"

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
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("--lock %s: %w", file, err)
	}
	return func() { f.Close() }, nil
}
