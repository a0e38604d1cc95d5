package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type plainRecord struct {
	key, value []byte
	headers    []Header
}

func randomRecords(random *rand.Rand, n int) []plainRecord {
	bytesOf := func(limit int) []byte {
		switch random.IntN(6) {
		case 0:
			return nil
		case 1:
			return []byte{}
		}
		b := make([]byte, random.IntN(limit))
		for i := range b {
			b[i] = byte(random.IntN(20))
		}
		return b
	}
	records := make([]plainRecord, n)
	for i := range records {
		records[i] = plainRecord{key: bytesOf(30), value: bytesOf(700)}
		for h := range random.IntN(3) {
			records[i].headers = append(records[i].headers, Header{Key: fmt.Sprintf("h%d", h), Value: bytesOf(100)})
		}
	}
	return records
}

func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func TestRoundTrip(t *testing.T) {
	for _, codec := range []Codec{None, Snappy, LZ4, Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			compressor, err := NewCompressor(codec)
			if err != nil {
				t.Fatal(err)
			}
			decompressor := NewDecompressor(1 << 20)
			var e Encoder
			var arena []byte
			for seed := range uint64(100) {
				random := rand.New(rand.NewPCG(seed, uint64(codec)))
				records := randomRecords(random, 1+random.IntN(200))
				producer := Producer{ID: random.Int64(), Epoch: int16(random.IntN(100)), Sequence: random.Int32()}
				e.Reset()
				for _, r := range records {
					before := e.Size()
					e.Add(r.key, r.value, r.headers)
					if n := e.Size() - before; n > RecordSize(r.key, r.value, r.headers) {
						t.Fatalf("seed %d: a record has %d bytes, RecordSize says at most %d", seed, n, RecordSize(r.key, r.value, r.headers))
					}
				}
				const prefix = "prefix"
				encoded := e.AppendBatch([]byte(prefix), compressor, 1234567, producer)
				if len(encoded)-len(prefix) > HeaderSize+e.Size() {
					t.Fatalf("seed %d: %d bytes, %d uncompressed", seed, len(encoded), e.Size())
				}
				encoded = encoded[len(prefix):]
				binary.BigEndian.PutUint64(encoded, 100) // As a broker does: it is not covered by the checksum.
				b, rest, size, err := Next(append(encoded, "rest"...))
				if err != nil || string(rest) != "rest" || size != len(encoded) {
					t.Fatalf("seed %d: Next = %d bytes, rest %q, %v", seed, size, rest, err)
				}
				if b.Producer != producer || int(b.Count) != len(records) || b.NextOffset() != 100+int64(len(records)) {
					t.Fatalf("seed %d: %+v", seed, b)
				}
				var data []byte
				data, arena, err = decompressor.Records(arena[:0], &b)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				i := 0
				w := Walk(&b, data)
				for rec := (Record{}); w.Next(&rec); i++ {
					want := records[i]
					if !same(rec.Key, want.key) || !same(rec.Value, want.value) || rec.Headers() != len(want.headers) ||
						rec.Offset != 100+int64(i) || rec.Timestamp != 1234567 {
						t.Fatalf("seed %d: record %d = %+v, want %+v", seed, i, rec, want)
					}
					for _, h := range want.headers {
						if !same(rec.Header(h.Key), h.Value) {
							t.Fatalf("seed %d: record %d: header %s", seed, i, h.Key)
						}
					}
				}
				if w.Err() != nil || i != len(records) {
					t.Fatalf("seed %d: %d records of %d, %v", seed, i, len(records), w.Err())
				}
			}
		})
	}
}

// compressed makes a batch out of records compressed by the caller, as other clients do it.
func compressed(codec Codec, count int32, payload []byte) []byte {
	var e Encoder
	e.count = count
	e.records = payload
	b := e.AppendBatch(nil, &Compressor{}, 0, Producer{ID: -1, Epoch: -1, Sequence: -1})
	b[attributesOffset+1] = byte(codec)
	return seal(b)
}

func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[crcOffset:], crc32.Checksum(b[attributesOffset:], castagnoli))
	return b
}

