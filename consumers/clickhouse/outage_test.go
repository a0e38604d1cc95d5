package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	stacktest "tidemark/internal/test/stack"
)

// front stands between the adapter and the engine and spoils the next INSERT of data in the way of its trouble;
// everything else passes.
type front struct {
	t       testing.TB
	backend string
	client  *http.Client
	trouble atomic.Pointer[trouble]
	over    chan struct{} // closed at the end of the test
}

// trouble is one way for a request to go wrong.
type trouble func(f *front, w http.ResponseWriter, r *http.Request)

// newFront starts a front; handle may be nil. It returns its URL, too.
func newFront(t testing.TB, handle func(f *front, w http.ResponseWriter, r *http.Request)) (*front, string) {
	transport := &http.Transport{}
	f := &front{t: t, backend: stacktest.Start(t).HTTPURL(), client: &http.Client{Transport: transport}, over: make(chan struct{})}
	if handle == nil {
		handle = (*front).serve
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(f, w, r) }))
	t.Cleanup(func() {
		close(f.over)
		server.Close()
		transport.CloseIdleConnections()
	})
	return f, server.URL
}

func (f *front) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Query().Get("query"), "INSERT") {
		if spoil := f.trouble.Swap(nil); spoil != nil {
			(*spoil)(f, w, r)
			return
		}
	}
	f.pass(w, r, r.Body)
}

