package traffic

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Mode is what the clients do.
type Mode uint8

const (
	UDP   Mode = iota // datagrams over flows
	TCP               // connections opened beforehand, then segments over them
	Churn             // connections opened, used and closed
)

var modes = [...]string{"udp", "tcp", "churn"}

// String is the mode's word on the command line.
func (m Mode) String() string { return modes[m] }

// ParseMode finds a mode by its word.
func ParseMode(word string) (Mode, bool) {
	for i, w := range modes {
		if w == word {
			return Mode(i), true
		}
	}
	return 0, false
}

// Side is a device: the one towards the director's clients, or towards its servers. They may be the same.
type Side uint8

const (
	ClientSide Side = iota
	ServerSide
)

// Config is what a Player plays.
type Config struct {
	Mode     Mode
	Clients  netip.Prefix     // where clients' addresses come from
	Servers  netip.Prefix     // the servers' addresses
	Virtuals []netip.AddrPort // what clients ask for, in turn
	Answer   []netip.Addr     // further addresses whose ARP requests are answered
	MAC      [2][6]byte       // of the devices, by Side
	Hop      [6]byte          // where clients' frames go; zero: ask for HopAddr
	HopAddr  netip.Addr
	Blind    bool // do not wait until frames come through

	Flows    int     // in mode Churn: connections at a time
	Skew     float64 // Zipf's exponent; 0: all flows are alike
	Mix      Mix     // lengths of frames with data
	Echo     bool    // servers send data back
	Requests int     // a connection, in mode Churn
	Seed     uint64
	Run      uint8 // marks frames, so that those of an earlier run are not counted

	Hz         uint64        // of the counter that time is passed in
	Rate       uint64        // frames, or in mode Churn connections, a second; 0: as fast as it goes
	OpenRate   uint64        // flows opened a second before the warm-up; 0: in mode TCP as fast as it goes, in UDP none
	WarmUp     time.Duration // not counted
	Duration   time.Duration // counted
	Grace      time.Duration // how long late frames are waited for
	Timeout    time.Duration // after which a connection, or a question by ARP, failed
	Interval   time.Duration // between two SYNs, or two segments, of a connection that nobody answers
	FollowFlow int           // frames of so many flows are checked for their order
}

// maxRequests bounds the requests of a connection.
const maxRequests = 255

// check says what is wrong, in the words of the command line.
func (c *Config) check() error {
	for _, p := range []netip.Prefix{c.Clients, c.Servers} {
		if !p.IsValid() || !p.Addr().Is4() {
			return fmt.Errorf("%v is no IPv4 prefix; write it like 198.18.0.0/16", p)
		}
	}
	if c.Clients.Overlaps(c.Servers) {
		return fmt.Errorf("clients %v and servers %v overlap; give them prefixes of their own", c.Clients, c.Servers)
	}
	if len(c.Virtuals) == 0 {
		return errors.New("no virtual; give --virtual ADDRESS:PORT")
	}
	for _, v := range c.Virtuals {
		if !v.Addr().Is4() || v.Port() == 0 {
			return fmt.Errorf("%v is no IPv4 address with a port; write it like 192.0.2.10:80", v)
		}
		if c.Clients.Contains(v.Addr()) {
			return fmt.Errorf("virtual %v is among the clients %v; give them another prefix", v, c.Clients)
		}
	}
	if most := newEndpoints(c.Clients).space(); c.Flows < 1 || uint64(c.Flows) > most {
		return fmt.Errorf("%d flows: the clients' prefix %v has endpoints for 1 to %d; give a shorter prefix", c.Flows, c.Clients, most)
	}
	if c.Requests < 0 || c.Requests > maxRequests || c.Requests == 0 && c.Mode == Churn {
		return fmt.Errorf("%d requests a connection; use 1 to %d", c.Requests, maxRequests)
	}
	return c.Mix.check()
}
