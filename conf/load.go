package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const stdinName = "<stdin>"

// Load reads and checks the configuration at path; "-" reads stdin to its end.
// It blocks on reading. The error, if any, is of type Errors and holds all that
// was found wrong.
func Load(path string, stdin io.Reader) (*Config, error) {
	name, text, err := Read(path, stdin)
	if err != nil {
		return nil, err
	}
	return Parse(name, text)
}

// Read is the first half of Load: the text, and the name under which Parse says
// what is wrong with it.
func Read(path string, stdin io.Reader) (name string, text []byte, err error) {
	name, in := stdinName, stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", nil, unreadable(path, err)
		}
		defer f.Close()
		name, in = path, f
	}
	text, err = io.ReadAll(io.LimitReader(in, MaxFile+1))
	if err != nil {
		return "", nil, unreadable(name, err)
	}
	return name, text, nil
}

// unreadable says why a file cannot be read.
func unreadable(name string, err error) Errors {
	e := Error{File: plain(name), cause: err, Mend: "give --config the path of a configuration file"}
	var path *fs.PathError
	info, statErr := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Problem = "no such file"
	case errors.Is(err, fs.ErrPermission):
		e.Problem, e.Mend = "no permission to read it", "run as a user who may, or change the file's mode"
	case statErr == nil && info.IsDir():
		e.Problem = "this is a directory"
	case errors.As(err, &path):
		e.Problem = fmt.Sprintf("cannot be read: %v", path.Err)
	default:
		e.Problem = fmt.Sprintf("cannot be read: %v", err)
	}
	return Errors{e}
}
