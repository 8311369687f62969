package kernel

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// memory is what an interface was like before it was silenced. It lies in the kernel, where it outlives a
// SIGKILL but not the network namespace, and where `nft list table netdev linedirector-eth1` shows it:
//
//	table netdev linedirector-eth1 {
//		chain found {                            # hooked nowhere
//			comment "ifindex 7"
//			comment "offload rx-gro"
//		}
//		chain drop {                             # net_af_packet only
//			type filter hook ingress device "eth1" priority -500; policy drop;
//			counter packets 0 bytes 0 drop
//		}
//	}
type memory struct {
	iface string
	stale bool // of a run that was killed
	items []memoryItem
}

type memoryItem struct{ key, value string }

const (
	foundChain   = "found"
	dropChain    = "drop"
	dropPriority = -500 // before anything that others hook in
)

func (m *memory) table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyNetdev, Name: "linedirector-" + m.iface}
}

// recall reads what a run that was killed left, or begins anew, also when it returns an error. Memory of
// another interface that had the name is worth nothing.
func recall(iface string, index int) (*memory, error) {
	m := &memory{iface: iface}
	t := m.table()
	var rules []*nftables.Rule
	conn, err := nftables.New()
	if err == nil {
		rules, err = conn.GetRules(t, &nftables.Chain{Name: foundChain, Table: t})
	}
	if err != nil {
		err = fmt.Errorf("nftables: %w; %s", err, mendNft(err))
	}
	for _, r := range rules {
		if text, ok := userdata.GetString(r.UserData, userdata.TypeComment); ok {
			key, value, _ := strings.Cut(text, " ")
			m.items = append(m.items, memoryItem{key, value})
		}
	}
	ifindex := strconv.Itoa(index)
	m.stale = m.has("ifindex", ifindex)
	if !m.stale {
		m.items = []memoryItem{{"ifindex", ifindex}}
	}
	return m, err
}

// once remembers an item, unless a killed run remembered one of the key: what is there now is its doing.
func (m *memory) once(key, value string) {
	if m.stale && (key == "link" || key == "disable_ipv6") && len(m.all(key)) > 0 {
		return
	}
	if !m.has(key, value) {
		m.items = append(m.items, memoryItem{key, value})
	}
}

func (m *memory) has(key, value string) bool {
	return slices.Contains(m.items, memoryItem{key, value})
}

func (m *memory) all(key string) (values []string) {
	for _, i := range m.items {
		if i.key == key {
			values = append(values, i.value)
		}
	}
	return values
}

// write replaces the table of the interface in one transaction, so that no frame slips through to the
// kernel; with drop, the new one drops all that comes in.
func (m *memory) write(drop bool) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	t := m.table()
	conn.AddTable(t) // or there may be none to delete
	conn.DelTable(t)
	conn.AddTable(t)
	found := conn.AddChain(&nftables.Chain{Name: foundChain, Table: t})
	for _, i := range m.items {
		conn.AddRule(&nftables.Rule{
			Table: t, Chain: found,
			UserData: userdata.AppendString(nil, userdata.TypeComment, i.key+" "+i.value),
		})
	}
	if drop {
		policy := nftables.ChainPolicyDrop
		c := conn.AddChain(&nftables.Chain{
			Name: dropChain, Table: t, Device: m.iface, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityRef(dropPriority), Policy: &policy,
		})
		conn.AddRule(&nftables.Rule{
			Table: t, Chain: c,
			Exprs: []expr.Any{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}},
		})
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("nftables table netdev %s: %w; %s", t.Name, first(err), mendNft(err))
	}
	return nil
}

// forgetMemory removes the interface's table.
func forgetMemory(iface string) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	t := (&memory{iface: iface}).table()
	conn.AddTable(t) // or there may be none to delete
	conn.DelTable(t)
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("nftables table netdev %s: %w", t.Name, first(err))
	}
	return nil
}

// first is the error that the others of a batch follow from, so that a message stays one line.
func first(err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if list, ok := e.(interface{ Unwrap() []error }); ok && len(list.Unwrap()) > 0 {
			return first(list.Unwrap()[0])
		}
	}
	return err
}

func mendNft(err error) string {
	// The library does not wrap every error that it passes on.
	if errors.Is(err, unix.EPERM) || strings.Contains(err.Error(), unix.EPERM.Error()) {
		return "run as root or with CAP_NET_ADMIN"
	}
	return "the kernel needs nftables with netdev ingress (CONFIG_NF_TABLES_NETDEV; modprobe nf_tables)"
}
