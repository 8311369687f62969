package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control/api"
	"linedirector/control/kernel"
	"linedirector/control/metrics"
	"linedirector/dpdk"
	"linedirector/lcore"
	"linedirector/lcore/forward"
)

// puntRates is how many frames a second the kernel is given, by kind.
var puntRates = [forward.PuntKinds]uint32{
	forward.PuntNeighbour: 2000,
	forward.PuntHello:     1000,
	forward.PuntICMP:      5000,
	forward.PuntHost:      20000,
	forward.PuntRest:      10000,
}

// prefix begins the name by which EAL knows this process and the directory that it has while it runs.
const prefix = "linedirector-"

// cleanup are steps that undo what was done, last first.
type cleanup []func() error

func (c *cleanup) add(f func() error) { *c = append(*c, f) }

func (c *cleanup) run() (err error) {
	for i := len(*c) - 1; i >= 0; i-- {
		err = errors.Join(err, (*c)[i]())
	}
	*c = nil
	return err
}

// oneLine puts what several steps had to say on one line.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}

// direct runs the workers' process. Control's begins first: both read the configuration at the same time, on two CPUs.
func direct(flags *conf.Flags, name string, text []byte, log *zap.Logger) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)

	runtime.LockOSThread() // EAL's main lcore is this thread, to the end; and with it control dies
	if err := permit(flags); err != nil {
		return oneLine(err)
	}
	collectSeldom()
	o := &overseer{log: log, hello: hello{Flags: *flags, Name: name, Text: text}}
	if err := o.begin(); err != nil {
		return oneLine(err)
	}
	config, err := conf.Parse(name, text)
	if err != nil {
		o.abandon()
		return orLastGood(err, flags)
	}
	return oneLine(work(ctx, hangup, flags, config, log, o))
}

// permit refuses what cannot end well, before anything is begun.
func permit(flags *conf.Flags) error {
	if os.Geteuid() != 0 {
		return errors.New("no permission: ports, taps and hugepages need root; run as root, or with sudo")
	}
	if flags.Metrics != "" {
		if err := metrics.Free(flags.Metrics); err != nil {
			return err
		}
	}
	if flags.ControlSocket != "" {
		return api.Free(flags.ControlSocket)
	}
	return nil
}

// work does all that the workers' process does, from opening to closing. Everything that it does to the machine, it undoes.
func work(ctx context.Context, hangup <-chan os.Signal, flags *conf.Flags, config *conf.Config, log *zap.Logger, o *overseer) (err error) {
	var undo cleanup
	defer func() { err = errors.Join(err, undo.run()) }()
	undo.add(o.end) // last, if what follows fails
	if err := confine(flags.ControlLcores, len(flags.Lcores)); err != nil {
		return err
	}
	lcores, err := openWorkers(flags, config, log, &undo)
	if err != nil {
		return err
	}
	taps, err := openTaps(config, log, lcores, &undo)
	if err != nil {
		return err
	}
	log.Info("starting", zap.String("version", version), zap.String("dpdk", dpdk.Version()),
		zap.Ints("lcores", flags.Lcores), zap.Ints("control-lcores", flags.ControlLcores))
	mark, err := kernel.NewMark()
	if err != nil {
		return err
	}
	undo.add(mark.Close)
	undo.add(taps.stop)
	undo.add(o.end) // while all is there that it may ask for
	o.lcores, o.taps, o.opened = lcores, taps, whatIsOpen(config, lcores, taps, mark)
	if err := o.introduce(); err != nil {
		return err
	}
	return o.oversee(ctx, hangup)
}

// openWorkers silences the kernel on the interfaces that DPDK takes over, starts EAL and opens ports and workers.
func openWorkers(flags *conf.Flags, config *conf.Config, log *zap.Logger, undo *cleanup) (*lcore.Lcores, error) {
	c := workerConfig(flags, config)
	for _, p := range config.Ports {
		if p.Interface() == "" {
			continue
		}
		s, err := kernel.Silence(p.Interface(), driver(p))
		if err != nil {
			return nil, fmt.Errorf("%s:%d:%d: port %s: %w", config.Name, p.Line, p.Column, p.Name, err)
		}
		undo.add(s.Restore)
		for _, w := range s.Warnings() {
			log.Warn(w, zap.String("port", p.Name))
		}
	}
	if err := dpdk.CleanStale(prefix); err != nil {
		log.Warn("what a killed director left stays", zap.Error(err))
	}
	if err := dpdk.Init(lcore.EALArgs(lcore.EALConfig{
		ControlCPU: flags.ControlLcores[0], Devices: devices(config), NoHuge: flags.NoHuge,
		MemoryMiB: memory(flags, c), Prefix: prefix + strconv.Itoa(os.Getpid()), Extra: flags.EAL,
	})); err != nil {
		if flags.Memory > 0 && errors.Is(err, syscall.ENOMEM) {
			err = fmt.Errorf("--memory %d: %w; or give less", flags.Memory, err)
		}
		return nil, err
	}
	undo.add(dpdk.Cleanup)
	lcores, err := lcore.Open(c)
	if err != nil {
		return nil, portError(config, err)
	}
	undo.add(func() error { lcores.Close(); return nil })
	return lcores, nil
}

// portError names the port by its place in the file.
func portError(config *conf.Config, err error) error {
	var p *lcore.PortError
	if !errors.As(err, &p) {
		return err
	}
	port := config.Ports[p.Index]
	return fmt.Errorf("%s:%d:%d: port %s: %w", config.Name, port.Line, port.Column, port.Name, p.Err)
}

// whatIsOpen is what control must know of it.
func whatIsOpen(config *conf.Config, lcores *lcore.Lcores, taps *taps, mark *kernel.Mark) *opening {
	o := &opening{Mark: mark.Label()}
	_, o.Board = lcores.Share()
	for i, p := range lcores.Ports {
		rx, tx := p.Queues()
		o.Ports = append(o.Ports, opened{
			Name: config.Ports[i].Name, Device: p.Info.Name, Driver: p.Info.Driver, ID: uint16(p.ID),
			MAC: taps.all[i].MAC(), Tap: taps.all[i].Index(), Rx: rx, Tx: tx, Steering: steering(p, lcores.Workers()),
		})
	}
	return o
}

// steering is who brings packets to the workers that own their flows; with one worker nobody has to.
func steering(p *lcore.Port, workers int) string {
	switch {
	case workers == 1:
		return "none"
	case p.HardwareSteered(workers):
		return "hardware"
	default:
		return "software"
	}
}
