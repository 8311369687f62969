package api

import (
	"net/netip"
	"time"
)

// RealSettings is what an operator may set of a real while the director runs; nil leaves it as it is. What is set holds until
// the configuration's own value changes.
type RealSettings struct {
	State    *string `json:"state,omitempty"`
	Weight   *int    `json:"weight,omitempty"`   // 0 to 65535
	MaxConns *int    `json:"maxconns,omitempty"` // 0: no limit
	Load     *int    `json:"load,omitempty"`     // for the predictor loaded
}

// Sticky is an entry by which a client's connections go to one real.
type Sticky struct {
	Group            string       `json:"group"` // its buddies' name, or its virtual's
	Client           netip.Prefix `json:"client"`
	Real             string       `json:"real"`
	Connections      uint32       `json:"connections"`                  // open
	ExpiresInSeconds *float64     `json:"expires_in_seconds,omitempty"` // nil: connections are open
}

// StickyPage is a piece of the list of sticky entries.
type StickyPage struct {
	Sticky []Sticky `json:"sticky"`
	Next   string   `json:"next,omitempty"` // cursor of the next page; "" ends the list
}

// StickyQuery picks sticky entries. Empty fields pick all.
type StickyQuery struct {
	Limit  int
	Cursor string
	Group  string
	Real   string
	Client netip.Prefix // that an entry's client overlaps
}

// Port is an Ethernet device.
type Port struct {
	Name      string         `json:"name"`
	Device    string         `json:"device"`
	Driver    string         `json:"driver"`
	Side      string         `json:"side"`
	MAC       string         `json:"mac"`
	MTU       int            `json:"mtu"`
	Up        bool           `json:"up"`
	SpeedMbps uint32         `json:"speed_mbps,omitempty"` // 0: not known
	Addresses []netip.Prefix `json:"addresses"`
	RxQueues  int            `json:"rx_queues"`
	TxQueues  int            `json:"tx_queues"`
	Steering  string         `json:"steering"` // hardware, software or single

	RxPacketsTotal uint64 `json:"rx_packets_total"`
	TxPacketsTotal uint64 `json:"tx_packets_total"`
	RxBytesTotal   uint64 `json:"rx_bytes_total"`
	TxBytesTotal   uint64 `json:"tx_bytes_total"`
	RxMissedTotal  uint64 `json:"rx_missed_total"` // for want of descriptors
	RxErrorsTotal  uint64 `json:"rx_errors_total"`
	TxErrorsTotal  uint64 `json:"tx_errors_total"`
	RxNoMbufTotal  uint64 `json:"rx_no_mbuf_total"`
}

// Neighbour is a next hop on a port's link.
type Neighbour struct {
	Address netip.Addr `json:"address"`
	Port    string     `json:"port"`
	MAC     string     `json:"mac,omitempty"` // "": it has not answered
	Kept    bool       `json:"kept"`          // resolved before it is needed: a gateway, or a real on the link
	For     string     `json:"for,omitempty"` // who needs it
}

// Config is a configuration that was applied.
type Config struct {
	File       string    `json:"file"` // where it came from
	Applied    time.Time `json:"applied"`
	Generation uint32    `json:"generation"` // of the first rules that it made
	Text       string    `json:"text"`
}

// Change is a difference between two configurations: an object that came (From ""), went (To ""), or a field that changed.
type Change struct {
	Kind  string `json:"kind"` // real, virtual, class, ...
	Name  string `json:"name"`
	Field string `json:"field,omitempty"` // "": the whole object
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
}

// Applied is what became of a configuration.
type Applied struct {
	Changes []Change `json:"changes"`
	DryRun  bool     `json:"dry_run"` // nothing was changed
}

// Forgotten is what became of sticky entries.
type Forgotten struct {
	Entries int `json:"entries"` // that are gone
}

// ApplyOptions say how to apply a configuration.
type ApplyOptions struct {
	DryRun bool // only show the changes
}

// Flushed is what a flush began to cut.
type Flushed struct {
	Connections uint64 `json:"connections"` // that were open
}

// Question asks what becomes of a client's packet.
type Question struct {
	Client   netip.AddrPort
	Virtual  netip.AddrPort // where the packet goes
	Protocol string         // tcp or udp
}

// Explanation says what becomes of a packet that would open a connection, and why.
type Explanation struct {
	Client   netip.AddrPort `json:"client"`
	To       netip.AddrPort `json:"to"`
	Protocol string         `json:"protocol"`

	Class   string      `json:"class,omitempty"` // of the client; "": none
	Rule    string      `json:"rule"`            // which virtual, by which rule, or why none
	Virtual string      `json:"virtual,omitempty"`
	Worker  int         `json:"worker"`           // that owns the flow
	Flow    *Flow       `json:"flow,omitempty"`   // that is there already
	Sticky  *Sticky     `json:"sticky,omitempty"` // the client's entry
	Real    string      `json:"real,omitempty"`   // that would be chosen; "": none
	Why     string      `json:"why"`
	Reals   []Candidate `json:"reals"` // all that the virtual may use
}

// Candidate is a real as the predictor sees it.
type Candidate struct {
	Name        string  `json:"name"`
	State       string  `json:"state"`
	Weight      int     `json:"weight"`
	Connections uint64  `json:"connections"`
	Takes       bool    `json:"takes"`           // new connections
	Score       float64 `json:"score,omitempty"` // what the predictor compares: less is better; 0 where it does not compare
	Why         string  `json:"why,omitempty"`   // not
}
