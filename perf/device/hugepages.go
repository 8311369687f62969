package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"linedirector/flowtable"
)

var errMemory = errors.New("too little memory")

const (
	pageSize  = 2 << 20
	pagesFile = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
	mbufSize  = 2560 // with the mempool's own share
)

// pagesFor is how many hugepages a program takes for a case at most.
func pagesFor(c *measured) int {
	bytes := mbufs(c)*mbufSize + c.Workers*flowtable.Size(tableFlows(c)) + 256<<20
	return bytes/pageSize + 1
}

// wantHugepages sees that so many are free, adds what lacks if half of the memory that is left stays with others, and
// returns what gives those back. The error is errMemory if they cannot be had.
func wantHugepages(pages int) (restore func(), err error) {
	free, err := memory("HugePages_Free:")
	if err != nil {
		return nil, err
	}
	if free >= pages {
		return func() {}, nil
	}
	available, err := memory("MemAvailable:")
	if err != nil {
		return nil, err
	}
	total, err := memory("HugePages_Total:")
	if err != nil {
		return nil, err
	}
	if lack := pages - free; lack*pageSize/1024 > available/2 {
		return nil, fmt.Errorf("%w: %d MB of hugepages lack, and only %d MB are available", errMemory, lack*2, available/1024)
	}
	restore = func() { _ = setPages(total) }
	if err := setPages(total + pages - free); err != nil {
		return nil, err
	}
	if free, err = memory("HugePages_Free:"); err == nil && free < pages {
		err = fmt.Errorf("%w: of %d hugepages the kernel found %d", errMemory, pages, free)
	}
	if err != nil {
		restore()
		return nil, err
	}
	return restore, nil
}

func setPages(n int) error { return os.WriteFile(pagesFile, []byte(strconv.Itoa(n)), 0) }

// memory is a figure of /proc/meminfo, in its unit.
func memory(name string) (int, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name); found {
			return strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no %s", name)
}
