package apitest

import (
	"net/http"
	"strconv"
	"time"

	"linedirector/conf"
	"linedirector/control/api"
)

// siteText is a configuration that needs nothing which is not there.
const siteText = `ports:
  - {name: outside, device: "net_af_packet0,iface=eth1", addresses: [192.0.2.1/24]}
  - {name: inside, device: "net_af_packet1,iface=eth2", addresses: [10.0.0.1/24]}
reals:
  - {name: web1, address: 10.0.0.11, port: 8080, weight: 3}
  - {name: web2, address: 10.0.0.12, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [web1, web2]}
`

func inForce() api.Config {
	return api.Config{File: "/etc/linedirector.yaml", Applied: Now.Add(-5 * time.Minute), Generation: 7, Text: siteText}
}

func before() *api.Config {
	return &api.Config{File: "/etc/linedirector.yaml", Applied: Now.Add(-72 * time.Hour), Generation: 1, Text: siteText + "# as it was\n"}
}

// Config is api.Backend's.
func (b *Backend) Config() api.Config {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.InForce
}

// Previous is api.Backend's.
func (b *Backend) Previous() (api.Config, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Before == nil {
		return api.Config{}, false
	}
	return *b.Before, true
}

// Diff is api.Backend's. A configuration has to be right; it differs by the reals that it has not, those that are new, and
// their weights.
func (b *Backend) Diff(name string, text []byte) ([]api.Change, error) {
	if b.Refuse != nil {
		return nil, b.Refuse
	}
	to, err := conf.Parse(name, text)
	if err != nil {
		return nil, err
	}
	from, err := conf.Parse(name, []byte(b.Config().Text))
	if err != nil {
		return nil, err
	}
	was := map[string]conf.Real{}
	for _, r := range from.Reals {
		was[r.Name] = r
	}
	var changes []api.Change
	for _, r := range to.Reals {
		old, ok := was[r.Name]
		delete(was, r.Name)
		switch {
		case !ok:
			changes = append(changes, api.Change{Kind: "real", Name: r.Name, To: r.Address.String()})
		case old.Weight != r.Weight:
			changes = append(changes, api.Change{
				Kind: "real", Name: r.Name, Field: "weight", From: strconv.Itoa(old.Weight), To: strconv.Itoa(r.Weight),
			})
		}
	}
	for _, r := range from.Reals {
		if _, gone := was[r.Name]; gone {
			changes = append(changes, api.Change{Kind: "real", Name: r.Name, From: r.Address.String()})
		}
	}
	return changes, nil
}

// Apply is api.Backend's.
func (b *Backend) Apply(name string, text []byte, o api.ApplyOptions) (api.Applied, error) {
	changes, err := b.Diff(name, text)
	if err != nil {
		return api.Applied{}, err
	}
	if !o.DryRun {
		b.mu.Lock()
		defer b.mu.Unlock()
		was := b.InForce
		b.InForce, b.Before = api.Config{File: name, Applied: Now, Generation: was.Generation + 1, Text: string(text)}, &was
	}
	return api.Applied{Changes: changes, DryRun: o.DryRun}, nil
}

// Rollback is api.Backend's.
func (b *Backend) Rollback(o api.ApplyOptions) (api.Applied, error) {
	before, ok := b.Previous()
	if !ok {
		return api.Applied{}, &api.Error{
			Status: http.StatusConflict, Problem: "there is no configuration before", Mend: "apply the file that you want",
		}
	}
	return b.Apply(before.File, []byte(before.Text), o)
}
