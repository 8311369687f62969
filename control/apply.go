package control

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control/api"
)

// A configuration takes effect as a transaction: it is read and checked whole, then the kernel is asked, then workers get
// one set of rules. What fails before that changes nothing.

// applied is a configuration that took effect.
type applied struct {
	conf       *conf.Config
	at         time.Time
	generation uint32
}

func (a *applied) shown() api.Config {
	return api.Config{File: a.conf.Name, Applied: a.at, Generation: a.generation, Text: string(a.conf.Text)}
}

// Reload makes c the configuration: as a whole, or not at all, with the reason. Ports and their devices stay what they are
// until a restart.
func (d *Director) Reload(c *conf.Config) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.reload(c)
	return err
}

// reload is Reload, and returns what changed.

func (d *Director) reload(c *conf.Config) ([]conf.Change, error) {
	if err := d.acceptable(c); err != nil {
		return nil, err
	}
	if err := d.apply(c); err != nil {
		// Nothing is changed, unless it was the removal of something old that failed.
		if back := d.stack.Apply(wanted(d.conf)); back != nil {
			d.log.Error("the kernel refuses the configuration in force, too", zap.Error(inFile(d.conf, back)))
		}
		return nil, err
	}
	changes := conf.Diff(d.conf, c)
	d.conf = c
	d.generation++
	if err := d.objects.adopt(c, d.workers.Counts(), d.generation); err != nil {
		return nil, err // acceptable has just said that this cannot be
	}
	d.settle(time.Now(), false)
	d.note(c)
	state := d.mirror.State()
	d.send(d.build(&state))
	d.setTargets()
	d.keepFile(c)
	d.logChanges(changes)
	return changes, nil
}

// changesLogged is how many changes of one configuration the log shows.
const changesLogged = 50

func (d *Director) logChanges(changes []conf.Change) {
	for i, change := range changes {
		if i == changesLogged {
			d.log.Info("more changes are not shown", zap.Int("more", len(changes)-i))
			break
		}
		d.log.Info("changed", zap.String(change.Kind, change.Name), zap.String("field", change.Field),
			zap.String("from", change.From), zap.String("to", change.To))
	}
}

// acceptable tells whether a configuration can take effect while the director runs.
func (d *Director) acceptable(c *conf.Config) error {
	if err := samePorts(d.conf, c); err != nil {
		return err
	}
	return d.objects.fits(c)
}

// samePorts refuses what only a restart can change.
func samePorts(old, c *conf.Config) error {
	refuse := func(pos conf.Pos, key, problem string) error {
		return conf.Error{File: c.Name, Pos: pos, Key: key, Problem: problem, Mend: "restart to apply it"}
	}
	if len(old.Ports) != len(c.Ports) {
		return refuse(conf.Pos{}, "ports", fmt.Sprintf("%d ports cannot become %d while running", len(old.Ports), len(c.Ports)))
	}
	for i := range c.Ports {
		was, is := &old.Ports[i], &c.Ports[i]
		key := fmt.Sprintf("ports[%d].", i)
		switch {
		case was.Name != is.Name:
			return refuse(is.Pos, key+"name", fmt.Sprintf("port %s cannot be renamed to %s while running", was.Name, is.Name))
		case was.Device != is.Device:
			return refuse(is.Pos, key+"device", fmt.Sprintf("port %s cannot change its device while running", is.Name))
		case was.Side != is.Side:
			return refuse(is.Pos, key+"side", fmt.Sprintf("port %s cannot change its side while running", is.Name))
		}
	}
	return nil
}

// note remembers a configuration that takes effect.
func (d *Director) note(c *conf.Config) {
	if d.inForce.conf != nil {
		was := d.inForce
		d.before = &was
	}
	d.inForce = applied{c, time.Now(), d.generation}
}

// keepFile keeps it in the file that a restart may begin with.
func (d *Director) keepFile(c *conf.Config) {
	if d.keep == "" {
		return
	}
	if err := replace(d.keep, c.Text); err != nil {
		d.log.Error("the configuration in force is not kept; see to the file of --last-good", zap.Error(err))
	}
}

// replace writes a file whole or not at all.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".linedirector-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Config is the configuration in force.
func (d *Director) Config() api.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inForce.shown()
}

// Previous is the configuration that was in force before, if there was one since the start.
func (d *Director) Previous() (api.Config, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before == nil {
		return api.Config{}, false
	}
	return d.before.shown(), true
}

// Diff tells what a configuration would change; name is its file's, for messages.
func (d *Director) Diff(name string, text []byte) ([]api.Change, error) {
	a, err := d.Apply(name, text, api.ApplyOptions{DryRun: true})
	return a.Changes, err
}

// Apply makes text the configuration, or says what would change.
func (d *Director) Apply(name string, text []byte, o api.ApplyOptions) (api.Applied, error) {
	c, err := conf.Parse(name, text)
	if err != nil {
		return api.Applied{}, refused(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.applyOr(c, o)
}

// Rollback makes the previous configuration the one in force again; they change places.
func (d *Director) Rollback(o api.ApplyOptions) (api.Applied, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before == nil {
		return api.Applied{}, &api.Error{
			Status: http.StatusConflict, Problem: "no other configuration was in force since the start", Mend: "apply a file",
		}
	}
	return d.applyOr(d.before.conf, o)
}

func (d *Director) applyOr(c *conf.Config, o api.ApplyOptions) (api.Applied, error) {
	var changes []conf.Change
	var err error
	if o.DryRun {
		if err = d.acceptable(c); err == nil {
			changes = conf.Diff(d.conf, c)
		}
	} else {
		changes, err = d.reload(c)
	}
	if err != nil {
		return api.Applied{}, refused(err)
	}
	out := api.Applied{DryRun: o.DryRun, Changes: make([]api.Change, len(changes))}
	for i, change := range changes {
		out.Changes[i] = api.Change(change)
	}
	return out, nil
}

// refused says on the control socket why a configuration did not take effect.
func refused(err error) error {
	var one conf.Error
	var all conf.Errors
	switch {
	case errors.As(err, &all):
		return all
	case errors.As(err, &one):
		return conf.Errors{one}
	}
	return &api.Error{
		Status: http.StatusUnprocessableEntity, Problem: strings.TrimSuffix(err.Error(), "\n"), Mend: "the configuration in force stays",
	}
}
