package lab

import (
	"fmt"
	"os"
)

// Hugepages tells whether enough of them are free for one director of 131,072 flows.
func Hugepages() bool {
	text, err := os.ReadFile("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
	if err != nil {
		return false
	}
	var free int
	_, err = fmt.Sscan(string(text), &free)
	return err == nil && free >= 192
}
