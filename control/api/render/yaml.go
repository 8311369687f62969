package render

import (
	"bytes"
	"encoding/json"
	"io"

	"go.yaml.in/yaml/v4"
)

// JSON writes a document as the control socket does.
func JSON(out io.Writer, document any) error {
	text, err := encoded(document)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// YAML writes a document with the names and in the order of its JSON.
func YAML(out io.Writer, document any) error {
	text, err := encoded(document)
	if err != nil {
		return err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil { // JSON is YAML
		return err
	}
	block(&root)
	var b bytes.Buffer
	d, err := yaml.NewDumper(&b, yaml.WithLineWidth(-1))
	if err != nil {
		return err
	}
	if err := d.Dump(&root); err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	_, err = out.Write(b.Bytes())
	return err
}

func encoded(document any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(document)
	return b.Bytes(), err
}

// block lays a node out as people write YAML; empty lists and objects stay as they are.
func block(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode || len(n.Content) > 0 {
		n.Style = 0
	}
	for _, child := range n.Content {
		block(child)
	}
}
