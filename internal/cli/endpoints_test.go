package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestOperationsEndpointsAreGuarded asks every endpoint as a program, as a person who follows a link, and as a browser
// does for pages of other sites.
func TestOperationsEndpointsAreGuarded(t *testing.T) {
	ready := func() error { return nil }
	handlers := map[string]http.Handler{
		"loopback": opsFlags{MetricsListen: "127.0.0.1:9108", Pprof: true}.routes(prometheus.NewRegistry(), ready),
		"exposed":  opsFlags{MetricsListen: "0.0.0.0:9108", Pprof: true, AllowHost: []string{"ingest.example.com"}}.routes(prometheus.NewRegistry(), ready),
	}
	ask := func(listen, path, host string, header ...string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		r.Host = host
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		handlers[listen].ServeHTTP(w, r)
		return w.Code
	}
	link := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/symbol", "/debug/pprof/heap"} {
		for listen := range handlers {
			if code := ask(listen, path, "127.0.0.1:9108"); code != http.StatusOK {
				t.Errorf("%s, a program: %s answers %d", listen, path, code)
			}
			for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
				if code := ask(listen, path, "127.0.0.1:9108", header...); code != http.StatusForbidden {
					t.Errorf("%s, a page with %q: %s answers %d", listen, header, path, code)
				}
			}
			if code := ask(listen, path, "evil.example"); code != http.StatusForbidden {
				t.Errorf("%s, a name made to point here: %s answers %d", listen, path, code)
			}
			want := http.StatusOK
			if len(path) > 8 {
				want = http.StatusForbidden // A link must not make the process work.
			}
			if code := ask(listen, path, "127.0.0.1:9108", link...); code != want {
				t.Errorf("%s, a link: %s answers %d, want %d", listen, path, code, want)
			}
		}
		for host, want := range map[string]int{"ingest:9108": 200, "ingest.example.com:9108": 200, "10.1.2.3:9108": 200, "other.example.com": 403} {
			if code := ask("exposed", path, host); code != want {
				t.Errorf("exposed, host %s: %s answers %d, want %d", host, path, code, want)
			}
		}
	}
}
