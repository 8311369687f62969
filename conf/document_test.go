package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSyntaxErrors(t *testing.T) {
	const empty = "f.yaml:1:1: the file is empty; add ports, reals and virtuals (--help shows an example)"
	for _, c := range []struct{ text, want string }{
		{"", empty},
		{"\n\n", empty},
		{"# nothing\n", empty},
		{"---\n...\n", empty},
		{"~", empty},
		{"ports:\n\t- name: a\n", "f.yaml:2:1: YAML: a tab cannot indent; indent with spaces"},
		{"ports: [\n  {name: a},\n", "f.yaml:2:13: YAML: did not find expected node content; write a value here, or close the list or the braces"},
		{"ports: {name: a\n", "f.yaml:1:16: YAML: while parsing a flow mapping (at 1:8) did not find expected ',' or '}'; part the entries with commas and close the braces with }"},
		{"ports:\n- name: a\n  b: c\n d: e\n", "f.yaml:4:2: YAML: while parsing a block mapping (at 1:1) did not find expected key; indent this line as the keys beside it"},
		{"ports:\n  - a\n  b: c\n", "f.yaml:3:3: YAML: while parsing a block collection (at 2:3) did not find expected '-' indicator; indent this line as the entries of its list"},
		{"ports: 1\n reals: 2\n", `f.yaml:2:7: YAML: mapping values are not allowed in this context; mend the indentation, or put a value that holds ": " in quotes`},
		{"transit: 'drop\n", "f.yaml:1:15: YAML: while scanning a quoted scalar (at 1:10) found unexpected end of stream; close the quotation mark"},
		{"transit: @drop\n", "f.yaml:1:10: YAML: found character that cannot start any token; put the value in quotes"},
		{"transit: *drop\n", "f.yaml:1:10: YAML: unknown anchor 'drop' referenced; define it before it is used, as in reals: &all [a, b]"},
		{
			"transit: *" + strings.Repeat("d", 1000),
			"f.yaml:1:10: YAML: unknown anchor '" + strings.Repeat("d", 112) + "...; define it before it is used, as in reals: &all [a, b]",
		},
		{"transit: drop\nport:80\n", "f.yaml:2:8: YAML: while scanning a simple key (at 2:1) could not find expected ':'; write key: value, with a space after the colon"},
		{"transit: drop\n---\ntransit: drop\n", "f.yaml:2:1: a second document begins here; keep one, remove the rest"},
		{"transit: drop\n--- [\n", "f.yaml:2:6: YAML: did not find expected node content; write a value here, or close the list or the braces"},
		{"transit: dr\xffop\n", "f.yaml:1:12: this is not UTF-8; save the file as UTF-8 text"},
		{"# é\ntransit: \x00\n", "f.yaml:2:10: the control character U+0000 is not allowed; remove it"},
		{strings.Repeat("[", 100_000), "f.yaml:1:17: YAML: exceeded max depth of 16; nothing in this configuration nests so deep"},
		{strings.Repeat("- ", 100_000), "f.yaml:1:33: YAML: exceeded max depth of 16; nothing in this configuration nests so deep"},
	} {
		_, err := Parse("f.yaml", []byte(c.text))
		if err == nil {
			t.Errorf("%.40q: no error\nwant %s", c.text, c.want)
		} else if got := err.Error(); got != c.want {
			t.Errorf("%.40q:\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

// all returns what err holds, nil if it is not ours.
func all(err error) Errors {
	var errs Errors
	errors.As(err, &errs)
	return errs
}

// What a file must not do to the director that reads it.
func TestBounds(t *testing.T) {
	const port = "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/8]}]\n"
	list := func(n int, entry string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, entry, i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, text, want string }{
		{
			"too large a file", strings.Repeat("#", MaxFile+1),
			"f.yaml: the file is larger than 64 MiB; " + shareLists,
		},
		{
			"too many values", "reals: [" + strings.Repeat("a,", maxValues) + "]",
			"f.yaml: the file holds too many values; " + shareLists,
		},
		{
			"too many ports", "ports:\n" + list(MaxPorts+1, "- {name: p%[1]d, device: net_null%[1]d, addresses: [10.%[1]d.0.1/16]}\n"),
			"f.yaml:2:1: ports: 33 ports, at most 32 are possible; remove 1",
		},
		{
			"too many reals", port + "reals:\n" + list(MaxReals+1, "- a%d\n"),
			"f.yaml:3:1: reals: 65536 reals, at most 65535 are possible; remove 1",
		},
		{
			"too many bindings", port + "reals:\n" + list(20_000, "- {name: r%[1]d, address: 10.0.0.9, port: %[1]d}\n") +
				"virtuals:\n- {name: v, address: 10.0.0.8, port: 1, reals: &all [" + list(20_000, "r%d,") + "]}\n" +
				list(1000, "- {name: v%[1]d, address: 10.0.0.8, port: 1%04[1]d, reals: *all}\n"),
			"f.yaml:20056:54: virtuals[52].reals: the virtuals name more than 1048576 reals, counted for each; name fewer",
		},
		{
			"an alias of aliases", port + "virtuals:\n- &a {name: a, address: 10.0.0.2, port: 1, reals: &r [x]}\n- {name: b, address: 10.0.0.2, port: 2, reals: *r, timers: &t [*r, *r]}\n- {reals: *t}\n",
			"",
		},
	} {
		_, err := Parse("f.yaml", []byte(c.text))
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "an alias within what another alias names; write the value out") {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\ngot  %.300v\nwant %s", c.name, err, c.want)
		}
	}
}

// Each level names the one before it ten times over.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("ports: &a0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i, key := range []string{"routes", "neighbours", "transit", "reals", "virtuals"} {
		a := fmt.Sprintf("*a%d, ", i)
		fmt.Fprintf(&b, "%s: &a%d [%s]\n", key, i+1, strings.Repeat(a, 10))
	}
	_, err := Parse("f.yaml", []byte(b.String()))
	if errs := all(err); len(errs) == 0 || len(errs) > 100 {
		t.Errorf("%d errors", len(errs))
	}
}

// Flat, but named so often that reading it over and over takes long.
func TestAliasBudget(t *testing.T) {
	text := "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\n" +
		"routes:\n- &r {to: 10.9.0.0/16, via: 10.0.0.2}\n" + strings.Repeat("- *r\n", 200_000)
	_, err := Parse("f.yaml", []byte(text))
	errs := all(err)
	if len(errs) != maxErrors+1 {
		t.Fatalf("%d errors", len(errs))
	}
	repeats := func(e Error) bool { return e.Problem == "the aliases of this file repeat too many values" }
	if !slices.ContainsFunc(errs, repeats) {
		t.Errorf("%v", errs)
	}
	if last := errs[maxErrors].Error(); !strings.HasSuffix(last, " more errors are not shown; mend these first") {
		t.Error(last)
	}
}

// A thousand wrong names against as many right ones end in reasonable time.
func TestManyWrongNames(t *testing.T) {
	var b strings.Builder
	b.WriteString("ports: [{name: p, device: net_null0, addresses: [10.0.0.1/8]}]\nreals:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "- {name: real-%d, address: 10.0.0.9, port: %d}\n", i, i)
	}
	b.WriteString("virtuals:\n- {name: v, address: 10.0.0.8, port: 1, reals: [")
	for i := range 10_000 {
		fmt.Fprintf(&b, "real_%d,", i)
	}
	b.WriteString("]}\n")
	_, err := Parse("f.yaml", []byte(b.String()))
	errs := all(err)
	if len(errs) != maxErrors+1 || errs[0].Mend != `did you mean "real-0"?` {
		t.Errorf("%d errors, first %v", len(errs), errs[0])
	}
}

// The same of backups, and of settings for far too many reals: a walk over all
// for each would take minutes.
func TestManyWrongBackups(t *testing.T) {
	text := string(bigConfig(30_000, 30_000, 1, true))
	text = strings.ReplaceAll(text, "backup: r", "backup: rr-")
	text = strings.ReplaceAll(text, "threshold: 5", "backup: vv-, threshold: 5")
	_, err := Parse("f.yaml", []byte(text))
	if errs := all(err); len(errs) != maxErrors+1 || errs[0].Problem != `no real is named "rr-0"` {
		t.Errorf("%d errors: %.300v", len(errs), err)
	}

	_, err = Parse("f.yaml", bigConfig(20_000, 20_000, 0, true))
	wantError(t, err, "f.yaml:20059:108: virtuals[52].reals: the virtuals name more than 1048576 reals, counted for each; name fewer")
}
