package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/template"

	"linedirector/perf/lab"
)

// configs is the folder of the balancers' configuration files.
const configs = "perf/rescue/config"

// balancer is one of those that are compared.
type balancer struct {
	name  string
	says  func(*settings) string // one line for the reader of a table
	start func(*settings, *site) error
}

// Name is what --balancers calls it.
func (b balancer) Name() string { return b.name }

var balancers = []balancer{
	{"linedirector", sayLinedirector, startLinedirector},
	{"linedirector-roundrobin", sayInTurn, startInTurn},
	{"haproxy", say("TCP mode, `check inter 2s fall 3`, `retries 3`, `timeout connect 5s`"), startHAProxy("haproxy.cfg")},
	{"haproxy-redispatch", say("the same with `option redispatch`"), startHAProxy("haproxy-redispatch.cfg")},
	{"nftables", say("DNAT by `numgen inc mod 4`, remembered by conntrack; no health checks"), startNftables},
}

func say(text string) func(*settings) string { return func(*settings) string { return text } }

func sayLinedirector(s *settings) string {
	text := fmt.Sprintf("`predictor: %s`, workers on CPUs %s", s.Predictor, s.Lcores)
	if s.Retry != "" {
		text += fmt.Sprintf(", `retry: %s`", s.Retry)
	}
	return text
}

// inTurn is settings with the predictor that the other balancers have here, whatever --predictor says.
func inTurn(s *settings) *settings {
	turned := *s
	turned.Predictor = "roundrobin"
	return &turned
}

// startKernel gives the balancer's machine the addresses that linedirector would set by itself.
func startKernel() error {
	return errors.Join(
		balance.Run("", "ip", "address", "add", outsideAddress+"/24", "dev", "eth-out"),
		balance.Run("", "ip", "address", "add", virtual+"/32", "dev", "eth-out"),
		balance.Run("", "ip", "address", "add", insideAddress+"/24", "dev", "eth-in"))
}

func startHAProxy(config string) func(*settings, *site) error {
	return func(_ *settings, site *site) (err error) {
		if err := startKernel(); err != nil {
			return err
		}
		site.balancer, err = balance.Start(nil, "haproxy", "-db", "-f", filepath.Join(configs, config))
		return err
	}
}

func startNftables(_ *settings, site *site) error {
	load := []string{"nft", "-f", filepath.Join(configs, "nftables.nft")}
	site.commands = append(site.commands, strings.Join(balance.Command(load...), " "))
	return errors.Join(
		startKernel(),
		balance.Run("", "sysctl", "-qw", "net.ipv4.ip_forward=1"),
		balance.Run("", load...))
}

func startLinedirector(s *settings, site *site) error {
	text, err := linedirectorConfig(s)
	if err != nil {
		return err
	}
	file, err := site.write("linedirector.yaml", text)
	if err != nil {
		return err
	}
	args := []string{s.director, "--config", file, "--lcores", s.Lcores, "--flows", "131072", "--mbufs", "16384"}
	if !lab.Hugepages() {
		args = append(args, "--no-huge")
	}
	site.balancer, err = balance.Start(nil, args...)
	return err
}

func sayInTurn(s *settings) string { return sayLinedirector(inTurn(s)) }

func startInTurn(s *settings, site *site) error { return startLinedirector(inTurn(s), site) }

// linedirectorConfig fills the template in.
func linedirectorConfig(s *settings) (string, error) {
	t, err := template.ParseFiles(filepath.Join(configs, "linedirector.yaml"))
	if err != nil {
		return "", err
	}
	values := struct{ Queues, Retry, Predictor string }{Predictor: s.Predictor}
	if workers := 1 + strings.Count(s.Lcores, ","); workers > 1 {
		values.Queues = fmt.Sprintf(",qpairs=%d", workers)
	}
	if s.Retry != "" {
		values.Retry = ", retry: " + s.Retry
	}
	var text strings.Builder
	err = t.Execute(&text, values)
	return text.String(), err
}

// try makes a connection through the balancer, as the client does.
func try(ctx context.Context) error {
	answer, err := client.Ask(ctx, endpoint, request)
	if err == nil && answer == "" {
		err = io.ErrUnexpectedEOF
	}
	return err
}
