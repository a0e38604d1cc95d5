package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

// zeros is a body of n bytes, none of which is in memory.
type zeros struct{ n int }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(z.n, len(p))
	clear(p[:n])
	z.n -= n
	return n, nil
}

// TestLimits sends more than there may be of everything.
func TestLimits(t *testing.T) {
	small := func(c *Config) { c.Limits.Body, c.Limits.Items = 1<<16, 10 }
	many := func(n int, sep string) string { return strings.Repeat(sep+query("1"), n)[len(sep):] }
	for _, tt := range []struct {
		name, path, media string
		body              io.Reader
		encoding          string
		status            int
		want              string
	}{
		{"as large as may be", "/v1/traces", mediaJSON, strings.NewReader("{" + strings.Repeat(" ", 1<<16-2) + "}"), "", 200, ""},
		{"a byte too many", "/v1/traces", mediaJSON, strings.NewReader("{" + strings.Repeat(" ", 1<<16-1) + "}"), "", 413, "the body has 65537 bytes; the limit is 65536"},
		{"too much without a length", "/v1/traces", mediaProto, &zeros{1 << 20}, "", 413, "more than 65536 bytes"},
		{"gzip that inflates", "/v1/traces", mediaProto, strings.NewReader(gzipped(t, strings.Repeat("\x00", 10<<20))), "gzip", 413, "when it is decompressed"},
		{"zstd that inflates", "/v1/traces", mediaProto, strings.NewReader(zstdOf(t, strings.Repeat("\x00", 10<<20))), "zstd", 413, "when it is decompressed"},
		{"as many spans as may be", "/v1/traces", mediaProto, strings.NewReader(protoOf(t, repeat("call", 10)...)), "", 200, ""},
		{"too many spans", "/v1/traces", mediaProto, strings.NewReader(protoOf(t, repeat("call", 11)...)), "", 413, "11 items; the limit is 10"},
		{"too many spans in a field of old", "/v1/traces", mediaProto, bytes.NewReader(oldSpans(11)), "", 413, "11 items; the limit is 10"},
		{"spans in a field of old", "/v1/traces", mediaProto, bytes.NewReader(oldSpans(10)), "", 200, ""},
		{"too many spans in JSON", "/v1/traces", mediaJSON, strings.NewReader(jsonOf(t, repeat("call", 11)...)), "", 413, "11 items"},
		{"as many lines as may be", "/v1/events", mediaLines, strings.NewReader(many(10, "\n")), "", 200, ""},
		{"too many lines", "/v1/events", mediaLines, strings.NewReader(many(11, "\n")), "", 413, "more than 10 items"},
		{"too many elements", "/v1/events", mediaJSON, strings.NewReader("[" + many(11, ",") + "]"), "", 413, "more than 10 items"},
	} {
		f := start(t, small)
		var header []string
		if tt.encoding != "" {
			header = []string{"Content-Encoding", tt.encoding}
		}
		w := f.post(tt.path, tt.media, tt.body, header...)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || w.Header().Get("Retry-After") != "" {
			t.Errorf("%s: %d %q", tt.name, w.Code, w.Body)
		}
	}
}

// oldSpans returns a request with empty spans where they were before the first stable version of OTLP.
func oldSpans(n int) []byte {
	scoped := bytes.Repeat([]byte{2<<3 | 2, 0}, n)
	resource := protowire.AppendBytes(protowire.AppendTag(nil, oldScopes, protowire.BytesType), scoped)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), resource)
}

