package batch

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"tidemark/internal/kafka/wire"
)

// squeeze compresses records as the codec's own tools do it, with a window of that many bytes where it has one.
func squeeze(t testing.TB, codec Codec, records []byte, window int) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch codec {
	case None:
		return records
	case Gzip:
		w = gzip.NewWriter(&out)
	case Snappy:
		return s2.EncodeSnappy(nil, records)
	case LZ4:
		w = lz4.NewWriter(&out)
	case Zstd:
		z, err := zstd.NewWriter(&out, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := w.Write(records); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sealed makes a batch of records that lie compressed in payload.
func sealed(codec Codec, count int32, payload []byte) *Batch {
	b, _, _, err := Next(compressed(codec, count, payload))
	if err != nil {
		panic(err)
	}
	return &b
}

// TestStream: a batch of any codec that is far larger than the memory for it is read record by record.
func TestStream(t *testing.T) {
	const records, size = 16, 700_000
	var e Encoder
	for i := range records {
		value := append(fmt.Appendf(nil, "value %d", i), make([]byte, size)...)
		e.Add(fmt.Appendf(nil, "key %d", i), value, []Header{{Key: "other", Value: make([]byte, size/2)}, {Key: "run", Value: bytes.Repeat([]byte("r"), 1000)}})
	}
	for _, codec := range []Codec{None, Gzip, Snappy, LZ4, Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			b := sealed(codec, records, squeeze(t, codec, e.records, 1<<20))
			d := NewDecompressor(8 << 20)
			if _, _, err := d.Records(nil, b); codec != None && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("decompressed whole: %v", err)
			}
			s, err := d.Stream(b, StreamLimits{Record: 2 * size, Total: 1 << 30, Header: "run", HeaderBytes: 10}, false)
			if codec == Snappy { // One block, in which a copy may go back as far as it likes.
				if !errors.Is(err, ErrWide) {
					t.Fatalf("Stream = %v, want %v", err, ErrWide)
				}
				s, err = d.Stream(b, StreamLimits{Record: 2 * size, Total: 1 << 30, Header: "run", HeaderBytes: 10}, true)
			}
			if err != nil {
				t.Fatal(err)
			}
			var rec Record
			n := 0
			for arena := []byte(nil); ; n++ {
				var ok bool
				if arena, ok = s.Next(&rec, arena[:0]); !ok {
					break
				}
				if rec.Offset != int64(n) || string(rec.Key) != fmt.Sprint("key ", n) || !strings.HasPrefix(string(rec.Value), fmt.Sprintf("value %d\x00", n)) ||
					rec.Headers() != 1 || string(rec.Header("run")) != "rrrrrrrrrr" || rec.Damage != nil {
					t.Fatalf("record %d: %+v", n, rec.Offset)
				}
			}
			if s.Err() != nil || n != records {
				t.Errorf("%d records, %v", n, s.Err())
			}
		})
	}
}

