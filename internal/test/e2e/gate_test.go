package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// gateMode is how a gate treats requests.
type gateMode int

const (
	open    gateMode = iota // Passed on.
	failing                 // Answered 500 with one of ClickHouse's errors.
	silent                  // Never answered.
	lossy                   // Passed on, but the answer of every second INSERT is lost, twenty times.
)

// gate stands before ClickHouse's HTTP interface and makes it fail. Safe for concurrent use.
type gate struct {
	server *httptest.Server
	proxy  *httputil.ReverseProxy

	mu      sync.Mutex
	mode    gateMode
	changed chan struct{} // closed when the mode changes
	holds   string        // The gate becomes silent at a statement with this text; empty for never
	passes  int           // How many of these statements it lets pass before
	inserts int
	turned  map[gateMode]int // requests that each mode treated
}

// newGate makes an open gate before p's database and returns it with a pipeline whose commands go through it.
func newGate(t testing.TB, p pipeline) (*gate, pipeline) {
	t.Helper()
	target, err := url.Parse(p.database)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{changed: make(chan struct{}), turned: map[gateMode]int{}}
	g.proxy = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	g.server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() {
		g.set(open)
		g.server.CloseClientConnections()
		g.server.Close()
	})
	p.clickhouse = g.server.URL
	return g, p
}

// set changes the mode. Requests that a silent gate holds are cut off then.
func (g *gate) set(mode gateMode) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mode = mode
	close(g.changed)
	g.changed = make(chan struct{})
}

// holdAt makes the gate silent at the nth statement that contains a text.
func (g *gate) holdAt(text string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds, g.passes = text, n-1
}

// count is how many requests a mode has treated.
func (g *gate) count(mode gateMode) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.turned[mode]
}

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	g.look(r)
	mode, changed, lose := g.judge(r)
	switch {
	case mode == failing:
		w.Header().Set("X-ClickHouse-Exception-Code", "242")
		http.Error(w, "Code: 242. DB::Exception: Table is in readonly mode. (TABLE_IS_READ_ONLY)", http.StatusInternalServerError)
	case mode == silent:
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case lose:
		g.proxy.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		g.proxy.ServeHTTP(w, r)
	}
}

// look reads the statement of a request, if there is one at which the gate becomes silent.
func (g *gate) look(r *http.Request) {
	g.mu.Lock()
	holds := g.holds
	g.mu.Unlock()
	if holds == "" {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.Contains(r.URL.Query().Get("query")+string(body), holds) && g.holding() {
		g.set(silent)
	}
}

// holding reports whether this is the statement at which the gate becomes silent.
func (g *gate) holding() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.passes > 0 {
		g.passes--
		return false
	}
	found := g.holds != ""
	g.holds = ""
	return found
}

func (g *gate) judge(r *http.Request) (mode gateMode, changed <-chan struct{}, lose bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mode == lossy && strings.HasPrefix(strings.ToUpper(strings.TrimSpace(r.URL.Query().Get("query"))), "INSERT") {
		g.inserts++
		lose = g.inserts%2 == 1 && g.turned[lossy] < 20
	}
	if g.mode != lossy || lose {
		g.turned[g.mode]++
	}
	return g.mode, g.changed, lose
}
