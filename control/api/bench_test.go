package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// BenchmarkPage writes a page of flows as for people, and as for a program.
func BenchmarkPage(b *testing.B) {
	page := FlowPage{Flows: make([]Flow, DefaultPage), Next: "0:1000"}
	for i := range page.Flows {
		page.Flows[i] = Flow{
			Client: netip.MustParseAddrPort("198.51.100.7:50002"), VirtualEndpoint: netip.MustParseAddrPort("192.0.2.10:80"),
			RealEndpoint: netip.MustParseAddrPort("10.0.0.12:8080"), Virtual: "shop", Real: "web1", Protocol: "tcp",
			Phase: "established", IdleSeconds: float64(i) / 4, ForwardBytes: uint64(i) * 1000, ReplyBytes: uint64(i) * 10000,
		}
	}
	for name, indent := range map[string]string{"laid-out": "  ", "compact": ""} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				w := httptest.NewRecorder()
				write(w, http.StatusOK, page, indent)
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}
