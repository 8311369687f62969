package lcore

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Segment says where control's process has to have a piece of the board: at the address where the workers' process has it.
type Segment struct {
	Address uint64
	Size    int // bytes
}

// segment is memory of a file without a name, which two processes have at the same address. It is theirs only as they touch it.
type segment struct {
	Segment
	file *os.File
	mem  []byte
}

// Segments are tried for at these addresses: far from where Go's heap (64 TiB from 0 on, anywhere), DPDK, libraries and the race
// detector have theirs.
const (
	firstSegment  = 0x4400_0000_0000
	segmentStride = 0x40_0000_0000
	segmentTries  = 16
	hugepage      = 2 << 20
)

// newSegment makes zeroed memory: in hugepages if it is to be huge and there are enough, which are reserved then.
func newSegment(name string, size int, huge bool) (*segment, error) {
	if huge {
		if s, err := makeSegment(name, (size+hugepage-1)&^(hugepage-1), unix.MFD_HUGETLB, 0); err == nil {
			return s, nil
		}
	}
	return makeSegment(name, size, 0, unix.MAP_NORESERVE)
}

func makeSegment(name string, size, memfd, flags int) (*segment, error) {
	fd, err := unix.MemfdCreate("linedirector-"+name, unix.MFD_CLOEXEC|memfd)
	if err != nil {
		return nil, fmt.Errorf("memory for %s: %w", name, err)
	}
	s := &segment{file: os.NewFile(uintptr(fd), name)}
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		s.close()
		return nil, fmt.Errorf("memory for %s, %d bytes: %w", name, size, err)
	}
	err = unix.EEXIST
	for i := uint64(0); i < segmentTries && errors.Is(err, unix.EEXIST); i++ {
		s.Segment = Segment{firstSegment + i*segmentStride, size}
		err = s.place(flags)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("memory for %s, %d bytes: %w", name, size, err)
	}
	return s, nil
}

// attachSegment takes part in one that another process made.
func attachSegment(at Segment, file *os.File) (*segment, error) {
	s := &segment{Segment: at, file: file}
	if err := s.place(unix.MAP_NORESERVE); err != nil {
		s.close()
		return nil, fmt.Errorf("the workers' memory at %#x: %w", at.Address, err)
	}
	return s, nil
}

// place maps the file at its address, if nothing is there.
func (s *segment) place(flags int) error {
	want := unsafe.Add(unsafe.Pointer(nil), s.Address) // nothing of Go's is there
	got, err := unix.MmapPtr(int(s.file.Fd()), 0, want, uintptr(s.Size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_FIXED_NOREPLACE|flags)
	if err != nil {
		return err
	}
	s.mem = unsafe.Slice((*byte)(got), s.Size)
	if got != want { // a kernel before 4.17 takes the flag for a wish
		return errors.Join(unix.EEXIST, s.unmap())
	}
	return unix.Madvise(s.mem, unix.MADV_DONTDUMP)
}

func (s *segment) unmap() error {
	if s.mem == nil {
		return nil
	}
	mem := s.mem
	s.mem = nil
	return unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(mem)), uintptr(len(mem)))
}

// close gives the memory back, once no process has it.
func (s *segment) close() {
	_ = s.unmap()
	_ = s.file.Close()
}
