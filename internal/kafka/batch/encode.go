package batch

import (
	"encoding/binary"
	"hash/crc32"

	"tidemark/internal/kafka/wire"
)

// Encoder collects records and makes a batch of them. The zero value is empty; it is reused through Reset.
type Encoder struct {
	records []byte
	scratch []byte
	count   int32
}

// Reset drops the records.
func (e *Encoder) Reset() { e.records, e.count = e.records[:0], 0 }

// Count is the number of records.
func (e *Encoder) Count() int { return int(e.count) }

// Size is the size of the records so far, uncompressed, in bytes.
func (e *Encoder) Size() int { return len(e.records) }

// RecordSize bounds what Add would append for a record, in bytes.
func RecordSize(key, value []byte, headers []Header) int {
	n := 26 + len(key) + len(value) // Six varints of at most five bytes, of which the attributes take one.
	for _, h := range headers {
		n += 10 + len(h.Key) + len(h.Value)
	}
	return n
}

// Add appends a record; its bytes are copied. A nil key or value is absent, an empty one is not. The record's time is
// that of the batch.
func (e *Encoder) Add(key, value []byte, headers []Header) {
	delta := int64(e.count)
	size := 2 + wire.VarintSize(delta) + bytesSize(key) + bytesSize(value) + wire.VarintSize(int64(len(headers)))
	for _, h := range headers {
		size += wire.VarintSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	b := wire.AppendVarint(e.records, int64(size))
	b = append(b, 0, 0) // Attributes and timestamp delta.
	b = wire.AppendVarint(b, delta)
	b = appendBytes(b, key)
	b = appendBytes(b, value)
	b = wire.AppendVarint(b, int64(len(headers)))
	for _, h := range headers {
		b = wire.AppendVarint(b, int64(len(h.Key)))
		b = append(b, h.Key...)
		b = appendBytes(b, h.Value)
	}
	e.records = b
	e.count++
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return wire.VarintSize(int64(len(b))) + len(b)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return wire.AppendVarint(dst, -1)
	}
	return append(wire.AppendVarint(dst, int64(len(b))), b...)
}

// AppendBatch appends the batch of the records to dst. timestamp is that of every record, milliseconds since 1970.
// Records that do not get smaller are left uncompressed, so that a batch is never larger than HeaderSize + Size. The
// Encoder keeps the records: a batch for another producer can be made of them.
func (e *Encoder) AppendBatch(dst []byte, c *Compressor, timestamp int64, p Producer) []byte {
	codec, payload := c.codec, e.records
	if codec != None {
		e.scratch = c.compress(e.scratch[:0], e.records)
		payload = e.scratch
		if len(payload) >= len(e.records) {
			codec, payload = None, e.records
		}
	}
	start := len(dst)
	dst = wire.AppendInt64(dst, 0) // Base offset: the broker's.
	dst = wire.AppendInt32(dst, int32(HeaderSize-prefixSize+len(payload)))
	dst = wire.AppendInt32(dst, -1) // Leader epoch: the broker's.
	dst = wire.AppendInt8(dst, magic)
	dst = wire.AppendInt32(dst, 0) // The checksum.
	dst = wire.AppendInt16(dst, int16(codec))
	dst = wire.AppendInt32(dst, e.count-1)
	dst = wire.AppendInt64(dst, timestamp)
	dst = wire.AppendInt64(dst, timestamp)
	dst = wire.AppendInt64(dst, p.ID)
	dst = wire.AppendInt16(dst, p.Epoch)
	dst = wire.AppendInt32(dst, p.Sequence)
	dst = wire.AppendInt32(dst, e.count)
	dst = append(dst, payload...)
	sum := crc32.Checksum(dst[start+attributesOffset:], castagnoli)
	binary.BigEndian.PutUint32(dst[start+crcOffset:], sum)
	return dst
}