// pass hands the request on, with another body, and its answer back.
func (f *front) pass(w http.ResponseWriter, r *http.Request, body io.Reader) {
	answer, err := f.forward(r, body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = answer.Body.Close() }()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	if _, err := io.Copy(w, answer.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (f *front) forward(r *http.Request, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, f.backend+r.URL.RequestURI(), body)
	if err != nil {
		return nil, err
	}
	request.Header = r.Header.Clone()
	return f.client.Do(request)
}

// status answers with a status and a text and does nothing.
func status(code int, text string) trouble {
	return func(_ *front, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// page answers like status, with a content type.
func page(code int, kind, text string) trouble {
	return func(f *front, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		status(code, text)(f, w, r)
	}
}

// elsewhere sends to a login page, which answers 200.
func elsewhere(f *front, w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	http.Redirect(w, r, f.backend+"/ping", http.StatusFound)
}

// changed has the request done, to its end, and spoils the headers of the answer.
func changed(spoil func(http.Header)) trouble {
	return func(f *front, w http.ResponseWriter, r *http.Request) {
		answer, err := f.forward(r, r.Body)
		if err != nil {
			f.t.Errorf("the request behind the trouble: %v", err)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		spoil(w.Header())
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	}
}

// exceptionAs answers as ClickHouse does to this request when it fails, but for the status.
func exceptionAs(code, exception int, text string) trouble {
	return func(f *front, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-ClickHouse-Query-Id", r.URL.Query().Get("query_id"))
		w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(exception))
		status(code, text)(f, w, r)
	}
}

// stored has the request done, to its end, before it goes wrong.
func stored(then trouble) trouble {
	return func(f *front, w http.ResponseWriter, r *http.Request) {
		answer, err := f.forward(r.WithContext(context.WithoutCancel(r.Context())), r.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			f.t.Errorf("the request behind the trouble: %v", err)
			return
		}
		_ = answer.Body.Close()
		then(f, w, r)
	}
}

func closeConnection(*front, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hang answers nothing for as long as the client waits.
func hang(_ *front, _ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // Only then is the client's leaving noticed.
	<-r.Context().Done()
}

// deaf does not even read, so it does not notice when the client leaves.
func deaf(f *front, _ http.ResponseWriter, _ *http.Request) { <-f.over }

var errCut = errors.New("the connection is cut")

// cut lets the first bytes of the body through and then breaks both connections.
func cut(bytes int64) trouble {
	return func(f *front, w http.ResponseWriter, r *http.Request) {
		f.pass(w, r, io.MultiReader(io.LimitReader(r.Body, bytes), broken{}))
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }

// silence is what an attempt without an answer ends with.
const silence = "did not answer within"

var troubles = []struct {
	name  string
	spoil trouble
	says  string
}{
	{"an error of a proxy", status(http.StatusBadGateway, "<html>bad gateway</html>"), "HTTP 502"},
	{"an exception that passes", status(http.StatusInternalServerError, "Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)"), "241"},
	{"too many parts", status(http.StatusInternalServerError, "Code: 252. DB::Exception: Too many parts (TOO_MANY_PARTS)"), "TOO_MANY_PARTS"},
	{"a page of a load balancer", page(http.StatusOK, "text/html", "<html><h1>We will be back soon</h1></html>"), "We will be back soon"},
	{"a success without a word", status(http.StatusOK, ""), "X-ClickHouse-Query-Id"},
	{"a proxy that sends elsewhere", elsewhere, "sends elsewhere"},
	{"a proxy that takes the headers away", stored(status(http.StatusOK, "")), "X-ClickHouse-Query-Id"},
	{"a proxy that takes the summary away", changed(func(h http.Header) { h.Del("X-ClickHouse-Summary") }), "X-ClickHouse-Summary"},
	{"a summary of fewer rows", changed(func(h http.Header) { h.Set("X-ClickHouse-Summary", `{"read_rows":"0","written_rows":"0"}`) }), "0 rows were written of"},
	{"a summary without rows", changed(func(h http.Header) { h.Set("X-ClickHouse-Summary", `{}`) }), "does not report the rows"},
	{"a summary that is none", changed(func(h http.Header) { h.Set("X-ClickHouse-Summary", "lots") }), "cannot be read"},
	{"the answer to another statement", changed(func(h http.Header) { h.Set("X-ClickHouse-Query-Id", "0123") }), "0123"},
	{"an exception with status 200", exceptionAs(http.StatusOK, 252, "Code: 252. DB::Exception: Too many parts (TOO_MANY_PARTS)"), "TOO_MANY_PARTS"},
	{"a refusal that is not ClickHouse's", status(http.StatusBadRequest, "Code: 117. DB::Exception: seen in the log (INCORRECT_DATA)"), "X-ClickHouse-Exception-Code"},
	{"a refusal of another statement", changed(func(h http.Header) {
		h.Set("X-ClickHouse-Query-Id", "0123")
		h.Set("X-ClickHouse-Exception-Code", "117")
	}), "0123"},
	{"an exception after the status", status(http.StatusOK, "\r\n__exception__\r\nabcdefghabcdefgh\r\nCode: 243. DB::Exception: no space (NOT_ENOUGH_SPACE)\n50 abcdefghabcdefgh\r\n__exception__\r\n"), "NOT_ENOUGH_SPACE"},
	{"the connection is closed before anything", closeConnection, ""},
	{"the answer is lost", stored(closeConnection), "EOF"},
	{"an error after it was stored", stored(status(http.StatusServiceUnavailable, "")), "HTTP 503"},
	{"no answer", hang, silence},
	{"no answer after it was stored", stored(hang), silence},
	{"nothing is read", deaf, silence},
	{"cut at the first byte", cut(1), ""},
	{"cut in a column", cut(100_000), ""},
}

// TestInsertThroughTrouble: whatever happens to an insert, sending it again leaves exactly its rows.
func TestInsertThroughTrouble(t *testing.T) {
	f, address := newFront(t, nil)
	for _, test := range troubles {
		t.Run(test.name, func(t *testing.T) {
			direct := openRaw(t)
			cfg := clickhouse.Config{URL: address, Database: direct.Database()}
			store := clickhouse.NewStore(clickhousetest.Connect(t, cfg))
			if err := store.Insert(t.Context(), calls, block(t, calls, 0, 100, time.Second)); err != nil {
				t.Fatal(err)
			}
			if test.says == silence {
				cfg.AttemptTimeout = 300 * time.Millisecond
			}
			impatient := clickhouse.NewStore(clickhousetest.Connect(t, cfg))
			columns := block(t, calls, 100, 8100, time.Second)
			f.trouble.Store(&test.spoil)
			err := impatient.Insert(t.Context(), calls, columns)
			wantUnknown(t, err, test.says)
			if f.trouble.Load() != nil {
				t.Fatal("the trouble was not met")
			}
			if err := store.Insert(t.Context(), calls, columns); err != nil {
				t.Fatalf("again: %v", err)
			}
			wantOffsets(t, direct, 0, 8100)
			f.trouble.Store(&test.spoil)
			row := ledger.Row{Partition: calls.Partition, From: 0, To: 8100, Stored: 8100, FetchedAt: start}
			// A ledger row is shorter than some cuts.
			if err := impatient.Account(t.Context(), row); err != nil {
				wantUnknown(t, err, test.says)
				if err = store.Account(t.Context(), row); err != nil {
					t.Fatalf("account again: %v", err)
				}
			}
			resume, err := store.Resume(t.Context(), calls, 10)
			if err != nil || resume.Position != 8100 || len(resume.Stored) != 10 || len(resume.Orphans) != 0 {
				t.Errorf("position %d, %d stored, %d orphans: %v", resume.Position, len(resume.Stored), len(resume.Orphans), err)
			}
		})
	}
}

// wantUnknown fails unless err leaves the outcome unknown and says what happened.
func wantUnknown(t *testing.T, err error, says string) {
	t.Helper()
	var refused *ingest.RefusedError
	switch {
	case err == nil:
		t.Error("the trouble was not noticed")
	case errors.As(err, &refused) || clickhouse.IsRefused(err):
		t.Errorf("taken for a refusal: %v", err)
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		t.Errorf("looks as if the caller had ended it: %v", err)
	case !strings.Contains(err.Error(), says):
		t.Errorf("error %q does not say %q", err, says)
	case strings.Contains(err.Error(), "INSERT INTO"):
		t.Errorf("error %q repeats the request", err)
	}
}

// TestInsertEndsWithItsContext: the worker's own end is not trouble.
func TestInsertEndsWithItsContext(t *testing.T) {
	f, address := newFront(t, nil)
	direct := openRaw(t)
	db := clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: direct.Database()})
	ctx, cancel := context.WithCancel(t.Context())
	spoil := trouble(func(f *front, w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(f, w, r)
	})
	f.trouble.Store(&spoil)
	err := clickhouse.NewStore(db).Insert(ctx, calls, block(t, calls, 0, 10, time.Second))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestSilence: a statement under way on a connection on which nothing moves ends with an error.
func TestSilence(t *testing.T) {
	_, address := newFront(t, func(f *front, w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || strings.Contains(string(body), "stall") {
			hang(f, w, r)
			return
		}
		f.pass(w, r, strings.NewReader(string(body)))
	})
	db := clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: "default", SilenceTimeout: 500 * time.Millisecond})
	ctx := t.Context()
	none := func(func(...any) error) error { return nil }
	for name, request := range map[string]func() error{
		"exec":   func() error { return db.Exec(ctx, "SELECT 'stall'") },
		"query":  func() error { return db.Query(ctx, "SELECT 'stall'", none) },
		"format": func() error { return db.Format(ctx, "SELECT 'stall'", "TSV", io.Discard) },
	} {
		if err := request(); err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := db.Ping(ctx); err != nil {
		t.Errorf("after the silence: %v", err)
	}
}

// TestDeadlinesStayHere: the driver would make a deadline the server's limit.
func TestDeadlinesStayHere(t *testing.T) {
	seen := make(chan url.Values, 100)
	_, address := newFront(t, func(f *front, w http.ResponseWriter, r *http.Request) {
		seen <- r.URL.Query()
		f.pass(w, r, r.Body)
	})
	direct := openRaw(t)
	db := clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: direct.Database()})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	// The first connection's greeting is the driver's own.
	if err := db.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	for len(seen) > 0 {
		<-seen
	}
	if err := db.Exec(ctx, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if err := clickhouse.NewStore(db).Insert(ctx, calls, block(t, calls, 0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	requests := fmt.Sprint(len(seen))
	for len(seen) > 0 {
		query := <-seen
		if query.Has("max_execution_time") {
			t.Errorf("max_execution_time=%s", query.Get("max_execution_time"))
		}
		if query.Get("async_insert") != "0" || query.Get("insert_deduplicate") != "0" {
			t.Errorf("settings of %v", query)
		}
	}
	if requests != "2" {
		t.Errorf("%s requests, want 2", requests)
	}
}

// TestResumeThroughSilence: the answer begins and does not end.
func TestResumeThroughSilence(t *testing.T) {
	for _, stalled := range []string{"FROM ledger", "FROM `token_calls_raw`"} {
		_, address := newFront(t, func(f *front, w http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil || strings.Contains(string(text), stalled) {
				w.Header().Set("X-ClickHouse-Query-Id", r.URL.Query().Get("query_id"))
				w.WriteHeader(http.StatusOK)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				<-r.Context().Done()
				return
			}
			f.pass(w, r, strings.NewReader(string(text)))
		})
		direct := openRaw(t)
		store := clickhouse.NewStore(clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: direct.Database(), AttemptTimeout: 500 * time.Millisecond}))
		_, err := store.Resume(t.Context(), calls, 10)
		wantUnknown(t, err, silence)
	}
}
