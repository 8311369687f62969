package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxListed is how many entries of a list a text shows.
const maxListed = 20

// entries are those of a list: names, each perhaps with a weight.
type entries struct {
	names   []string
	weights []int // nil: none has one
}

// listPair is two lists that virtuals share, by where they lie.
type listPair struct{ from, to listAt }

type listAt struct {
	names   *string
	weights *int
	length  int
}

func (l entries) at() listAt {
	at := listAt{length: len(l.names)}
	if len(l.names) > 0 {
		at.names = &l.names[0]
	}
	if len(l.weights) > 0 {
		at.weights = &l.weights[0]
	}
	return at
}

// weight returns that of an entry, -1 for none.
func (l entries) weight(k int) int {
	if l.weights == nil {
		return -1
	}
	return l.weights[k]
}

// entry is the text of an entry.
func (l entries) entry(k int) string {
	if w := l.weight(k); w >= 0 {
		return l.names[k] + "=" + strconv.Itoa(w)
	}
	return l.names[k]
}

// text is that of all entries.
func (l entries) text() string {
	some := make([]string, min(len(l.names), maxListed))
	for k := range some {
		some[k] = l.entry(k)
	}
	return shortened(some, len(l.names), ", ")
}

// shortened joins the entries that there is room for, and says how many there are besides.
func shortened(some []string, all int, separator string) string {
	text := strings.Join(some, separator)
	if left := all - len(some); left > 0 {
		text += fmt.Sprintf(" and %d more", left)
	}
	return text
}

// listChange says what changed from one list to another, once for all who share both.
func (d *differ) listChange(from, to entries) string {
	pair := listPair{from.at(), to.at()}
	text, known := d.lists[pair]
	if !known {
		text = from.change(to)
		if d.lists == nil {
			d.lists = map[listPair]string{}
		}
		d.lists[pair] = text
	}
	return text
}

// change says what came, went and has another weight; "" if nothing is.
func (l entries) change(to entries) string {
	if slices.Equal(l.names, to.names) && slices.Equal(l.weights, to.weights) {
		return ""
	}
	before := make(map[string]int, len(l.names))
	for k, name := range l.names {
		before[name] = k
	}
	var some []string
	count := 0
	say := func(entry string) {
		if count++; count <= maxListed {
			some = append(some, entry)
		}
	}
	var reweighted []int // entries of to
	for k, name := range to.names {
		was, known := before[name]
		delete(before, name)
		switch {
		case !known:
			say("+" + to.entry(k))
		case l.weight(was) != to.weight(k):
			reweighted = append(reweighted, k)
		}
	}
	for _, name := range l.names {
		if _, gone := before[name]; gone {
			say("-" + name)
		}
	}
	for _, k := range reweighted {
		if to.weight(k) < 0 {
			say(to.names[k] + "=real's")
			continue
		}
		say(to.entry(k))
	}
	return shortened(some, count, " ")
}

// prefixes are a list, too.
func prefixes(all []netip.Prefix) entries {
	l := entries{names: make([]string, len(all))}
	for i, p := range all {
		l.names[i] = p.String()
	}
	return l
}