// TestAmplification sends small bodies that would take much memory when decoded: they are refused before.
func TestAmplification(t *testing.T) {
	inner := bytes.Repeat([]byte{18, 0}, 1<<19) // Spans of two bytes.
	lengthed := func(field byte, b []byte) []byte {
		n := len(b)
		return append([]byte{field<<3 | 2, byte(n)&127 | 128, byte(n>>7)&127 | 128, byte(n >> 14)}, b...)
	}
	body := lengthed(1, lengthed(2, inner))
	keys := lengthed(1, lengthed(2, lengthed(2, bytes.Repeat([]byte{6<<3 | 2, 0}, 1<<19))))
	for name, tt := range map[string]struct {
		path, media, body string
		limits            Limits
		status            int
	}{
		"spans":                 {"/v1/traces", mediaProto, string(body), Limits{}, 413},
		"attributes":            {"/v1/logs", mediaProto, string(keys), Limits{InFlight: 64 << 20}, 413},
		"objects":               {"/v1/traces", mediaJSON, `{"resourceSpans":[` + strings.Repeat("{},", 1<<19) + `{}]}`, Limits{InFlight: 64 << 20}, 413},
		"attributes, with room": {"/v1/logs", mediaProto, string(keys), Limits{}, 200},
	} {
		f := start(t, func(c *Config) { c.Limits = tt.limits })
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := f.postText(tt.path, tt.media, tt.body)
		runtime.ReadMemStats(&after)
		if w.Code != tt.status {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; tt.status == 413 && taken > 16<<20 {
			t.Errorf("%s: %d bytes were allocated", name, taken)
		}
	}
}

// TestFull: while others hold all memory, a request is refused for a time.
func TestFull(t *testing.T) {
	f := start(t, nil)
	if !f.server.gate.take(f.server.limits.InFlight) {
		t.Fatal("there is no room")
	}
	release := func() { f.server.gate.used.Store(0) }
	r := f.handler
	f.handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.ServeHTTP(w, req); release() })
	checkRetry(t, f.post("/v1/traces", mediaProto, &zeros{100}), 503, codes.Unavailable)
	f.handler = r
	if w := f.postText("/v1/traces", mediaProto, protoOf(t, "call")); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// listening serves on ports of the system's choice until the end of the test.
func listening(t *testing.T, f *fixture) (web, rpc string, stop func() error) {
	t.Helper()
	listeners := make([]net.Listener, 2)
	for i := range listeners {
		var err error
		if listeners[i], err = new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.server.Serve(ctx, listeners[0], listeners[1]) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return listeners[0].Addr().String(), listeners[1].Addr().String(), stop
}

// TestSlowClients opens 1,000 connections that say they have much to send and send little of it. Others are served, the
// memory stays small, and after the time for reading the slow ones are gone.
func TestSlowClients(t *testing.T) {
	f := start(t, func(c *Config) { c.Limits.Read = 3 * time.Second })
	address, _, _ := listening(t, f)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const clients = 1000
	for range clients {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		fmt.Fprintf(c, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 16000000\r\n\r\n%s", strings.Repeat("x", 1000))
	}
	deadline := time.Now().Add(2 * time.Second)
	for f.server.InFlight() < clients*firstBytes && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if used := f.server.InFlight(); used != clients*firstBytes {
		t.Errorf("%d bytes in flight", used)
	}
	runtime.GC()
	runtime.ReadMemStats(&during)
	if taken := int64(during.HeapAlloc) - int64(before.HeapAlloc); taken > 64<<20 {
		t.Errorf("%d bytes of memory are taken", taken)
	}
	resp, err := http.Post("http://"+address+"/v1/traces", mediaProto, strings.NewReader(protoOf(t, "call"))) //nolint:noctx // It is a short test.
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d beside slow clients", resp.StatusCode)
	}
	first := make([]byte, 12)
	if _, err := io.ReadFull(conns[0], first); err != nil || !strings.HasSuffix(string(first), "503") {
		t.Errorf("a slow client got %q, %v", first, err)
	}
	for f.server.InFlight() > 0 {
		time.Sleep(time.Millisecond)
	}
}

// TestHeaders: a header that is too large is refused.
func TestHeaders(t *testing.T) {
	f := start(t, nil)
	address, _, _ := listening(t, f)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/v1/traces", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Large", strings.Repeat("x", 32<<10))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestShutdown: what is under way ends, and what comes is refused meanwhile.
func TestShutdown(t *testing.T) {
	block := make(chan struct{})
	f := start(t, nil)
	f.sink.block = block
	address, _, stop := listening(t, f)
	client := &http.Client{}
	defer client.CloseIdleConnections()
	post := func() (int, error) {
		resp, err := client.Post("http://"+address+"/v1/traces", mediaProto, strings.NewReader(protoOf(t, "call"))) //nolint:noctx // It is a short test.
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	var under sync.WaitGroup
	under.Go(func() {
		if status, err := post(); status != 200 || err != nil {
			t.Errorf("the request under way got %d, %v", status, err)
		}
	})
	for f.server.InFlight() == 0 {
		time.Sleep(time.Millisecond)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for !f.server.drain.draining() {
		time.Sleep(time.Millisecond)
	}
	if status, err := post(); status != 503 || err != nil {
		t.Errorf("a new request got %d, %v", status, err)
	}
	close(block)
	under.Wait()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections() // One that the server has closed meanwhile ends with EOF and says nothing of the port.
	if _, err := post(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the port is still open: %v", err)
	}
}