func read(t testing.TB, encoded []byte, limit int) (values []string, err error) {
	t.Helper()
	b, _, _, err := Next(encoded)
	if err != nil {
		return nil, err
	}
	data, _, err := NewDecompressor(limit).Records(nil, &b)
	if err != nil {
		return nil, err
	}
	w := Walk(&b, data)
	for rec := (Record{}); w.Next(&rec); {
		values = append(values, string(rec.Value))
	}
	return values, w.Err()
}

func TestForeignCompression(t *testing.T) {
	var e Encoder
	for i := range 10 {
		e.Add(nil, fmt.Appendf(nil, "value %d", i), nil)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(e.records); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	xerial := append([]byte{}, xerialMagic...)
	xerial = append(xerial, 0, 0, 0, 1, 0, 0, 0, 1)
	for _, part := range [][]byte{e.records[:40], e.records[40:]} { // The Java client cuts it into blocks.
		block := s2.EncodeSnappy(nil, part)
		xerial = append(binary.BigEndian.AppendUint32(xerial, uint32(len(block))), block...)
	}
	for name, encoded := range map[string][]byte{
		"gzip":        compressed(Gzip, 10, zipped.Bytes()),
		"java snappy": compressed(Snappy, 10, xerial),
	} {
		values, err := read(t, encoded, 1000)
		if err != nil || len(values) != 10 || values[9] != "value 9" {
			t.Errorf("%s: %q, %v", name, values, err)
		}
		if _, err := read(t, encoded, 100); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s beyond the limit: %v", name, err)
		}
	}
}

// TestLimit: no codec decompresses beyond the limit, whatever the sizes that it states.
func TestLimit(t *testing.T) {
	for _, codec := range []Codec{Snappy, LZ4, Zstd} {
		compressor, err := NewCompressor(codec)
		if err != nil {
			t.Fatal(err)
		}
		var e Encoder
		e.Add(nil, make([]byte, 300_000), nil)
		encoded := e.AppendBatch(nil, compressor, 0, Producer{})
		if len(encoded) > 100_000 {
			t.Fatalf("%v: not compressed", codec)
		}
		if _, err := read(t, encoded, 100_000); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v: %v", codec, err)
		}
		if _, err := read(t, encoded, e.Size()); err != nil {
			t.Errorf("%v at the limit: %v", codec, err)
		}
	}
}

