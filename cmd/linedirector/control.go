package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control"
	"linedirector/control/api"
	"linedirector/control/kernel"
	"linedirector/control/metrics"
	"linedirector/lcore"
)

// readyWait is how long the start waits for the reals' next hops before it says that it is ready without them.
const readyWait = 2 * time.Second

// runControl is all that control's process does. Why it fails it tells the workers' process, and nobody else.
func runControl() int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP) // the workers' process hears them, and says what to do
	w, err := wireOf(os.NewFile(wireFile, "wire"))
	if err != nil {
		fmt.Fprintf(os.Stderr, "linedirector: %v; start linedirector, which starts its control itself\n", err)
		return 1
	}
	if err := oneLine(serveControl(w, os.Stdin)); err != nil {
		_ = w.send(message{verb: tellFailed, text: err.Error()})
		return 1
	}
	return 0
}

// serveControl runs the control core, from opening to closing. Everything that it does to the machine, it undoes.
func serveControl(w *wire, greeting io.Reader) (err error) {
	var undo cleanup
	defer func() { err = errors.Join(err, undo.run()) }()
	if err := relax(); err != nil {
		return err
	}
	collectAsUsual := collectSeldom()
	h, err := readHello(greeting)
	if err != nil {
		return err
	}
	log, err := newLog(h.Flags.LogLevel, h.Flags.LogFormat)
	if err != nil {
		return err
	}
	config, err := conf.Parse(h.Name, h.Text)
	if err != nil {
		return err
	}
	if err := gather(h.Flags.ControlLcores); err != nil {
		return err
	}
	opened, files, err := awaitOpening(w)
	if err != nil || opened == nil {
		return err
	}
	board, err := lcore.Attach(files, opened.Board)
	if err != nil {
		return err
	}
	p := newPeer(w, board, opened.Ports)
	director, err := openControl(h, opened.Mark, config, log, p, &undo)
	if err != nil {
		return err
	}
	if err := p.ask(askStart); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { director.Run(ctx) })
	undo.add(func() error { cancel(); running.Wait(); return nil })
	if !h.Again {
		awaitNextHops(p.stop, director)
	}
	stop, err := serveMetrics(h.Flags.Metrics, log, p, director)
	if err != nil {
		return err
	}
	undo.add(stop)
	if h.Flags.ControlSocket != "" {
		server, err := api.Serve(h.Flags.ControlSocket, director, log)
		if err != nil {
			return err
		}
		undo.add(func() error { server.Close(); return nil })
	}
	collectAsUsual()
	if err := w.send(message{verb: tellReady}); err != nil {
		return err
	}
	if !h.Again {
		logReady(log, opened.Ports, config)
	}
	for {
		select {
		case <-p.stop:
			return nil
		case <-p.reload:
			reload(director, h.Flags.Config, log)
		}
	}
}

// openControl sets the taps up as configured, makes the first rules, and shows them to the workers.
func openControl(h *hello, mark string, config *conf.Config, log *zap.Logger, p *peer, undo *cleanup) (*control.Director, error) {
	taps, ports := make([]*kernel.Tap, len(p.ports)), make([]control.Port, len(p.ports))
	for i, o := range p.ports {
		taps[i] = kernel.TapOf(o.Name, o.Tap, o.MAC)
		ports[i] = control.Port{Name: o.Name, Device: o.ID, MAC: [6]byte(o.MAC), Interface: o.Tap}
	}
	openStack := kernel.NewStack
	if h.Again {
		openStack = kernel.TakeOver
	}
	stack, err := openStack(taps, mark)
	if err != nil {
		return nil, err
	}
	undo.add(stack.Close)
	keeper, err := kernel.NewKeeper()
	if err != nil {
		return nil, err
	}
	undo.add(keeper.Close)
	clock := p.board.Clock
	director, rules, err := control.New(control.Config{
		Log: log, Conf: config, Workers: p.loops(), Ports: ports, Hops: p.board.Hops,
		Stack: stack, Keeper: keeper, Keep: h.Flags.LastGood, Ledger: p.board,
		ShowWorkers: p.loops().workers, ShowPorts: p.shownPorts,
		Ticks: clock.Ticks, Beats: clock.Beats, Elapsed: clock.Elapsed, Response: clock.Beaten,
		Follow: func() (control.Mirror, error) { return kernel.NewMirror(taps) },
	})
	if err != nil {
		return nil, err
	}
	undo.add(director.Close)
	p.board.Publish(rules)
	return director, nil
}

// awaitNextHops gives the reals' next hops a moment to answer, so that the first client is served at once.
func awaitNextHops(stop <-chan struct{}, director *control.Director) {
	deadline := time.After(readyWait)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for director.Unresolved() > 0 {
		select {
		case <-stop:
			return
		case <-deadline:
			return
		case <-look.C:
		}
	}
}

// serveMetrics answers from now on, which tells the operator's tools that every port forwards.
func serveMetrics(address string, log *zap.Logger, p *peer, director *control.Director) (func() error, error) {
	if address == "" {
		return func() error { return nil }, nil
	}
	server, err := metrics.Serve(address, func() metrics.Readings { return readings(p, director) })
	if err != nil {
		return nil, err
	}
	log.Info("metrics", zap.String("url", "http://"+server.Address()+"/metrics"))
	return func() error { server.Close(); return nil }, nil
}

func logReady(log *zap.Logger, ports []opened, config *conf.Config) {
	for i := range ports {
		p := &ports[i]
		log.Info("port forwards", zap.String("port", p.Name), zap.String("device", p.Device),
			zap.String("driver", p.Driver), zap.Int("rx-queues", p.Rx), zap.Int("tx-queues", p.Tx),
			zap.String("steering", p.Steering))
	}
	log.Info("ready", zap.Int("virtuals", len(config.Virtuals)), zap.Int("reals", len(config.Reals)))
}

// reload rereads the configuration. A bad one changes nothing.
func reload(director *control.Director, path string, log *zap.Logger) {
	if path == "-" {
		log.Warn("not reloaded: the configuration came from standard input; give a file with --config")
		return
	}
	config, err := conf.Load(path, nil)
	if err == nil {
		err = director.Reload(config)
	}
	if err != nil {
		log.Error("not reloaded; the configuration in force stays", zap.Error(err))
		return
	}
	log.Info("reloaded", zap.String("file", path), zap.Int("virtuals", len(config.Virtuals)), zap.Int("reals", len(config.Reals)))
}
