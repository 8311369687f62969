package conf

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What predictors are given beside their names.
func TestPredictors(t *testing.T) {
	for _, tt := range []struct {
		keys string
		want Virtual // of it, what is set here
	}{
		{"{}", Virtual{Predictor: LeastConns, Aging: DefaultAging}},
		{"{predictor: fastest}", Virtual{Predictor: Fastest, Aging: time.Millisecond}},
		{"{predictor: fastest, fastest: {aging: 50us}}", Virtual{Predictor: Fastest, Aging: 50 * time.Microsecond}},
		{"{predictor: fastest, fastest: {aging: off}}", Virtual{Predictor: Fastest}},
		{"{predictor: fastest, fastest: {}}", Virtual{Predictor: Fastest, Aging: DefaultAging}},
		{"{predictor: loaded}", Virtual{Predictor: Loaded, Aging: DefaultAging}},
		{"{predictor: hash}", Virtual{Predictor: Hash, Aging: DefaultAging}},
		{"{predictor: hash, hash: {of: endpoint, table: 65537}}", Virtual{Predictor: Hash, Aging: DefaultAging, Hash: HashBy{HashEndpoint, 65537}}},
		{"{predictor: p2c}", Virtual{Predictor: P2C, Aging: DefaultAging}},
	} {
		text := strings.Replace(right, "{name: www,", strings.TrimSuffix(tt.keys, "}")+", name: www,", 1)
		if tt.keys == "{}" {
			text = right
		}
		c, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s:\n%v", tt.keys, err)
			continue
		}
		if got := c.Virtuals[1]; got.Predictor != tt.want.Predictor || got.Aging != tt.want.Aging || got.Hash != tt.want.Hash {
			t.Errorf("%s: %v, aging %v, hash %+v", tt.keys, got.Predictor, got.Aging, got.Hash)
		}
	}
}

func TestLoadOfAReal(t *testing.T) {
	c, err := Parse("f.yaml", []byte(strings.Replace(right, "weight: 1", "load: 250", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Reals[0].Load != 250 || c.Reals[1].Load != 0 {
		t.Errorf("%d and %d", c.Reals[0].Load, c.Reals[1].Load)
	}
}

// A table must have room for all reals of its virtual.
func TestTableTooSmall(t *testing.T) {
	var reals, names strings.Builder
	for i := range 120 {
		fmt.Fprintf(&reals, "- {name: r%d, address: 10.0.0.%d}\n", i, i+2)
		fmt.Fprintf(&names, "r%d, ", i)
	}
	text := "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\nreals:\n" + reals.String() +
		"virtuals: [{name: w, address: 10.0.0.250, port: 80, predictor: hash, hash: {table: 103}, reals: [" + names.String() + "]}]\n"
	_, err := Parse("f.yaml", []byte(text))
	wantError(t, err, "f.yaml:123:84: virtuals[0].hash.table: a table of 103 places is too small for 120 reals; use a prime above a hundred times their number, or remove the key")
	if _, err := Parse("f.yaml", []byte(strings.Replace(text, "table: 103", "table: 127", 1))); err != nil {
		t.Error(err)
	}
}