func TestDamage(t *testing.T) {
	var e Encoder
	for i := range 5 {
		e.Add([]byte("key"), fmt.Appendf(nil, "value %d", i), []Header{{Key: "a", Value: []byte("b")}})
	}
	good := e.AppendBatch(nil, &Compressor{}, 0, Producer{})
	if values, err := read(t, good, 1000); err != nil || len(values) != 5 {
		t.Fatalf("%q, %v", values, err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		_, err := read(t, bad, 1000)
		switch {
		case i < 8 || i >= 12 && i < 16: // Offset and leader epoch are the broker's.
		case i >= crcOffset && !errors.Is(err, ErrChecksum):
			t.Errorf("byte %d changed: %v", i, err)
		case err == nil:
			t.Errorf("byte %d changed: no error", i)
		}
	}
	for n := range good {
		if _, err := read(t, good[:n], 1000); !errors.Is(err, ErrTruncated) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	tests := map[string]func(b []byte){
		"fewer records than it says": func(b []byte) { b[60]++; b[26]++ },
		"more records than it says":  func(b []byte) { b[60]-- },
		"more records than offsets":  func(b []byte) { b[26]-- },
		"negative count":             func(b []byte) { b[57] = 0x80 },
		"unknown codec":              func(b []byte) { b[22] = 7 },
		"record beyond the end":      func(b []byte) { b[61] = 0x7e },
	}
	for name, damage := range tests {
		bad := bytes.Clone(good)
		damage(bad)
		if _, err := read(t, seal(bad), 1000); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseCodec(t *testing.T) {
	for c := None; c <= Zstd; c++ {
		if got, err := ParseCodec(c.String()); got != c || err != nil {
			t.Errorf("ParseCodec(%v) = %v, %v", c, got, err)
		}
	}
	if _, err := ParseCodec("brotli"); err == nil {
		t.Error("brotli is accepted")
	}
	if _, err := NewCompressor(Gzip); err == nil {
		t.Error("gzip is written")
	}
}

// FuzzNext: whatever the bytes, decoding ends without a panic, keeps to the limit, and gives offsets that ascend inside
// the batch. The checksum is repaired, since nothing else would get past it.
func FuzzNext(f *testing.F) {
	var e Encoder
	for i := range 3 {
		e.Add([]byte("key"), fmt.Appendf(nil, "value %d", i), []Header{{Key: "a", Value: []byte("b")}})
	}
	for _, codec := range []Codec{None, Snappy, LZ4, Zstd} {
		compressor, err := NewCompressor(codec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.AppendBatch(nil, compressor, 0, Producer{ID: 7}))
		f.Add(compressed(codec, 3, bytes.Repeat([]byte{0xff}, 30)))
	}
	f.Add(compressed(Gzip, 3, []byte{0x1f, 0x8b, 8}))
	f.Add(compressed(Snappy, 3, append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9)))
	const limit = 100_000
	d := NewDecompressor(limit)
	f.Fuzz(func(t *testing.T, in []byte) {
		for rest := in; ; {
			if _, _, size, err := Next(rest); errors.Is(err, ErrChecksum) {
				rest = bytes.Clone(rest)
				seal(rest[:size])
			}
			b, next, _, err := Next(rest)
			if err != nil {
				return
			}
			data, _, err := d.Records(nil, &b)
			if err != nil {
				data = b.Payload
			}
			if len(data) > max(limit, len(b.Payload)) {
				t.Fatalf("%d bytes, the limit is %d", len(data), limit)
			}
			w := Walk(&b, data)
			last := b.BaseOffset - 1
			n := int32(0)
			for rec := (Record{}); w.Next(&rec); n++ {
				if rec.Offset <= last || rec.Offset >= b.NextOffset() {
					t.Fatalf("offset %d after %d, the batch ends at %d", rec.Offset, last, b.NextOffset())
				}
				last = rec.Offset
				rec.Header("a")
			}
			if w.Err() == nil && n != b.Count {
				t.Fatalf("%d records, the header says %d", n, b.Count)
			}
			rest = next
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, codec := range []Codec{None, Snappy, LZ4, Zstd} {
		b.Run(codec.String(), func(b *testing.B) {
			compressor, err := NewCompressor(codec)
			if err != nil {
				b.Fatal(err)
			}
			values := telemetry(1000)
			var e Encoder
			var out []byte
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				e.Reset()
				for _, v := range values {
					e.Add(nil, v, nil)
				}
				out = e.AppendBatch(out[:0], compressor, 0, Producer{})
				n += len(values)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
			b.ReportMetric(float64(len(out))/float64(len(values)), "B/record")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, codec := range []Codec{None, Snappy, LZ4, Zstd} {
		b.Run(codec.String(), func(b *testing.B) {
			compressor, err := NewCompressor(codec)
			if err != nil {
				b.Fatal(err)
			}
			var e Encoder
			for _, v := range telemetry(5000) {
				e.Add(nil, v, nil)
			}
			encoded := e.AppendBatch(nil, compressor, 0, Producer{})
			d := NewDecompressor(10 << 20)
			var arena, data []byte
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				batch, _, _, err := Next(encoded)
				if err != nil {
					b.Fatal(err)
				}
				if data, arena, err = d.Records(arena[:0], &batch); err != nil {
					b.Fatal(err)
				}
				w := Walk(&batch, data)
				for rec := (Record{}); w.Next(&rec); {
					n++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
}

// telemetry makes values of about 120 bytes that repeat as those of token calls do.
func telemetry(n int) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	values := make([][]byte, n)
	for i := range values {
		values[i] = fmt.Appendf(nil, "source-%d|%016x%016x|tenant-%d|gpt-%d|chat|provider-%d|%d|%d|%d|ok", random.IntN(5), random.Uint64(),
			random.Uint64(), random.IntN(100), random.IntN(8), random.IntN(4), random.IntN(5000), random.IntN(900), random.IntN(60000))
	}
	return values
}
