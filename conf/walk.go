package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	// An operator mends no more at a time, and sees no more on a screen or two.
	maxErrors = 100
	// Values read once more through aliases; lists of reals are read once.
	maxAliased = 1 << 19
)

// path is the way from the root of the document to a value, kept as links and
// written out only for an error.
type path struct {
	parent *path
	key    string // "" for an entry of a list
	index  int
}

func (p *path) String() string {
	if p == nil {
		return ""
	}
	before := p.parent.String()
	switch {
	case p.key == "":
		return before + "[" + strconv.Itoa(p.index) + "]"
	case before == "":
		return shown(p.key)
	}
	return before + "." + shown(p.key)
}

// value is a node of the document and the way to it.
type value struct {
	node    *yaml.Node
	path    *path
	aliased bool // reached through an alias
}

// named returns the node itself, or where it is an alias the one it names.
func (v value) named() *yaml.Node {
	if v.node.Kind == yaml.AliasNode {
		return v.node.Alias
	}
	return v.node
}

func (v value) pos() Pos {
	if v.node == nil {
		return Pos{}
	}
	return Pos{v.node.Line, v.node.Column}
}

// walker reads typed values out of the document and gathers what is wrong.
type walker struct {
	file    string
	errs    Errors
	left    int // errors out not gathered
	aliased int
	guess   guesser
}

func (w *walker) fail(v value, problem, mend string) {
	if len(w.errs) >= maxErrors {
		w.left++
		return
	}
	w.errs = append(w.errs, Error{
		File: w.file, Pos: v.pos(), Key: v.path.String(), Problem: problem, Mend: mend,
	})
}

// result returns the errors in order, nil if there are none.
func (w *walker) result() error {
	if len(w.errs) == 0 {
		return nil
	}
	w.errs.sort()
	if w.left > 0 {
		w.errs = append(w.errs, Error{
			File: w.file, Problem: fmt.Sprintf("%d more errors are not shown", w.left), Mend: "mend these first",
		})
	}
	return w.errs
}

// follow steps from an alias to what it names. It reports false, and has said
// why, where the walk must not go on.
func (w *walker) follow(v *value) bool {
	if v.node.Kind == yaml.AliasNode {
		if v.aliased {
			w.fail(*v, "an alias within what another alias names", "write the value out")
			return false
		}
		v.node, v.aliased = v.node.Alias, true
	}
	if v.aliased {
		if w.aliased++; w.aliased > maxAliased {
			if w.aliased == maxAliased+1 {
				w.fail(*v, "the aliases of this file repeat too many values", "write fewer of them")
			}
			return false
		}
	}
	if v.node.Style&yaml.TaggedStyle != 0 {
		w.fail(*v, "tags such as "+shown(v.node.Tag)+" are not supported", "remove it")
		return false
	}
	return true
}

// maxKeys is how many keys an object may know.
const maxKeys = 24

// object is a mapping whose keys are known.
type object struct {
	value
	w    *walker
	keys []string
	at   [maxKeys]int32 // for each key where its value stands in the node's content, 0: nowhere
}

// object reads v as a mapping with no other keys than these. It reports false
// where v is none at all.
func (w *walker) object(v value, keys ...string) (object, bool) {
	if !w.follow(&v) {
		return object{}, false
	}
	o := object{value: v, w: w, keys: keys}
	if v.node.Kind != yaml.MappingNode {
		w.fail(v, "want keys and values, not "+kindOf(v.node), "the keys here are "+joined(keys, " and "))
		return o, false
	}
	for i := 1; i < len(v.node.Content); i += 2 {
		o.put(i)
	}
	return o, true
}

// put takes the value that stands at i of the node's content, its key before it.
func (o *object) put(i int) {
	key := o.node.Content[i-1]
	at := value{key, o.path, o.aliased}
	if key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0 {
		o.w.fail(at, "want a key, not "+kindOf(key), "the keys here are "+joined(o.keys, " and "))
		return
	}
	k := slices.Index(o.keys, key.Value)
	switch {
	case k < 0:
		o.w.unknownKey(at, o.keys)
	case o.at[k] != 0:
		first := value{node: o.node.Content[o.at[k]]}
		o.w.fail(at, fmt.Sprintf("key %q is given twice (its first value is at %v)", key.Value, first.pos().text()), "remove one")
	default:
		o.at[k] = int32(i)
	}
}

func (w *walker) unknownKey(at value, keys []string) {
	name := at.node.Value
	problem := "unknown key " + quoted(name)
	mend := "the keys here are " + joined(keys, " and ")
	if near, ok := w.guess.nearest(name, keys); ok {
		mend = "did you mean " + quoted(near) + "?"
	}
	switch {
	case name == "<<":
		mend = "merging is not supported, write the keys out"
	case strings.Contains(name, "=") && slices.Contains(keys, "device"):
		mend = "within braces a device with arguments needs quotes"
	}
	w.fail(at, problem, mend)
}

// get returns the value of a key; an empty one counts as absent.
func (o *object) get(key string) (value, bool) {
	i := o.at[slices.Index(o.keys, key)]
	if i == 0 {
		return value{}, false
	}
	n := o.node.Content[i]
	if isNull(n) || n.Kind == yaml.AliasNode && isNull(n.Alias) {
		return value{}, false
	}
	return value{n, &path{parent: o.path, key: key}, o.aliased}, true
}

// need is get for a key that must be there; example is what could stand there.
func (o *object) need(key, example string) (value, bool) {
	v, ok := o.get(key)
	if !ok {
		o.w.fail(o.value, "missing "+key, "add "+key+": "+example)
	}
	return v, ok
}

// list reads v as a list of at most most values, and calls each for them; what
// names the values.
func (w *walker) list(v value, most int, what string, each func(int, value)) bool {
	if !w.follow(&v) {
		return false
	}
	if v.node.Kind != yaml.SequenceNode {
		w.fail(v, "want a list, not "+kindOf(v.node), "write [ ] around it, or each entry on a line of its own after \"- \"")
		return false
	}
	if n := len(v.node.Content); n > most {
		w.fail(v, fmt.Sprintf("%d %s, at most %d are possible", n, what, most), fmt.Sprintf("remove %d", n-most))
		return false
	}
	for i, n := range v.node.Content {
		each(i, value{n, &path{parent: v.path, index: i}, v.aliased})
	}
	return true
}

// text reads v as it is written, numbers, too; it is not empty.
func (w *walker) text(v value, want string) (string, bool) {
	if !w.follow(&v) {
		return "", false
	}
	if v.node.Kind != yaml.ScalarNode || isNull(v.node) {
		w.fail(v, "want "+want+", not "+kindOf(v.node), "write it on one line, without brackets")
		return "", false
	}
	if v.node.Value == "" {
		w.fail(v, "want "+want+", not \"\"", "write one or remove the key")
		return "", false
	}
	return v.node.Value, true
}

// kindOf names what stands in the document.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Kind == yaml.MappingNode:
		return "keys and values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	return quoted(n.Value)
}