// TestStreamMemory: what a batch takes does not depend on what it inflates to.
func TestStreamMemory(t *testing.T) {
	const zeros = 96 << 20
	var records bytes.Buffer
	z, err := zstd.NewWriter(&records, zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	head := wire.AppendVarint(nil, zeros+100) // One record, which claims to be as large as the rest.
	head = append(head, 0, 0, 0, 1)
	head = wire.AppendVarint(head, zeros)
	for _, part := range append([][]byte{head}, slicesOf(make([]byte, 1<<20), zeros>>20)...) {
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	b := sealed(Zstd, 1, records.Bytes())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := NewDecompressor(8<<20).Stream(b, StreamLimits{Record: 1 << 20, Total: 64 << 20}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Next(&Record{}, nil); ok || !errors.Is(s.Err(), ErrTooLarge) {
		t.Errorf("Next = %v, %v", ok, s.Err())
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 32<<20 {
		t.Errorf("%d MiB were allocated", took>>20)
	}
}

func slicesOf(part []byte, n int) [][]byte {
	parts := make([][]byte, n)
	for i := range parts {
		parts[i] = part
	}
	return parts
}

// TestWideWindow: a window of the highest levels of Zstandard is read, but only by who asks for the memory.
func TestWideWindow(t *testing.T) {
	var e Encoder
	for i := range 20 {
		e.Add(nil, bytes.Repeat([]byte{byte(i)}, 1<<20), nil)
	}
	b := sealed(Zstd, 20, squeeze(t, Zstd, e.records, 64<<20))
	d := NewDecompressor(1 << 20)
	limits := StreamLimits{Record: 2 << 20, Total: 1 << 30}
	if _, err := d.Stream(b, limits, false); !errors.Is(err, ErrWide) {
		t.Fatalf("narrow: %v", err)
	}
	s, err := d.Stream(b, limits, true)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rec := (Record{}); ; n++ {
		if _, ok := s.Next(&rec, nil); !ok {
			break
		}
	}
	if n != 20 || s.Err() != nil {
		t.Errorf("%d records, %v", n, s.Err())
	}
}

// TestRecordTooLarge: such a record is damage of its own, with the hash of all of its value, whichever way it is read.
func TestRecordTooLarge(t *testing.T) {
	var e Encoder
	large := bytes.Repeat([]byte("0123456789"), 100)
	e.Add(nil, []byte("a"), nil)
	e.Add([]byte("key"), large, []Header{{Key: "run", Value: []byte("r")}})
	e.Add(nil, []byte("b"), nil)
	b := sealed(None, 3, e.records)
	check := func(rec *Record) {
		t.Helper()
		if rec.Offset == 1 {
			if !errors.Is(rec.Damage, ErrRecordTooLarge) || rec.Length != 1000 || rec.Sum != sha256.Sum256(large) || string(rec.Key) != "key" || !bytes.HasPrefix(large, rec.Value) || len(rec.Value) < 500 {
				t.Errorf("%+v", rec)
			}
		} else if rec.Damage != nil || len(rec.Value) != 1 {
			t.Errorf("%+v", rec)
		}
	}
	n := 0
	w := Walk(b, e.records)
	w.MaxRecord = 500
	for rec := (Record{}); w.Next(&rec); n++ {
		check(&rec)
	}
	s, err := NewDecompressor(10).Stream(b, StreamLimits{Record: 500, Total: 1 << 20, Header: "run", HeaderBytes: 1}, false)
	if err != nil {
		t.Fatal(err)
	}
	for rec := (Record{}); ; n++ {
		if _, ok := s.Next(&rec, nil); !ok {
			break
		}
		check(&rec)
	}
	if n != 6 || w.Err() != nil || s.Err() != nil {
		t.Errorf("%d records, %v, %v", n, w.Err(), s.Err())
	}
}

// TestBytesBehind: a batch that holds more than it says does not lose that without a word.
func TestBytesBehind(t *testing.T) {
	var e Encoder
	for i := range 5 {
		e.Add(nil, fmt.Appendf(nil, "%d", i), nil)
	}
	b := sealed(None, 3, e.records)
	w := Walk(b, e.records)
	n := 0
	for rec := (Record{}); w.Next(&rec); n++ {
	}
	if n != 2 || !errors.Is(w.Err(), ErrMalformed) {
		t.Errorf("Walker: %d records, %v", n, w.Err())
	}
	s, err := NewDecompressor(10).Stream(b, StreamLimits{Record: 100, Total: 1 << 20}, false)
	if err != nil {
		t.Fatal(err)
	}
	for n = 0; ; n++ {
		if _, ok := s.Next(&Record{}, nil); !ok {
			break
		}
	}
	if n != 2 || !errors.Is(s.Err(), ErrMalformed) {
		t.Errorf("Stream: %d records, %v", n, s.Err())
	}
}

// TestDamagedRecord: a record whose end is known is lost alone.
func TestDamagedRecord(t *testing.T) {
	var e Encoder
	for i := range 3 {
		e.Add(nil, fmt.Appendf(nil, "value %d", i), []Header{{Key: "a", Value: []byte("b")}})
	}
	records := bytes.Clone(e.records)
	one := len(records) / 3
	records[2*one-4] = 100 // The key of its header is longer than the record.
	b := sealed(None, 3, records)
	w := Walk(b, records)
	var got []string
	for rec := (Record{}); w.Next(&rec); {
		got = append(got, fmt.Sprintf("%d %v", rec.Offset, rec.Damage != nil))
		if rec.Damage != nil && (rec.Length != int64(one-1) || !bytes.Equal(rec.Value, records[one+1:2*one])) {
			t.Errorf("%+v", rec)
		}
	}
	if strings.Join(got, ", ") != "0 false, 1 true, 2 false" || w.Err() != nil {
		t.Errorf("%v, %v", got, w.Err())
	}
}

// FuzzStream: whatever the records, a Stream gives what a Walker gives, up to the first that cannot be read.
func FuzzStream(f *testing.F) {
	var e Encoder
	for i := range 3 {
		e.Add([]byte("key"), fmt.Appendf(nil, "value %d", i), []Header{{Key: "run", Value: []byte("b")}, {Key: "c"}})
	}
	f.Add(e.records, int32(3), int32(2))
	f.Add(e.records, int32(2), int32(2))
	f.Add(append(bytes.Clone(e.records), 1), int32(3), int32(9))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, int32(3), int32(9))
	f.Add([]byte{0x0c, 0, 0, 0, 0, 0, 0}, int32(1), int32(0)) // An empty key and an empty value.
	f.Fuzz(func(t *testing.T, records []byte, count, delta int32) {
		in := compressed(None, 1, records)
		binary.BigEndian.PutUint32(in[attributesOffset+2:], uint32(delta))
		binary.BigEndian.PutUint32(in[HeaderSize-4:], uint32(count))
		b, _, _, err := Next(seal(in))
		if err != nil {
			return
		}
		w := Walk(&b, records)
		w.MaxRecord = 10
		s, err := NewDecompressor(1).Stream(&b, StreamLimits{Record: 10, Total: 1 << 30, Header: "run", HeaderBytes: 100}, false)
		if err != nil {
			t.Fatal(err)
		}
		for {
			var a, c Record
			more := w.Next(&a)
			if more && a.Damage != nil && !errors.Is(a.Damage, ErrRecordTooLarge) {
				return // The Stream has no way back to the record's beginning and ends here.
			}
			if _, ok := s.Next(&c, nil); ok != more {
				t.Fatalf("Stream %v %v, Walker %v %v", ok, s.Err(), more, w.Err())
			}
			if !more {
				break
			}
			if a.Offset != c.Offset || a.Timestamp != c.Timestamp || !same(a.Key, c.Key) || a.Length != c.Length || a.Sum != c.Sum ||
				a.Damage == nil && (!same(a.Value, c.Value) || !same(a.Header("run"), c.Header("run"))) {
				t.Fatalf("Walker %+v, Stream %+v", a, c)
			}
		}
		if (w.Err() == nil) != (s.Err() == nil) {
			t.Fatalf("Walker %v, Stream %v", w.Err(), s.Err())
		}
	})
}
