package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linedirector/conf"
)

// TestConfig has package conf read what is written.
func TestConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.yaml")
	if err := writeConfig(file, 10000, 1000, 10, 3); err != nil {
		t.Fatal(err)
	}
	c, err := conf.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Reals) != 10000 || len(c.Virtuals) != 1000 || len(c.Virtuals[999].Reals) != 10 {
		t.Errorf("%d reals, %d virtuals", len(c.Reals), len(c.Virtuals))
	}
	if err := writeConfig(file, maxReals, maxVirtuals, 1, 1); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), ".256") || strings.Contains(string(text), "10.1.256") || strings.Contains(string(text), "192.168.256") {
		t.Error("the most that is configured has no addresses")
	}
}

func TestReport(t *testing.T) {
	r := report{
		Rounds: 3, Reals: 7, Virtuals: 5, Each: 2, Small: []float64{0.1, 0.1, 0.1}, Start: []float64{0.9, 0.5, 0.7},
		Reload: []float64{0.2, 0.2, 0.2}, Apply: []float64{0.3, 0.3, 0.3}, Resident: 5 << 20,
		Tables: []table{{Flows: baseFlows + 1000, Start: []float64{2, 1, 3}, Bytes: 86000}},
	}
	for _, text := range []string{r.text(), r.markdown()} {
		for _, want := range []string{"7 reals, 5 virtuals of 2", "0.70 s", "2.00 s", "86.0", "5 MB"} {
			if !strings.Contains(text, want) {
				t.Errorf("the table lacks %q:\n%s", want, text)
			}
		}
	}
	svg, err := r.plot()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Memory a connection", "aim", "5096"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
}

func TestField(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meminfo")
	if err := os.WriteFile(file, []byte("A:  3\nB:  2 kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"A:": 3, "B:": 2048} {
		if got, err := field(file, name); err != nil || got != want {
			t.Errorf("%s %d, %v; want %d", name, got, err, want)
		}
	}
	if _, err := field(file, "C:"); err == nil {
		t.Error("a field that is not there, no error")
	}
}
