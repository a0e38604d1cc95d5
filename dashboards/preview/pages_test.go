package preview

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"tidemark/internal/webguard"
)

func TestPages(t *testing.T) {
	script := strings.Repeat("console.log(1);\n", 100)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, script); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := readPages(fstest.MapFS{
		"index.html":    {Data: []byte("<!doctype html>")},
		"app.js.gz":     {Data: packed.Bytes()},
		"app.css":       {Data: []byte("a{}")},
		"x/inter.woff2": {Data: []byte("font")},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Config: Config{Guard: webguard.New("", "example.com")}}
	handler := s.guard(s.routes(p))
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	for _, path := range []string{"/", "/d/tidemark-usage", "/d/tidemark-usage/usage-overview?from=now-6h&var-tenant=$__all"} {
		if w := get(path); w.Code != http.StatusOK || w.Body.String() != "<!doctype html>" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %q %v", path, w.Code, w.Body, w.Header())
		}
	}
	for path, contentType := range map[string]string{"/assets/app.js": "text/javascript; charset=utf-8", "/assets/app.css": "text/css; charset=utf-8", "/assets/x/inter.woff2": "font/woff2"} {
		if w := get(path); w.Code != http.StatusOK || w.Header().Get("Content-Type") != contentType {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/assets/app.js.gz", "/assets/", "/assets/index.html", "/assets/nope.js", "/index.html", "/app.js", "/d", "/d/a/b/c", "/assets/../index.html", "/favicon"} {
		if w := get(path); w.Code == http.StatusOK {
			t.Errorf("%s is served: %q", path, w.Body)
		}
	}
	for accept, packedWanted := range map[string]bool{
		"gzip": true, "deflate, gzip;q=1.0, *;q=0.5": true, "*": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=x": false, "identity": false,
	} {
		w := get("/assets/app.js", "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packedWanted || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: compressed is %t, headers %v", accept, got, w.Header())
		}
		if want := packed.String(); packedWanted && w.Body.String() != want || !packedWanted && w.Body.String() != script {
			t.Errorf("Accept-Encoding %q: another content", accept)
		}
		again := get("/assets/app.js", "Accept-Encoding", accept, "If-None-Match", w.Header().Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("Accept-Encoding %q: asked again with its ETag: %d", accept, again.Code)
		}
	}
	if plain, packed := get("/assets/app.js").Header().Get("ETag"), get("/assets/app.js", "Accept-Encoding", "gzip").Header().Get("ETag"); plain == packed {
		t.Errorf("both forms have the ETag %s", plain)
	}
	if _, err := readPages(fstest.MapFS{"app.js": {}}); err == nil {
		t.Error("a page without index.html is taken")
	}
}

// TestBuiltPage holds that what is built in can be served at all.
func TestBuiltPage(t *testing.T) {
	p, err := newPages()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range p.files {
		if !f.gzip {
			continue
		}
		if _, err := decompress(f.content); err != nil {
			t.Errorf("%s.gz: %v", name, err)
		}
	}
}
