package otelcol

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// capture is a request as a client sent it.
type capture struct {
	File, Protocol, Path string
	Media                string `json:"content_type"`
	Encoding             string `json:"content_encoding"`
}

// TestCaptures sends what 13 clients sent to both, whole and broken at places that are the same in each run.
func TestCaptures(t *testing.T) {
	root := env.Data(t, "otlp-captures")
	var fail failing
	theirs, ours := startReceiver(t, &fail), startOurs(t, &fail, nil)
	folders, err := filepath.Glob(filepath.Join(root, "*", "meta.json"))
	must(t, err)
	if len(folders) < 13 {
		t.Fatalf("only %d clients", len(folders))
	}
	good, bad := 0, 0
	for _, path := range folders {
		text, err := os.ReadFile(path)
		must(t, err)
		var meta struct{ Files []capture }
		must(t, json.Unmarshal(text, &meta))
		folder := filepath.Dir(path)
		for _, f := range meta.Files {
			body, err := os.ReadFile(filepath.Join(folder, f.File))
			must(t, err)
			bodies := [][]byte{body}
			if isProto := f.Media != mediaJSON; !isProto || !strings.Contains(f.File, "-metrics.") {
				bodies = append(bodies, broken(body)...) // Metrics in Protobuf are counted and not decoded.
			}
			for i, body := range bodies {
				c := comparison{name: fmt.Sprintf("%s/%s, %d", filepath.Base(folder), f.File, i)}
				var a, b string
				if f.Protocol == "grpc" {
					c.call = call{path: f.Path, body: framed(false, body)}
					a, b = askGRPC(t, theirs.rpc, c.call), askGRPC(t, ours.rpc, c.call)
				} else {
					c.call = call{path: "/v1" + f.Path[strings.LastIndex(f.Path, "/"):], media: f.Media, encoding: f.Encoding, body: body}
					a, b = askHTTP(t, theirs.web, c.call), askHTTP(t, ours.web, c.call)
				}
				if i > 0 {
					c.faulty(a)
				}
				c.check(t, a, b)
				good, bad = good+strings.Count(b, okProto), bad+strings.Count(b, badProto)
			}
		}
	}
	if good < 300 || bad < 1000 {
		t.Errorf("%d requests in Protobuf were good and %d bad: they were not what this test is about", good, bad)
	}
}

// faulty sets the answers that differ on purpose for a body with a fault, by that of the Collector.
func (c *comparison) faulty(theirs string) {
	switch {
	case theirs == "Internal":
		c.theirs, c.ours, c.because = theirs, "InvalidArgument", "OTLP has INVALID_ARGUMENT for bad data"
	case theirs == brokenJSON:
		c.theirs, c.ours, c.because = theirs, badJSON, "a bad body is no fault of the server"
	case c.name == "anthropic-sdk-2.14.0/anthropic_thinking.1-traces.pb, 18":
		c.theirs, c.ours, c.because = okProto, badProto, "a field became the start of a group that does not end"
	}
}

// broken returns copies of a body, each with a fault.
func broken(body []byte) [][]byte {
	var out [][]byte
	for i := range 12 {
		at := (2*i + 1) * len(body) / 24
		changed := append([]byte{}, body...)
		changed[at] ^= 1 << (i % 8)
		out = append(out, body[:at], changed)
	}
	return out
}
