package record

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Output is where a command writes what it measured, by paths from the repository's root: to Trials, or to the other
// places if it is to be published.
type Output struct {
	Page    Page
	Results string // folder of results
	Images  string // folder of pictures
	Trials  string
}

// Picture is a plot, as SVG.
type Picture struct {
	Name string // of the file
	SVG  []byte
}

// Write writes results as JSON under m's name, pictures, and what the page says of them.
func (o *Output) Write(publish bool, m *Machine, results any, pictures []Picture, part string) error {
	text, err := json.MarshalIndent(results, "", "\t")
	if err != nil {
		return err
	}
	into, images := o.Results, o.Images
	if !publish {
		into, images = o.Trials, o.Trials
	}
	if err := errors.Join(os.MkdirAll(into, 0o755), os.MkdirAll(images, 0o755)); err != nil {
		return err
	}
	if err := Write(filepath.Join(into, m.Name()+".json"), append(text, '\n')); err != nil {
		return err
	}
	for _, p := range pictures {
		if err := Write(filepath.Join(images, p.Name), p.SVG); err != nil {
			return err
		}
	}
	if publish {
		return o.Page.Write(strings.TrimRight(part, "\n") + "\n")
	}
	return Write(filepath.Join(o.Trials, o.Page.Target+".md"), []byte(part))
}
