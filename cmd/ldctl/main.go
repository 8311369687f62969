// Command ldctl shows what a running director does, and changes reals' states, over the director's control socket.
//
//	main.go   from the command line to the exit code
//	flags.go  flags, and which of them go with what
//	help.go   the help
//	show.go   reals, virtuals, workers, flows
//	events.go events, those to come included
//	set.go    changes
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

// Exit codes: what was asked for could not be done, or was not understood.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	os.Exit(code)
}

// run does all that the process does, and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := command(ctx, args, stdout)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "ldctl:", err)
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// call is a command while it is carried out.
type call struct {
	*flags
	client *api.Client
	out    io.Writer
}

func command(ctx context.Context, args []string, stdout io.Writer) error {
	f, words, err := parseFlags(args)
	if err != nil {
		return err
	}
	switch {
	case f.help:
		_, err := io.WriteString(stdout, f.text())
		return err
	case f.version:
		_, err := fmt.Fprintf(stdout, "ldctl %s\n", version)
		return err
	case len(words) == 0:
		return misused("no command; try ldctl show real, or ldctl --help")
	}
	c := &call{f, api.NewClient(f.socket), stdout}
	defer c.client.Close()
	switch verb, err := oneOf("command", words[0], "show", "events", "set"); verb {
	case "show":
		return c.show(ctx, words[1:])
	case "events":
		return c.events(ctx, words[1:])
	case "set":
		return c.set(ctx, words[1:])
	default:
		return err
	}
}

// usageError is a command line that means nothing.
type usageError struct{ error }

func misused(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// oneOf returns text if it is one of the words, else an error that proposes one.
func oneOf(kind, text string, words ...string) (string, error) {
	for _, w := range words {
		if text == w {
			return w, nil
		}
	}
	return "", &usageError{api.Unknown(kind, text, words, "ldctl --help")}
}
