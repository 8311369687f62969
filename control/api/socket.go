package api

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// DefaultSocket is where the director listens unless told otherwise.
const DefaultSocket = "/run/linedirector/control.sock"

// maxPath is the longest path that the kernel takes for a socket (sun_path, without its NUL).
const maxPath = 107

// socketMode keeps strangers out. Its owner may give the socket to a group.
const socketMode = 0o660

// socket is a socket file that this process listens on.
type socket struct {
	*net.UnixListener
	path string
	file fs.FileInfo
	made []string // directories, outermost first
}

// Free says why Serve could not listen on path. It keeps a program from starting in vain.
func Free(path string) error {
	was, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return taken(err)
	case was.Mode().Type() != fs.ModeSocket:
		return taken(fmt.Errorf("%s is there and is no socket", path))
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
		return taken(fmt.Errorf("%s: another director answers there", path))
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		return taken(err)
	}
	return nil
}

func taken(err error) error {
	return fmt.Errorf("control socket: %w; choose another path with --control-socket", err)
}

// listen makes the socket, and its directory. It appears under its name only when nobody else can reach it.
func listen(path string) (_ *socket, err error) {
	if err := Free(path); err != nil {
		return nil, err
	}
	s := &socket{path: path}
	defer func() {
		if err != nil {
			s.removeDirs()
			err = taken(err)
		}
	}()
	dir := filepath.Dir(path)
	if err := s.makeDirs(dir); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(dir, ".ctl")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	if max(len(made), len(path)) > maxPath {
		return nil, fmt.Errorf("%s: the path is too long for a socket", path)
	}
	if s.UnixListener, err = net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"}); err != nil {
		return nil, err
	}
	s.SetUnlinkOnClose(false)
	if err := s.appear(made); err != nil {
		_ = s.UnixListener.Close()
		return nil, err
	}
	return s, nil
}

// appear gives the socket its owner, its mode and then its name, in place of a stale one.
func (s *socket) appear(made string) (err error) {
	if err := os.Chown(made, os.Geteuid(), os.Getegid()); err != nil {
		return err
	}
	if err := os.Chmod(made, socketMode); err != nil {
		return err
	}
	if s.file, err = os.Lstat(made); err != nil {
		return err
	}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Link(made, s.path) // unlike a rename, it fails where somebody else was faster
}

// remove takes the socket's name away, unless somebody has put another file there. It comes before Close: one that
// still answers is not taken for a stale one.
func (s *socket) remove() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		_ = os.Remove(s.path)
	}
	s.removeDirs()
}

// makeDirs makes a directory and those above it that are missing; all may look into them, whatever the umask.
func (s *socket) makeDirs(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	s.made = append(s.made, dir)
	return os.Chmod(dir, 0o755)
}

// removeDirs takes the directories away that makeDirs made, unless somebody has put files there.
func (s *socket) removeDirs() {
	for _, dir := range slices.Backward(s.made) {
		_ = os.Remove(dir)
	}
}
