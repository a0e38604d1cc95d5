// Package batch encodes and decodes Kafka record batches (message format 2).
//
// A batch is a header of 61 bytes, covered in part by a CRC-32C, and records one after the other, compressed as a whole.
package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"

	"tidemark/internal/kafkaconn/wire"
)

// HeaderSize is the size of a batch without its records, in bytes.
const HeaderSize = 61

const (
	crcOffset        = 17
	attributesOffset = 21
	prefixSize       = 12 // Base offset and length: what the length does not count.
	magic            = 2

	codecMask         = 0x07
	logAppendTimeFlag = 0x08
	transactionalFlag = 0x10
	controlFlag       = 0x20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors of Next and of the decoding of records.
var (
	// ErrTruncated: the bytes end before the batch does. Brokers cut the last batch of an answer like this.
	ErrTruncated = errors.New("record batch is truncated")
	// ErrChecksum: the batch is not what the producer or the broker wrote.
	ErrChecksum = errors.New("record batch has a wrong checksum")
	// ErrMalformed: the batch contradicts itself.
	ErrMalformed = errors.New("record batch is malformed")
	// ErrTooLarge: the records are larger than the limit when decompressed.
	ErrTooLarge = errors.New("record batch is too large when decompressed")
)

// Codec is the compression of a batch.
type Codec int8

// The codecs, by their number in the format.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

var codecNames = [...]string{"none", "gzip", "snappy", "lz4", "zstd"}

// String is the name of the codec.
func (c Codec) String() string {
	if c < 0 || int(c) >= len(codecNames) {
		return fmt.Sprintf("codec %d", int8(c))
	}
	return codecNames[c]
}

// ParseCodec returns the codec of a name.
func ParseCodec(name string) (Codec, error) {
	for i, n := range codecNames {
		if strings.EqualFold(name, n) {
			return Codec(i), nil
		}
	}
	return None, fmt.Errorf("kafka compression: %q is none of %s", name, strings.Join(codecNames[:], ", "))
}

// Header is a field beside the value of a record.
type Header struct {
	Key   string
	Value []byte
}

// Producer is what identifies a batch of an idempotent producer. ID -1 is a producer that is not.
type Producer struct {
	ID       int64
	Epoch    int16
	Sequence int32 // of the first record
}

// Batch is a decoded header and the records, still compressed.
type Batch struct {
	BaseOffset      int64
	LastOffsetDelta int32
	BaseTimestamp   int64 // milliseconds since 1970
	MaxTimestamp    int64
	Producer        Producer
	Count           int32
	Attributes      int16
	Payload         []byte // part of the input of Next
}

// Codec is the compression of Payload.
func (b *Batch) Codec() Codec { return Codec(b.Attributes & codecMask) }

// Transactional reports that the records count only if their transaction was committed.
func (b *Batch) Transactional() bool { return b.Attributes&transactionalFlag != 0 }

// Control reports that the batch is a marker of the broker, not data.
func (b *Batch) Control() bool { return b.Attributes&controlFlag != 0 }

// NextOffset is the offset behind the batch, counting those that compaction removed.
func (b *Batch) NextOffset() int64 { return b.BaseOffset + int64(b.LastOffsetDelta) + 1 }

// Next decodes the header of the batch that b begins with, checks the checksum, and returns what follows it. On
// ErrTruncated, size is the number of bytes that the whole batch needs, 0 if not even that is there.
func Next(b []byte) (batch Batch, rest []byte, size int, err error) {
	if len(b) < prefixSize {
		return Batch{}, nil, 0, ErrTruncated
	}
	length := int32(binary.BigEndian.Uint32(b[8:]))
	if length < HeaderSize-prefixSize || length > math.MaxInt32-prefixSize {
		return Batch{}, nil, 0, fmt.Errorf("%w: its length is %d", ErrMalformed, length)
	}
	size = int(length) + prefixSize
	if len(b) > 16 && b[16] != magic {
		return Batch{}, nil, size, fmt.Errorf("%w: message format %d, not %d", ErrMalformed, b[16], magic)
	}
	if size > len(b) {
		return Batch{}, nil, size, ErrTruncated
	}
	rest, b = b[size:], b[:size:size]
	if want, got := binary.BigEndian.Uint32(b[crcOffset:]), crc32.Checksum(b[attributesOffset:], castagnoli); want != got {
		return Batch{}, rest, size, fmt.Errorf("%w: %08x, computed %08x", ErrChecksum, want, got)
	}
	r := wire.NewReader(b[attributesOffset:])
	batch.BaseOffset = int64(binary.BigEndian.Uint64(b))
	batch.Attributes = r.Int16()
	batch.LastOffsetDelta = r.Int32()
	batch.BaseTimestamp, batch.MaxTimestamp = r.Int64(), r.Int64()
	batch.Producer = Producer{ID: r.Int64(), Epoch: r.Int16(), Sequence: r.Int32()}
	batch.Count = r.Int32()
	batch.Payload = r.Rest()
	if batch.BaseOffset < 0 || batch.LastOffsetDelta < 0 || batch.BaseOffset > math.MaxInt64-math.MaxInt32-1 ||
		batch.Count < 0 || int64(batch.Count) > int64(batch.LastOffsetDelta)+1 {
		return Batch{}, rest, size, fmt.Errorf("%w: base offset %d, last offset delta %d, %d records", ErrMalformed,
			batch.BaseOffset, batch.LastOffsetDelta, batch.Count)
	}
	return batch, rest, size, nil
}

// Record is one record of a batch. Its bytes are part of the decompressed records.
type Record struct {
	Offset     int64
	Timestamp  int64 // milliseconds since 1970
	Key, Value []byte
	headers    wire.Reader
	count      int
}

// Header returns the value of the first header with the key, nil if there is none.
func (r *Record) Header(key string) []byte {
	headers := r.headers
	for range r.count {
		k, v := headers.VarintBytes(), headers.VarintBytes()
		if string(k) == key {
			return v
		}
	}
	return nil
}

// Headers is the number of headers.
func (r *Record) Headers() int { return r.count }

// Walker reads the records of a batch one after the other.
type Walker struct {
	batch  *Batch
	r      wire.Reader
	left   int32
	last   int32
	logged bool
	err    error
}

// Walk starts reading records, which are the decompressed payload of b.
func Walk(b *Batch, records []byte) Walker {
	return Walker{batch: b, r: wire.NewReader(records), left: b.Count, last: -1, logged: b.Attributes&logAppendTimeFlag != 0}
}

// Err is the error that ended the walk early, or nil.
func (w *Walker) Err() error { return w.err }

// Next reads the next record into rec and reports whether there was one.
func (w *Walker) Next(rec *Record) bool {
	if w.left == 0 || w.err != nil {
		if w.err == nil && w.r.Len() != 0 {
			w.err = fmt.Errorf("%w: %d bytes behind the last record", ErrMalformed, w.r.Len())
		}
		return false
	}
	w.left--
	size := w.r.Varint()
	if size < 0 || size > int64(w.r.Len()) {
		w.err = fmt.Errorf("%w: a record of %d bytes, %d are left", ErrMalformed, size, w.r.Len())
		return false
	}
	r := wire.NewReader(w.r.Next(int(size)))
	r.Int8() // attributes: unused in format 2
	timestamp := r.Varint()
	delta := r.Varint()
	rec.Key, rec.Value = r.VarintBytes(), r.VarintBytes()
	count := r.Varint()
	if r.Err() == nil && (count < 0 || count > int64(r.Len())) {
		w.err = fmt.Errorf("%w: a record with %d headers", ErrMalformed, count)
		return false
	}
	rec.headers, rec.count = r, int(count)
	for range count {
		if r.VarintBytes(); r.Err() == nil {
			r.VarintBytes()
		}
	}
	switch {
	case r.Err() != nil:
		w.err = fmt.Errorf("%w: record: %w", ErrMalformed, r.Err())
		return false
	case r.Len() != 0:
		w.err = fmt.Errorf("%w: %d bytes behind a record", ErrMalformed, r.Len())
		return false
	case delta <= int64(w.last) || delta > int64(w.batch.LastOffsetDelta):
		w.err = fmt.Errorf("%w: offset delta %d after %d, the last is %d", ErrMalformed, delta, w.last, w.batch.LastOffsetDelta)
		return false
	}
	w.last = int32(delta)
	rec.Offset = w.batch.BaseOffset + delta
	rec.Timestamp = w.batch.BaseTimestamp + timestamp
	if w.logged {
		rec.Timestamp = w.batch.MaxTimestamp
	}
	return true
}
