package conf

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
)

// mend turns pflag's errors into ones that say what to do.
func (f *flagSet) mend(err error) error {
	var unknown *pflag.NotExistError
	var bare *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			return fmt.Errorf("unknown flag %s; flags are written out, see --help", shown("-"+letters))
		}
		name := unknown.GetSpecifiedName()
		var names []string
		f.all.VisitAll(func(g *pflag.Flag) { names = append(names, g.Name) })
		var g guesser
		if near, ok := g.nearest(name, names); ok {
			return fmt.Errorf("unknown flag %s; did you mean --%s?", shown("--"+name), near)
		}
		return fmt.Errorf("unknown flag %s; see --help, EAL arguments go after --", shown("--"+name))
	case errors.As(err, &bare):
		what, _ := pflag.UnquoteUsage(bare.GetFlag())
		return fmt.Errorf("--%s needs a value; give --%[1]s %s", bare.GetFlag().Name, what)
	case errors.As(err, &invalid):
		name := invalid.GetFlag().Name
		for _, n := range f.numbers {
			if n.name == name {
				return fmt.Errorf("--%s %s: this is no number; %s", name, shown(invalid.GetValue()), n.mend())
			}
		}
		return fmt.Errorf("--%s takes no value %s; write --%[1]s alone", name, shown(invalid.GetValue()))
	}
	return fmt.Errorf("%s; see --help", clipped(err.Error(), 2*maxShown))
}

func (n numberFlag) mend() string {
	return fmt.Sprintf("use one from %d to %d", n.least, n.most)
}

func (f *flagSet) checkCPUs(m machine) (err error) {
	f.Lcores, f.ControlLcores = m.workers(), nil
	if f.all.Changed("lcores") {
		if f.Lcores, err = m.cpus(f.lcores); err != nil {
			return fmt.Errorf("--lcores %s: %w", shown(f.lcores), err)
		}
	}
	if n := len(f.Lcores); n > MaxWorkers {
		return fmt.Errorf("--lcores %s: %d workers; at most %d are possible", shown(f.lcores), n, MaxWorkers)
	}
	f.ControlLcores = m.control(f.Lcores)
	if f.all.Changed("control-lcores") {
		if f.ControlLcores, err = m.cpus(f.control); err != nil {
			return fmt.Errorf("--control-lcores %s: %w", shown(f.control), err)
		}
	}
	return nil
}

func (f *flagSet) checkNumbers() error {
	for _, n := range f.numbers {
		if *n.to < n.least || *n.to > n.most {
			return fmt.Errorf("--%s %d: out of range; %s", n.name, *n.to, n.mend())
		}
	}
	return nil
}

func (f *flagSet) checkWords() error {
	i := slices.IndexFunc(pollWords, func(w word[Poll]) bool { return w.text == f.poll })
	if i < 0 {
		return fmt.Errorf("--poll %s: no such mode; use %s", shown(f.poll), either(texts(pollWords)))
	}
	f.Poll = pollWords[i].value
	if !slices.Contains(logLevels, f.LogLevel) {
		return fmt.Errorf("--log-level %s: no such level; use %s", shown(f.LogLevel), either(logLevels))
	}
	if !slices.Contains(logFormats, f.LogFormat) {
		return fmt.Errorf("--log-format %s: no such format; use %s", shown(f.LogFormat), either(logFormats))
	}
	if !slices.Contains(outputs, f.output) {
		return fmt.Errorf("--output %s: no such format; use %s", shown(f.output), either(outputs))
	}
	if f.all.Changed("output") && !f.Doctor {
		return errors.New("--output is doctor's; write linedirector doctor -o " + f.output)
	}
	f.JSON = f.output == "json"
	return nil
}

func (f *flagSet) checkMetrics() error {
	if f.Metrics == "off" {
		f.Metrics = ""
	}
	if f.Metrics == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(f.Metrics)
	if err != nil {
		mend := "write 127.0.0.1:9480, or off"
		if _, isNumber := strconv.ParseUint(f.Metrics, 10, 16); isNumber == nil {
			mend = "write 127.0.0.1:" + f.Metrics
		} else if _, isHost := netip.ParseAddr(f.Metrics); isHost == nil {
			mend = "write " + net.JoinHostPort(f.Metrics, "9480")
		}
		return fmt.Errorf("--metrics %s: this is no HOST:PORT; %s", shown(f.Metrics), mend)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil || strings.ContainsAny(host, " \t\n/") {
		return fmt.Errorf("--metrics %s: this is no HOST:PORT; write it like 127.0.0.1:9480, or off", shown(f.Metrics))
	}
	return nil
}

func (f *flagSet) checkSocket() error {
	const longest = 107 // bytes in the kernel's sun_path, with a zero behind them
	path := f.ControlSocket
	refuse := func(problem, mend string) error {
		return fmt.Errorf("--control-socket %s: %s; %s", shown(path), problem, mend)
	}
	switch {
	case path == "off":
		f.ControlSocket = ""
	case strings.HasPrefix(path, "@"):
		return refuse("an abstract socket has no owner and no mode", "give a path")
	case strings.HasSuffix(path, "/"):
		return refuse("this names a directory", "add the name of a file")
	case strings.ContainsFunc(path, unicode.IsControl):
		return refuse("the path holds a control character", "remove it")
	case len(path) > longest:
		return refuse(fmt.Sprintf("longer than %d bytes", longest), "give a shorter path")
	}
	return nil
}

func (f *flagSet) checkLastGood() error {
	path := f.LastGood
	refuse := func(problem, mend string) error {
		return fmt.Errorf("--last-good %s: %s; %s", shown(path), problem, mend)
	}
	switch {
	case path == "":
	case strings.HasSuffix(path, "/"):
		return refuse("this names a directory", "add the name of a file")
	case strings.ContainsFunc(path, unicode.IsControl):
		return refuse("the path holds a control character", "remove it")
	case filepath.Clean(path) == filepath.Clean(f.Config):
		return refuse("this is the configuration itself", "name another file")
	}
	return nil
}
