package api_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"linedirector/control/api"
	"linedirector/control/api/apitest"
)

func open(t *testing.T, path string) *api.Server {
	t.Helper()
	s, err := api.Serve(path, apitest.New(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The socket is its owner's and group's, whatever the umask; what was made goes again.
func TestSocketFile(t *testing.T) {
	for _, umask := range []int{0, 0o077} {
		dir := filepath.Join(t.TempDir(), "a", "b")
		path := filepath.Join(dir, "control.sock")
		was := syscall.Umask(umask)
		s := open(t, path)
		syscall.Umask(was)
		file, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if file.Mode() != fs.ModeSocket|0o660 {
			t.Errorf("umask %o: mode %v", umask, file.Mode())
		}
		if stat := file.Sys().(*syscall.Stat_t); int(stat.Uid) != os.Geteuid() || int(stat.Gid) != os.Getegid() {
			t.Errorf("owner %d:%d", stat.Uid, stat.Gid)
		}
		if d, err := os.Stat(dir); err != nil || d.Mode().Perm() != 0o755 {
			t.Errorf("umask %o: directory %v, %v", umask, d.Mode(), err)
		}
		if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
			t.Errorf("beside the socket: %v, %v", all, err)
		}
		s.Close()
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("the directory after Close: %v", err)
		}
	}
}

// A directory that was there stays, as it is.
func TestDirectoryStays(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, filepath.Join(dir, "control.sock")).Close()
	if d, err := os.Stat(dir); err != nil || d.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", d, err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 0 {
		t.Errorf("left behind: %v, %v", all, err)
	}
}

// What a killed director left is replaced; one that answers is not, nor is anything that is no socket.
func TestTaken(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if err := api.Free(stale); err != nil {
		t.Errorf("stale: %v", err)
	}
	open(t, stale).Close()

	answering := filepath.Join(dir, "answering")
	s := open(t, answering)
	defer s.Close()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(answering, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		answering:                 "another director answers there",
		plain:                     "is there and is no socket",
		link:                      "is there and is no socket",
		filepath.Join(plain, "x"): "not a directory",
		dir + "/" + strings.Repeat("long/", 30) + "x": "too long for a socket",
	} {
		_, err := api.Serve(path, apitest.New(), zap.NewNop())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "; choose another path with --control-socket") {
			t.Errorf("%s: %v, want %s and the flag", path, err, want)
		}
	}
	for _, path := range []string{answering, plain, link} {
		if api.Free(path) == nil {
			t.Errorf("%s is free, says Free", path)
		}
	}
	if text, err := os.ReadFile(plain); err != nil || string(text) != "precious" {
		t.Errorf("%s, %v", text, err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 3 {
		t.Errorf("left behind: %v", all)
	}
}

// Close removes its own socket only.
func TestAnothersSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	first := open(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := open(t, path)
	defer second.Close()
	first.Close()
	if err := api.Free(path); err == nil {
		t.Error("the second server's socket is gone")
	}
}
