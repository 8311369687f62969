package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control"
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

// readyWait is how long the start waits for the reals' next hops before it says that it is ready without them.
const readyWait = 2 * time.Second

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

// direct runs the director from opening to closing. Everything that it does to the machine, it undoes.
func direct(flags *conf.Flags, config *conf.Config, log *zap.Logger) (err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)

	var undo cleanup
	defer func() { err = oneLine(errors.Join(err, undo.run())) }()

	runtime.LockOSThread() // EAL's main lcore is this thread, to the end
	if os.Geteuid() != 0 {
		return errors.New("no permission: ports, taps and hugepages need root; run as root, or with sudo")
	}
	if flags.Metrics != "" {
		if err := metrics.Free(flags.Metrics); err != nil {
			return err
		}
	}
	if flags.ControlSocket != "" {
		if err := api.Free(flags.ControlSocket); err != nil {
			return err
		}
	}
	if err := confine(flags.ControlLcores, len(flags.Lcores)); err != nil {
		return err
	}
	lcores, err := openWorkers(flags, config, log, &undo)
	if err != nil {
		return err
	}
	director, taps, err := openControl(config, flags.LastGood, log, lcores, &undo)
	if err != nil {
		return err
	}
	log.Info("starting", zap.String("version", version), zap.String("dpdk", dpdk.Version()),
		zap.Ints("lcores", flags.Lcores), zap.Ints("control-lcores", flags.ControlLcores))
	if err := taps.start(lcores, director, &undo); err != nil {
		return err
	}
	awaitNextHops(ctx, director)
	stop, err := serveMetrics(flags.Metrics, log, lcores, director)
	if err != nil {
		return err
	}
	undo.add(stop)
	if flags.ControlSocket != "" {
		server, err := api.Serve(flags.ControlSocket, director, log)
		if err != nil {
			return err
		}
		undo.add(func() error { server.Close(); return nil })
	}
	logReady(log, config, lcores)
	for {
		select {
		case <-ctx.Done():
			log.Info("stopping")
			return nil
		case <-hangup:
			reload(director, flags.Config, log)
		}
	}
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

// taps are the kernel's side of the ports, and control's ends of the rings towards them.
type taps struct {
	log   *zap.Logger
	taps  []*kernel.Tap
	conf  *conf.Config
	first func() error // starts the workers under the first rules
}

// openControl makes the taps, sets them up as configured and makes the first rules.
func openControl(config *conf.Config, keep string, log *zap.Logger, lcores *lcore.Lcores, undo *cleanup) (*control.Director, *taps, error) {
	t := &taps{log: log, conf: config}
	ports := make([]control.Port, len(config.Ports))
	for i, p := range lcores.Ports {
		mac := p.MAC()
		if mac == ([6]byte{}) {
			mac = localMAC()
		}
		mtu, err := p.MTU()
		if err != nil {
			return nil, nil, portError(config, &lcore.PortError{Index: i, Err: err})
		}
		if mtu > lcore.MaxMTU {
			log.Warn("the port's MTU is more than the director forwards; longer packets are dropped",
				zap.String("port", config.Ports[i].Name), zap.Int("mtu", mtu), zap.Int("forwards", lcore.MaxMTU))
			mtu = lcore.MaxMTU
		}
		tap, err := kernel.OpenTap(config.Ports[i].Name, net.HardwareAddr(mac[:]), mtu)
		if err != nil {
			return nil, nil, portError(config, &lcore.PortError{Index: i, Err: err})
		}
		undo.add(func() error { return unlessClosed(tap.Close()) })
		t.taps = append(t.taps, tap)
		ports[i] = control.Port{Name: config.Ports[i].Name, Device: uint16(p.ID), MAC: mac, Interface: tap.Index()}
	}
	mark, err := kernel.NewMark()
	if err != nil {
		return nil, nil, err
	}
	undo.add(mark.Close)
	stack, err := kernel.NewStack(t.taps, mark.Label())
	if err != nil {
		return nil, nil, err
	}
	undo.add(stack.Close)
	keeper, err := kernel.NewKeeper()
	if err != nil {
		return nil, nil, err
	}
	undo.add(keeper.Close)
	director, rules, err := control.New(control.Config{
		Log: log, Conf: config, Workers: loops{lcores}, Ports: ports, Hops: lcores.Hops,
		Stack: stack, Keeper: keeper, Keep: keep,
		ShowWorkers: loops{lcores}.workers, ShowPorts: func() []api.Port { return shownPorts(lcores) },
		Ticks: lcores.Clock.Ticks, Beats: lcores.Clock.Beats, Elapsed: lcores.Clock.Elapsed, Response: lcores.Clock.Beaten,
		Follow: func() (control.Mirror, error) { return kernel.NewMirror(t.taps) },
	})
	if err != nil {
		return nil, nil, err
	}
	undo.add(director.Close)
	t.first = func() error { return portError(config, lcores.Start(rules)) }
	return director, t, nil
}

