package main

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	s, err := parse([]string{
		"--balancers", "nftables,haproxy", "--scenarios", "flaky", "--rate", "50", "--duration", "6s",
		"--fault-from", "1s", "--fault-to", "4s", "--predictor", "roundrobin", "--retry", "5s", "--note", "it's a trial",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names(s.balancers), ","); got != "nftables,haproxy" {
		t.Errorf("balancers %s, want them in the flag's order", got)
	}
	if got := strings.Join(names(s.scenarios), ","); got != "flaky" {
		t.Errorf("scenarios %s, want flaky", got)
	}
	if s.connections() != 300 || s.From != time.Second || s.To != 4*time.Second || s.Predictor != "roundrobin" || s.Retry != "5s" {
		t.Errorf("parsed %+v", s)
	}
	if want := `--note 'it'\''s a trial'`; !strings.HasSuffix(s.invocation, want) {
		t.Errorf("invocation %s, want it to end with %s", s.invocation, want)
	}
}

func TestParseDefaults(t *testing.T) {
	s, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.balancers) != len(balancers) || len(s.scenarios) != len(scenarios) || s.Rate != 200 || s.Deadline != 15*time.Second ||
		s.Linear != 0 || s.Predictor != "leastconns" || s.publish {
		t.Errorf("defaults %+v", s)
	}
}

func TestParseRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"--balancers ipvs":               "--balancers ipvs: use some of linedirector,linedirector-roundrobin,haproxy",
		"--balancers haproxy,haproxy":    "names haproxy twice",
		"--scenarios=":                   "--scenarios names none",
		"--scenarios fire":               "--scenarios fire: use some of silent,",
		"--rate 0":                       "above zero",
		"--deadline 0s":                  "above zero",
		"--fault-from 20s --fault-to 5s": "must follow one another",
		"--fault-to 31s":                 "must follow one another",
		"--rate 1000":                    "at most 20000",
		"--tcp-syn-linear-timeouts 128":  "0 to 127",
		"--predictor hash":               "--predictor hash: use leastconns",
		"--retry soon":                   "--retry soon: not a duration",
		"--rate many":                    "invalid argument",
		"silent":                         `unexpected argument "silent"`,
		"--balancers haproxy --scenarios silent --rate -200": "above zero",
	} {
		if _, err := parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", args, err, want)
		}
	}
}

func TestLinedirectorConfig(t *testing.T) {
	t.Chdir("../..")
	for _, c := range []struct {
		args       string
		want, lack []string
	}{
		{"--lcores 0,1", []string{"iface=eth-out,qpairs=2", "iface=eth-in,qpairs=2", "predictor: leastconns"}, []string{"retry", "{{"}},
		{"--lcores 0 --predictor roundrobin --retry 5s", []string{"10.0.0.14, port: 8080, retry: 5s}", "predictor: roundrobin"}, []string{"qpairs"}},
	} {
		s, err := parse(strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		text, err := linedirectorConfig(&s)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the configuration lacks %q:\n%s", c.args, want, text)
			}
		}
		for _, lack := range c.lack {
			if strings.Contains(text, lack) {
				t.Errorf("%s: the configuration holds %q:\n%s", c.args, lack, text)
			}
		}
	}
}
