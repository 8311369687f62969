package api

import (
	"fmt"
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

func TestNearest(t *testing.T) {
	names := []string{"web1", "web2", "database", "", "x"}
	for text, want := range map[string]string{
		"web3": "web1", "wbe2": "web2", "databse": "database", "databaes": "database", "kuchen": "", "": "", "y": "", "wxyz": "", "WEB2": "",
	} {
		if got := nearest(text, names); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	many := make([]string, 70000)
	for i := range many {
		many[i] = fmt.Sprintf("application-server-%05d-of-the-cluster", i)
	}
	if got := nearest("application-server-00007-of-teh-cluster", many); got != many[7] {
		t.Errorf("of many: %s", got)
	}
}

// The costliest wrong name takes little of the director's time.
func BenchmarkNearest(b *testing.B) {
	many := make([]string, maxNames)
	for i := range many {
		many[i] = fmt.Sprintf("application-server-%05d-of-the-cluster", i)
	}
	for b.Loop() {
		nearest("application-sevrer-xxxxx-of-the-cluster", many)
	}
}
