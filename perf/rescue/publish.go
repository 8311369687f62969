package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"linedirector/perf/record"
)

// Where a run is written, from the repository's root: to trials, or to the other three if it is to be published.
const (
	trials  = "bin/rescue"
	results = "perf/rescue/results"
	images  = "docs/images"
)

var page = record.Page{File: "docs/rescue.md", Target: "rescue"}

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
	if err := record.Write(filepath.Join(resultsDir, r.Machine.Name()+".json"), text); err != nil {
		return err
	}
	for _, sc := range s.scenarios {
		picture, err := plotScenario(s, sc, r.of(sc))
		if err != nil {
			return fmt.Errorf("plot of %s: %w", sc.name, err)
		}
		if err := record.Write(filepath.Join(imagesDir, plotFile(sc)), picture); err != nil {
			return err
		}
	}
	if !s.publish {
		return record.Write(filepath.Join(trials, "rescue.md"), []byte(r.markdown(s)))
	}
	return page.Write(r.markdown(s))
}
