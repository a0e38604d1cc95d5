package preview

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// built is the page as it was built from web: index.html, and what it loads, which is served under /assets/. A file that
// ends in .gz is served under its name without that.
//
//go:embed dist
var built embed.FS

// file is one file of the page.
type file struct {
	content     []byte // Compressed if gzip.
	gzip        bool
	contentType string
	etag        string
}

// pages serves the page's files, by their path without .gz: "index.html", "app.js".
type pages struct{ files map[string]file }

const indexName = "index.html"

func newPages() (*pages, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	return readPages(dist)
}

func readPages(dist fs.FS) (*pages, error) {
	p := &pages{files: map[string]file{}}
	err := fs.WalkDir(dist, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		f := file{content: content}
		name, f.gzip = strings.CutSuffix(name, ".gz")
		f.contentType = contentType(name)
		sum := sha256.Sum256(content)
		f.etag = `"` + hex.EncodeToString(sum[:8]) + `"`
		p.files[name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	if _, ok := p.files[indexName]; !ok {
		return nil, fmt.Errorf("the page has no index.html")
	}
	return p, nil
}

// contentType does not ask the system, which may not know or say something else.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// index serves the page itself, whatever the address: the page reads it.
func (p *pages) index(w http.ResponseWriter, r *http.Request) { p.serve(w, r, indexName) }

// ServeHTTP serves what the page loads.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/assets/")
	if name == indexName { // It has its own addresses.
		name = ""
	}
	p.serve(w, r, name)
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := p.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	content := f.content
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", "no-cache") // Ask again each time: a new program has a new page.
	if f.gzip {
		header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			header.Set("Content-Encoding", "gzip")
		} else {
			var err error
			if content, err = decompress(content); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			f.etag = strings.TrimSuffix(f.etag, `"`) + `-plain"`
		}
	}
	header.Set("ETag", f.etag)
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // A client that is gone needs nothing.
}

// acceptsGzip reads an Accept-Encoding header.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding = strings.TrimSpace(coding); coding != "gzip" && coding != "*" {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !ok || err == nil && weight > 0
	}
	return false
}

func decompress(content []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("decompress the page: %w", err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("decompress the page: %w", err)
	}
	return plain, nil
}
