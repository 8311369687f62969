package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"linedirector/perf/record"
)

// Where a run is written, from the repository's root: to trials, or to the others if it is to be published.
const (
	trials  = "bin/veth"
	results = "perf/veth/results"
	images  = "docs/images"
)

var page = record.Page{File: "docs/performance.md", Target: "bench-veth"}

// publish writes results, plot and tables.
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
	picture, err := r.plot()
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	if err := errors.Join(
		record.Write(filepath.Join(resultsDir, r.Machine.Name()+".json"), text),
		record.Write(filepath.Join(imagesDir, plotted), picture)); err != nil {
		return err
	}
	if !s.publish {
		return record.Write(filepath.Join(trials, "performance.md"), []byte(r.markdown()))
	}
	return page.Write(r.markdown())
}
