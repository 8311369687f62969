package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"

	"linedirector/conf"
	"linedirector/control/synretry"
)

// Ledger is where a Director keeps what its successor must know if it dies: memory of the workers' process.
type Ledger interface {
	// Load is what was stored last, nil if nothing was. It need not outlive the next Store.
	Load() []byte
	// Store keeps b, whole or not at all. When it returns, b is the caller's again.
	Store(b []byte)
}

// The ledger's bytes: what they are, their version, their checksum, and then the book, see ledger_rows.go.
const (
	ledgerName    = "ldledger"
	ledgerVersion = 1 // to be raised with each change of book and of what it holds
	ledgerHead    = len(ledgerName) + 4 + 4
)

// book is what a ledger says. All else a successor finds where workers do: in Counts, Shared, Hops and sticky entries. What
// follows from the configuration's text is not written, nor what numbers are free.
type book struct {
	Generation      uint32
	RouteGeneration uint16
	Hop             uint32 // the highest slot that a next hop was ever given
	Event           uint64 // the newest in the journal
	InForce, Before bookConf
	Purges          []bookPurge
	Reals           []bookReal    // those of the configuration, in its order, then those that drain
	Virtuals        []bookVirtual // likewise
	Bindings        bookBindings
}

// bookConf is a configuration that took effect; without text there was none.
type bookConf struct {
	Name       string
	Text       []byte
	At         int64 // nanoseconds since 1970
	Generation uint32
}

type bookFlush struct {
	On    bool
	After uint32
}

// bookTally and bookKnobs are tally and knobs, field by field.
type (
	bookTally [3]uint64
	bookKnobs [3]int
)

type bookReal struct {
	Slot        uint16
	Drains      bool // the configuration does not have it
	Gone        drainingReal
	Added       uint32
	File, Holds bookKnobs
	Flush       bookFlush
	Base, Run   bookTally
	Admin       conf.State
	Machine     synretry.Kept
	Ramped      uint32
	Entered     [synretry.States]uint64
}

// drainingReal is what is still shown of a real that the configuration no longer has, and what it is known by.
type drainingReal struct {
	Name, Backup string
	Address      netip.Addr
	Port         uint16
	Threshold    int
}

type bookVirtual struct {
	Slot   uint16
	Group  uint16
	Drains bool // the configuration does not have it
	Gone   conf.Virtual
	Flush  bookFlush
	NoReal uint64
}

// bookBindings are all virtuals' bindings in their order, a column a field.
type bookBindings struct {
	Each  []uint32 // how many a virtual has
	Slot  []uint32
	Real  []uint16 // its slot
	State []byte   // bindingNamed, bindingDrains; in a row bindingCounts
	Since []uint32 // of those that drain
	Base  []uint64
}

const (
	bindingNamed = 1 << iota
	bindingDrains
	bindingCounts // its base is not 0
)

type bookPurge struct {
	Real  uint16
	After uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// write makes the ledger's bytes, in the memory of b.
func (k *book) write(b []byte) ([]byte, error) {
	var head [ledgerHead]byte
	w := rowWriter{append(b[:0], head[:]...)}
	if err := w.book(k); err != nil {
		return nil, err
	}
	copy(w.b, ledgerName)
	binary.LittleEndian.PutUint32(w.b[len(ledgerName):], ledgerVersion)
	binary.LittleEndian.PutUint32(w.b[len(ledgerName)+4:], crc32.Checksum(w.b[ledgerHead:], castagnoli))
	return w.b, nil
}

// errLedger begins what is said of a ledger that no control can go on with.
var errLedger = errors.New("what control kept for its successor cannot be taken over")

// mendLedger ends it.
const mendLedger = "; restart linedirector as a whole, which ends its connections"

// readBook reads a ledger's bytes.
func readBook(b []byte) (*book, error) {
	if len(b) < ledgerHead || string(b[:len(ledgerName)]) != ledgerName {
		return nil, fmt.Errorf("%w: its %d bytes are no ledger%s", errLedger, len(b), mendLedger)
	}
	if v := binary.LittleEndian.Uint32(b[len(ledgerName):]); v != ledgerVersion {
		return nil, fmt.Errorf("%w: it is of version %d, this program reads %d%s", errLedger, v, ledgerVersion, mendLedger)
	}
	if binary.LittleEndian.Uint32(b[len(ledgerName)+4:]) != crc32.Checksum(b[ledgerHead:], castagnoli) {
		return nil, fmt.Errorf("%w: its checksum is wrong%s", errLedger, mendLedger)
	}
	k, err := readRows(b[ledgerHead:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w%s", errLedger, err, mendLedger)
	}
	return k, nil
}
