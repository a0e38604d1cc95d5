// Package batch encodes and decodes Kafka record batches (message format 2).
//
// A batch is a header of 61 bytes, covered in part by a CRC-32C, and records one after the other, compressed as a whole.
package batch

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"

	"tidemark/internal/kafka/wire"
)

// HeaderSize is the size of a batch without its records, in bytes.
const HeaderSize = 61

const (
	magicOffset      = 16
	crcOffset        = 17
	attributesOffset = 21
	prefixSize       = 12 // Base offset and length: what the length does not count.
	magic            = 2
	minOldLength     = 14 // of a message of format 0, without the prefix

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
	// ErrRecordTooLarge: the key and the value of one record are larger than the limit.
	ErrRecordTooLarge = errors.New("record is too large")
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
	Raw             []byte // the whole batch as it is on the log, part of the input of Next
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
// ErrTruncated, size is the number of bytes that the whole batch needs, 0 if not even that is there. On an error, batch
// has what is there in BaseOffset and Raw; neither it nor rest can be relied on.
func Next(b []byte) (batch Batch, rest []byte, size int, err error) {
	if len(b) < prefixSize {
		return Batch{}, nil, 0, ErrTruncated
	}
	length := int32(binary.BigEndian.Uint32(b[8:]))
	batch.BaseOffset = int64(binary.BigEndian.Uint64(b))
	old := len(b) > magicOffset && (b[magicOffset] == 0 || b[magicOffset] == 1) && length >= minOldLength
	if (length < HeaderSize-prefixSize && !old) || length > math.MaxInt32-prefixSize {
		return batch, nil, 0, fmt.Errorf("%w: its length is %d", ErrMalformed, length)
	}
	size = int(length) + prefixSize
	if size > len(b) {
		batch.Raw = b
		return batch, nil, size, ErrTruncated
	}
	rest, b = b[size:], b[:size:size]
	batch.Raw = b
	if b[magicOffset] != magic {
		return batch, rest, size, fmt.Errorf("%w: message format %d, not %d", ErrMalformed, b[magicOffset], magic)
	}
	batch.header()
	if want, got := binary.BigEndian.Uint32(b[crcOffset:]), crc32.Checksum(b[attributesOffset:], castagnoli); want != got {
		return batch, rest, size, fmt.Errorf("%w: %08x, computed %08x", ErrChecksum, want, got)
	}
	if !batch.consistent() {
		return batch, rest, size, fmt.Errorf("%w: base offset %d, last offset delta %d, %d records", ErrMalformed,
			batch.BaseOffset, batch.LastOffsetDelta, batch.Count)
	}
	return batch, rest, size, nil
}

// header reads the header of Raw.
func (b *Batch) header() {
	r := wire.NewReader(b.Raw[attributesOffset:])
	b.Attributes = r.Int16()
	b.LastOffsetDelta = r.Int32()
	b.BaseTimestamp, b.MaxTimestamp = r.Int64(), r.Int64()
	b.Producer = Producer{ID: r.Int64(), Epoch: r.Int16(), Sequence: r.Int32()}
	b.Count = r.Int32()
	b.Payload = r.Rest()
}

// consistent reports whether the header does not contradict itself.
func (b *Batch) consistent() bool {
	return b.BaseOffset >= 0 && b.LastOffsetDelta >= 0 && b.BaseOffset <= math.MaxInt64-math.MaxInt32-1 &&
		b.Count >= 0 && int64(b.Count) <= int64(b.LastOffsetDelta)+1
}

// Extent returns the offsets [from, to) of a batch that Next refused, as far as what is left of its header says so:
// messages of the formats before 2 have the offset of their last record. It is false when the header says nothing that
// can be.
func (b *Batch) Extent() (from, to int64, ok bool) {
	switch {
	case len(b.Raw) <= magicOffset || b.BaseOffset < 0 || b.BaseOffset > math.MaxInt64-math.MaxInt32-1:
		return 0, 0, false
	case b.Raw[magicOffset] < magic:
		return 0, b.BaseOffset + 1, true
	case len(b.Raw) < HeaderSize:
		return 0, 0, false
	}
	other := Batch{BaseOffset: b.BaseOffset, Raw: b.Raw}
	other.header()
	return other.BaseOffset, other.NextOffset(), other.consistent()
}

// Record is one record of a batch. Its bytes are part of the decompressed records.
type Record struct {
	Offset     int64
	Timestamp  int64 // milliseconds since 1970
	Key, Value []byte
	// Damage, if not nil, says why the record cannot be read. Value is then the beginning of its bytes, Length how many
	// there are, Sum their SHA-256.
	Damage error
	Length int64
	Sum    [sha256.Size]byte

	headers wire.Reader
	count   int
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

// Headers is the number of headers. A Stream keeps one at most.
func (r *Record) Headers() int { return r.count }

// damage makes r a record that cannot be read, of those bytes.
func (r *Record) damage(why error, bytes []byte) {
	r.Damage, r.Key, r.Value, r.Length, r.Sum = why, nil, bytes, int64(len(bytes)), sha256.Sum256(bytes)
	r.headers, r.count = wire.Reader{}, 0
}

// tooLarge is the damage of a record with a key and a value of those sizes.
func tooLarge(key, value int64, limit int) error {
	return fmt.Errorf("%w: a key of %d bytes and a value of %d, the limit is %d", ErrRecordTooLarge, key, value, limit)
}

// place is where the next record of a batch may lie.
type place struct {
	batch *Batch
	left  int32 // records
	last  int32 // offset delta of the record before
}

// set gives rec the offset and the time that its deltas stand for.
func (p *place) set(rec *Record, delta, timestamp int64) error {
	if delta <= int64(p.last) || delta > int64(p.batch.LastOffsetDelta) {
		return fmt.Errorf("%w: offset delta %d after %d, the last is %d", ErrMalformed, delta, p.last, p.batch.LastOffsetDelta)
	}
	rec.Offset = p.batch.BaseOffset + delta
	rec.Timestamp = p.batch.BaseTimestamp + timestamp
	if p.batch.Attributes&logAppendTimeFlag != 0 {
		rec.Timestamp = p.batch.MaxTimestamp
	}
	return nil
}

// Walker reads the records of a batch one after the other.
type Walker struct {
	// MaxRecord bounds key and value of a record together, in bytes; a larger one has Damage. 0 is no bound.
	MaxRecord int

	place
	r   wire.Reader
	err error
}

// Walk starts reading records, which are the decompressed payload of b.
func Walk(b *Batch, records []byte) Walker {
	return Walker{place: place{batch: b, left: b.Count, last: -1}, r: wire.NewReader(records)}
}

// Err is the error that ended the walk early, or nil: from the last record read on, nothing of the batch can be read.
func (w *Walker) Err() error { return w.err }

// Next reads the next record into rec and reports whether there was one. The last one is not given out when there are
// bytes behind it: the batch holds more than it says, which would be lost without a word.
func (w *Walker) Next(rec *Record) bool {
	if w.err != nil {
		return false
	}
	if w.left > 0 {
		if w.err = w.read(rec); w.err != nil {
			return false
		}
	}
	if w.left <= 1 && w.r.Len() != 0 {
		w.err = fmt.Errorf("%w: %d bytes behind the last record", ErrMalformed, w.r.Len())
		return false
	}
	if w.left == 0 {
		return false
	}
	w.left--
	w.last = int32(rec.Offset - w.batch.BaseOffset)
	return true
}

// read reads a record. After an error it is not known where the next one begins, or which offset this one has.
func (w *Walker) read(rec *Record) error {
	size := w.r.Varint()
	if size < 0 || size > int64(w.r.Len()) || w.r.Err() != nil {
		return fmt.Errorf("%w: a record of %d bytes, %d are left", ErrMalformed, size, w.r.Len())
	}
	raw := w.r.Next(int(size))
	r := wire.NewReader(raw)
	r.Int8() // attributes: unused in format 2
	timestamp, delta := r.Varint(), r.Varint()
	if r.Err() != nil {
		return fmt.Errorf("%w: record: %w", ErrMalformed, r.Err())
	}
	if err := w.set(rec, delta, timestamp); err != nil {
		return err
	}
	rec.Damage = nil
	rec.Key, rec.Value = r.VarintBytes(), r.VarintBytes()
	count := r.Varint()
	if r.Err() == nil && (count < 0 || count > int64(r.Len())) {
		rec.damage(fmt.Errorf("%w: a record with %d headers", ErrMalformed, count), raw)
		return nil
	}
	rec.headers, rec.count = r, int(count)
	for range count {
		if r.VarintBytes(); r.Err() != nil {
			break
		}
		r.VarintBytes()
	}
	switch {
	case r.Err() != nil:
		rec.damage(fmt.Errorf("%w: record: %w", ErrMalformed, r.Err()), raw)
	case r.Len() != 0:
		rec.damage(fmt.Errorf("%w: %d bytes behind a record", ErrMalformed, r.Len()), raw)
	case w.MaxRecord > 0 && len(rec.Key)+len(rec.Value) > w.MaxRecord:
		key := rec.Key
		rec.damage(tooLarge(int64(len(key)), int64(len(rec.Value)), w.MaxRecord), rec.Value)
		if len(key) <= maxKeptKey {
			rec.Key = key
		}
	}
	return nil
}
