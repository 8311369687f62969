package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
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
	sure    bool // that was seen
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

// Keep has the kernel resolve addresses on the interface of that index (Tap.Index), now and from now on; of those that it keeps
// already, it makes sure. A static neighbour stays as it is. What the kernel finds out, the Mirror shows. The error is the first
// address's of those that the kernel refused, and says of how many; all others are kept.
func (k *Keeper) Keep(ifindex int, addrs ...netip.Addr) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := make([]neighbourKey, len(addrs))
	for i, a := range addrs {
		keys[i] = neighbourKey{ifindex, a}
		k.wanted[keys[i]] = struct{}{}
	}
	if err := k.keep(keys); err != nil {
		return fmt.Errorf("keep neighbour %w", err)
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
	err = k.set(key, false, 0)
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
	return k.set(key, false, unix.NLM_F_CREATE)
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

// keep marks entries, or, in a kernel that keeps nothing by itself, uses them. Not those that are static, where either would
// make them dynamic, nor those that are marked.
func (k *Keeper) keep(keys []neighbourKey) error {
	keys, err := k.needy(keys)
	if err != nil {
		return err
	}
	for i := 0; i < len(keys) && k.managed && !k.sure; i++ {
		k.try(keys[i])
	}
	refused, err := k.sock.requests(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, len(keys), func(b []byte, i int) []byte {
		return appendUse(b, keys[i], k.managed)
	})
	if err != nil || len(refused) == 0 {
		return err
	}
	i := firstOf(refused)
	err = fmt.Errorf("%v: %w", keys[i].addr, refused[i])
	if n := len(refused) - 1; n > 0 {
		err = fmt.Errorf("%w, and %d more", err, n)
	}
	return err
}

// try finds out by an entry whether the kernel keeps entries by itself: one before 5.16 passes over the mark. An entry that it
// refuses, as on a tap that is down, tells nothing.
func (k *Keeper) try(key neighbourKey) {
	if k.set(key, true, unix.NLM_F_CREATE) != nil {
		return
	}
	if entry, ok, err := k.get(key); err == nil && ok {
		k.managed, k.sure = entry.managed, true
	}
}

// From so many entries on, one look at all is cheaper than one at each.
const manyEntries = 64

// needy are those of the entries that must be marked or used.
func (k *Keeper) needy(keys []neighbourKey) (needy []neighbourKey, err error) {
	if len(keys) < manyEntries {
		for _, key := range keys {
			entry, ok, err := k.get(key)
			if err != nil {
				return nil, err
			}
			if !ok || !k.fine(&entry) {
				needy = append(needy, key)
			}
		}
		return needy, nil
	}
	fine := make(map[neighbourKey]struct{}, len(keys))
	var n neighbourMessage
	err = k.sock.dump(unix.RTM_GETNEIGH, family(unix.SizeofNdMsg), replyTimeout, func(m message) {
		if m.kind == unix.RTM_NEWNEIGH && n.parse(m.body) && k.fine(&n) {
			fine[neighbourKey{n.index, n.addr}] = struct{}{}
		}
	})
	for _, key := range keys {
		if _, ok := fine[key]; !ok {
			needy = append(needy, key)
		}
	}
	return needy, err
}

func (k *Keeper) fine(n *neighbourMessage) bool {
	return n.managed || n.state&unix.NUD_PERMANENT != 0 || !k.managed && n.state&unix.NUD_REACHABLE != 0
}

// refresh looks after all entries. What fails, as on a tap that is down, the next round tries again.
func (k *Keeper) refresh() {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.keep(slices.Collect(maps.Keys(k.wanted)))
}

func (k *Keeper) get(key neighbourKey) (entry neighbourMessage, ok bool, err error) {
	body := appendNdmsg(nil, key, 0, 0)
	err = k.sock.request(unix.RTM_GETNEIGH, 0, body, func(m message) { ok = entry.parse(m.body) })
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return entry, false, nil
	}
	return entry, ok, err
}

func (k *Keeper) set(key neighbourKey, managed bool, create uint16) error {
	body := appendUse(nil, key, managed)
	return k.sock.request(unix.RTM_NEWNEIGH, create|unix.NLM_F_REPLACE|unix.NLM_F_ACK, body, nil)
}

// appendUse appends what has the kernel keep an entry by itself, or use it.
func appendUse(b []byte, key neighbourKey, managed bool) []byte {
	if !managed {
		return appendNdmsg(b, key, 0, unix.NTF_USE)
	}
	b = appendNdmsg(b, key, 0, 0)
	return appendAttribute(b, ndaFlagsExt, binary.NativeEndian.AppendUint32(nil, ntfExtManaged))
}
