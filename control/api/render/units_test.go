package render

import (
	"net/netip"
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 900 * time.Millisecond: "0s", 12 * time.Second: "12s", 119 * time.Second: "119s", 2 * time.Minute: "2m",
		119 * time.Minute: "119m", 2 * time.Hour: "2h", 47 * time.Hour: "47h", 48 * time.Hour: "2d", 1000 * 24 * time.Hour: "1000d",
	} {
		if got := age(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	now := time.Unix(1000, 0)
	if got := since(time.Time{}, now) + since(now.Add(-time.Second), now) + seconds(nil) + seconds(new(3.9)); got != "-1s-3s" {
		t.Error(got)
	}
}

func TestQuick(t *testing.T) {
	for s, want := range map[float64]string{
		0: "0µs", 0.0000005: "0.5µs", 0.00031: "310µs", 0.00184: "1.84ms", 0.0121: "12.1ms", 0.25: "250ms", 0.9994: "999ms", 1: "1s", 2.5: "2.5s", 125: "125s",
	} {
		if got := quick(s); got != want {
			t.Errorf("%v: %s, want %s", s, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 70: "70", 999: "999", 1000: "1k", 1830: "1.83k", 999_499: "999k", 999_500: "1M", 17_200_000_000: "17.2G", 1<<64 - 1: "18.4E",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct {
		address string
		port    uint16
		want    string
	}{
		{"10.0.0.1", 80, "10.0.0.1:80"},
		{"10.0.0.1", 0, "10.0.0.1:*"},
		{"2001:db8::1", 80, "[2001:db8::1]:80"},
		{"2001:db8::1", 0, "[2001:db8::1]:*"},
	} {
		if got := endpoint(netip.MustParseAddr(tt.address), tt.port); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}
