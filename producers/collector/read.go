package collector

import (
	"bytes"
	"errors"
	"io"
	"math/bits"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// wire is a body as it comes in.
type wire struct {
	io.Reader
	encoding string // Of the whole; empty or "identity" for none.
	length   int64  // In bytes; below 0 if it is not known.
}

// firstBytes is what a request takes before it has sent anything of its body.
const firstBytes = 4 << 10

// growth is how much larger memory becomes that a body has filled.
const growth = 8

// window returns how much a decoder of zstd may keep, in bytes: what every decoder must, or a whole body, since senders
// that compress it in one piece ask for that.
func (x *exchange) window() int { return max(8<<20, x.server.limits.Body) }

var errTooLarge = errors.New("too large")

// read returns the body of the request, decompressed. Its memory is taken from the gate as it comes in, so that a sender
// has no more of it than it has sent.
func (x *exchange) read() ([]byte, *refusal) {
	in, refused := x.open()
	if refused != nil {
		return nil, refused
	}
	limit := x.server.limits.Body
	if in.length > int64(limit) {
		return nil, tooLarge("the body has %d bytes; the limit is %d", in.length, limit)
	}
	body, err := x.slurp(in, int(in.length))
	x.report.WireBytes = int64(len(body))
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooLarge("the body has more than %d bytes", limit)
	case errors.Is(err, errMore):
		return nil, badRequest("%v", err)
	case errors.Is(err, errNoRoom):
		return nil, unavailable(err.Error())
	case err != nil: // The connection broke, or the sender is too slow. It may well come again.
		return nil, unavailable("the body did not arrive in time")
	}
	plain, refused := x.inflate(body, in.encoding)
	x.report.BodyBytes = int64(len(plain))
	return plain, refused
}

// slurp reads all of r, at most as many bytes as the limit. A sender has at most growth times the memory that it has sent, and no
// more than for the length that it says; below 0 it says none.
func (x *exchange) slurp(r io.Reader, length int) ([]byte, error) {
	buf := []byte{}
	limit := x.server.limits.Body
	for {
		if len(buf) == cap(buf) {
			if len(buf) > limit {
				return buf, errTooLarge
			}
			size := max(growth*cap(buf), firstBytes)
			if length >= len(buf) {
				size = min(size, 1<<bits.Len(uint(length))) // At least one more than it has, which shows the end.
			}
			size = min(size, limit+1)
			if !x.hold.take(size) {
				return buf, errNoRoom
			}
			grown := append(x.server.memory.get(size), buf...)
			x.server.memory.put(buf)
			x.hold.give(cap(buf))
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > limit:
			return buf, errTooLarge
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

// memory is that of bodies, to be used again, by the number of bits of its size.
type memory [bits.UintSize + 1]sync.Pool

// get returns memory for some bytes.
func (m *memory) get(size int) []byte {
	if used, ok := m[bits.Len(uint(size))].Get().(*[]byte); ok && cap(*used) >= size {
		return (*used)[:0:size]
	}
	return make([]byte, 0, size)
}

// put takes back memory that nobody uses any more.
func (m *memory) put(b []byte) {
	if cap(b) > 0 {
		m[bits.Len(uint(cap(b)))].Put(&b)
	}
}

// inflate decompresses a body.
func (x *exchange) inflate(body []byte, encoding string) ([]byte, *refusal) {
	var plain []byte
	var err error
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		plain, err = x.gunzip(body)
	case "zstd":
		if !x.hold.take(x.window()) {
			return nil, unavailable(errNoRoom.Error())
		}
		plain, err = x.unzstd(body)
		x.hold.give(x.window())
	default:
		return nil, unknownEncoding(encoding)
	}
	x.hold.give(cap(body))
	switch {
	case errors.Is(err, errTooLarge):
		return nil, tooLarge("the body has more than %d bytes when it is decompressed", x.server.limits.Body)
	case errors.Is(err, errNoRoom):
		return nil, unavailable(err.Error())
	case err != nil:
		return nil, badRequest("the body is not %s: %v", encoding, err)
	}
	return plain, nil
}

func (x *exchange) gunzip(body []byte) ([]byte, error) {
	if len(body) == 0 { // Some senders compress nothing to nothing.
		return nil, nil
	}
	reader, ok := x.server.gzips.Get().(*gzip.Reader)
	if !ok {
		reader = new(gzip.Reader)
	}
	defer x.server.gzips.Put(reader)
	if err := reader.Reset(bytes.NewReader(body)); err != nil {
		return nil, err
	}
	return x.slurp(reader, -1)
}

func (x *exchange) unzstd(body []byte) ([]byte, error) {
	reader, ok := x.server.zstds.Get().(*zstd.Decoder)
	if !ok {
		var err error
		reader, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(x.window())),
			zstd.WithDecoderMaxMemory(uint64(x.server.limits.Body)+1))
		if err != nil {
			return nil, err
		}
	}
	defer func() {
		_ = reader.Reset(nil) // It lets go of the body.
		x.server.zstds.Put(reader)
	}()
	if err := reader.Reset(bytes.NewReader(body)); err != nil {
		return nil, err
	}
	plain, err := x.slurp(reader, -1)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = errTooLarge
	}
	return plain, err
}
