// Package preview serves Grafana dashboards on a page of its own, without Grafana: the page draws, this package answers
// its queries.
//
//	page -> /api/query {dashboard, panel, range, variables}
//	     -> SQL of that panel -> grafana.Runner: ClickHouse, read-only and bounded
//	     -> frames as Grafana's data source plugin makes them -> page
//
// A request has names and values, never SQL. The server is for one person on one machine: it has no authentication and
// listens on loopback by default.
//
// The page's addresses are Grafana's, so that links in the dashboards work in both: / and /d/{uid} and /d/{uid}/{slug}.
// The API speaks JSON; a request that is refused as a whole has a status of 4xx and {"error", "hint"}:
//
//	GET  /api/dashboards        {"dashboards": [{"uid", "title", "description", "tags"}], "version", "namespace"}
//	GET  /api/dashboards/{uid}  the dashboard's JSON, byte for byte
//	GET  /api/health            {"clickhouse": "ok", or why it is not}
//	POST /api/query             {"dashboard", "panel", "from", "to", "intervalMs", "maxDataPoints", "variables"}
//	                            {"results": [{"refId", "frames", "error", "sql", "tookMs"}]}, in the order of the targets
//	POST /api/variable          {"dashboard", "name", "from", "to", "variables"}, those resolved so far
//	                            {"options": [{"text", "value"}], "error"}, without "All"
//	POST /api/annotations       {"dashboard", "name", "from", "to", "variables"}, as /api/query answers
//
// Times are milliseconds since 1970. The values of a variable are a list of texts, ["$__all"] for all. Frames are those of
// dataFrameFromJSON in @grafana/data.
package preview

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"tidemark/dashboards/grafana"
	"tidemark/internal/webguard"
)

// Config sets what is served. DB, Dashboards and Namespace are required.
type Config struct {
	DB         grafana.DB
	Dashboards [][]byte // Grafana's JSON of any dashboards that package grafana takes, in the order of the page's list.
	Namespace  string   // The value of the variable "namespace" where a request has none.
	Version    string   // Of the program, for the page.
	// Guard refuses requests that a page of another site makes a browser send. Default: a guard for a port on all addresses.
	Guard *webguard.Guard

	Timeout time.Duration // The longest time for one request, the wait for other queries included. Default 40 s.
	Queries int           // Queries that run at a time, over all requests. Default 4.
	Rows    int           // The most rows of a result. Default 100,000.
}

// withDefaults returns the configuration with defaults for what is 0. The Runner has those of Queries and Rows.
func (c Config) withDefaults() (Config, error) {
	if c.DB == nil || c.Namespace == "" {
		return c, errors.New("no database or no namespace")
	}
	c.Guard = cmp.Or(c.Guard, webguard.New(""))
	c.Timeout = cmp.Or(c.Timeout, 40*time.Second)
	return c, nil
}

// server answers for one Config.
type server struct {
	Config
	dashboards []*grafana.Dashboard
	runner     *grafana.Runner
}

// New returns the handler for the page and its API. An error names every dashboard that cannot be read.
func New(c Config) (http.Handler, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	s := &server{Config: c, runner: grafana.NewRunner(grafana.Config{DB: c.DB, Namespace: c.Namespace, Queries: c.Queries, Rows: c.Rows})}
	var problems []error
	for i, text := range c.Dashboards {
		d, err := grafana.Read(text)
		if err == nil && s.dashboard(d.UID) != nil {
			err = fmt.Errorf("the uid %q is another dashboard's", d.UID)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("dashboard %d: %w", i+1, err))
			continue
		}
		s.dashboards = append(s.dashboards, d)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	pages, err := newPages()
	if err != nil {
		return nil, fmt.Errorf("preview: %w", err)
	}
	return s.guard(s.routes(pages)), nil
}

func (s *server) dashboard(uid string) *grafana.Dashboard {
	for _, d := range s.dashboards {
		if d.UID == uid {
			return d
		}
	}
	return nil
}

func (s *server) routes(p *pages) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/dashboards", s.list)
	mux.HandleFunc("GET /api/dashboards/{uid}", s.show)
	mux.HandleFunc("GET /api/health", s.health)
	mux.HandleFunc("POST /api/query", s.query)
	mux.HandleFunc("POST /api/variable", s.variable)
	mux.HandleFunc("POST /api/annotations", s.annotations)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, problem{http.StatusNotFound, "no such address: " + r.Method + " " + r.URL.Path, "the documentation of package dashboards/preview lists the addresses"})
	})
	mux.Handle("GET /assets/", p)
	for _, page := range []string{"GET /{$}", "GET /d/{uid}", "GET /d/{uid}/{slug}"} {
		mux.HandleFunc(page, p.index)
	}
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}
