package chhttp

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"golang.org/x/sync/semaphore"

	"tidemark/internal/stack/chdb"
)

const (
	// decodersMemory bounds what the decoders of all bodies keep. They read bodies that are here already, so whoever waits
	// for its turn waits for no client.
	decodersMemory = 512 << 20
	// framesMemory is what a reader of frames takes of it: two buffers for a frame of 10 MiB, the largest that
	// clickhouse-go makes. One with larger frames takes more if there is more.
	framesMemory = 20 << 20
	// maxWindow bounds how far back zstd may refer: what RFC 9659 has for Content-Encoding.
	maxWindow = 8 << 20
	// A body that becomes larger than bombBytes and more than bombRatio times what was sent is refused.
	bombBytes, bombRatio = 1 << 30, 200
)

// coding is a value of Content-Encoding.
type coding struct {
	name   string
	memory int64 // of a decoder, bytes
	decode func(io.Reader) (io.Reader, error)
	encode func(io.Writer) (io.WriteCloser, error)
}

// codings are those that are read and written; of two that a client likes as much the first is written.
var codings = []coding{
	{"zstd", maxWindow + 4<<20, zstdReader, zstdWriter},
	{"br", 17 << 20, func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }, func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriterLevel(w, 3), nil }},
	{"lz4", 17 << 20, lz4Reader, lz4Writer},
	{"gzip", 1 << 20, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }},
	{"deflate", 1 << 20, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }, func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil }},
}

func zstdReader(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

func zstdWriter(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
}

func lz4Reader(r io.Reader) (io.Reader, error) {
	d := lz4.NewReader(r)
	return d, d.Apply(lz4.ConcurrencyOption(1))
}

func lz4Writer(w io.Writer) (io.WriteCloser, error) {
	e := lz4.NewWriter(w)
	return e, e.Apply(lz4.ConcurrencyOption(1), lz4.BlockSizeOption(lz4.Block256Kb))
}

// codingOf finds a coding by its name; nil for a body as it is.
func codingOf(name string) (*coding, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || name == "identity" {
		return nil, nil
	}
	if name == "x-gzip" {
		name = "gzip"
	}
	var names []string
	for i := range codings {
		if codings[i].name == name {
			return &codings[i], nil
		}
		names = append(names, codings[i].name)
	}
	return nil, notImplemented("Content-Encoding " + name + " is not served, only " + strings.Join(names, ", ") + " and identity, one of them at a time")
}

// acceptedCoding returns the coding of an answer to a client that accepts some, by their weights; nil for none.
func acceptedCoding(accept string) *coding {
	weights := map[string]float64{}
	for part := range strings.SplitSeq(accept, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q="); ok {
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				weight = 0
			}
		}
		weights[strings.ToLower(strings.TrimSpace(name))] = weight
	}
	var best *coding
	for i := range codings {
		if w := weights[codings[i].name]; w > 0 && (best == nil || w > weights[best.name]) {
			best = &codings[i]
		}
	}
	return best
}

// encode opens the way for output in a coding, and reports whether there is one.
func (ex *exchange) encode(c *coding) bool {
	if c == nil {
		return false
	}
	encoder, err := c.encode(ex.slow)
	if err != nil {
		return false // The answer is right without it.
	}
	ex.w.Header().Set("Content-Encoding", c.name)
	ex.out = encoder
	return true
}

// flush sends what has been written, so that what follows comes in a piece of its own: the JavaScript client looks for an
// exception within one.
func (ex *exchange) flush() {
	if f, ok := ex.out.(interface{ Flush() error }); ok {
		_ = f.Flush()
	}
	_ = ex.control.Flush()
}

// decoderMemory is what a request's decoders take of decodersMemory. Release gives it back.
type decoderMemory struct {
	all     *semaphore.Weighted
	taken   int64
	closers []func()
}

// take waits for n bytes until ctx ends.
func (m *decoderMemory) take(ctx context.Context, n int64) error {
	if err := m.all.Acquire(ctx, n); err != nil {
		return err
	}
	m.taken += n
	return nil
}