// unlessClosed takes it for no error that something was closed before.
func unlessClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// localMAC is a random, locally administered address for devices that have none.
func localMAC() (mac [6]byte) {
	_, _ = rand.Read(mac[:]) // never fails (crypto/rand)
	mac[0] = mac[0]&^1 | 2
	return mac
}

// start sets workers, taps and control going, in this order.
func (t *taps) start(lcores *lcore.Lcores, director *control.Director, undo *cleanup) error {
	undo.add(lcores.Stop)
	if err := t.first(); err != nil {
		return err
	}
	punts, err := lcores.Punts()
	if err != nil {
		return err
	}
	ends, links := make([]control.Tap, len(t.taps)), make([]control.LinkTap, len(t.taps))
	for i, tap := range t.taps {
		ends[i], links[i] = tap, tap
	}
	carry := control.NewTaps(t.log, loops{lcores}, punts, ends)
	carry.Start()
	undo.add(func() error { carry.Stop(); punts.Close(); return nil })

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { director.Run(ctx) })
	running.Go(func() {
		control.FollowLinks(ctx, t.log, links, func(port int) (bool, error) {
			link, err := lcores.Ports[port].Link()
			return link.Up, err
		})
	})
	undo.add(func() error { cancel(); running.Wait(); return nil })
	return nil
}

// awaitNextHops gives the reals' next hops a moment to answer, so that the first client is served at once.
func awaitNextHops(ctx context.Context, director *control.Director) {
	deadline := time.After(readyWait)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for director.Unresolved() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-deadline:
			return
		case <-look.C:
		}
	}
}

// serveMetrics answers from now on, which tells the operator's tools that every port forwards.
func serveMetrics(address string, log *zap.Logger, lcores *lcore.Lcores, director *control.Director) (func() error, error) {
	if address == "" {
		return func() error { return nil }, nil
	}
	server, err := metrics.Serve(address, func() metrics.Readings { return readings(lcores, director) })
	if err != nil {
		return nil, err
	}
	log.Info("metrics", zap.String("url", "http://"+server.Address()+"/metrics"))
	return func() error { server.Close(); return nil }, nil
}

func logReady(log *zap.Logger, config *conf.Config, lcores *lcore.Lcores) {
	for i, p := range lcores.Ports {
		rx, tx := p.Queues()
		log.Info("port forwards", zap.String("port", config.Ports[i].Name), zap.String("device", p.Info.Name),
			zap.String("driver", p.Info.Driver), zap.Int("rx-queues", rx), zap.Int("tx-queues", tx),
			zap.String("steering", steering(p, lcores.Workers())))
	}
	log.Info("ready", zap.Int("virtuals", len(config.Virtuals)), zap.Int("reals", len(config.Reals)))
}

// reload rereads the configuration. A bad one changes nothing.
func reload(director *control.Director, path string, log *zap.Logger) {
	if path == "-" {
		log.Warn("not reloaded: the configuration came from standard input; give a file with --config")
		return
	}
	config, err := conf.Load(path, os.Stdin)
	if err == nil {
		err = director.Reload(config)
	}
	if err != nil {
		log.Error("not reloaded; the configuration in force stays", zap.Error(err))
		return
	}
	log.Info("reloaded", zap.String("file", path), zap.Int("virtuals", len(config.Virtuals)), zap.Int("reals", len(config.Reals)))
}
