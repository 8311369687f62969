package conf

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	maxName  = 255 // bytes of a real's or virtual's name; names are labels of metrics
	minTimer = time.Millisecond
	maxTimer = 24 * time.Hour
)

// name reads the name of a real or virtual.
func (w *walker) name(v value) string {
	s, ok := w.text(v, "a name")
	odd := func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }
	switch {
	case !ok:
		return ""
	case !utf8.ValidString(s) || strings.ContainsFunc(s, odd):
		w.fail(v, "the name "+quoted(s)+" holds a space or a control character", "use letters, digits and signs")
		return ""
	case len(s) > maxName:
		w.fail(v, fmt.Sprintf("the name %s is longer than %d bytes", quoted(s), maxName), "shorten it")
		return ""
	}
	return s
}

// number reads a whole number from least to most.
func (w *walker) number(v value, least, most int) (int, bool) {
	s, ok := w.text(v, "a number")
	if !ok {
		return 0, false
	}
	bounds := fmt.Sprintf("use a number from %d to %d", least, most)
	n, err := strconv.Atoi(s)
	switch {
	case isQuoted(v) && err == nil:
		w.fail(v, "want a number, not the text "+quoted(s), "leave out the quotes")
	case err != nil && !isDigits(strings.TrimPrefix(s, "-")):
		w.fail(v, "want a number, not "+quoted(s), bounds)
	case err != nil || n < least || n > most:
		w.fail(v, shown(s)+" is out of range", bounds)
	default:
		return n, true
	}
	return 0, false
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// isQuoted reports whether v is text by its quotes.
func isQuoted(v value) bool {
	const quotes = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return v.named().Style&quotes != 0
}

// timer reads a duration in Go's syntax; it leaves to alone where that fails.
func (w *walker) timer(v value, to *time.Duration) bool { return w.duration(v, minTimer, maxTimer, to) }

// duration is timer with other bounds.
func (w *walker) duration(v value, least, most time.Duration, to *time.Duration) bool {
	s, ok := w.text(v, "a duration")
	if !ok {
		return false
	}
	bounds := func() string { return "use a duration from " + spelled(least) + " to " + spelled(most) }
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && isDigits(s):
		w.fail(v, "the duration "+shown(s)+" has no unit", "write "+clipped(s, maxShown)+"s for seconds")
	case err != nil:
		w.fail(v, "want a duration, not "+quoted(s), "write it like 500ms, 30s, 10m or 1h")
	case d <= 0:
		w.fail(v, shown(s)+" is not above zero", bounds())
	case d < least || d > most:
		w.fail(v, shown(s)+" is out of range", bounds())
	default:
		*to = d
		return true
	}
	return false
}

