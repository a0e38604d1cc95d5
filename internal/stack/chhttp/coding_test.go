package chhttp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ClickHouse/ch-go/compress"
	"golang.org/x/sync/semaphore"
)

// encoded encodes texts one after another, each to its own end.
func encoded(t *testing.T, c *coding, texts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, text := range texts {
		w, err := c.encode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestCodings(t *testing.T) {
	text := strings.Repeat("1,some text\n", 50_000)
	for i := range codings {
		c := &codings[i]
		whole := encoded(t, c, text)
		for name, source := range map[string]io.Reader{"whole": bytes.NewReader(whole), "bytes": iotest.OneByteReader(bytes.NewReader(whole)), "end with data": iotest.DataErrReader(bytes.NewReader(whole))} {
			body, _ := open(t, source, c, false)
			if got, err := io.ReadAll(body); err != nil || string(got) != text {
				t.Fatalf("%s, %s: %d bytes, %v", c.name, name, len(got), err)
			}
			wantEnd(t, body, io.EOF)
		}
		empty, _ := open(t, bytes.NewReader(nil), c, false)
		wantEnd(t, empty, io.EOF)
		nothing, _ := open(t, bytes.NewReader(encoded(t, c, "")), c, false)
		wantEnd(t, nothing, io.EOF)
		framed, _ := open(t, bytes.NewReader(encoded(t, c, string(frames(t, compress.LZ4, "a", "b")))), c, true)
		if got, err := io.ReadAll(framed); err != nil || string(got) != "ab" {
			t.Fatalf("%s of frames: %q, %v", c.name, got, err)
		}
		if c.name == "lz4" || c.name == "zstd" || c.name == "gzip" { // Those that may follow one another.
			body, _ := open(t, bytes.NewReader(encoded(t, c, "a", "", "b")), c, false)
			if got, err := io.ReadAll(body); err != nil || string(got) != "ab" {
				t.Fatalf("%s: three in a row: %q, %v", c.name, got, err)
			}
		}
	}
}

// TestCodingsBroken cuts a body off at every byte, and lets it go on.
func TestCodingsBroken(t *testing.T) {
	for i := range codings {
		c := &codings[i]
		whole := encoded(t, c, "1,x\n2,y\n")
		wrong := map[string][]byte{"goes on": append(bytes.Clone(whole), "garbage garbage"...), "another": []byte("SELECT 1")}
		for n := 1; n < len(whole); n++ {
			wrong[fmt.Sprint("cut off at ", n)] = whole[:n]
		}
		for name, text := range wrong {
			body, _ := open(t, bytes.NewReader(text), c, false)
			_, err := io.ReadAll(body)
			if err == nil || asException(err).Name != "BAD_ARGUMENTS" || !strings.Contains(err.Error(), "The "+c.name+" body ") {
				t.Errorf("%s, %s: %v", c.name, name, err)
				continue
			}
			wantEnd(t, body, err)
		}
	}
}

// zeros gives as many as it is asked for.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestBomb(t *testing.T) {
	bomb := &decodedBody{body: zeros{}, sent: &counter{read: bombBytes/bombRatio - 1}}
	n, err := io.Copy(io.Discard, bomb)
	if err == nil || !strings.Contains(err.Error(), "bomb") || n > bombBytes {
		t.Fatalf("%d bytes, %v", n, err)
	}
	wantEnd(t, bomb, err)
	large := &decodedBody{body: io.LimitReader(zeros{}, bombBytes), sent: &counter{read: 1}}
	if n, err := io.Copy(io.Discard, large); n != bombBytes || err != nil {
		t.Fatalf("not larger than one may be: %d bytes, %v", n, err)
	}
}

// again gives its text, its end, and then its text once more, as ch-go's reader of frames does.
type again struct{ text, rest string }

func (a *again) Read(p []byte) (int, error) {
	if a.rest == "" {
		a.rest = a.text
		return 0, io.EOF
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// TestBodiesEndOnce reads a source that goes on behind its end.
func TestBodiesEndOnce(t *testing.T) {
	for i := range codings {
		text := string(encoded(t, &codings[i], "1,x\n"))
		body, _ := open(t, &again{text, text}, &codings[i], false)
		if got, err := io.ReadAll(body); string(got) != "1,x\n" || err != nil {
			t.Fatalf("%s: %q, %v", codings[i].name, got, err)
		}
		wantEnd(t, body, io.EOF)
	}
	text := string(frames(t, compress.LZ4, "1,x\n"))
	framed, _ := open(t, &again{text, text}, nil, true)
	plain, _ := open(t, &again{"1,x\n", "1,x\n"}, nil, false)
	zipped := string(encoded(t, &codings[3], "1,x\n"))
	_, memory := open(t, http.NoBody, nil, true)
	for _, body := range []io.Reader{framed, plain,
		&frameReader{source: &again{text, text}, memory: memory, held: framesMemory}, &codedReader{coding: &codings[3], source: &counter{source: &again{zipped, zipped}}}, &decodedBody{body: &again{"1,x\n", "1,x\n"}, sent: &counter{}}} {
		if got, err := io.ReadAll(body); string(got) != "1,x\n" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		wantEnd(t, body, io.EOF)
	}
}

// TestDecodersWait lets the decoders of a request wait for those of others.
func TestDecodersWait(t *testing.T) {
	all := semaphore.NewWeighted(decodersMemory)
	if err := all.Acquire(t.Context(), decodersMemory); err != nil {
		t.Fatal(err)
	}
	memory := &decoderMemory{all: all}
	read := make(chan error, 1)
	go func() {
		_, err := decodeBody(t.Context(), strings.NewReader(""), &codings[0], true, memory)
		read <- err
	}()
	all.Release(decodersMemory)
	if err := <-read; err != nil || memory.taken != codings[0].memory+framesMemory {
		t.Fatalf("took %d bytes, %v", memory.taken, err)
	}
	memory.release()
	if !all.TryAcquire(decodersMemory) {
		t.Fatal("memory was not given back")
	}
}

// TestDecodersTakeAllAtOnce lets a request that waits for memory have none, since others may wait for that.
func TestDecodersTakeAllAtOnce(t *testing.T) {
	memory := &decoderMemory{all: semaphore.NewWeighted(codings[0].memory + framesMemory - 1)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := decodeBody(ctx, strings.NewReader(""), &codings[0], true, memory); err == nil || memory.taken != 0 {
		t.Fatalf("took %d bytes, %v", memory.taken, err)
	}
}

func TestAcceptedCoding(t *testing.T) {
	for accept, want := range map[string]string{
		"": "", "identity": "", "xz": "", "gzip": "gzip", "gzip, deflate": "gzip", "deflate": "deflate", "gzip, deflate, br, zstd": "zstd", "lz4,zstd,br,gzip,deflate": "zstd",
		"GZIP ; q=0.5, br;q=0.4": "gzip", "gzip;q=0": "", "gzip;q=x": "", "br;q=0.1, lz4;q=0.9": "lz4", "*": "",
	} {
		got := ""
		if c := acceptedCoding(accept); c != nil {
			got = c.name
		}
		if got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}
