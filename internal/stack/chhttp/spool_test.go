package chhttp

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"
)

// TestSpool keeps bodies of all sizes around the limits, with a budget for memory and without.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	random := rand.NewChaCha8([32]byte{1})
	data := make([]byte, spoolMemory+3*pieceBytes+1)
	_, _ = random.Read(data)
	for _, limit := range []int64{0, 3 * pieceBytes, spoolMemory} {
		b := newBudget(limit)
		for _, size := range []int{0, 1, pieceBytes - 1, pieceBytes, pieceBytes + 1, 3 * pieceBytes, 4*pieceBytes + 7, spoolMemory, len(data)} {
			body := &liveBody{bytes.NewReader(data[:size])}
			release, err := body.spool(b, dir)
			if err != nil {
				t.Fatal(err)
			}
			if used := b.used.Load(); used > limit {
				t.Errorf("a body of %d bytes takes %d bytes of memory, limit %d", size, used, limit)
			}
			got, err := io.ReadAll(body)
			if err != nil || !bytes.Equal(got, data[:size]) {
				t.Errorf("a body of %d bytes with limit %d comes back as %d bytes, %v", size, limit, len(got), err)
			}
			release()
			if b.used.Load() != 0 {
				t.Errorf("%d bytes are not given back", b.used.Load())
			}
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("files are left: %v, %v", entries, err)
	}
	release, err := (&liveBody{io.MultiReader(bytes.NewReader(data[:100]), errReader{})}).spool(newBudget(spoolMemory), dir)
	release()
	if err == nil || asException(err).Name != "CANNOT_READ_ALL_DATA" {
		t.Errorf("a body that breaks off: %v", err)
	}
	release, err = (&liveBody{bytes.NewReader(data)}).spool(newBudget(0), dir+"/none")
	release()
	if err == nil || asException(err).Name != "CANNOT_WRITE_TO_FILE_DESCRIPTOR" {
		t.Errorf("a folder that is not there: %v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

// TestIdleBody lets clients stop in the middle of a body, and drip.
func TestIdleBody(t *testing.T) {
	const idle = 100 * time.Millisecond
	ends := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &liveBody{&idleReader{body: r.Body, control: http.NewResponseController(w), idle: idle}}
		release, err := body.spool(newBudget(spoolMemory), t.TempDir())
		release()
		if err == nil { // The client may then wait for longer.
			select {
			case <-r.Context().Done():
				err = errors.New("the server took the client for gone")
			case <-time.After(3 * idle):
			}
		}
		ends <- err
	}))
	defer server.Close()
	send := func(pieces ...string) error {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for i, piece := range append([]string{"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\n"}, pieces...) {
			if i > 0 {
				time.Sleep(idle / 4)
			}
			if _, err := io.WriteString(conn, piece); err != nil {
				t.Fatal(err)
			}
		}
		return <-ends
	}
	if err := send("ab"); err == nil || asException(err).Name != "SOCKET_TIMEOUT" {
		t.Errorf("a client that stops: %v", err)
	}
	if err := send("a", "b", "c", "d", "e", "f"); err != nil {
		t.Errorf("a client that is slow: %v", err)
	}
}

// TestSlowWriter writes to a client that reads nothing, and to one that is cut off.
func TestSlowWriter(t *testing.T) {
	ends := make(chan error, 1)
	began := make(chan *slowWriter, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		idle := 100 * time.Millisecond
		if r.URL.Path == "/cut" {
			idle = time.Hour
		}
		slow := &slowWriter{w: w, control: http.NewResponseController(w), idle: idle}
		began <- slow
		_, err := slow.Write(bytes.Repeat([]byte("x"), 64<<20))
		ends <- err
	}))
	defer server.Close()
	for _, path := range []string{"/idle", "/cut"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if slow := <-began; path == "/cut" {
			time.Sleep(50 * time.Millisecond) // It stands in a write by then; before one it is cut off as well.
			slow.cut()
		}
		if err := <-ends; err == nil || !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, errSlowReader) {
			t.Errorf("%s: %v", path, err)
		}
		_ = conn.Close()
	}
}

// TestLongStatements bounds the statements that are read at one moment.
func TestLongStatements(t *testing.T) {
	b := newBudget(maxQueryBytes)
	long := "SELECT '" + strings.Repeat("x", headBytes) + "'"
	read := func() (*request, error) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		h := NewHandler(nil, Server{}, Options{})
		h.statements = b
		return readRequest(r, &incoming{handler: h, live: &liveBody{strings.NewReader(long)}})
	}
	first, err := read()
	if err != nil || first.text != long {
		t.Fatalf("%d bytes, %v", len(first.text), err)
	}
	if _, err := read(); err == nil || asException(err).Name != "MEMORY_LIMIT_EXCEEDED" {
		t.Errorf("a second one beyond the budget: %v", err)
	}
	first.release()
	if second, err := read(); err != nil {
		t.Errorf("after the first one: %v", err)
	} else {
		second.release()
	}
	if b.used.Load() != 0 {
		t.Errorf("%d bytes are not given back", b.used.Load())
	}
}

// TestCodedBodyNeedsRoom asks for the room of the disk before a long body is kept whose statement is not known yet.
func TestCodedBodyNeedsRoom(t *testing.T) {
	asked := 0
	h := &Handler{options: Options{Room: func() error { asked++; return errors.New("the disk is full") }}, decoders: semaphore.NewWeighted(decodersMemory), bodies: newBudget(1 << 20)}
	for length, want := range map[int64]int{-1: 1, pieceBytes + 1: 1, 10: 0} {
		asked = 0
		r := &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Encoding": {"gzip"}}, ContentLength: length}
		in := &incoming{handler: h, live: &liveBody{strings.NewReader("")}}
		_, err := in.open(r.WithContext(t.Context()), url.Values{})
		refused := err != nil && asException(err).Name == "NOT_ENOUGH_SPACE"
		if asked != want || refused != (want == 1) {
			t.Errorf("%d bytes: asked %d times, %v", length, asked, err)
		}
		in.release()
	}
}
