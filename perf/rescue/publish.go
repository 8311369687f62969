package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Where a run is written, from the repository's root: to trials, or to the other three if it is to be published.
const (
	trials  = "bin/rescue"
	results = "perf/rescue/results"
	images  = "docs/images"
	doc     = "docs/rescue.md"
)

// The lines of doc between which the tables stand.
const (
	beginMark = "<!-- written by make rescue: begin -->\n"
	endMark   = "<!-- written by make rescue: end -->\n"
)

// publish writes summaries, plots and tables.
func publish(s *settings, r *report) error {
	resultsDir, imagesDir := results, images
	if !s.publish {
		resultsDir, imagesDir = trials, filepath.Join(trials, "images")
	}
	if err := errors.Join(os.MkdirAll(resultsDir, 0o755), os.MkdirAll(imagesDir, 0o755)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	file := filepath.Join(resultsDir, fmt.Sprintf("%s-%s.json", r.Machine.Date.Format("2006-01-02T1504"), r.Machine.Commit))
	if err := write(file, text); err != nil {
		return err
	}
	for _, sc := range s.scenarios {
		picture, err := plotScenario(s, sc, r.of(sc))
		if err != nil {
			return fmt.Errorf("plot of %s: %w", sc.name, err)
		}
		if err := write(filepath.Join(imagesDir, plotFile(sc)), picture); err != nil {
			return err
		}
	}
	if !s.publish {
		return write(filepath.Join(trials, "rescue.md"), []byte(r.markdown(s)))
	}
	old, err := os.ReadFile(doc)
	if err != nil {
		return err
	}
	page, err := splice(string(old), r.markdown(s))
	if err != nil {
		return err
	}
	return write(doc, []byte(page))
}

// splice puts tables between the marks of a page.
func splice(page, tables string) (string, error) {
	head, rest, begins := strings.Cut(page, beginMark)
	_, tail, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return "", fmt.Errorf("%s: the lines %q and %q must stand in it, in this order",
			doc, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return head + beginMark + "\n" + tables + "\n" + endMark + tail, nil
}

// write writes a file and says so.
func write(file string, text []byte) error {
	note("writing %s (%d kB)", file, (len(text)+1023)/1024)
	return os.WriteFile(file, text, 0o644)
}
