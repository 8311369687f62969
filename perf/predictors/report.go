package main

import (
	"fmt"
	"strings"
)

// tables are the names under which the tests write their rows, in the table's order.
var tables = []string{"turns", "leastconns", "loaded", "fastest", "fastest-again", "hash", "p2c", "p2c-fullest"}

// row is a line of the table, as the tests write it.
type row struct{ Predictor, Setting, Real, Theory, Measured string }

// markdown is what stands in docs/predictors.md between its two marks.
func (r *report) markdown() string {
	var out strings.Builder
	m := r.Machine
	out.WriteString(m.Markdown())
	fmt.Fprintf(&out, "%s, Linux %s, %d CPUs (%s), %s. Load average before and after: %s, %s.\n\n",
		m.System, m.Kernel, m.CPUs, m.CPU, m.Versions["go"], m.LoadBefore, m.LoadAfter)
	out.WriteString("| predictor | setting | real | in theory | measured |\n|---|---|---|--:|--:|\n")
	var last row
	for _, one := range r.Rows {
		shown := one
		if one.Predictor == last.Predictor {
			shown.Predictor = ""
			if one.Setting == last.Setting {
				shown.Setting = ""
			}
		}
		last = one
		if shown.Predictor != "" {
			shown.Predictor = "`" + shown.Predictor + "`"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", shown.Predictor, shown.Setting, shown.Real, shown.Theory, shown.Measured)
	}
	fmt.Fprintf(&out, "\n![A real returns: its share during slow start](images/%s)\n", plotted)
	return out.String()
}
