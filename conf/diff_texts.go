package conf

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// numberText is a number of which 0 is none.
func numberText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// durationText is a duration of which 0 is zero.
func durationText(d time.Duration, zero string) string {
	if d == 0 {
		return zero
	}
	return spelled(d)
}

// or is text, and instead where there is none.
func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// plainText is plain, but of nothing it is nothing.
func plainText(text string) string {
	if text == "" {
		return ""
	}
	return plain(text)
}

func patternText(re *regexp.Regexp) string {
	if re == nil {
		return ""
	}
	return plain(re.String())
}

// sendText is a datagram as text where it is some, else as hex digits.
func sendText(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case utf8.Valid(b):
		return strconv.Quote(string(b))
	}
	return fmt.Sprintf("% x", b)
}

// statusText has the ranges in order, as they are compared.
func statusText(all []StatusRange) string {
	texts := make([]string, len(all))
	for i, r := range slices.SortedFunc(slices.Values(all), func(a, b StatusRange) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	}) {
		texts[i] = strconv.Itoa(r.First)
		if r.Last != r.First {
			texts[i] += "-" + strconv.Itoa(r.Last)
		}
	}
	return strings.Join(texts, ", ")
}

func (s Sticky) text() string {
	switch {
	case s == Sticky{}:
		return "off"
	case s.Bits == 32 && s.Buddies == "":
		return spelled(s.Timer)
	}
	text := "{timer: " + spelled(s.Timer)
	if s.Bits != 32 {
		text += ", prefix: " + strconv.Itoa(s.Bits)
	}
	if s.Buddies != "" {
		text += ", buddies: " + s.Buddies
	}
	return text + "}"
}

// probeText is the probe of a real: a name, or all of it.
func probeText(p *Probe) string {
	switch {
	case p == nil:
		return "off"
	case p.Name != "":
		return p.Name
	}
	text := "{type: " + p.Type.String()
	for f, value := range probeKind.unusual(p) {
		text += ", " + f.key + ": " + value
	}
	return text + "}"
}

// otherCertificates follows the name of a file of which only the content changed.
const otherCertificates = " with other certificates"

// probeChange leaves what changed in a template to the template.
func probeChange(_ *differ, from, to *Real) (string, string) {
	p, q := from.Probe, to.Probe
	if p.Equal(q) {
		return "", ""
	}
	was, is := probeText(p), probeText(q)
	if was == is && p.Name == "" && !p.Roots.Equal(q.Roots) { // nil and a probe have other texts
		is += otherCertificates
	}
	return was, is
}

func certificatesChange(_ *differ, from, to *Probe) (string, string) {
	was, is := or(plainText(from.CA), "none"), or(plainText(to.CA), "none")
	if was == is && !from.Roots.Equal(to.Roots) {
		is += otherCertificates
	}
	return was, is
}
