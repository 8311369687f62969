// Command ldctl shows what a running director does, and changes it, over the director's control socket.
//
//	main.go     from the command line to the exit code
//	flags.go    flags, and which of them go with what
//	help.go     the help
//	show.go     what there is: reals, virtuals, workers, ports ...
//	pages.go    flows and sticky entries, page by page
//	pick.go     which of them are wanted
//	watch.go    the same again and again
//	output.go   tables, JSON or YAML
//	terminal.go whether a person looks
//	explain.go  what becomes of a packet
//	events.go   events, those to come included
//	set.go      a real's settings
//	drain.go    taking a real out, and waiting for its connections' end
//	flush.go    cutting connections, forgetting sticky entries
//	apply.go    configurations: checked, compared, applied
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"linedirector/control/api"
)

// version is set by the linker (make build).
var version = "unreleased"

// Exit codes: what was asked for could not be done (or, of diff, something differs), or was not understood.
const (
	exitFailed  = 1
	exitDiffers = 1
	exitUsage   = 2
	exitTrouble = 2 // of diff
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr, isTerminal(os.Stdout)})
	cancel()
	os.Exit(code)
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // out is one
}

// run does all that the process does, and returns its exit code.
func run(ctx context.Context, args []string, s streams) int {
	err := command(ctx, args, s)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errDiffers) {
		fmt.Fprintln(s.err, "ldctl:", err)
	}
	var coded *codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFailed
}

// call is a command while it is carried out.
type call struct {
	*flags
	streams
	client *api.Client
}

func command(ctx context.Context, args []string, s streams) error {
	f, words, err := parseFlags(args)
	if err != nil {
		return err
	}
	switch {
	case f.help:
		_, err := io.WriteString(s.out, f.text())
		return err
	case f.version:
		_, err := fmt.Fprintf(s.out, "ldctl %s\n", version)
		return err
	case len(words) == 0:
		return misused("no command; try ldctl show real, or ldctl --help")
	}
	c := &call{f, s, api.NewClient(f.socket)}
	defer c.client.Close()
	verb, words := words[0], words[1:]
	switch verb {
	case "show":
		return c.show(ctx, words)
	case "explain":
		return c.explain(ctx, words)
	case "events":
		return c.events(ctx, words)
	case "set":
		return c.set(ctx, words)
	case "drain":
		return c.drain(ctx, words)
	case "flush":
		return c.flush(ctx, words)
	case "check":
		return c.check(words)
	case "diff":
		return c.diff(ctx, words)
	case "apply":
		return c.apply(ctx, words)
	}
	_, err = oneOf("command", verb, "show", "explain", "events", "set", "drain", "flush", "check", "diff", "apply")
	return err
}

// codedError ends ldctl with a code of its own.
type codedError struct {
	code int
	error
}

func (e *codedError) Unwrap() error { return e.error }

// misused is of a command line that means nothing.
func misused(format string, args ...any) error {
	return &codedError{exitUsage, fmt.Errorf(format, args...)}
}

// oneOf returns text if it is one of the words, else an error that proposes one.
func oneOf(kind, text string, words ...string) (string, error) {
	for _, w := range words {
		if text == w {
			return w, nil
		}
	}
	return "", &codedError{exitUsage, api.Unknown(kind, text, words, "ldctl --help")}
}
