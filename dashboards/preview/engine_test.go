package preview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"tidemark/dashboards/grafana"
)

// board is a dashboard with a panel for each of its statements, ids from 1 on, and variables.
func board(variables []map[string]any, statements ...map[string]any) []byte {
	var panels []map[string]any
	for i, target := range statements {
		target["refId"] = "A"
		panels = append(panels, map[string]any{"id": i + 1, "type": "timeseries", "title": fmt.Sprint("panel ", i+1), "targets": []any{target}})
	}
	text, err := json.Marshal(map[string]any{
		"uid": "test", "title": "Test", "description": "For a test.", "tags": []string{"tidemark"},
		"panels": panels, "templating": map[string]any{"list": variables},
	})
	if err != nil {
		panic(err)
	}
	return text
}

// sql is a target in the table format.
func sql(text string) map[string]any {
	return map[string]any{"rawSql": text, "format": grafana.FormatTable}
}

// series is a target in the time series format.
func series(text string) map[string]any {
	return map[string]any{"rawSql": text, "format": grafana.FormatTimeSeries}
}

// site is a running preview.
type site struct {
	t      testing.TB
	server *httptest.Server
	client *http.Client
}

func newSite(t testing.TB, c Config) *site {
	t.Helper()
	if c.Namespace == "" {
		c.Namespace = "tidemark"
	}
	handler, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, server: httptest.NewServer(handler), client: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		s.server.Close()
	})
	return s
}

// post sends a request as the page does and decodes the answer into to.
func (s *site) post(path string, body, to any) (status int) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+path, bytes.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	return s.do(request, to)
}

func (s *site) get(path string, to any) (status int) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(request, to)
}

func (s *site) do(request *http.Request, to any) (status int) {
	s.t.Helper()
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if to != nil {
		if err := json.Unmarshal(text, to); err != nil {
			s.t.Fatalf("%s %s: %d %q: %v", request.Method, request.URL, response.StatusCode, text, err)
		}
	}
	return response.StatusCode
}

// answers is the answer to a query or to annotations.
type answers struct {
	Results []struct {
		RefID  string
		Frames []struct {
			Schema struct {
				RefID, Name string
				Meta        struct {
					ExecutedQueryString, PreferredVisualisationType, Type string
				}
				Fields []struct {
					Name, Type string
					Labels     map[string]string
				}
			}
			Data struct {
				Values   [][]any
				Entities []*grafana.Entities
			}
		}
		Error, SQL string
		TookMs     float64
	}
	Error, Hint string
}

// ask is the request of the page for a panel, over an hour in 2026.
func ask(panel int, variables map[string][]string) map[string]any {
	return map[string]any{"dashboard": "test", "panel": panel, "from": 1_767_225_600_000, "to": 1_767_229_200_000, "intervalMs": 60_000, "maxDataPoints": 500, "variables": variables}
}

// panel asks for a panel.
func (s *site) panel(panel int, variables map[string][]string) answers {
	s.t.Helper()
	var a answers
	if status := s.post("/api/query", ask(panel, variables), &a); status != http.StatusOK || len(a.Results) != 1 {
		s.t.Fatalf("panel %d: status %d: %+v", panel, status, a)
	}
	return a
}
