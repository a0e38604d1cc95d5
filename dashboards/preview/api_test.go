package preview

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana/grafanatest"
	"tidemark/internal/webguard"
)

func TestList(t *testing.T) {
	files, err := dashboards.Committed()
	if err != nil {
		t.Fatal(err)
	}
	var texts [][]byte
	for _, f := range files {
		texts = append(texts, f.JSON)
	}
	s := newSite(t, Config{DB: grafanatest.Engine{}, Dashboards: texts, Namespace: "tidemark", Version: "v1"})
	var list struct {
		Dashboards []struct {
			UID, Title, Description string
			Tags                    []string
		}
		Version, Namespace string
	}
	if status := s.get("/api/dashboards", &list); status != http.StatusOK || list.Version != "v1" || list.Namespace != "tidemark" || len(list.Dashboards) != len(files) {
		t.Fatalf("status %d: %+v", status, list)
	}
	for i, d := range list.Dashboards {
		if d.UID != files[i].UID || d.Title != files[i].Title || d.Description == "" || len(d.Tags) == 0 {
			t.Errorf("dashboard %d is listed as %+v", i, d)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/api/dashboards/"+d.UID, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := s.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := text.ReadFrom(response.Body); err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if !bytes.Equal(text.Bytes(), files[i].JSON) {
			t.Errorf("%s: the JSON is not byte for byte what it was given", d.UID)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := board(nil, sql("SELECT 1"))
	for name, tt := range map[string]struct {
		config Config
		want   []string
	}{
		"nothing": {Config{}, []string{"no database or no namespace"}},
		"broken JSON": {
			Config{DB: grafanatest.Engine{}, Namespace: "x", Dashboards: [][]byte{[]byte("{"), good, good, []byte("{}"), []byte(`{"uid":"y","panels":[{"id":"z"}]}`)}},
			[]string{"dashboard 1: not the JSON of a dashboard", "dashboard 3: the uid \"test\" is another dashboard's", "dashboard 4: the dashboard has no uid", "dashboard 5:"},
		},
	} {
		_, err := New(tt.config)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want an error with %q", name, err, want)
			}
		}
	}
}

// TestRefusals are requests that are refused as a whole, each with a way out.
func TestRefusals(t *testing.T) {
	s := newSite(t, Config{DB: grafanatest.Engine{}, Dashboards: [][]byte{board([]map[string]any{{"name": "one", "type": "textbox"}}, sql("SELECT 1"))}, Guard: webguard.New("127.0.0.1")})
	request := func(method, path, body string, header ...string) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	const ok = `{"dashboard":"test","panel":1,"from":0,"to":1}`
	tests := []struct {
		request *http.Request
		status  int
		want    string
	}{
		{request("GET", "/api/nope", ""), 404, "no such address"},
		{request("GET", "/api/dashboards/nope", ""), 404, "there is no dashboard"},
		{request("POST", "/api/query", `{"dashboard":"nope"}`), 404, "there is no dashboard"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":9}`), 404, "has no panel 9"},
		{request("POST", "/api/variable", `{"dashboard":"test","name":"nope"}`), 404, "has no variable"},
		{request("POST", "/api/annotations", `{"dashboard":"test","name":"nope"}`), 404, "has no annotations"},
		{request("POST", "/api/query", ok, "Content-Type", "text/plain"), 415, "not JSON"},
		{request("POST", "/api/query", ok, "Content-Type", "application/x-www-form-urlencoded"), 415, "not JSON"},
		{request("POST", "/api/query", ok, "Content-Type", ""), 415, "not JSON"},
		{request("POST", "/api/query", `{`), 400, "cannot be read"},
		{request("POST", "/api/query", ``), 400, "cannot be read"},
		{request("POST", "/api/query", ok+ok), 400, "more than one value"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"sql":"SELECT 1"}`), 400, "unknown field"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"from":1.5}`), 400, "cannot be read"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"from":1,"to":0}`), 400, "ends before it begins"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"from":-99999999999999,"to":0}`), 400, "years 1 to 9999"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"to":9e18}`), 400, ""},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"intervalMs":-1}`), 400, "out of range"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"variables":{"one":"x"}}`), 400, "cannot be read"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"variables":{"one":[1]}}`), 400, "cannot be read"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"variables":{"one":[["x"]]}}`), 400, "cannot be read"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"variables":[]}`), 400, "cannot be read"},
		{request("POST", "/api/query", `{"dashboard":"test","panel":1,"variables":{"one":["a","b"]}}`), 400, "which takes one"},
		{request("POST", "/api/query", `{"dashboard":"`+strings.Repeat("x", requestBytes)+`"}`), 413, "larger than"},
		{request("POST", "/api/query", ok, "Host", "evil.example:3300"), 403, "is not this machine's"},
		{request("GET", "/api/dashboards", "", "Host", "evil.example"), 403, "is not this machine's"},
		{request("GET", "/", "", "Host", "127.0.0.1.evil.example"), 403, "is not this machine's"},
		{request("POST", "/api/query", ok, "Sec-Fetch-Site", "cross-site"), 403, "another site"},
		{request("POST", "/api/query", ok, "Origin", "http://evil.example"), 403, "another site"},
	}
	for _, tt := range tests {
		var body struct{ Error, Hint string }
		status := s.do(tt.request, &body)
		if status != tt.status || !strings.Contains(body.Error, tt.want) || body.Error == "" || body.Hint == "" {
			t.Errorf("%s %s: status %d, %+v; want %d with %q", tt.request.Method, tt.request.URL.Path, status, body, tt.status, tt.want)
		}
	}
	for _, host := range []string{"localhost", "localhost:1", "127.0.0.1", "127.0.0.2:80", "[::1]", "[::1]:3300", "LOCALHOST:5"} {
		r := request("GET", "/api/dashboards", "", "Host", host)
		if status := s.do(r, nil); status != http.StatusOK {
			t.Errorf("host %s: status %d", host, status)
		}
	}
	for _, r := range []*http.Request{request("DELETE", "/api/query", ""), request("POST", "/api/dashboards", ""), request("PUT", "/", "")} {
		if status := s.do(r, nil); status != http.StatusMethodNotAllowed && status != http.StatusNotFound {
			t.Errorf("%s %s: status %d", r.Method, r.URL.Path, status)
		}
	}
}

// TestHeaders holds what every answer says to the browser.
func TestHeaders(t *testing.T) {
	s := newSite(t, Config{DB: grafanatest.Engine{}, Guard: webguard.New("127.0.0.1")})
	for _, path := range []string{"/", "/d/x", "/d/x/y", "/api/dashboards", "/api/nope", "/assets/nope", "/nope"} {
		for _, host := range []string{"", "evil.example"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if host != "" {
				r.Host = host
			}
			response, err := s.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
				"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": "", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s on %q: %s is %q, want %q", path, host, name, got, want)
				}
			}
		}
	}
}
