package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var dashboardsLine = regexp.MustCompile(`(?m)^ *dashboards +(http://[^/\s]+)/(\S*)$`)

// page waits until a process says where its preview is.
func page(t testing.TB, p *process) string {
	t.Helper()
	var address string
	eventually(t, "the preview is served", func() bool {
		if p.ended() {
			t.Fatalf("%s ended:\n%s", p.name, p.output())
		}
		if found := dashboardsLine.FindStringSubmatch(p.stdout.String()); found != nil {
			address = found[1]
		}
		return address != ""
	})
	return address
}

// answer is what the preview answers to a query.
type answer struct {
	Results []struct {
		Error, SQL string
		Frames     []struct {
			Data struct{ Values [][]any }
		}
	}
	Options []struct{ Value string }
	Error   string
}

// post asks the preview as its page does.
func post(t testing.TB, address string, body any) (int, answer) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(content, &a); err != nil {
		t.Fatalf("%s: %d %q: %v", address, response.StatusCode, content, err)
	}
	return response.StatusCode, a
}

// panels asks every panel of every dashboard over a range, each variable as the dashboard begins with it, and returns how
// many gave rows. An error of a panel is the test's.
func panels(t testing.TB, address string, from, to time.Time) (withRows int) {
	t.Helper()
	_, text := get(t, address+"/api/dashboards")
	var list struct{ Dashboards []struct{ UID string } }
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Dashboards) == 0 {
		t.Fatalf("list of dashboards: %v: %s", err, text)
	}
	for _, d := range list.Dashboards {
		_, text := get(t, address+"/api/dashboards/"+d.UID)
		var board struct {
			Panels []struct {
				ID      int
				Title   string
				Targets []json.RawMessage
			}
			Templating struct {
				List []struct {
					Name       string
					IncludeAll bool
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &board); err != nil {
			t.Fatal(err)
		}
		body := map[string]any{"dashboard": d.UID, "from": from.UnixMilli(), "to": to.UnixMilli(), "intervalMs": 60_000}
		chosen := map[string][]string{}
		for _, v := range board.Templating.List {
			body["name"], body["variables"] = v.Name, chosen
			status, a := post(t, address+"/api/variable", body)
			if status != http.StatusOK || a.Error != "" {
				t.Errorf("%s: variable %s: %d %s", d.UID, v.Name, status, a.Error)
			}
			switch {
			case v.IncludeAll:
				chosen[v.Name] = []string{"$__all"}
			case v.Name != "namespace" && len(a.Options) > 0:
				chosen[v.Name] = []string{a.Options[0].Value}
			}
		}
		delete(body, "name")
		for _, p := range board.Panels {
			body["panel"] = p.ID
			status, a := post(t, address+"/api/query", body)
			if status != http.StatusOK || len(a.Results) != len(p.Targets) {
				t.Errorf("%s: panel %d %s: %d %+v", d.UID, p.ID, p.Title, status, a)
			}
			for _, r := range a.Results {
				if r.Error != "" {
					t.Errorf("%s: panel %d %s: %s\n%s", d.UID, p.ID, p.Title, r.Error, r.SQL)
				} else if len(r.Frames[0].Data.Values[0]) > 0 {
					withRows++
				}
			}
		}
	}
	return withRows
}

// TestPreview shows a namespace's dashboards while the database fails, is silent and is back.
func TestPreview(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	gate, through := newGate(t, p)
	child := through.start(t, "dashboards", "preview", "--listen", "127.0.0.1:0", "--timeout", "3s")
	address := page(t, child)
	health := func() string {
		_, text := get(t, address+"/api/health")
		var h struct{ ClickHouse string }
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			t.Fatal(err)
		}
		return h.ClickHouse
	}
	query := func() string {
		status, a := post(t, address+"/api/query", map[string]any{"dashboard": "tidemark-usage", "panel": 1, "from": 0, "to": 1, "intervalMs": 1000})
		if status != http.StatusOK || len(a.Results) != 1 {
			t.Fatalf("panel 1: %d %+v", status, a)
		}
		return a.Results[0].Error
	}
	if got := health() + query(); !strings.Contains(got, "has `tidemark migrate` been run") {
		t.Errorf("a namespace without its database: %s", got)
	}
	p.ok(t, "migrate", "--partitions", "2")
	if got := health(); got != "ok" {
		t.Errorf("health: %s", got)
	}
	now := time.Now()
	if panels(t, address, now.Add(-time.Hour), now); t.Failed() {
		t.Fatal("the dashboards fail on an empty store")
	}
	p.ok(t, "generate", "--events", "20000", "--span", "1h", "--start", now.Add(-time.Hour).UTC().Format(time.RFC3339))
	p.ok(t, "ingest", "--until-caught-up")
	p.ok(t, "rollup", "--until-caught-up")
	if n := panels(t, address, now.Add(-2*time.Hour), time.Now()); n < 20 {
		t.Errorf("only %d panels have rows", n)
	}

	gate.set(failing)
	if got := health(); !strings.Contains(got, "Table is in readonly mode") {
		t.Errorf("health with a failing database: %s", got)
	}
	if got := query(); !strings.Contains(got, "TABLE_IS_READ_ONLY") || strings.Contains(got, "DB::Exception") {
		t.Errorf("a query with a failing database: %s", got)
	}
	gate.set(silent)
	if got := query(); got != "no answer within 3s: choose a shorter range" {
		t.Errorf("a query with a silent database: %s", got)
	}
	if status, _ := get(t, address+"/d/tidemark-usage"); status != http.StatusOK {
		t.Errorf("the page with a silent database: %d", status)
	}
	gate.set(open)
	if got := health() + query(); got != "ok" {
		t.Errorf("after: %s", got)
	}
	before := gate.count(silent)
	gate.set(silent)
	under := make(chan struct{})
	go func() {
		defer close(under)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/query", strings.NewReader(`{"dashboard":"tidemark-usage","panel":1,"from":0,"to":1}`))
		if err != nil {
			return
		}
		request.Header.Set("Content-Type", "application/json")
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	eventually(t, "a query is under way", func() bool { return gate.count(silent) > before })
	if code := child.stop(t); code != 0 {
		t.Errorf("the preview ends with exit code %d while a query is under way", code)
	}
	<-under
}

// TestDemoPreview looks at the dashboards of a demonstration, while it generates and after.
func TestDemoPreview(t *testing.T) {
	t.Parallel()
	child := pipeline{namespace: "tidemark"}.start(t, "demo", "--duration", "5s", "--rate", "2000", "--preview-listen", "127.0.0.1:0")
	address := page(t, child)
	if found := dashboardsLine.FindStringSubmatch(child.stdout.String()); found[2] != "d/tidemark-usage?from=now-15m&to=now" {
		t.Errorf("the demonstration shows %q, not the minutes that it makes", found[2])
	}
	if status, text := get(t, address+"/"); status != http.StatusOK || !strings.Contains(text, "<!doctype html>") {
		t.Errorf("the page: %d %.200s", status, text)
	}
	eventually(t, "the demonstration has summed up", func() bool {
		if child.ended() {
			t.Fatalf("the demonstration ended:\n%s", child.output())
		}
		return strings.Contains(child.stdout.String(), "The stack keeps running until Ctrl-C. See the dashboards at "+address+"/")
	})
	now := time.Now()
	if n := panels(t, address, now.Add(-time.Hour), now); n < 20 {
		t.Errorf("only %d panels have rows", n)
	}
	child.signal(t, syscall.SIGINT)
	if code := child.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestPreviewPort holds that a demonstration takes another port if the wanted one is taken, and the preview itself says so.
func TestPreviewPort(t *testing.T) {
	t.Parallel()
	p := pipeline{namespace: "tidemark", clickhouse: "http://127.0.0.1:1"}
	first := p.start(t, "dashboards", "preview", "--listen", "127.0.0.1:0")
	address := strings.TrimPrefix(page(t, first), "http://")
	if r := p.run(t, "dashboards", "preview", "--listen", address); r.code != 3 || !strings.Contains(r.stderr, "address already in use") {
		t.Errorf("a taken port: exit code %d, %s", r.code, r.stderr)
	}
	out := pipeline{namespace: "tidemark"}.demo(t, "--duration", "1s", "--rate", "500", "--exit", "--preview-listen", address)
	if found := dashboardsLine.FindStringSubmatch(out); found == nil || strings.HasSuffix(found[1], address) {
		t.Errorf("the demonstration with a taken port:\n%s", out)
	}
	if status, _ := get(t, "http://"+address+"/"); status != http.StatusOK {
		t.Errorf("the first preview: %d", status)
	}
	if code := first.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
