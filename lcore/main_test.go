package lcore

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"linedirector/dpdk"
)

// files holds the captures that pcap devices read and write.
var files string

// pcaps are the pcap devices net_pcap0 and up. A device can be closed once in a process, so each test has its own;
// under -count the second round of a test finds none.
const pcaps = 10

// TestMain starts EAL once for all tests, on memory without hugepages and on virtual devices:
//
//	net_pcap0 to 9     read inN.pcap, which a test writes before it opens the device, and write outN.pcap
//	net_ring0 to 4     what is transmitted comes back
//	net_null0          a source of endless frames and a sink, with RSS and many queues
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if at := os.Getenv(attachAt); at != "" {
		return attached(at)
	}
	runtime.LockOSThread()
	var err error
	if files, err = os.MkdirTemp("", "lcore"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(files)
	devices := []string{"net_ring0", "net_ring1", "net_ring2", "net_ring3", "net_ring4", "net_null0"}
	for n := range pcaps {
		writeCapture(inFile(n), nil)
		devices = append(devices, fmt.Sprintf("net_pcap%d,rx_pcap=%s,tx_pcap=%s", n, inFile(n), outFile(n)))
	}
	err = dpdk.Init(EALArgs(EALConfig{
		ControlCPU: cpus(2)[1], Devices: devices, NoHuge: true, MemoryMiB: 512, Prefix: fmt.Sprintf("lcoretest%d", os.Getpid()),
	}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := dpdk.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func inFile(n int) string  { return filepath.Join(files, fmt.Sprintf("in%d.pcap", n)) }
func outFile(n int) string { return filepath.Join(files, fmt.Sprintf("out%d.pcap", n)) }

// cpus are n of those that this process may use, one again and again if there are too few.
func cpus(n int) (list []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		panic(err)
	}
	var have []int
	for cpu := range 1024 {
		if set.IsSet(cpu) {
			have = append(have, cpu)
		}
	}
	for i := range n {
		list = append(list, have[(len(have)-1+i)%len(have)])
	}
	return list
}

// bound is how long an event may take; nothing waits that long unless it fails.
const bound = 20 * time.Second

// until waits for what has no event: counters of workers, which they publish every millisecond.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