// more takes n bytes beside those that are held, and does not wait, since others may wait for these.
func (m *decoderMemory) more(n int64) error {
	if !m.all.TryAcquire(n) {
		return chdb.NewError(codeMemoryLimit, "MEMORY_LIMIT_EXCEEDED", "Cannot decompress the body: it has large frames, and other bodies are on their way: send it again, or send smaller frames.")
	}
	m.taken += n
	return nil
}

func (m *decoderMemory) release() {
	for _, end := range m.closers {
		end()
	}
	m.all.Release(m.taken)
	m.closers, m.taken = nil, 0
}

// decodeBody returns a reader of a body without its coding and, if it has them, its frames. Its memory is to be released,
// after an error too.
func decodeBody(ctx context.Context, body io.Reader, c *coding, framed bool, memory *decoderMemory) (io.Reader, error) {
	sent := &counter{source: body}
	body = sent
	var need int64
	if c != nil {
		need = c.memory
	}
	if framed {
		need += framesMemory
	}
	if err := memory.take(ctx, need); err != nil { // All at once: who has some of it waits for nobody.
		return nil, err
	}
	if c != nil {
		decoder := &codedReader{coding: c, source: sent}
		memory.closers = append(memory.closers, decoder.close)
		body = decoder
	}
	if framed {
		frames := &frameReader{source: body, memory: memory, held: framesMemory}
		memory.closers = append(memory.closers, frames.close)
		body = frames
	}
	return &decodedBody{body: body, sent: sent}, nil
}

// decodedBody gives its end, or its error, again as often as it is asked, and refuses bombs.
type decodedBody struct {
	body io.Reader
	sent *counter
	out  int64
	err  error
}

func (b *decodedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	b.err = err
	if b.out += int64(n); b.out > bombBytes && b.out/bombRatio > b.sent.read {
		b.err = badRequest(fmt.Sprintf("The body is refused as a bomb: %d bytes of it became %d; send what it holds in more requests, or without compression", b.sent.read, b.out))
		return 0, b.err
	}
	return n, b.err
}

// codedReader reads a body that has a coding. After its end or an error it gives that again.
type codedReader struct {
	coding  *coding
	source  *counter
	buffer  *bufio.Reader
	decoder io.Reader
	err     error
}

func (r *codedReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.buffer == nil {
		r.buffer = bufio.NewReaderSize(r.source, pieceBytes)
		if _, err := r.buffer.Peek(1); errors.Is(err, io.EOF) {
			r.err = io.EOF // Nothing at all is nothing, coded or not.
			return 0, r.err
		}
		decoder, err := r.coding.decode(r.buffer)
		if r.err = err; err == nil {
			r.decoder = decoder
		}
	}
	n := 0
	for n == 0 && r.err == nil {
		n, r.err = r.decoder.Read(p)
	}
	if r.err != nil {
		r.err = r.ended()
	}
	return n, r.err
}

// ended says what the decoder's error means.
func (r *codedReader) ended() error {
	switch {
	case r.source.err != nil && !errors.Is(r.source.err, io.EOF):
		return r.source.err
	case errors.Is(r.err, io.ErrUnexpectedEOF):
		return badRequest("The " + r.coding.name + " body ends in the middle")
	case !errors.Is(r.err, io.EOF):
		return badRequest("The " + r.coding.name + " body is broken: " + r.err.Error())
	}
	if _, err := r.buffer.Peek(1); err == nil {
		return badRequest("The " + r.coding.name + " body goes on behind its end")
	}
	return io.EOF
}

func (r *codedReader) close() {
	if closer, ok := r.decoder.(io.Closer); ok {
		_ = closer.Close() // It has read what it could; there is nothing to lose.
	}
}

// counter counts what is read and keeps the error of its source.
type counter struct {
	source io.Reader
	read   int64
	err    error
}

func (c *counter) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.source.Read(p)
	c.read += int64(n)
	c.err = err
	return n, err
}
