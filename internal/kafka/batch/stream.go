package batch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"

	"tidemark/internal/kafka/wire"
)

// Stream reads the records of a batch while it decompresses them. Its memory does not depend on how large they are
// together, so it is for batches that are not to be decompressed whole. What it does not need it passes over: headers but
// one, and what is too large.
type Stream struct {
	place
	limits StreamLimits
	in     inflow
	kept   []byte // the header kept, encoded
	sum    hash.Hash
	err    error
}

// StreamLimits bound what a Stream takes, in bytes.
type StreamLimits struct {
	// Record bounds key and value of a record together; a larger one has Damage and its value begins with that many
	// bytes.
	Record int
	// Total bounds all the records. Behind it the error is ErrTooLarge.
	Total int64
	// Header is the key of the one header that is kept, HeaderBytes how much of its value.
	Header      string
	HeaderBytes int
}

const (
	inflowBytes = 32 << 10
	// maxKeptKey bounds the key that a record with Damage keeps.
	maxKeptKey = 4 << 10
)

// Stream starts reading the records of b, which must stay as it is until the Stream is no longer used. The Stream takes
// the Decompressor's state: a second one makes the first useless. ErrWide says that it would take more than narrowMemory
// bytes; it is opened all the same with wide set, and then takes up to wideMemory.
func (d *Decompressor) Stream(b *Batch, limits StreamLimits, wide bool) (*Stream, error) {
	src, err := d.open(b, wide)
	if err != nil {
		return nil, err
	}
	return &Stream{place: place{batch: b, left: b.Count, last: -1}, limits: limits, sum: sha256.New(),
		in: inflow{src: src, buf: make([]byte, inflowBytes), total: limits.Total}}, nil
}

// Err is the error that ended the stream early, or nil: from the last record read on, nothing of the batch can be read.
func (s *Stream) Err() error { return s.err }

// Next reads the next record into rec and reports whether there was one, as Walker.Next does. The record's bytes are
// appended to arena, which is returned; what earlier calls returned stays valid.
func (s *Stream) Next(rec *Record, arena []byte) ([]byte, bool) {
	if s.err != nil {
		return arena, false
	}
	if arena == nil {
		arena = make([]byte, 0, inflowBytes) // An empty key in it is not an absent one.
	}
	if s.left > 0 {
		if arena, s.err = s.read(rec, arena); s.err != nil {
			return arena, false
		}
	}
	if s.left <= 1 {
		if s.err = s.in.end(); s.err != nil {
			return arena, false
		}
	}
	if s.left == 0 {
		return arena, false
	}
	s.left--
	s.last = int32(rec.Offset - s.batch.BaseOffset)
	return arena, true
}

// read reads a record. After an error nothing behind it can be read.
func (s *Stream) read(rec *Record, arena []byte) ([]byte, error) {
	in := &s.in
	in.left = math.MaxInt64
	in.left = in.varint()
	if in.err == nil && in.left < 0 {
		return arena, fmt.Errorf("%w: a record of %d bytes", ErrMalformed, in.left)
	}
	in.pass(1) // attributes: unused in format 2
	timestamp, delta := in.varint(), in.varint()
	if in.err != nil {
		return arena, in.failure()
	}
	if err := s.set(rec, delta, timestamp); err != nil {
		return arena, err
	}
	rec.Damage, rec.Key, rec.Value = nil, nil, nil
	arena = s.readKeyAndValue(rec, arena)
	arena = s.readHeaders(rec, arena)
	switch {
	case in.err != nil:
		return arena, in.failure()
	case in.left != 0:
		return arena, fmt.Errorf("%w: %d bytes behind a record", ErrMalformed, in.left)
	}
	return arena, nil
}

// readKeyAndValue reads both, or what may be kept of them when they are too large together.
func (s *Stream) readKeyAndValue(rec *Record, arena []byte) []byte {
	in, limit := &s.in, int64(s.limits.Record)
	size := in.length()
	key := max(size, 0)
	keep := key
	if key > limit {
		keep = min(key, maxKeptKey)
	}
	start := len(arena)
	arena = in.take(arena, key, keep, nil)
	if size >= 0 {
		rec.Key = arena[start:len(arena):len(arena)]
	}
	size = in.length()
	value := max(size, 0)
	start = len(arena)
	if key+value <= limit {
		arena = in.take(arena, value, value, nil)
		if size >= 0 {
			rec.Value = arena[start:len(arena):len(arena)]
		}
		return arena
	}
	if key > maxKeptKey {
		rec.Key = nil
	}
	s.sum.Reset()
	arena = in.take(arena, value, min(value, limit), s.sum)
	rec.Value = arena[start:len(arena):len(arena)]
	rec.Damage, rec.Length = tooLarge(key, value, s.limits.Record), value
	s.sum.Sum(rec.Sum[:0])
	return arena
}

