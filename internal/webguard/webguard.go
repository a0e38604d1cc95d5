// Package webguard keeps the pages of other sites away from a port of this program. A browser sends a page's requests to
// any address, those on loopback too, and so every port that is opened here has to tell them from those of the people
// and programs it is there for.
//
//	request -> Host: a name that is ours? (DNS rebinding)
//	        -> Sec-Fetch-Site, Origin, Referer: our own page, or no page at all?
//	        -> the handler
//
// Programs (curl, database drivers, Grafana's backend, Prometheus) send none of the headers that only browsers send, and
// go through.
package webguard

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Refusal says why a request is not served, and the way out.
type Refusal struct{ Reason, Hint string }

// String returns both as one sentence.
func (r *Refusal) String() string { return r.Reason + ": " + r.Hint }

// Guard decides who is served. It is safe for concurrent use.
type Guard struct {
	listen   string // the host that is listened on
	loopback bool
	hosts    []string
	machine  string
}

// New returns the guard of a port. Listen is the host that it listens on, "" for all addresses of the machine. Hosts are
// further names, without ports, that the port is reached by. A port on loopback is reached by names of loopback and by
// hosts alone. Any other one is reached by its own and the machine's name, by every IP address, and by names that no site
// on the internet can have too; any other name could be that of a site that has it point here.
func New(listen string, hosts ...string) *Guard {
	machine, err := os.Hostname()
	if err != nil {
		machine = "" // It is one name less.
	}
	return &Guard{listen: listen, loopback: Loopback(listen), hosts: hosts, machine: machine}
}

// Check returns why a request is refused, nil if it is to be served. Links says that a link on any page may lead here, as
// it may to a page that is only looked at; it lets through what a browser says, or an old one may mean, to be one.
func (g *Guard) Check(r *http.Request, links bool) *Refusal {
	if !g.ours(r.Host) {
		return &Refusal{fmt.Sprintf("the host %q is not this machine's", r.Host), g.names()}
	}
	if g.fromElsewhere(r, links) {
		return &Refusal{"the request comes from another site's page", "a browser may ask only from a page of this address; programs send no Origin"}
	}
	return nil
}

func (g *Guard) names() string {
	if g.loopback {
		return "use 127.0.0.1 or localhost with the port"
	}
	return "use an IP address of it, or allow the name with --allow-host"
}

// ours reports whether the Host header of a request is a name of this port.
func (g *Guard) ours(hostport string) bool {
	host := hostOf(hostport)
	if Loopback(host) || slices.ContainsFunc(g.hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		return true
	}
	if g.loopback {
		return false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && (strings.EqualFold(host, g.listen) || strings.EqualFold(host, g.machine) || private(host))
}

// private reports whether a name is none of the internet's: one without a dot, or one below a domain that is set aside
// for machines among themselves.
func private(host string) bool {
	host = strings.ToLower(host)
	if !strings.Contains(host, ".") {
		return true
	}
	return slices.ContainsFunc([]string{".local", ".internal", ".localhost", ".home.arpa", ".svc", ".test"}, func(domain string) bool {
		return strings.HasSuffix(host, domain)
	})
}

// fromElsewhere reports whether a browser made the request for a page that is not of this origin. Every browser of today
// says so by Sec-Fetch-Site on loopback, and by Origin unless the method is GET or HEAD; Referer is for older ones.
func (g *Guard) fromElsewhere(r *http.Request, links bool) bool {
	h := r.Header
	site := h.Get("Sec-Fetch-Site")
	_, origin := h["Origin"]
	if links && (r.Method == http.MethodGet || r.Method == http.MethodHead) && !origin {
		mode, dest := h.Get("Sec-Fetch-Mode"), h.Get("Sec-Fetch-Dest")
		return site != "" && site != "same-origin" && site != "none" && (mode != "navigate" || dest != "document")
	}
	if site != "" && site != "same-origin" && site != "none" {
		return true
	}
	if origin {
		// "null" is the origin of pages that hide theirs.
		return !sameHost(h.Get("Origin"), r.Host)
	}
	return h.Get("Referer") != "" && !sameHost(h.Get("Referer"), r.Host)
}

// sameHost reports whether an address is one of this host and port. The scheme is not compared: behind a proxy that
// speaks TLS it is another one than here.
func sameHost(address, host string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// Handler puts the guard before next. Refuse answers a request that is refused; nil for a plain text with status 403.
func (g *Guard) Handler(next http.Handler, links bool, refuse func(http.ResponseWriter, *Refusal)) http.Handler {
	if refuse == nil {
		refuse = func(w http.ResponseWriter, r *Refusal) { http.Error(w, r.String(), http.StatusForbidden) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Nothing served here is for a page elsewhere, whatever it is taken for.
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if refusal := g.Check(r, links); refusal != nil {
			refuse(w, refusal)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Loopback reports whether a host, without a port, names this machine alone.
func Loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}

// hostOf returns the host of a Host header, without port and brackets.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
