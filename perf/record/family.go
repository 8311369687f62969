package record

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Family is a process and those that it started: the director is two.
func Family(pid int) (all []int, err error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all = []int{pid}
	for _, file := range stats {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		// The second field is the program's name, in parentheses, which may hold anything.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 2 {
			return nil, fmt.Errorf("%s reads %q", file, text)
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && fields[1] == strconv.Itoa(pid) {
			all = append(all, child)
		}
	}
	return all, nil
}
