package conf

import (
	"iter"
	"strings"
)

// Change is a difference between two configurations: an object that came (Field and From are ""), one that went (Field and
// To are ""), or a field that changed. Texts are on one line, in the words of the file; what is not given is "none".
type Change struct {
	Kind  string // port, route, neighbour, class, director, probe, real or virtual
	Name  string // of the object; of a route or a neighbour where it leads; "" for the director
	Field string // its key, dotted as in errors, such as timers.idle; "" for the whole object
	From  string // "", too, for a list
	To    string // for a list what came, went or has another weight: "+web3 -web1 web2=3"
}

// Diff lists the differences in the order of the file: ports, routes, neighbours, classes, what is the director's own,
// probes, reals, virtuals; of each kind first what came or changed. Places and the order of entries do not count. Long
// lists are cut short. nil is a configuration without anything. It allocates; control only.
func Diff(from, to *Config) []Change {
	var none Config
	if from == nil {
		from = &none
	}
	if to == nil {
		to = &none
	}
	var d differ
	compare(&d, &portKind, pointers(from.Ports), pointers(to.Ports))
	compare(&d, &routeKind, pointers(from.Routes), pointers(to.Routes))
	compare(&d, &neighbourKind, pointers(from.Neighbours), pointers(to.Neighbours))
	compare(&d, &classKind, pointers(from.Classes), pointers(to.Classes))
	compare(&d, &directorKind, []*Config{from}, []*Config{to})
	compare(&d, &probeKind, from.Probes, to.Probes)
	compare(&d, &realKind, pointers(from.Reals), pointers(to.Reals))
	compare(&d, &virtualKind, pointers(from.Virtuals), pointers(to.Virtuals))
	return d.changes
}

// differ gathers changes.
type differ struct {
	changes []Change
	lists   map[listPair]string // what changed from one list to another
}

// kind says how objects of a kind are told apart and compared.
type kind[T any] struct {
	what   string // the kind, as changes have it
	name   func(*T) string
	head   func(*T) string // begins the text of an object; may be nil
	inHead int             // so many fields are in it
	usual  T               // what is so here is left out of the text of an object
	fields []field[T]
}

// field is a key of objects of a kind.
type field[T any] struct {
	key    string
	text   func(*T) string                               // its value; "" where it is not given
	change func(d *differ, from, to *T) (was, is string) // the same twice: none; nil: the texts are compared
}

// compare matches objects by name.
func compare[T any](d *differ, k *kind[T], from, to []*T) {
	before := make(map[string]*T, len(from))
	for _, x := range from {
		before[k.name(x)] = x
	}
	for _, x := range to {
		name := k.name(x)
		was, known := before[name]
		if !known {
			d.changes = append(d.changes, Change{Kind: k.what, Name: name, To: k.whole(x)})
			continue
		}
		delete(before, name)
		for i := range k.fields {
			k.fields[i].compare(d, Change{Kind: k.what, Name: name}, was, x)
		}
	}
	for _, x := range from {
		if name := k.name(x); before[name] == x {
			d.changes = append(d.changes, Change{Kind: k.what, Name: name, From: k.whole(x)})
		}
	}
}

// compare adds to c what changed, and notes it.
func (f *field[T]) compare(d *differ, c Change, from, to *T) {
	c.Field = f.key
	if f.change != nil {
		c.From, c.To = f.change(d, from, to)
	} else {
		c.From, c.To = f.text(from), f.text(to)
	}
	if c.From == c.To {
		return
	}
	if f.change == nil {
		c.From, c.To = or(c.From, "none"), or(c.To, "none")
	}
	d.changes = append(d.changes, c)
}

// whole is the text of an object.
func (k *kind[T]) whole(x *T) string {
	var parts []string
	if k.head != nil {
		parts = append(parts, k.head(x))
	}
	for f, text := range k.unusual(x) {
		parts = append(parts, f.key+" "+text)
	}
	return strings.Join(parts, " ")
}

// unusual are the fields that the text of an object shows after its head.
func (k *kind[T]) unusual(x *T) iter.Seq2[*field[T], string] {
	return func(yield func(*field[T], string) bool) {
		for i := k.inHead; i < len(k.fields); i++ {
			f := &k.fields[i]
			if text := f.text(x); text != "" && text != f.text(&k.usual) && !yield(f, text) {
				return
			}
		}
	}
}

func pointers[T any](all []T) []*T {
	p := make([]*T, len(all))
	for i := range all {
		p[i] = &all[i]
	}
	return p
}
