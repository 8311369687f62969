package main

import "linedirector/control/api/render"

// list writes objects as JSON or YAML, or as their table.
func list[T any](c *call, key string, all []T, table func() error) error {
	if c.tabular() {
		return table()
	}
	l := c.newList(key)
	if err := render.Add(l, all); err != nil {
		return err
	}
	return l.End()
}

// newList begins a list that programs read.
func (c *call) newList(key string) *render.List {
	if c.output == "yaml" {
		return render.NewYAMLList(c.out, key)
	}
	return render.NewList(c.out, key)
}

// document writes one object as JSON or YAML, or as people read it.
func (c *call) document(object any, text func() error) error {
	switch c.output {
	case "json":
		return render.JSON(c.out, object)
	case "yaml":
		return render.YAML(c.out, object)
	default:
		return text()
	}
}