// spelled returns d as an operator writes it: 24h, not 24h0m0s.
func spelled(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// boolean reads true or false; it leaves to alone where that fails.
func (w *walker) boolean(v value, to *bool) {
	s, ok := w.text(v, "true or false")
	if !ok {
		return
	}
	isWord := s == "true" || s == "false"
	mend := "use true or false"
	switch strings.ToLower(s) {
	case "true", "yes", "on", "y", "1":
		mend = "write true"
	case "false", "no", "off", "n", "0":
		mend = "write false"
	}
	switch {
	case isWord && isQuoted(v):
		w.fail(v, "want true or false, not the text "+quoted(s), "leave out the quotes")
	case isWord:
		*to = s == "true"
	default:
		w.fail(v, "want true or false, not "+quoted(s), mend)
	}
}

// isOff reports whether v is the word that switches a setting off.
func isOff(v value) bool { return rawText(v) == "off" }

// rawText returns what a scalar holds, unchecked, and "" for all else.
func rawText(v value) string {
	n := v.named()
	if n.Kind != yaml.ScalarNode || n.Style&yaml.TaggedStyle != 0 {
		return ""
	}
	return n.Value
}

// choice reads one of words. Where that fails it reports false and leaves to
// alone.
func choice[T ~uint8](w *walker, v value, what string, words []word[T], to *T) bool {
	s, ok := w.oneOf(v, what, texts(words))
	for _, word := range words {
		if ok && word.text == s {
			*to = word.value
		}
	}
	return ok
}

// oneOf reads one of these words.
func (w *walker) oneOf(v value, what string, words []string) (string, bool) {
	s, ok := w.text(v, either(words))
	if !ok || slices.Contains(words, s) {
		return s, ok
	}
	use := "use " + either(words)
	if slices.Contains(laterWords[what], s) {
		w.fail(v, what+" "+quoted(s)+" is not available in this version", use)
		return "", false
	}
	if near, ok := w.guess.nearest(strings.ToLower(s), words); ok {
		use = "did you mean " + quoted(near) + "?"
	}
	if i := slices.IndexFunc(words, func(word string) bool { return strings.EqualFold(word, s) }); i >= 0 {
		use = "write " + words[i]
	}
	w.fail(v, "unknown "+what+" "+quoted(s), use)
	return "", false
}

// address reads the IPv4 address of a host; the zero Addr says that it failed.
func (w *walker) address(v value) netip.Addr {
	s, ok := w.text(v, "an IPv4 address")
	if !ok {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		w.fail(v, "bad address "+quoted(s), addressMend(s))
	case !a.Is4():
		w.fail(v, "IPv6 is not supported yet: "+shown(s), "use an IPv4 address")
	case notAHost(a) != "":
		w.fail(v, fmt.Sprintf("%v is %s address", a, notAHost(a)), "use the address of a host")
	default:
		return a
	}
	return netip.Addr{}
}

// addressMend says how to make an address of text that is none.
func addressMend(s string) string {
	if p, err := netip.ParsePrefix(s); err == nil {
		return "leave out the prefix length: " + p.Addr().String()
	}
	if p, err := netip.ParseAddrPort(s); err == nil {
		return fmt.Sprintf("write %v and give the port a key of its own, port: %d", p.Addr(), p.Port())
	}
	return "write four numbers from 0 to 255 without leading zeros, like 10.0.0.11"
}

// notAHost says what kind of address a is if no single host may have it.
func notAHost(a netip.Addr) string {
	b := a.As4()
	switch {
	case b[0] == 0:
		return "an unspecified"
	case a.IsLoopback():
		return "a loopback"
	case a.IsMulticast():
		return "a multicast"
	case b == [4]byte{255, 255, 255, 255}:
		return "the broadcast"
	case b[0] >= 240:
		return "a reserved"
	}
	return ""
}

// edgeOf says whether a is the first or the last address of a subnet, which
// are no host's where there are more than two.
func edgeOf(subnet netip.Prefix, a netip.Addr) string {
	if subnet.Bits() > 30 {
		return ""
	}
	switch a {
	case subnet.Masked().Addr():
		return "network"
	case lastOf(subnet):
		return "broadcast"
	}
	return ""
}

func lastOf(subnet netip.Prefix) netip.Addr {
	b := subnet.Masked().Addr().As4()
	for i := subnet.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// prefix reads an IPv4 prefix as it is written, host bits and all.
func (w *walker) prefix(v value, example string) (netip.Prefix, bool) {
	s, ok := w.text(v, "an IPv4 prefix")
	if !ok {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(s)
	a, addrErr := netip.ParseAddr(s)
	switch {
	case err == nil && p.Addr().Is4():
		return p, true
	case err == nil || addrErr == nil && !a.Is4():
		w.fail(v, "IPv6 is not supported yet: "+shown(s), "use an IPv4 prefix")
	case addrErr == nil:
		w.fail(v, "the prefix length of "+shown(s)+" is missing", fmt.Sprintf("write it like %v/24", a))
	case s == "default":
		w.fail(v, `bad prefix "default"`, "write 0.0.0.0/0")
	default:
		w.fail(v, "bad prefix "+quoted(s), "write it like "+example)
	}
	return netip.Prefix{}, false
}

// mac reads the address of one Ethernet station.
func (w *walker) mac(v value) (mac [6]byte, ok bool) {
	s, ok := w.text(v, "a MAC address")
	if !ok {
		return mac, false
	}
	b, err := net.ParseMAC(s)
	switch {
	case err != nil || len(b) != len(mac):
		w.fail(v, "bad MAC address "+quoted(s), "write six bytes like 02:00:00:00:00:0c")
	case b[0]&1 != 0:
		w.fail(v, shown(s)+" is the MAC address of a group", "use that of one station, its first byte is even")
	case [6]byte(b) == [6]byte{}:
		w.fail(v, shown(s)+" is no station's MAC address", "use the neighbour's own")
	default:
		return [6]byte(b), true
	}
	return mac, false
}
