// Package grafanatest gives tests a ClickHouse to run dashboards on.
package grafanatest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	stacktest "tidemark/internal/test/stack"
)

// Engine is one database of the embedded ClickHouse. It runs statements over HTTP as the program's adapter does: read-only.
type Engine struct {
	URL, Database string

	client *http.Client
}

// New returns a new database on the engine that the tests of a package share.
func New(t testing.TB) Engine {
	t.Helper()
	stack := stacktest.Start(t)
	return Connect(t, stack.HTTPURL(), stacktest.Database(t, stack))
}

// Connect returns a database of the ClickHouse at an address.
func Connect(t testing.TB, address, database string) Engine {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return Engine{URL: address, Database: database, client: &http.Client{Transport: transport}}
}

// FormatWith implements grafana.DB.
func (e Engine) FormatWith(ctx context.Context, sql, format string, settings map[string]any, w io.Writer) error {
	values := url.Values{"database": {e.Database}, "default_format": {format}, "cancel_http_readonly_queries_on_client_close": {"1"}}
	for name, value := range settings {
		values.Set(name, fmt.Sprint(value))
	}
	values.Set("readonly", "2")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL+"/?"+values.Encode(), strings.NewReader(sql))
	if err != nil {
		return err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(response.Body)
		if err != nil {
			return err
		}
		return fmt.Errorf("query: %s", text)
	}
	_, err = io.Copy(w, response.Body)
	return err
}

// Exec runs statements that may write.
func (e Engine) Exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		stacktest.Query(t, stacktest.Start(t), e.Database, sql)
	}
}

// Ask returns the result of a query as text.
func (e Engine) Ask(t testing.TB, sql string) string {
	t.Helper()
	return stacktest.Query(t, stacktest.Start(t), e.Database, sql)
}
