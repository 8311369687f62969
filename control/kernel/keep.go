package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Keeper makes the kernel resolve next hops and keep them fresh, though no packet of the kernel's own uses
// them: the director's packets go past it. Since Linux 5.16 the kernel does so by itself for an entry
// marked NTF_EXT_MANAGED; before, the keeper asks it to use each entry every few seconds. Either way
// it looks every few seconds whether an entry is still there, since a flush (`ip neigh flush`, a tap
// set down) and, above gc_thresh1 entries, the garbage collector remove also managed ones.
//
// Any goroutine may call it.
type Keeper struct {
	managed bool // the kernel keeps entries fresh by itself
	done    chan struct{}
	worker  sync.WaitGroup

	mu     sync.Mutex
	sock   *rtnl
	wanted map[neighbourKey]struct{}
}

const (
	// A neighbour is fresh for at least 15 s (half of base_reachable_time).
	keepEvery    = 5 * time.Second
	replyTimeout = 5 * time.Second
)

// NewKeeper keeps nothing yet.
func NewKeeper() (*Keeper, error) { return newKeeper(keepEvery, true) }

func newKeeper(every time.Duration, managed bool) (*Keeper, error) {
	sock, err := dialRtnl()
	if err != nil {
		return nil, err
	}
	k := &Keeper{sock: sock, managed: managed, done: make(chan struct{}), wanted: map[neighbourKey]struct{}{}}
	k.worker.Add(1)
	go func() {
		defer k.worker.Done()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				k.refresh()
			case <-k.done:
				return
			}
		}
	}()
	return k, nil
}

// Keep has the kernel resolve the address on the interface of that index (Tap.Index), now and from now on.
// A static neighbour stays as it is. What the kernel finds out, the Mirror shows.
func (k *Keeper) Keep(ifindex int, addr netip.Addr) error {
	key := neighbourKey{ifindex, addr}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wanted[key] = struct{}{}
	if err := k.keep(key); err != nil {
		return fmt.Errorf("keep neighbour %v: %w", addr, err)
	}
	return nil
}

// Forget ends what Keep began; the entry ages as any other does.
func (k *Keeper) Forget(ifindex int, addr netip.Addr) error {
	key := neighbourKey{ifindex, addr}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.wanted, key)
	entry, ok, err := k.get(key)
	if err != nil || !ok || !entry.managed {
		return err
	}
	// To use an entry without the mark takes the mark away; the entry stays.
	err = k.set(key, unix.NTF_USE, false, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// Resolve has the kernel resolve the address once, or confirm it if it has aged, as its own traffic
// would: for clients on the link.
func (k *Keeper) Resolve(ifindex int, addr netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := neighbourKey{ifindex, addr}
	// To use a static entry would make it a dynamic one.
	if entry, ok, err := k.get(key); err != nil || ok && (entry.state&unix.NUD_PERMANENT != 0 || entry.managed) {
		return err
	}
	return k.set(key, unix.NTF_USE, false, unix.NLM_F_CREATE)
}

// Close lets go of all entries without touching them: they go with their taps.
func (k *Keeper) Close() error {
	close(k.done)
	k.worker.Wait()
	return k.sock.Close()
}

// CheckNeighbours says, in a sentence for the log, that the kernel's neighbour table is too small for that
// many next hops and clients on the link, and what to set; empty if it is large enough. The limits are the
// machine's, not the network namespace's: inside a namespace they do not show, and nothing is said.
func CheckNeighbours(want int) string {
	hard, ok, err := readSysctl("ipv4", "neigh", "default", "gc_thresh3")
	if err != nil || !ok || want <= hard {
		return ""
	}
	// Room to breathe, and the soft limit where collection begins with it.
	size := 1024
	for size < 2*want {
		size *= 2
	}
	return fmt.Sprintf("%d neighbours are wanted, the kernel holds %d; set net.ipv4.neigh.default.gc_thresh3=%d and net.ipv4.neigh.default.gc_thresh2=%d",
		want, hard, size, size/2)
}

// keep marks one entry, or, in a kernel that keeps nothing by itself, uses it.
func (k *Keeper) keep(key neighbourKey) error {
	entry, ok, err := k.get(key)
	if err != nil {
		return err
	}
	if ok && (entry.state&unix.NUD_PERMANENT != 0 || entry.managed) {
		return nil // static, where the mark would make it dynamic; or marked
	}
	if !k.managed {
		return k.set(key, unix.NTF_USE, false, unix.NLM_F_CREATE)
	}
	if err := k.set(key, 0, true, unix.NLM_F_CREATE); err != nil {
		return err
	}
	// A kernel before 5.16 passes over the mark.
	entry, ok, err = k.get(key)
	if err != nil {
		return err
	}
	if ok && !entry.managed {
		k.managed = false
		return k.set(key, unix.NTF_USE, false, unix.NLM_F_CREATE)
	}
	return nil
}

// refresh looks after all entries: one dump, then a request for each that needs it.
func (k *Keeper) refresh() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.wanted) == 0 {
		return
	}
	fine := make(map[neighbourKey]struct{}, len(k.wanted))
	var n neighbourMessage
	err := k.sock.dump(unix.RTM_GETNEIGH, family(unix.SizeofNdMsg), replyTimeout, func(m message) {
		if m.kind != unix.RTM_NEWNEIGH || !n.parse(m.body) {
			return
		}
		key := neighbourKey{n.index, n.addr}
		if _, ok := k.wanted[key]; ok && (n.managed || n.state&unix.NUD_PERMANENT != 0 || !k.managed && n.state&unix.NUD_REACHABLE != 0) {
			fine[key] = struct{}{}
		}
	})
	if err != nil {
		return // the next round tries again
	}
	for key := range k.wanted {
		if _, ok := fine[key]; !ok {
			_ = k.keep(key) // a tap that is down: the next round tries again
		}
	}
}

func (k *Keeper) get(key neighbourKey) (entry neighbourMessage, ok bool, err error) {
	err = k.sock.request(unix.RTM_GETNEIGH, 0, ndmsg(key, 0), func(m message) { ok = entry.parse(m.body) })
	if errors.Is(err, unix.ENOENT) {
		return entry, false, nil
	}
	return entry, ok, err
}

func (k *Keeper) set(key neighbourKey, flags uint8, managed bool, create uint16) error {
	body := ndmsg(key, flags)
	if managed {
		body = appendAttribute(body, ndaFlagsExt, binary.NativeEndian.AppendUint32(nil, ntfExtManaged))
	}
	return k.sock.request(unix.RTM_NEWNEIGH, create|unix.NLM_F_REPLACE|unix.NLM_F_ACK, body, nil)
}

// ndmsg is a struct ndmsg and the address.
func ndmsg(key neighbourKey, flags uint8) []byte {
	b := make([]byte, unix.SizeofNdMsg, 64)
	b[0] = unix.AF_INET
	if key.addr.Is6() {
		b[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(b[4:], uint32(key.index))
	b[10] = flags
	return appendAttribute(b, unix.NDA_DST, key.addr.AsSlice())
}
