package dpdk

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
)

var initOnce struct {
	sync.Mutex
	tried bool
	log   []string // errors that DPDK logged, and went on
}

// Init starts EAL, DPDK's environment, with its command-line arguments (without a program name). It can be called
// once a process, from a goroutine locked to its thread: that thread becomes EAL's main lcore, with its affinity.
// It may take seconds. The error is one line with DPDK's last words; a device that could not be made is no error
// here but in PortByName, as in DPDK.
func Init(args []string) error {
	initOnce.Lock()
	defer initOnce.Unlock()
	if initOnce.tried {
		return &Error{Op: "start DPDK", Code: syscall.EALREADY, Mend: "it starts once a process"}
	}
	if rc := catchLog(); rc != 0 {
		return &Error{Op: "catch DPDK's log", Code: syscall.Errno(-rc)}
	}
	initOnce.tried = true
	mark := logMark()
	argc := C.int(len(args) + 1)
	argv := argv(append([]string{"linedirector"}, args...))
	err := attempt("start DPDK", "", func() C.int { return C.ld_init(argc, argv) })
	if e := new(Error); errors.As(err, &e) {
		e.Mend = initMend(e, args)
	}
	initOnce.log = logSince(mark, 64)
	if err != nil {
		removeRuntime(C.GoString(C.ld_runtime_dir()))
	}
	return err
}

// initMend is what to do about a failed start.
func initMend(e *Error, args []string) string {
	log := strings.ToLower(strings.Join(e.Log, "\n"))
	switch {
	case strings.Contains(log, "hugepage") || strings.Contains(log, "cannot init memory"):
		return "reserve hugepages (sysctl -w vm.nr_hugepages=1024) or start with --no-huge"
	case strings.Contains(log, "parse device"):
		return "check the device's name and arguments"
	case os.Geteuid() != 0 && (e.Code == syscall.EACCES || e.Code == syscall.EPERM || strings.Contains(log, "permission denied")):
		return "run as root"
	case e.Code == syscall.EINVAL || strings.Contains(log, "command line"):
		return "check the EAL arguments: " + strings.Join(args, " ")
	}
	return ""
}

// Cleanup stops EAL. Nothing of this package may be used afterwards, and memory from Alloc is gone.
//
// What EAL 22.11 leaves behind depends on its arguments (seen on Linux; the directory is /var/run/dpdk/<file-prefix>):
//
//   - with --in-memory (hugepages) or --no-huge --no-shconf: after a normal exit the directory, empty, which Cleanup
//     removes; after SIGKILL the directory with the telemetry socket in it, no hugepage files, no lost hugepages. It starts
//     again as if nothing had been; CleanStale tidies up.
//   - with --no-huge alone (22.11 refuses --in-memory with it): also config, fbarray_* and after SIGKILL mp_socket there,
//     3 MB that even a normal exit leaves.
//   - with neither: besides, after SIGKILL, the hugepages themselves, as files in hugetlbfs, until a process with the same
//     prefix starts; --huge-unlink avoids these, but needs a hugetlbfs mount, as --in-memory does not.
func Cleanup() error {
	dir := C.GoString(C.ld_runtime_dir())
	err := attempt("stop DPDK", "", func() C.int { return C.ld_cleanup() })
	C.ld_log_close()
	removeRuntime(dir)
	return err
}

// Version is DPDK's, as in "DPDK 22.11.5".
func Version() string { return C.GoString(C.ld_version()) }

// RegisterThread makes the calling thread known to DPDK, which gives it mempool caches. A worker calls it once,
// locked to its thread, with its affinity set.
func RegisterThread() error {
	return attempt("register a worker's thread with DPDK", "", func() C.int { return C.ld_thread_register() })
}

// UnregisterThread undoes RegisterThread, on the same thread.
func UnregisterThread() { C.ld_thread_unregister() }

// TSCHz is the rate of TSC in ticks a second.
func TSCHz() uint64 { return uint64(C.ld_tsc_hz()) }

// TSC reads the time stamp counter, the clock of Exchange.Now. Any thread; one crossing into C.
func TSC() uint64 { return uint64(C.ld_tsc()) }
