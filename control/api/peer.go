package api

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// peer is the process at the other end of a connection, as it was when it connected.
type peer struct {
	uid, gid uint32
	pid      int32
	groups   []uint32 // supplementary ones
}

// peerOf asks the kernel.
func peerOf(c *net.UnixConn) (p peer, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return p, err
	}
	control := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil {
			return
		}
		p.uid, p.gid, p.pid = cred.Uid, cred.Gid, cred.Pid
		p.groups, err = supplementary(int(fd))
	})
	if control != nil {
		err = control
	}
	return p, err
}

// fields are a log line's words for who asked.
func (p peer) fields() []zap.Field {
	return []zap.Field{zap.Uint32("uid", p.uid), zap.Int32("pid", p.pid)}
}

// mayChange tells whether who asks is root, or of the socket's group: an operator may open the socket for everybody to
// look, but not to change anything.
func (s *Server) mayChange(r *http.Request) (peer, error) {
	p, err := peerOf(connOf(r).UnixConn)
	if err != nil {
		return p, fmt.Errorf("cannot tell who asks: %w", err)
	}
	if p.uid == 0 {
		return p, nil
	}
	gid, name, err := groupOf(s.socket.path)
	if err != nil {
		return p, fmt.Errorf("cannot tell who may ask: %w", err)
	}
	if p.gid == gid || slices.Contains(p.groups, gid) {
		return p, nil
	}
	return p, &Error{
		Status:  http.StatusForbidden,
		Problem: fmt.Sprintf("user %d may look, but not change anything", p.uid), Mend: joinMend(gid, name),
	}
}

// groupOf returns the group of a file, and its name.
func groupOf(path string) (gid uint32, name string, err error) {
	file, err := os.Stat(path)
	if err != nil {
		return 0, "", err
	}
	gid = file.Sys().(*syscall.Stat_t).Gid
	name = strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(name); err == nil {
		name = g.Name
	}
	return gid, name, nil
}

// joinMend says how to be let in. Nobody should join root's group for that.
func joinMend(gid uint32, name string) string {
	if gid == 0 {
		return "run as root, or have root give the socket to a group of yours (chgrp)"
	}
	return "run as root or join group " + name
}
