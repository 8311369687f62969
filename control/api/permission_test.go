package api

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Who is not let in is told whom to become.
func TestNoPermission(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	refused := &url.Error{Op: "Get", URL: "http://ld/v1", Err: &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.EACCES)}}
	want := func(mend string) {
		t.Helper()
		c := NewClient(path)
		defer c.Close()
		text := "no permission to reach the director at " + path + "; " + mend
		if got := c.unreachable(t.Context(), refused).Error(); got != text {
			t.Errorf("%s\nwant %s", got, text)
		}
	}
	want("run as root") // the directory keeps its secret
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("giving a file away needs root")
	}
	for gid, mend := range map[int]string{
		0: "run as root, or have root give the socket to a group of yours (chgrp)", 54322: "run as root or join group 54322",
	} {
		if err := os.Chown(path, 0, gid); err != nil {
			t.Fatal(err)
		}
		want(mend)
	}
}
