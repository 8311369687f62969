package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Levels of DPDK's log, for SetLogLevel.
const (
	LogCritical = 3
	LogError    = 4
	LogWarning  = 5
	LogNotice   = 6
	LogInfo     = 7
	LogDebug    = 8
)

// SetLogLevel says how severe a line of DPDK's log must be to pass through to standard error, 8 (debug) being all.
// Without it only critical lines pass; the rest is kept for error texts and LastLog.
// What DPDK logs in the first place is set by EAL's own argument --log-level.
func SetLogLevel(level int) { C.ld_log_pass(C.int(level)) }

// LastLog returns the last lines that DPDK logged, at most 128, the oldest first.
func LastLog() []string {
	var lines []string
	for _, l := range readLog() {
		lines = append(lines, l.text)
	}
	return lines
}

type logLine struct {
	number uint64
	level  int
	text   string
}

// catchLog points DPDK's log, and C's stdout and stderr, to the catcher; once a process.
var catchLog = sync.OnceValue(func() C.int { return C.ld_log_open() })

func logMark() uint64 { return uint64(C.ld_log_count()) }

func readLog() []logLine {
	var raw [128]C.struct_ld_log_line
	n := C.ld_log_read(&raw[0], C.uint32_t(len(raw)))
	lines := make([]logLine, 0, n)
	for i := range raw[:n] {
		lines = append(lines, logLine{uint64(raw[i].number), int(raw[i].level), C.GoString(&raw[i].text[0])})
	}
	return lines
}

// logSince returns the lines after mark that say why something failed: errors, or for want of them warnings,
// or what was printed past the log. The last ones, at most most.
func logSince(mark uint64, most int) []string {
	var errs, warnings, printed []string
	for _, l := range readLog() {
		switch {
		case l.number <= mark:
		case l.level == 0:
			printed = append(printed, trimLog(l.text))
		case l.level <= LogError:
			errs = append(errs, trimLog(l.text))
		case l.level <= LogWarning:
			warnings = append(warnings, trimLog(l.text))
		}
	}
	for _, lines := range [][]string{errs, warnings, printed} {
		if lines = slices.Compact(lines); len(lines) > 0 {
			return lines[max(0, len(lines)-most):]
		}
	}
	return nil
}

// maxLogWords is how many lines of DPDK's log an error carries.
const maxLogWords = 4

// logPrefix is what DPDK puts before a message: the component, then perhaps the function.
var logPrefix = regexp.MustCompile(`^(?:[A-Z][A-Z0-9_]+: )?(?:[a-z_0-9]+\(\): ?)?`)

func trimLog(line string) string {
	return strings.TrimSuffix(logPrefix.ReplaceAllString(strings.TrimSpace(line), ""), ".")
}

// deviceLog picks from Init's log what was said about one virtual device: the lines up to the one that gives it up,
// which follow those about the device before.
func deviceLog(lines []string, name string) []string {
	const givesUp = "failed to initialize "
	begin := 0
	for i, line := range lines {
		if strings.HasPrefix(line, givesUp+name+" ") {
			return lines[begin:i]
		}
		if strings.HasPrefix(line, givesUp) {
			begin = i + 1
		}
	}
	return nil
}
