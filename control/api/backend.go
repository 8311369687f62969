package api

import (
	"context"

	"linedirector/control/events"
)

// Backend is the control core as the server needs it. Its methods are called from several goroutines at once, and
// not after Server.Close has returned.
type Backend interface {
	// Reals lists all reals in the configuration's order, then those that drain.
	Reals() []Real
	// Virtuals lists all virtuals in the configuration's order, then those that drain.
	Virtuals() []Virtual
	// Workers lists all workers by number.
	Workers() []Worker
	// Flows returns a page of the flows that q picks; an *Error where its cursor is none of this backend's. A page may
	// be empty and yet have a next one. Over all pages no flow is missed that stays open from the first to the last. Names
	// and phase in q are known ones, its limit is from 1 to MaxPage.
	Flows(ctx context.Context, q FlowQuery) (FlowPage, error)
	// Sticky returns a page of the sticky entries that q picks, as Flows does of flows.
	Sticky(ctx context.Context, q StickyQuery) (StickyPage, error)
	// Ports lists all ports in the configuration's order.
	Ports() []Port
	// Neighbours lists the next hops on the ports' links.
	Neighbours() []Neighbour
	// Explain says what becomes of a packet. Client and virtual in q are of one family, its protocol is tcp or udp.
	Explain(q Question) (Explanation, error)

	// SetReal sets what s holds of a real of the configuration, all of it or nothing; an *Error where that cannot be. The
	// state is one that an operator may set, the numbers are within their bounds.
	SetReal(name string, s RealSettings) error
	// FlushReal begins to cut the live flows of the reals of a name, those that drain included.
	FlushReal(name string) (Flushed, error)
	// FlushVirtual does so with the flows of the virtuals of a name.
	FlushVirtual(name string) (Flushed, error)
	// FlushSticky forgets the sticky entries that q picks by a group, a real or a client at least, and returns how many.
	FlushSticky(q StickyQuery) (int, error)

	// Config is the configuration in force.
	Config() Config
	// Previous is the one before it; false where none was applied since the start.
	Previous() (Config, bool)
	// Diff tells in what a configuration differs from the one in force; conf.Errors where it is wrong. Name is that of its
	// file, for messages.
	Diff(name string, text []byte) ([]Change, error)
	// Apply puts a configuration in force, all of it or nothing; conf.Errors where it is wrong, an *Error where it cannot
	// be applied while the director runs.
	Apply(name string, text []byte, o ApplyOptions) (Applied, error)
	// Rollback applies Previous, which Config was until then; an *Error where there is none.
	Rollback(o ApplyOptions) (Applied, error)

	// Journal is the one that all transitions are added to.
	Journal() *events.Journal
}
