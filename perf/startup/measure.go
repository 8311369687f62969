package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"linedirector/perf/record"
)

const (
	pageSize = 2 << 20
	mbufs    = 16384

	// baseFlows is a table that needs no hugepage of its own: what is taken beyond is the table's.
	baseFlows = 4096
)

// round measures each thing once, in its turn.
func (r *report) round(s *settings) error {
	done, err := record.Turn(s.lock)
	if err != nil {
		return err
	}
	defer done()
	dir, err := os.MkdirTemp("", "linedirector-startup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	small := filepath.Join(dir, "small.yaml")
	if err := writeConfig(small, 2, 1, 2, 1); err != nil {
		return err
	}
	base, err := r.table(s, dir, small, baseFlows, 0)
	if err != nil {
		return err
	}
	for i, flows := range s.flows {
		if len(r.Tables) == i {
			r.Tables = append(r.Tables, table{Flows: flows})
		}
		if _, err := r.table(s, dir, small, flows, base); err != nil {
			return fmt.Errorf("--flows %d: %w", flows, err)
		}
	}
	return r.large(s, dir)
}

// table starts the director with so many flows, and returns the hugepages that are taken, in bytes.
func (r *report) table(s *settings, dir, config string, flows, base int) (taken int, err error) {
	before, err := free()
	if err != nil {
		return 0, err
	}
	d, took, err := launch(s, config, filepath.Join(dir, "socket"), flows)
	if err != nil {
		return 0, err
	}
	after, err := free()
	if err = errors.Join(err, d.stop()); err != nil {
		return 0, err
	}
	taken = before - after
	if base == 0 {
		r.Small = append(r.Small, took.Seconds())
		return taken, nil
	}
	for i := range r.Tables {
		if t := &r.Tables[i]; t.Flows == flows {
			t.Start, t.Bytes = append(t.Start, took.Seconds()), taken-base
		}
	}
	return taken, nil
}

// large measures the start with the large configuration, a reload of all of it changed, and the same by ldctl.
func (r *report) large(s *settings, dir string) error {
	config, other := filepath.Join(dir, "large.yaml"), filepath.Join(dir, "other.yaml")
	if err := errors.Join(writeConfig(config, s.reals, s.virtuals, s.each, 1), writeConfig(other, s.reals, s.virtuals, s.each, 3)); err != nil {
		return err
	}
	d, took, err := launch(s, config, filepath.Join(dir, "socket"), baseFlows)
	if err != nil {
		return err
	}
	r.Start = append(r.Start, took.Seconds())
	err = func() error {
		if err := writeConfig(config, s.reals, s.virtuals, s.each, 2); err != nil {
			return err
		}
		took, err := d.reload()
		if err != nil {
			return err
		}
		r.Reload = append(r.Reload, took.Seconds())
		if took, err = d.apply(s, other); err != nil {
			return err
		}
		r.Apply = append(r.Apply, took.Seconds())
		r.Resident, err = d.resident()
		return err
	}()
	return errors.Join(err, d.stop())
}

// free is how much of the hugepages nobody has, in bytes.
func free() (int, error) {
	pages, err := field("/proc/meminfo", "HugePages_Free:")
	return pages * pageSize, err
}

// field is a number of a file of the kernel's, in bytes if its unit is kB.
func field(file, name string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		rest, found := strings.CutPrefix(line, name)
		if !found {
			continue
		}
		words := strings.Fields(rest)
		n, err := strconv.Atoi(words[0])
		if len(words) > 1 && words[1] == "kB" {
			n *= 1024
		}
		return n, err
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}
