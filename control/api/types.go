package api

import (
	"net/netip"
	"slices"
	"time"

	"linedirector/control/events"
)

// The states of a real.
const (
	InService        = "in-service"
	Testing          = "testing"
	Failed           = "failed"
	ExternallyFailed = "externally-failed"
	MaxCapacity      = "max-capacity"
	Maintenance      = "maintenance"
	StickyOnly       = "sticky-only"
	OutOfService     = "out-of-service"
)

// Draining is shown as the state of a real that is no longer configured and keeps its live connections.
const Draining = "draining"

var (
	states = []string{InService, Testing, Failed, ExternallyFailed, MaxCapacity, Maintenance, StickyOnly, OutOfService}
	// settable are the states that an operator may set; the others are the director's own findings.
	settable = []string{InService, Maintenance, StickyOnly, OutOfService, ExternallyFailed}
	phases   = []string{"half-open", "ditched", "established", "closing", "reset", "cut", "udp"}
)

// States are all states of a real, as they are shown.
func States() []string { return slices.Clone(states) }

// Real is a server, with its counts over all virtuals and workers. Totals count since the director's start.
type Real struct {
	Name     string     `json:"name"`
	Address  netip.Addr `json:"address"`
	Port     uint16     `json:"port"` // L4; 0: the port that the client chose
	State    string     `json:"state"`
	Since    time.Time  `json:"since"`
	Cause    string     `json:"cause"` // of the state
	Draining bool       `json:"draining"`

	Weight      int      `json:"weight"`
	Connections uint64   `json:"connections"`         // open
	MaxConns    uint64   `json:"maxconns,omitempty"`  // 0: no limit
	Load        int      `json:"load,omitempty"`      // that was reported, for the predictor loaded
	Overrides   []string `json:"overrides,omitempty"` // names of settings that an operator made other than the configuration has them
	OpenedTotal uint64   `json:"opened_total"`

	Ditched               uint32   `json:"ditched"` // consecutive connections
	Threshold             uint32   `json:"threshold"`
	DitchedBySilenceTotal uint64   `json:"ditched_by_silence_total"`
	DitchedByResetTotal   uint64   `json:"ditched_by_reset_total"`
	ReassignedTotal       uint64   `json:"reassigned_total"`                // ditched ones that another real took
	ResponseTimeSeconds   *float64 `json:"response_time_seconds,omitempty"` // the last; nil: none measured yet
	RetryInSeconds        *float64 `json:"retry_in_seconds,omitempty"`      // until a failed real is tried; nil: not failed
	SlowStartLeftSeconds  *float64 `json:"slow_start_left_seconds,omitempty"`

	Backup   string   `json:"backup,omitempty"` // a real's name
	Virtuals []string `json:"virtuals"`         // names
	Probe    *Probe   `json:"probe,omitempty"`  // nil: none is configured
}

// Shown is what decides about new connections: of a real that drains, not its state.
func (r *Real) Shown() string {
	if r.Draining {
		return Draining
	}
	return r.State
}

// Probe is a real's active health check.
type Probe struct {
	Type  string    `json:"type"`
	Up    bool      `json:"up"`
	Last  time.Time `json:"last,omitzero"`   // when it ended last
	Cause string    `json:"cause,omitempty"` // why it is not up
}

// Virtual is what clients connect to.
type Virtual struct {
	Name        string        `json:"name"`
	Address     netip.Addr    `json:"address"`
	Port        uint16        `json:"port"`            // L4; 0: every port
	Protocol    string        `json:"protocol"`        // tcp, udp or any
	Class       string        `json:"class,omitempty"` // of clients; "": all
	Predictor   string        `json:"predictor"`
	Sticky      *StickyRule   `json:"sticky,omitempty"` // nil: every connection is scheduled
	Expiry      string        `json:"expiry,omitempty"` // what ends get of a connection that was idle too long; "": nothing
	Draining    bool          `json:"draining"`
	Connections uint64        `json:"connections"` // open
	OpenedTotal uint64        `json:"opened_total"`
	HalfOpen    uint64        `json:"half_open"`
	SynGuard    uint64        `json:"synguard,omitempty"` // most half-open ones; 0: no limit
	Reals       []VirtualReal `json:"reals"`
	Backup      string        `json:"backup,omitempty"` // a virtual's name
	Active      Active        `json:"active"`
	NoRealTotal uint64        `json:"no_real_total"` // connections refused because there was no real
}

