package webguard

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCheck names requests by what sends them.
func TestCheck(t *testing.T) {
	const all, onlyLinks, none = "all", "links", "none" // Served by which handlers.
	f := func(guard *Guard, want, method, host string, header ...string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, "/", http.NoBody)
		r.Host = host
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		strict, links := guard.Check(r, false), guard.Check(r, true)
		if (strict == nil) != (want == all) || (links == nil) != (want != none) {
			t.Errorf("%s to %s with %q: strict %v, links %v; want %s", method, host, header, strict, links, want)
		}
		if strict != nil && (strict.Reason == "" || strict.Hint == "" || !strings.Contains(strict.String(), strict.Hint)) {
			t.Errorf("the refusal names no way out: %q", strict)
		}
	}
	loopback := New("127.0.0.1", "host.docker.internal")
	// Programs.
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"} {
		for _, host := range []string{"127.0.0.1:8123", "localhost:8123", "LOCALHOST", "[::1]:8123", "[::1]", "127.1.2.3:1", "host.docker.internal:8123"} {
			f(loopback, all, method, host)
		}
	}
	f(loopback, all, "POST", "127.0.0.1:8123", "User-Agent", "Mozilla/5.0", "Authorization", "Basic eDp5")
	// A person who types the address, and our own page.
	f(loopback, all, "GET", "localhost:8123", "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	f(loopback, all, "POST", "localhost:8123", "Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8123")
	f(loopback, all, "GET", "localhost:8123", "Sec-Fetch-Site", "same-origin", "Referer", "http://localhost:8123/d/x")
	// Names made to point here (DNS rebinding), and addresses that are taken for loopback.
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"} {
		for _, host := range []string{"evil.example:8123", "127.0.0.1.evil.example", "localhost.evil.example:8123", "0.0.0.0:8123", "192.168.0.2:8123", "box", "localhost.", "", "127.0.0.1@evil.example", "[fe80::1]:8123"} {
			f(loopback, none, method, host)
			f(loopback, none, method, host, "Sec-Fetch-Site", "same-origin", "Origin", "http://"+host)
		}
	}
	// Pages elsewhere: another site, another port of this machine (the same site), one that hides its origin.
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS"} {
		for _, origin := range []string{"https://evil.example", "http://localhost:3000", "http://127.0.0.1:8123", "null", "", "file://", "chrome-extension://x", "http://localhost:8123.evil.example", "//localhost:8123/"} {
			if origin == "//localhost:8123/" {
				continue // No browser sends it, and it names this host.
			}
			f(loopback, none, method, "localhost:8123", "Origin", origin)
		}
		for _, site := range []string{"cross-site", "same-site", "of a later standard"} {
			f(loopback, none, method, "localhost:8123", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image")
			f(loopback, none, method, "localhost:8123", "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe")
			f(loopback, none, method, "localhost:8123", "Sec-Fetch-Site", site, "Origin", "http://localhost:8123")
		}
	}
	f(loopback, none, "OPTIONS", "localhost:8123", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Private-Network", "true")
	f(loopback, none, "POST", "localhost:8123", "Referer", "https://evil.example/") // A form, by a browser without the other headers.
	// Links elsewhere.
	f(loopback, onlyLinks, "GET", "localhost:8123", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Referer", "https://chat.example/")
	f(loopback, onlyLinks, "GET", "localhost:8123", "Referer", "https://chat.example/")
	f(loopback, none, "POST", "localhost:8123", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")

	for _, open := range []*Guard{New("", "tidemark.example.com"), New("0.0.0.0", "tidemark.example.com"), New("10.0.0.7", "TIDEMARK.example.com")} {
		for _, host := range []string{"127.0.0.1:9108", "10.0.0.7:9108", "[fd00::7]:9108", "ingest:9108", "ingest.default.svc.cluster.local:9108", "box.local", "host.docker.internal:9108", "tidemark.example.com:9108"} {
			f(open, all, "GET", host)
			f(open, none, "GET", host, "Sec-Fetch-Site", "cross-site")
		}
		for _, host := range []string{"evil.example:9108", "local.evil.example", "", "evil.example.", "local."} {
			f(open, none, "GET", host)
		}
	}
	f(New("box.example.com"), all, "GET", "box.example.com:9108")
	f(New("box.example.com"), none, "GET", "other.example.com:9108")
}

func TestHandler(t *testing.T) {
	served := 0
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ })
	handler := New("127.0.0.1").Handler(next, false, nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/", http.NoBody)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || served != 1 || w.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("status %d, served %d times, headers %v", w.Code, served, w.Header())
	}
	r.Header.Set("Origin", "https://evil.example")
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || served != 1 || !strings.Contains(w.Body.String(), "another site") || w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("status %d, served %d times, %q", w.Code, served, w.Body)
	}
}
