package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestChurn changes weights, reals, predictors, limits and virtuals ten times a second, by SIGHUP, by ldctl apply and by ldctl
// set in turn, while clients make requests on connections that they keep and on new ones: own ones, and ab. Not one request may
// fail, and all counts are exactly 0 in the end.
//
//	16 clients, half of them keep their connections ──► 192.0.2.10:80 (web0) ──► a, b, at times c, d
//	ab -k, 8 connections                            ──►
//	                                                    192.0.2.10:81 … 84   ──► come and go
//
// CHURN_SECONDS=60 makes it longer (make churn).
func TestChurn(t *testing.T) {
	lasts := time.Duration(number(t, "CHURN_SECONDS", 15)) * time.Second
	setup := widest()
	s := newSiteOf(t, fourReals)
	s.web(t)
	names := []string{"web0", "web1", "web2", "web3", "web4"}
	// config is one of many: a and b are always there, with other weights and limits; c and d, and virtuals beside web0, come
	// and go.
	config := func(round int) string {
		var text strings.Builder
		fmt.Fprintf(&text, `%sreals:
  - {name: a, address: 10.0.0.11, port: 8080, maxconns: %d}
  - {name: b, address: 10.0.0.12, port: 8080, weight: %d, load: %d}
  - {name: c, address: 10.0.0.13, port: 8080, maxconns: 5000}
`, ports(setup.queues), 1000+round%3, 1+round%4, round%9)
		members := []string{fmt.Sprintf("{real: a, weight: %d}", 1+round%5), "b"}
		if round%3 > 0 {
			members = append(members, "c")
		}
		if round%4 > 1 {
			text.WriteString("  - {name: d, address: 10.0.0.14, port: 8080}\n")
			members = append(members, fmt.Sprintf("{real: d, weight: %d}", round%7))
		}
		text.WriteString("virtuals:\n")
		predictors := []string{"leastconns", "roundrobin", "weighted", "hash", "p2c", "fastest", "loaded"}
		for i := range 1 + round%len(names) {
			fmt.Fprintf(&text, "  - {name: %s, address: 192.0.2.10, port: %d, predictor: %s, reals: [%s], slow-start: off, timers: {close-delay: 1s}}\n",
				names[i], 80+i, predictors[(round/2+i)%len(predictors)], strings.Join(members, ", "))
		}
		return text.String()
	}
	d := s.start(t, setup, config(0))

	halt := make(chan struct{})
	halted := func() bool {
		select {
		case <-halt:
			return true
		default:
			return false
		}
	}
	var running sync.WaitGroup
	var requests, failed atomic.Int64
	var once sync.Once
	for i := range 16 {
		kept := i%2 == 0
		client := http.Client{
			Transport: &http.Transport{DialContext: s.client.Dial, DisableKeepAlives: !kept, MaxIdleConnsPerHost: 1},
			Timeout:   10 * time.Second,
		}
		running.Go(func() {
			defer client.CloseIdleConnections()
			for !halted() {
				requests.Add(1)
				if err := get(&client, "http://192.0.2.10/"); err != nil {
					failed.Add(1)
					once.Do(func() { t.Errorf("a request, on a connection that is kept: %v: %v", kept, err) })
				}
			}
		})
	}
	var byAB atomic.Int64
	running.Go(func() {
		for !halted() {
			s.ab(t, 4000, "-k", "-c", "8", "http://192.0.2.10/")
			byAB.Add(4000)
		}
	})
	stop := sync.OnceFunc(func() { close(halt); running.Wait() })
	defer stop()

	var bySignal, byApply, bySet int
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		<-ticker.C
		switch round := bySignal + byApply + bySet; round % 4 {
		case 0, 2:
			d.reload(config(round))
			bySignal++
		case 1:
			d.ldctl("set", "real", "a", "weight", fmt.Sprint(1+round%9), "maxconns", fmt.Sprint(2000+round%2))
			d.ldctl("set", "real", "b", "weight", fmt.Sprint(1+round%3), "load", fmt.Sprint(round%20))
			bySet++
		case 3:
			d.ldctl("apply", s.WriteFile("churn.yaml", config(round)))
			byApply++
		}
	}
	stop()
	t.Logf("in %v: %d requests and %d by ab, %d failed; %d changes by SIGHUP, %d by ldctl apply, %d by ldctl set",
		lasts, requests.Load(), byAB.Load(), failed.Load(), bySignal, byApply, bySet)
	if failed.Load() > 0 || requests.Load() < 1000 {
		t.Errorf("%d of %d requests failed, want none of at least 1000", failed.Load(), requests.Load())
	}
	if all := bySignal + byApply + bySet; time.Duration(all)*200*time.Millisecond < lasts {
		t.Errorf("there were only %d changes in %v", all, lasts)
	}
	d.reload(config(14)) // all reals and virtuals are there, so that all can be asked
	d.eventually(func() error {
		if all := show[shownVirtual](d, "virtual"); len(all) != len(names) {
			return fmt.Errorf("there are %d virtuals, want %d: others drain", len(all), len(names))
		}
		return nil
	})
	drainedOf(d, names...)
	for name, r := range d.showReals() {
		if r.Connections != 0 || r.State != "in-service" || r.Ditched != 0 {
			t.Errorf("in the end real %s is %s with %d connections and %d ditched", name, r.State, r.Connections, r.Ditched)
		}
	}
}

// get wants one page, whole.
func get(client *http.Client, url string) error {
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "real ")) {
		err = fmt.Errorf("%s: %q", answer.Status, body)
	}
	return err
}