// readHeaders passes over the headers, but for the first that is to be kept, which it encodes again.
func (s *Stream) readHeaders(rec *Record, arena []byte) []byte {
	in := &s.in
	rec.headers, rec.count = wire.Reader{}, 0
	count := in.varint()
	if count < 0 || count > in.left {
		in.fail(fmt.Errorf("%w: a record with %d headers", ErrMalformed, count))
	}
	for ; count > 0 && in.err == nil; count-- {
		size := max(in.length(), 0)
		wanted := rec.count == 0 && size == int64(len(s.limits.Header))
		if wanted {
			s.kept = in.take(s.kept[:0], size, size, nil)
			wanted = string(s.kept) == s.limits.Header
		} else {
			in.pass(size)
		}
		size = in.length()
		if !wanted {
			in.pass(max(size, 0))
			continue
		}
		start := len(arena)
		arena = appendBytes(arena, s.kept)
		keep := min(size, int64(s.limits.HeaderBytes))
		arena = wire.AppendVarint(arena, keep)
		arena = in.take(arena, max(size, 0), max(keep, 0), nil)
		rec.headers, rec.count = wire.NewReader(arena[start:len(arena):len(arena)]), 1
	}
	return arena
}

// inflow is decompressed bytes through a buffer of a fixed size. Its first error stays.
type inflow struct {
	src   io.Reader
	buf   []byte
	r, w  int
	total int64 // bytes that src may still give
	left  int64 // bytes of the record that are not read yet
	err   error
	srcs  error // the error of src, which counts once the buffer is empty
}

func (f *inflow) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// failure is the error, said of a batch.
func (f *inflow) failure() error {
	if errors.Is(f.err, ErrTooLarge) || errors.Is(f.err, ErrMalformed) {
		return f.err
	}
	if errors.Is(f.err, io.EOF) {
		return fmt.Errorf("%w: the records end before the last one does", ErrMalformed)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, f.err)
}

// fill reads into the empty buffer. It reports whether there is something in it.
func (f *inflow) fill() bool {
	for range 100 { // A reader may return nothing at times, not for ever.
		if f.srcs != nil {
			f.fail(f.srcs)
			return false
		}
		var n int
		n, f.srcs = f.src.Read(f.buf)
		if f.total -= int64(n); f.total < 0 {
			f.fail(fmt.Errorf("%w: the limit is reached", ErrTooLarge))
			return false
		}
		if f.r, f.w = 0, n; n > 0 {
			return true
		}
	}
	f.fail(io.ErrNoProgress)
	return false
}

// end returns nil at the end of the bytes.
func (f *inflow) end() error {
	if f.r < f.w || f.fill() {
		return fmt.Errorf("%w: there are bytes behind the last record", ErrMalformed)
	}
	if errors.Is(f.err, io.EOF) {
		return nil
	}
	return f.failure()
}

// take appends the first keep of n bytes to dst, and writes all of them to sum if it is not nil.
func (f *inflow) take(dst []byte, n, keep int64, sum hash.Hash) []byte {
	if n > f.left {
		f.fail(wire.ErrShort)
	}
	for f.err == nil && n > 0 {
		if f.r == f.w && !f.fill() {
			break
		}
		b := f.buf[f.r:min(f.w, f.r+int(min(n, inflowBytes)))]
		kept := min(int64(len(b)), keep)
		dst = append(dst, b[:kept]...)
		if sum != nil {
			sum.Write(b)
		}
		keep -= kept
		n -= int64(len(b))
		f.left -= int64(len(b))
		f.r += len(b)
	}
	return dst
}

// pass passes over n bytes.
func (f *inflow) pass(n int64) { f.take(nil, n, 0, nil) }

// length reads the length of a byte string, -1 for an absent one.
func (f *inflow) length() int64 {
	n := f.varint()
	if n < -1 || n > math.MaxInt32 {
		f.fail(wire.ErrMalformed)
		return 0
	}
	return n
}

// varint reads a zigzag varint.
func (f *inflow) varint() int64 {
	var u uint64
	for i := range 10 {
		if f.left <= 0 {
			f.fail(wire.ErrShort)
		}
		if f.err != nil || f.r == f.w && !f.fill() {
			return 0
		}
		b := f.buf[f.r]
		f.r++
		f.left--
		if i == 9 && b > 1 {
			break
		}
		u |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	f.fail(wire.ErrMalformed)
	return 0
}
