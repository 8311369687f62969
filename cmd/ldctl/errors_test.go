package main

import (
	"os"
	"strings"
	"testing"
)

// What went wrong, in one line with its mend, and the exit code.
func TestErrors(t *testing.T) {
	b := director(t)
	b.VirtualList[2].Port, b.VirtualList[2].Protocol = 0, "any"
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"good.yaml": goodConfig, "empty.yaml": ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const (
		setUsage   = "write ldctl set real NAME state STATE, or weight N, maxconns N, load N"
		flushUsage = "write ldctl flush real NAME, virtual NAME, or sticky with --group, --virtual, --real or --client"
		clientMend = "give an address or a prefix, as in 198.51.100.7 or 198.51.100.0/24"
		sinceMend  = "give an event's number, or a time to look back, as in 90s, 10m or 2h"
	)
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"":                            {2, "no command; try ldctl show real, or ldctl --help"},
		"shwo real":                   {2, "no command 'shwo'; did you mean 'show'?"},
		"kuchen":                      {2, "no command 'kuchen'; list them with ldctl --help"},
		"show":                        {2, "show what? Try ldctl show real, or virtual, flow, sticky, port, worker, neighbour, config"},
		"show rael":                   {2, "no kind 'rael'; did you mean 'real'?"},
		"show real webb1":             {1, "no real 'webb1'; did you mean 'web1'?"},
		"show virtual web-tsl":        {1, "no virtual 'web-tsl'; did you mean 'web-tls'?"},
		"show worker 9":               {1, "no worker '9'; there is 0, 1"},
		"show worker web1":            {2, "no worker 'web1'; workers have numbers, from 0"},
		"show port otside":            {1, "no port 'otside'; did you mean 'outside'?"},
		"show neighbour gateway":      {2, "no neighbour 'gateway'; neighbours have addresses"},
		"show flow webb":              {1, "no virtual 'webb'; did you mean 'web'?"},
		"show flow web dns":           {2, "unexpected argument 'dns'; see ldctl --help"},
		"show flow web --virtual dns": {2, "two virtuals, 'web' and 'dns'; name one"},
		"show flow --client host":     {2, "no client 'host'; " + clientMend},
		"show flow --phase open":      {1, "no phase 'open'; there is half-open, ditched, established, closing, reset, cut, udp"},
		"show flow --limit -1":        {2, "--limit -1: give a number of flows, or 0 for all"},
		"show flow --limit many":      {2, `invalid argument "many" for "--limit" flag: must be an integer; see ldctl --help`},
		"show real --state faild":     {2, "no state 'faild'; did you mean 'failed'?"},
		"show real --virtual wbe":     {1, "no virtual 'wbe'; did you mean 'web'?"},
		"show virtual --real webb1":   {1, "no real 'webb1'; did you mean 'web1'?"},
		"show sticky --group shpo":    {1, "no sticky group 'shpo'; did you mean 'shop'?"},
		"show sticky dns":             {2, "virtual 'dns' has no sticky entries; those that have are in STICKY of ldctl show virtual -o wide"},
		"show sticky --virtual wbe":   {1, "no virtual 'wbe'; did you mean 'web'?"},
		"show sticky web --group dns": {2, "virtual 'web' is of the sticky group 'shop', not 'dns'; name one"},
		"show config now":             {2, "unexpected argument 'now'; see ldctl --help"},
		"show real --previous":        {2, "--previous does not go with show real, but with apply, show config"},
		"show config --watch":         {2, "--watch does not go with show config, but with show real, show virtual, show flow, show sticky, show worker, show port, show neighbour"},
		"show real --watch=often":     {2, `invalid argument "often" for "--watch" flag: give a time, as in 500ms, 2s or 10m; see ldctl --help`},
		"show real --watch=-1s":       {2, `invalid argument "-1s" for "--watch" flag: give a time, as in 500ms, 2s or 10m; see ldctl --help`},
		"show real --watch=99ms":      {2, "--watch=99ms: give 100ms or more"},
		"show real webb1 --watch":     {1, "no real 'webb1'; did you mean 'web1'?"},
		"show real --follow":          {2, "--follow does not go with show real, but with events"},
		"show real --limit 1":         {2, "--limit does not go with show real, but with show flow, show sticky"},
		"show real --folow":           {2, "no flag '--folow'; did you mean '--follow'?"},
		"show real -o xml":            {2, "no output 'xml'; there is table, wide, json, yaml"},
		"show real -x":                {2, "no flag '-x'; list them with ldctl --help"},
		"events now":                  {2, "unexpected argument 'now'; see ldctl --help"},
		"events --since yesterday":    {2, "--since yesterday: " + sinceMend},
		"events --since -3m":          {2, "--since -3m: " + sinceMend},
		"events --since 99":           {1, "no event 99: the last is 2; numbers begin anew when the director starts; leave since away for all that are kept"},

		"explain":                                {2, "something is missing; write ldctl explain CLIENT:PORT VIRTUAL:PORT/PROTOCOL, or a virtual's name"},
		"explain 198.51.100.7 web":               {2, "no client '198.51.100.7'; give address and port, as in 198.51.100.7:50001"},
		"explain 198.51.100.7:1 wbe":             {1, "no virtual 'wbe'; did you mean 'web'?"},
		"explain 198.51.100.7:1 dns":             {2, "virtual 'dns' has no one port and protocol; say which, as in 192.0.2.10:80/tcp"},
		"explain 198.51.100.7:1 1.2.3.4:80/icmp": {2, "no protocol 'icmp'; there is tcp, udp"},
		"explain 198.51.100.7:1 [2001:db8::1]:1": {1, "198.51.100.7 cannot reach 2001:db8::1; give two addresses of one family"},
		"explain 198.51.100.7:1 web dns":         {2, "unexpected argument 'dns'; see ldctl --help"},

		"set":                                  {2, "something is missing; " + setUsage},
		"set virtual web state failed":         {2, "no kind 'virtual'; there is real"},
		"set real":                             {2, "which real? W" + setUsage[1:]},
		"set real web1":                        {2, "set what? W" + setUsage[1:]},
		"set real web1 wieght 3":               {2, "no setting 'wieght'; did you mean 'weight'?"},
		"set real web1 weight":                 {2, "set weight to what? A value is missing"},
		"set real web1 weight three":           {2, "no weight 'three'; give a number, from 0"},
		"set real web1 weight 1 weight 2":      {2, "weight is given twice; give it once"},
		"set real web1 weight 65536":           {1, "no weight 65536; give a number from 0 to 65535"},
		"set real web1 state maintenance now":  {2, "no setting 'now'; there is state, weight, maxconns, load"},
		"set real web1 state maintainance":     {1, "no state 'maintainance'; did you mean 'maintenance'?"},
		"set real webb1 state maintenance":     {1, "no real 'webb1'; did you mean 'web1'?"},
		"set real web1 weight 1 --client 1::2": {2, "--client does not go with set, but with show flow, show sticky, flush sticky"},
		"set real web1 state failed": {
			1, "state 'failed' is the director's own finding; set in-service, maintenance, sticky-only, out-of-service or externally-failed",
		},

		"drain":                    {2, "something is missing; write ldctl drain real NAME"},
		"drain virtual web":        {2, "no kind 'virtual'; there is real"},
		"drain real":               {2, "which real? Write ldctl drain real NAME"},
		"drain real webb1":         {1, "no real 'webb1'; did you mean 'web1'?"},
		"drain real webb1 --wait":  {1, "no real 'webb1'; did you mean 'web1'?"},
		"drain real web1 10m":      {2, "unexpected argument '10m'; see ldctl --help"},
		"drain real web1 -o json":  {2, "--output does not go with drain, but with show, explain, events, set, flush, diff, apply"},
		"show real --wait":         {2, "--wait does not go with show real, but with drain"},
		"flush":                    {2, "something is missing; " + flushUsage},
		"flush flow":               {2, "no kind 'flow'; there is real, virtual, sticky"},
		"flush real":               {2, "which real? W" + flushUsage[1:]},
		"flush real webb1":         {1, "no real 'webb1'; did you mean 'web1'?"},
		"flush real web1 web2":     {2, "unexpected argument 'web2'; see ldctl --help"},
		"flush virtual wbe":        {1, "no virtual 'wbe'; did you mean 'web'?"},
		"flush real web1 --real x": {2, "--real does not go with flush real, but with show flow, show sticky, show virtual, flush sticky"},
		"flush sticky":             {2, "which sticky entries? Give --group, --virtual, --real or --client"},
		"flush sticky web1":        {2, "unexpected argument 'web1'; see ldctl --help"},
		"flush sticky --real web3": {1, "no real 'web3'; did you mean 'web1'?"},
		"flush sticky --limit 1":   {2, "--limit does not go with flush sticky, but with show flow, show sticky"},

		"check":                    {2, "which file? Write ldctl check FILE, or - for what stdin brings"},
		"check a b":                {2, "unexpected argument 'b'; see ldctl --help"},
		"check nowhere.yaml":       {1, "cannot read nowhere.yaml: no such file or directory; give the path of a configuration file"},
		"check .":                  {1, "cannot read " + here + ": is a directory; give the path of a configuration file"},
		"check empty.yaml":         {1, here + "/empty.yaml: the file is empty; see linedirector --help for an example"},
		"diff":                     {2, "which file? Write ldctl diff FILE, or - for what stdin brings"},
		"diff nowhere.yaml":        {2, "cannot read nowhere.yaml: no such file or directory; give the path of a configuration file"},
		"diff good.yaml --dry-run": {2, "--dry-run does not go with diff, but with apply"},
		"diff - --socket /nowhere/ctl": {
			2, "cannot reach the director at /nowhere/ctl: is it running? If it listens elsewhere, give --socket PATH",
		},
		"apply":                      {2, "which file? Write ldctl apply FILE, or - for what stdin brings"},
		"apply nowhere.yaml":         {1, "cannot read nowhere.yaml: no such file or directory; give the path of a configuration file"},
		"apply good.yaml --previous": {2, "unexpected argument 'good.yaml'; see ldctl --help"},
		"apply --previous --follow":  {2, "--follow does not go with apply, but with events"},

		"show real --socket /nowhere/ctl": {1, "cannot reach the director at /nowhere/ctl: is it running? If it listens elsewhere, give --socket PATH"},
	} {
		code, stdout, stderr := ldctl(t, strings.Fields(args)...)
		if code != want.code || stderr != "ldctl: "+want.text+"\n" || stdout != "" {
			t.Errorf("ldctl %s: exit code %d, want %d\n%swant\nldctl: %s\n%s", args, code, want.code, stderr, want.text, stdout)
		}
	}
}
