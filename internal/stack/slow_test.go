package stack_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestSlowClients lets many more clients than the engine has places for stop in the middle of what they do. Others are
// answered at once meanwhile.
func TestSlowClients(t *testing.T) {
	f := newFront(t)
	f.query(t, "CREATE TABLE slow (a UInt8) ENGINE = MergeTree ORDER BY a")
	post := func(sql, body string) string {
		return "POST /?" + url.Values{"database": {f.database}, "query": {sql}}.Encode() + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + body
	}
	const endlessResult = "SELECT number FROM numbers(10000000000)"
	for name, request := range map[string]string{
		"half a head":                   "POST / HTTP/1.1\r\nHost: local",
		"an INSERT without data":        post("INSERT INTO slow FORMAT CSV", ""),
		"half the data of an INSERT":    post("INSERT INTO slow FORMAT CSV", "1\n2\n"),
		"half a statement":              post("", "SELECT 1 +"),
		"half the data in frames":       strings.Replace(post("INSERT INTO slow FORMAT CSV", "1234567890"), "?", "?decompress=1&", 1),
		"a result that nobody reads":    strings.Replace(post(endlessResult, ""), "Content-Length: 100000", "Content-Length: 0", 1),
		"one in the Native format":      strings.Replace(post(endlessResult+" FORMAT Native", ""), "Content-Length: 100000", "Content-Length: 0", 1),
		"a large one made in one piece": strings.Replace(post("SELECT repeat('x', 1000) FROM numbers(8000) FORMAT JSON", ""), "Content-Length: 100000", "Content-Length: 0", 1),
	} {
		t.Run(name, func(t *testing.T) {
			for range 24 {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", f.stack.HTTPAddr())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if tcp, ok := conn.(*net.TCPConn); ok {
					if err := tcp.SetReadBuffer(4096); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := io.WriteString(conn, request); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for range 3 {
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.stack.HTTPURL(), strings.NewReader("SELECT 1"))
				if err != nil {
					t.Fatal(err)
				}
				response, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatalf("SELECT 1 beside 24 slow clients: %v", err)
				}
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Fatalf("SELECT 1 beside 24 slow clients: HTTP %d", response.StatusCode)
				}
			}
			if got := f.query(t, "SELECT count() FROM slow"); got != "0" {
				t.Errorf("%s rows of unfinished bodies are stored", got)
			}
		})
	}
	f.query(t, "DROP TABLE slow SYNC")
}

// TestSlowReaderGoesOn lets a client rest in the middle of its result until others have its place, and reads on.
func TestSlowReaderGoesOn(t *testing.T) {
	f := newFront(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.stack.HTTPURL(), strings.NewReader("SELECT number FROM numbers(20000000)"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	time.Sleep(time.Second) // Longer than the front's patience.
	n, err := io.Copy(io.Discard, response.Body)
	if want := int64(168_888_890); err != nil || n != want {
		t.Errorf("read %d bytes, %v; want %d", n, err, want)
	}
}
