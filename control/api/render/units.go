package render

import (
	"net/netip"
	"strconv"
	"time"
)

// age is how long something has lasted, in the unit that tells most: 12s, 3m, 5h, 9d. A clock that was set back
// makes nothing negative.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return count(uint64(d/time.Second)) + "s"
	case d < 2*time.Hour:
		return count(uint64(d/time.Minute)) + "m"
	case d < 2*day:
		return count(uint64(d/time.Hour)) + "h"
	default:
		return count(uint64(d/day)) + "d"
	}
}

// since is the age of a moment; a dash where there was none.
func since(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return age(now.Sub(t))
}

// seconds is the age of so many seconds; a dash where they are not known.
func seconds(s *float64) string {
	if s == nil {
		return "-"
	}
	return age(time.Duration(*s * float64(time.Second)))
}

// quick is a short time with three digits at most: 840µs, 1.84ms, 250ms, 2.5s.
func quick(s float64) string {
	switch {
	case s < 0.001:
		return short(s*1e6) + "µs"
	case s < 1:
		return short(s*1e3) + "ms"
	default:
		return short(s) + "s"
	}
}

// short is a number of three digits, or more before the point.
func short(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func count[T ~uint32 | ~uint64](n T) string { return strconv.FormatUint(uint64(n), 10) }

// limit is a count of which 0 means none.
func limit(n uint64) string {
	if n == 0 {
		return "-"
	}
	return count(n)
}

// size is an amount of bytes with three digits: 70, 1.83k, 17.2G.
func size(n uint64) string {
	v := float64(n)
	for _, unit := range []string{"", "k", "M", "G", "T", "P"} {
		if v < 999.5 {
			return short(v) + unit
		}
		v /= 1000
	}
	return short(v) + "E"
}

// share is a part of 1 in percent.
func share(v float64) string { return strconv.FormatFloat(v*100, 'f', 1, 64) + "%" }

// endpoint is an address with its L4 port; * is the port that the client chose.
func endpoint(a netip.Addr, port uint16) string {
	if port != 0 {
		return netip.AddrPortFrom(a, port).String()
	}
	if a.Is6() {
		return "[" + a.String() + "]:*"
	}
	return a.String() + ":*"
}
