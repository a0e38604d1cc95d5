package preview

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// policy lets the page load its own scripts and data and nothing else. Styles are inline, since Grafana's libraries make
// them as they go.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// guard puts what keeps other sites out around every answer: who may use it, and what the page itself may do.
func (s *server) guard(next http.Handler) http.Handler {
	// Refuses requests that a browser says come from another site.
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, problem{http.StatusForbidden, "the request comes from another site's page", "open the preview's own page"})
	}))
	next = sameOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("X-Frame-Options", "DENY")
		if s.Loopback && !loopbackHost(r.Host) {
			// The page of a site whose name is made to point here (DNS rebinding) is of the same origin to a browser.
			refuse(w, problem{http.StatusForbidden, "the host " + r.Host + " is not this machine", "open http://127.0.0.1 or http://localhost with the port"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost reports whether the host of a request names the loopback interface, with or without a port.
func loopbackHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}
