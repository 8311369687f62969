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
	// SetRealState sets a real of the configuration to a state that an operator may set; an *Error where that cannot be.
	SetRealState(name, state string) error
	// Journal is the one that all transitions are added to.
	Journal() *events.Journal
}
