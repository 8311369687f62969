package conf

import (
	"fmt"
	"slices"
	"strings"
)

// backups are those of all reals, or of all virtuals, as names.
type backups struct {
	kind  string // of object
	count int
	given func(int) *given
	label func(int) string
	find  map[string]int
	names []string
	whole bool                                  // no object is missing
	fits  func(i, j int) (problem, mend string) // why j cannot be i's backup, "" if it can
}

func (d *draft) checkBackups() {
	d.config.realBackups = d.resolve(backups{
		kind: "real", count: len(d.reals), label: d.realLabel,
		given: func(i int) *given { return d.reals[i].given },
		find:  d.realByName, names: d.realNames, whole: !d.realsPartial,
		fits: func(int, int) (string, string) { return "", "" },
	})
	d.config.virtualBackups = d.resolve(backups{
		kind: "virtual", count: len(d.virtuals), label: d.virtualLabel,
		given: func(i int) *given { return d.virtuals[i].given },
		find:  d.virtualByName, names: d.virtualNames, whole: !d.virtualsPartial,
		fits: func(i, j int) (string, string) {
			a, b := d.config.Virtuals[i].Protocol, d.config.Virtuals[j].Protocol
			if a == b {
				return "", ""
			}
			return fmt.Sprintf("virtual %s is for %v, its backup %s for %v", d.virtualLabel(i), a, d.virtualLabel(j), b),
				fmt.Sprintf("name one for %v", a)
		},
	})
}

// resolve returns for each object the index of its backup, -1 for none.
func (d *draft) resolve(b backups) []int32 {
	next := make([]int32, b.count)
	any := false
	for i := range next {
		next[i] = -1
		g := b.given(i)
		if g == nil || g.backup == "" {
			continue
		}
		j, known := b.find[g.backup]
		switch {
		case !known && b.whole:
			d.fail(g.backupAt, "no "+b.kind+" is named "+quoted(g.backup), d.meant(g.backup, b.names, "the "+b.kind+"s are "))
		case !known:
		case j == i:
			d.fail(g.backupAt, fmt.Sprintf("%s %s is its own backup", b.kind, b.label(i)), "name another, or remove it")
		default:
			if problem, mend := b.fits(i, j); problem != "" {
				d.fail(g.backupAt, problem, mend)
				continue
			}
			next[i], any = int32(j), true
		}
	}
	if any {
		d.checkChains(b, next)
	}
	return next
}

// checkChains refuses chains that never end, or not for long. Each object is
// walked over once.
func (d *draft) checkChains(b backups, next []int32) {
	lengths := make([]int32, len(next)) // objects from here to the chain's end; 0 unknown, -1 on this walk
	var walk []int32
	for i := range next {
		walk = walk[:0]
		j := int32(i)
		for j >= 0 && lengths[j] == 0 {
			lengths[j] = -1
			walk = append(walk, j)
			j = next[j]
		}
		var length int32
		if j >= 0 {
			length = lengths[j]
		}
		if length < 0 {
			d.failCycle(b, walk[slices.Index(walk, j):])
			length = -MaxChain - int32(len(walk)) // said enough of these
		}
		for _, j := range slices.Backward(walk) {
			length++
			lengths[j] = max(length, 1)
			if length == MaxChain+2 {
				d.fail(b.given(int(j)).backupAt, fmt.Sprintf("more than %d backups one behind the other, from %s %s on",
					MaxChain, b.kind, b.label(int(j))), "make the chain shorter")
			}
		}
	}
}

// failCycle spells a cycle out from the object that the file has first.
func (d *draft) failCycle(b backups, cycle []int32) {
	const most = 6
	first := slices.Index(cycle, slices.Min(cycle))
	var names []string
	for k := range min(len(cycle), most) {
		names = append(names, clipped(b.label(int(cycle[(first+k)%len(cycle)])), maxShown/2))
	}
	if left := len(cycle) - len(names); left > 0 {
		names = append(names, fmt.Sprintf("%d more", left))
	}
	d.fail(b.given(int(cycle[first])).backupAt, "the backups go in a circle: "+strings.Join(append(names, names[0]), " → "),
		"remove one of them")
}
