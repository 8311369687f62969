package conf

import (
	"fmt"
	"net/netip"
)

// checkClasses lets no prefix belong to two classes.
func (d *draft) checkClasses() {
	type entry struct {
		class int
		at    value
	}
	d.classByName = make(map[string]int, len(d.config.Classes))
	seen := map[netip.Prefix]entry{}
	for i, c := range d.config.Classes {
		at := d.classes[i]
		if !d.first(d.classByName, c.Name, i, at.name, func(j int) value { return d.classes[j].name }) {
			d.classesPartial = true
		}
		d.classNames = append(d.classNames, c.Name)
		for k, p := range c.Clients {
			v := at.clients[k]
			switch first, taken := seen[p]; {
			case !taken:
				seen[p] = entry{i, v}
			case first.class == i:
				d.fail(v, fmt.Sprintf("%v is listed twice (first at %v)", p, first.at.pos().text()), "remove one")
			default:
				d.fail(v, fmt.Sprintf("%v is of class %s already (at %v)", p,
					shown(d.config.Classes[first.class].Name), first.at.pos().text()), "list it in one class")
			}
		}
	}
}

// checkClass looks a virtual's class up.
func (d *draft) checkClass(x *Virtual, at *virtualPlaces) {
	if x.Class == "" {
		return
	}
	if _, known := d.classByName[x.Class]; known || d.classesPartial {
		return
	}
	d.fail(at.class, "no class is named "+quoted(x.Class), d.meant(x.Class, d.classNames, "the classes are "))
}

// checkBuddies has those who share entries tell clients apart by the same bits, and no group of them have the name of
// another one: that of a virtual by itself is the virtual's.
func (d *draft) checkBuddies() {
	groups := map[string]int{} // where each is named first
	for i := range d.config.Virtuals {
		x, at := &d.config.Virtuals[i], &d.virtuals[i]
		if at.buddies.node == nil {
			continue
		}
		name := x.Sticky.Buddies
		first, known := groups[name]
		if known {
			if bits := d.config.Virtuals[first].Sticky.Bits; bits != x.Sticky.Bits {
				d.fail(at.buddies, fmt.Sprintf(
					"the buddies %s and %s tell clients apart by prefixes of different length, %d and %d (%[1]s is at %[5]v)",
					d.virtualLabel(first), d.virtualLabel(i), bits, x.Sticky.Bits, d.virtuals[first].entry.pos().text()),
					"give both the same prefix")
			}
			continue
		}
		groups[name] = i
		if j, taken := d.virtualByName[name]; taken && d.config.Virtuals[j].Sticky.alone() {
			d.fail(at.buddies, fmt.Sprintf("the virtual %s has this name and entries of its own (at %v)",
				shown(name), d.virtuals[j].entry.pos().text()), "make it one of the buddies, or choose another name for them")
		}
	}
}

// alone reports whether a virtual is sticky and shares its entries with no other.
func (s Sticky) alone() bool { return s.Timer > 0 && s.Buddies == "" }
