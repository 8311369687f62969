package control

import (
	"errors"
	"os"
	"sync"

	"go.uber.org/zap"
)

// Injector transmits a frame of the kernel's on a port, given by its place in the configuration.
type Injector interface {
	Inject(port int, frame []byte) error
}

// Taps carries frames between workers and the kernel's taps, in the workers' process. It allocates nothing once it runs.
type Taps struct {
	log     *zap.Logger
	workers Injector
	punts   Punts
	taps    []Tap
	running sync.WaitGroup
}

// maxFrame holds the longest frame that a tap gives.
const maxFrame = 65536

// NewTaps joins the taps, in the order of the configuration's ports, with the workers.
func NewTaps(log *zap.Logger, workers Injector, punts Punts, taps []Tap) *Taps {
	return &Taps{log: log, workers: workers, punts: punts, taps: taps}
}

// Start begins to carry frames.
func (t *Taps) Start() {
	t.running.Go(func() {
		deliver := func(port int, frame []byte) {
			_, _ = t.taps[port].Write(frame) // the kernel's own refusal is the kernel's to count
		}
		for t.punts.Next(deliver) == nil {
		}
	})
	for i, tap := range t.taps {
		t.running.Go(func() {
			frame := make([]byte, maxFrame)
			for {
				n, err := tap.Read(frame)
				if errors.Is(err, os.ErrClosed) {
					return
				}
				if err != nil {
					t.log.Error("the port's tap is lost; restart to have it again", zap.String("port", tap.Name()), zap.Error(err))
					return
				}
				if err := t.workers.Inject(i, frame[:n]); err != nil {
					t.log.Debug("frame of the kernel not sent", zap.String("port", tap.Name()), zap.Error(err))
				}
			}
		})
	}
}

// Stop waits until no frame is carried any more. It closes the taps.
func (t *Taps) Stop() {
	t.punts.Interrupt()
	for _, tap := range t.taps {
		_ = tap.Close()
	}
	t.running.Wait()
}