// VirtualReal is a real as its virtual sees it.
type VirtualReal struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Weight      int    `json:"weight"`      // of this virtual's connections
	Connections uint64 `json:"connections"` // open, of this virtual
}

// StickyRule has a client's connections go to the real that has its others.
type StickyRule struct {
	TimerSeconds float64 `json:"timer_seconds"`     // that an entry lasts after its last connection closed
	Prefix       int     `json:"prefix"`            // bits of the client's address that tell clients apart
	Buddies      string  `json:"buddies,omitempty"` // the group of virtuals that share entries; "": it shares none
}

// Active says whose reals take a virtual's new connections.
type Active struct {
	Tier    string `json:"tier"`              // TierOwn, TierBackup or TierNone
	Virtual string `json:"virtual,omitempty"` // the backup's name
}

// The tiers: a virtual's own reals, those of a backup virtual, or nobody.
const (
	TierOwn    = "own"
	TierBackup = "backup"
	TierNone   = "none"
)

// Worker is one poll loop.
type Worker struct {
	Number              int     `json:"number"`
	CPU                 int     `json:"cpu"`
	Flows               uint64  `json:"flows"`
	Capacity            uint64  `json:"capacity"` // flows
	Guests              uint64  `json:"guests"`   // copies of others' flows, in what is left of the capacity
	ForwardPacketsTotal uint64  `json:"forward_packets_total"`
	ReplyPacketsTotal   uint64  `json:"reply_packets_total"`
	ForwardBytesTotal   uint64  `json:"forward_bytes_total"`
	ReplyBytesTotal     uint64  `json:"reply_bytes_total"`
	HandedOverTotal     uint64  `json:"handed_over_total"` // frames given to the worker that owns their flow
	DropsTotal          uint64  `json:"drops_total"`
	BusyShare           float64 `json:"busy_share"` // 0 to 1, of the time since the start
	LongestStallSeconds float64 `json:"longest_stall_seconds"`
}

// Flow is one connection.
type Flow struct {
	Client          netip.AddrPort `json:"client"`
	VirtualEndpoint netip.AddrPort `json:"virtual_endpoint"`
	RealEndpoint    netip.AddrPort `json:"real_endpoint"`
	Virtual         string         `json:"virtual"` // name
	Real            string         `json:"real"`    // name
	Protocol        string         `json:"protocol"`
	Phase           string         `json:"phase"`
	AgeSeconds      *float64       `json:"age_seconds,omitempty"` // nil: not known
	IdleSeconds     float64        `json:"idle_seconds"`
	SYNs            int            `json:"syns,omitempty"` // unanswered ones, while half-open
	ForwardBytes    uint64         `json:"forward_bytes"`  // client to real
	ReplyBytes      uint64         `json:"reply_bytes"`
	Worker          int            `json:"worker"`
}

// FlowPage is a piece of the list of flows.
type FlowPage struct {
	Flows []Flow `json:"flows"`
	Next  string `json:"next,omitempty"` // cursor of the next page; "" ends the list
}

// FlowQuery picks flows. Empty fields pick all.
type FlowQuery struct {
	Limit   int    // most flows of the page
	Cursor  string // Next of the page before; "" begins
	Virtual string // name
	Real    string // name
	Client  netip.Prefix
	Phase   string
}

// Event is a journal's event with its sentence.
type Event struct {
	events.Event
	Text string `json:"text"`
}

// Index is what GET /v1 answers.
type Index struct {
	Routes []Route `json:"routes"`
}

// Route is one of the server's routes.
type Route struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	What   string `json:"what"`
}

type (
	realList struct {
		Reals []Real `json:"reals"`
	}
	virtualList struct {
		Virtuals []Virtual `json:"virtuals"`
	}
	workerList struct {
		Workers []Worker `json:"workers"`
	}
	portList struct {
		Ports []Port `json:"ports"`
	}
	neighbourList struct {
		Neighbours []Neighbour `json:"neighbours"`
	}
	changeList struct {
		Changes []Change `json:"changes"`
	}
)
