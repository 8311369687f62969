package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"linedirector/control/api"
)

// stranger asks as another user would, from a thread that becomes that user and ends afterwards.
func stranger(path string, uid, gid int, groups []int, method, target, body string) (status int, text string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		var fd int
		if fd, err = dialAs(path, uid, gid, groups); err != nil {
			return
		}
		file := os.NewFile(uintptr(fd), "socket")
		defer file.Close()
		var c net.Conn
		if c, err = net.FileConn(file); err != nil {
			return
		}
		defer c.Close()
		if _, err = fmt.Fprintf(c, "%s %s HTTP/1.0\r\nHost: ld\r\nContent-Length: %d\r\n\r\n%s", method, target, len(body), body); err != nil {
			return
		}
		var answer *http.Response
		if answer, err = http.ReadResponse(bufio.NewReader(c), nil); err != nil {
			return
		}
		defer answer.Body.Close()
		var read []byte
		read, err = io.ReadAll(answer.Body)
		status, text = answer.StatusCode, string(read)
	}()
	<-done
	return status, text, err
}

// dialAs changes who this thread is, for good, and connects.
func dialAs(path string, uid, gid int, groups []int) (int, error) {
	if err := setgroups(groups); err != nil {
		return 0, fmt.Errorf("setgroups: %w", err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)); errno != 0 {
		return 0, fmt.Errorf("setresgid: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return 0, fmt.Errorf("setresuid: %w", errno)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	return fd, unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

// lead lets everybody into the directories of a path.
func lead(t *testing.T, path string) {
	t.Helper()
	for dir := path; dir != "/" && dir != "/tmp"; {
		dir = dir[:max(1, strings.LastIndexByte(dir, '/'))]
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Strangers are kept out by the socket's mode; where an operator opens it, they may look, and only root and the
// socket's group may change anything.
func TestWhoMayChange(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	const user, group = 54321, 54322
	s := serve(t)
	lead(t, s.Path())
	const set = `{"state": "maintenance"}`
	if _, _, err := stranger(s.Path(), user, group, nil, "GET", "/v1", ""); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a stranger at the closed door: %v", err)
	}
	if err := os.Chmod(s.Path(), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		socket   int // its group
		uid, gid int
		groups   []int
		want     int
		mend     string
	}{
		{"root", 0, 0, 0, nil, 200, ""},
		{"root of another group", group, 0, 0, nil, 200, ""},
		{"stranger, socket of root", 0, user, user, nil, 403, "run as root, or have root give the socket to a group of yours (chgrp)"},
		{"stranger, socket of a group", group, user, user, []int{7, 8}, 403, "run as root or join group 54322"},
		{"by primary group", group, user, group, nil, 200, ""},
		{"by supplementary group", group, user, user, []int{7, group}, 200, ""},
		{"by one of many groups", group, user, user, append(many(200), group), 200, ""},
	} {
		if err := os.Chown(s.Path(), 0, tt.socket); err != nil {
			t.Fatal(err)
		}
		status, text, err := stranger(s.Path(), tt.uid, tt.gid, tt.groups, "GET", "/v1/reals", "")
		if err != nil || status != 200 {
			t.Errorf("%s: may not look: %d %s, %v", tt.name, status, text, err)
		}
		status, text, err = stranger(s.Path(), tt.uid, tt.gid, tt.groups, "POST", "/v1/reals/web2", set)
		if err != nil || status != tt.want || !strings.Contains(text, tt.mend) {
			t.Errorf("%s: %d %s, %v; want %d %s", tt.name, status, text, err, tt.want, tt.mend)
		}
	}
}

// Every route that changes something wants the right to.
func TestEveryChangeWantsTheRight(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	s := serve(t)
	lead(t, s.Path())
	if err := os.Chmod(s.Path(), 0o666); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, r := range get[api.Index](s, "/v1").Routes {
		if r.Method == "GET" {
			continue
		}
		status, text, err := stranger(s.Path(), 54321, 54321, nil, r.Method, strings.ReplaceAll(r.Path, "{name}", "web"), configText)
		if err != nil || status != http.StatusForbidden || !strings.Contains(text, "user 54321 may look, but not change anything") {
			t.Errorf("%s %s: %d %s, %v", r.Method, r.Path, status, text, err)
		}
		refused++
	}
	if refused != 7 {
		t.Errorf("%d routes change something", refused)
	}
}

func many(n int) (groups []int) {
	for i := range n {
		groups = append(groups, 100000+i)
	}
	return groups
}
