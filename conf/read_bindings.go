package conf

import "go.yaml.in/yaml/v4"

// bindingKeys are those of an entry of a virtual's list of reals that is more than a name.
var bindingKeys = []string{"real", "weight"}

// readNames reads a list of reals, once for all the aliases that name it.
func (d *draft) readNames(v value) *nameList {
	l := &nameList{value: v}
	if v.node.Kind == yaml.AliasNode {
		l.node = v.node.Alias
	}
	if known := d.lists[l.node]; known != nil {
		return known
	}
	ok := d.list(v, MaxReals, "reals", func(_ int, v value) {
		if v.named().Kind == yaml.MappingNode {
			d.readBinding(v, l)
			return
		}
		s, _ := d.text(v, "the name of a real")
		l.add(s, -1)
	})
	if !ok {
		return nil
	}
	d.lists[l.node] = l
	return l
}

// readBinding reads the name of a real and its weight for this virtual alone.
func (d *draft) readBinding(v value, l *nameList) {
	name, weight := "", -1
	if o, ok := d.object(v, bindingKeys...); ok {
		if v, ok := o.need("real", "the name of a real"); ok {
			name, _ = d.text(v, "the name of a real")
		}
		if v, ok := o.get("weight"); ok {
			if n, ok := d.number(v, 0, 65535); ok {
				weight = n
			}
		}
	}
	l.add(name, weight)
}

// add appends an entry; weights begin with the first that there is.
func (l *nameList) add(name string, weight int) {
	if weight >= 0 && l.weights == nil {
		l.weights = make([]int, len(l.names), cap(l.names))
		for k := range l.weights {
			l.weights[k] = -1
		}
	}
	l.names = append(l.names, name)
	if l.weights != nil {
		l.weights = append(l.weights, weight)
	}
}

// entry is where the name of an entry stands.
func (l *nameList) entry(k int) value {
	v := value{l.node.Content[k], &path{parent: l.path, index: k}, false}
	n := v.named()
	if n.Kind != yaml.MappingNode {
		return v
	}
	for i := 1; i < len(n.Content); i += 2 {
		if n.Content[i-1].Value == bindingKeys[0] {
			return value{n.Content[i], &path{parent: v.path, key: bindingKeys[0]}, false}
		}
	}
	return v
}
