package kafka

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	kafkago "github.com/segmentio/kafka-go"

	"tidemark/consumers/ingest"
	"tidemark/internal/kafka/batch"
	"tidemark/schemas"
)

// describeAll is describe with what cannot be read in brackets, as far as it goes.
func describeAll(f ingest.Fetch) string {
	var parts []string
	for _, r := range f.Records {
		switch {
		case r.Control && r.Unreadable != nil:
			parts = append(parts, fmt.Sprintf("%d-%d:-", r.Offset, r.End()-1))
		case r.Unreadable != nil:
			parts = append(parts, fmt.Sprintf("[%d-%d]", r.Offset, r.End()-1))
		default:
			parts = append(parts, fmt.Sprintf("%d:%s", r.Offset, r.Value))
		}
	}
	return strings.Join(parts, " ") + fmt.Sprintf(" next %d", f.Next)
}

// resealed returns a copy of a batch with a change, under a checksum that is right.
func resealed(b []byte, change func(b []byte)) []byte {
	b = bytes.Clone(b)
	change(b)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// changed returns a copy of a batch with a change.
func changed(b []byte, change func(b []byte)) []byte {
	b = bytes.Clone(b)
	change(b)
	return b
}

// fetchAll decodes an answer, again and again where it is damaged, and says what came out of it.
func fetchAll(t *testing.T, s *Source, a answer, from int64) (got string, records []ingest.Record, damaged int) {
	t.Helper()
	var parts []string
	for next := from; next < a.highWatermark; {
		if len(s.answer.batches) == 0 && s.stream == nil {
			s.answer = a
		}
		f, err := s.decode(next)
		if errors.Is(err, ErrDamaged) {
			if damaged++; damaged > 100 {
				t.Fatalf("still damaged: %v", err)
			}
			continue
		}
		if err != nil || f.Next <= next {
			t.Fatalf("decode at %d = %s, %v", next, describeAll(f), err)
		}
		for _, r := range f.Records {
			if r.Unreadable != nil && !r.Control {
				if r.Unreadable.Detail == "" || r.Unreadable.Length < int64(len(r.Value)) || len(r.Unreadable.SHA256) != sha256.Size {
					t.Errorf("offset %d: %+v of %d bytes", r.Offset, r.Unreadable, len(r.Value))
				}
			}
			r.Value = bytes.Clone(r.Value)
			records = append(records, r)
		}
		parts = append(parts, describeAll(f))
		next = f.Next
	}
	return strings.Join(parts, "; "), records, damaged
}

// TestUnreadable: whatever is wrong with a batch, each of its offsets is given out once, and what follows it is read.
func TestUnreadable(t *testing.T) {
	before, after := encode(t, spec{base: 0, values: []string{"a", "b"}}), encode(t, spec{base: 5, values: []string{"z"}})
	middle := encode(t, spec{base: 2, values: []string{"c", "d", "e"}})
	f := func(name string, middle []byte, want string, times int) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			s := testSource(t)
			s.opts.MaxRecordBytes = 1000
			data := append(append(bytes.Clone(before), middle...), after...)
			got, _, damaged := fetchAll(t, s, answer{batches: data, stable: -1, highWatermark: 6}, 0)
			got = strings.ReplaceAll(got, "; ", " ")
			for _, next := range []string{" next 2", " next 5", " next 6"} {
				got = strings.ReplaceAll(got, next, "")
			}
			if want = "0:a 1:b " + want + " 5:z"; got != want || damaged != times {
				t.Errorf("%s, damaged %d times, want %s, %d times", got, damaged, want, times)
			}
		})
	}
	f("nothing", middle, "2:c 3:d 4:e", 0)
	f("a wrong checksum", changed(middle, func(b []byte) { b[len(b)-2] ^= 1 }), "[2-4]", 2)
	f("a wrong checksum and no sense in the offsets", changed(middle, func(b []byte) { b[23] = 0x7f; b[60] = 9 }), "[2-4]", 2)
	f("a wrong checksum and too few offsets", changed(middle, func(b []byte) { b[26] = 1 }), "[2-4]", 2)
	f("a message format of the future", changed(middle, func(b []byte) { b[16] = 3 }), "[2-4]", 2)
	f("a message format of the past", changed(middle, func(b []byte) { b[7] = 4; b[16] = 1 }), "[2-4]", 2)
	f("an unknown codec", resealed(middle, func(b []byte) { b[22] = 7 }), "[2-4]", 0)
	f("bytes that are not of the codec", resealed(middle, func(b []byte) { b[22] = 4 }), "[2-4]", 0)
	f("more records than offsets", resealed(middle, func(b []byte) { b[60] = 4 }), "[2-4]", 2)
	f("a record beyond the end", resealed(middle, func(b []byte) { b[61] = 0x7e }), "[2-4]", 0)
	one := (len(middle) - batch.HeaderSize) / 3
	second, third := batch.HeaderSize+one, batch.HeaderSize+2*one
	f("offsets out of order", resealed(middle, func(b []byte) { b[third+3] = 2 }), "2:c 3:d [4-4]", 0)
	f("an offset beyond the last", resealed(middle, func(b []byte) { b[second+3] = 20 }), "2:c [3-4]", 0)
	f("a varint without an end", resealed(middle, func(b []byte) {
		for i := range b[second:] {
			b[second+i] = 0xff
		}
	}), "2:c [3-4]", 0)
	f("a record with damaged headers", resealed(middle, func(b []byte) { b[third-1] = 60 }), "2:c [3-3] 4:e", 0)
	f("fewer records than there are", resealed(middle, func(b []byte) { b[60] = 2 }), "2:c [3-4]", 0)
	f("no records, and bytes", resealed(middle, func(b []byte) { b[60] = 0 }), "[2-4]", 0)
	f("a record that is too large", encode(t, spec{base: 2, values: []string{"c", strings.Repeat("x", 1001), "e"}}), "2:c [3-3] 4:e", 0)
}

// TestUnreadableAborted: what does not count anyway is no dead letter, and an unreadable marker ends its transaction.
func TestUnreadableAborted(t *testing.T) {
	s := testSource(t)
	spoil := func(b []byte) { b[61] = 0x7e }
	data := resealed(encode(t, spec{base: 0, values: []string{"x", "y"}, producer: 7, attributes: transactional}), spoil)
	data = append(data, resealed(encode(t, marker(2, 7, 0)), spoil)...)
	data = append(data, encode(t, spec{base: 3, values: []string{"kept"}, producer: 7, attributes: transactional})...)
	a := answer{batches: data, stable: -1, highWatermark: 4, aborted: []abortedTransaction{{7, 0}}, active: map[int64]struct{}{}}
	if got, _, _ := fetchAll(t, s, a, 0); got != "0-1:- 2-2:- 3:kept next 4" {
		t.Error(got)
	}
}

// TestDamageOnTheWay: what arrives whole when asked again is read.
func TestDamageOnTheWay(t *testing.T) {
	s := testSource(t)
	good := encode(t, spec{base: 0, values: []string{"a", "b"}})
	for range resends {
		s.answer = answer{batches: changed(good, func(b []byte) { b[len(b)-1] ^= 1 }), stable: -1, highWatermark: 2}
		if _, err := s.decode(0); !errors.Is(err, ErrDamaged) {
			t.Fatalf("decode = %v", err)
		}
	}
	s.answer = answer{batches: good, stable: -1, highWatermark: 2}
	if f, err := s.decode(0); err != nil || describeAll(f) != "0:a 1:b next 2" {
		t.Errorf("decode = %s, %v", describeAll(f), err)
	}
}

// TestDamagedLastBatch: with nothing behind it, a batch of which the header makes no sense ends where the log does; if the
// broker may have more, it is asked.
func TestDamagedLastBatch(t *testing.T) {
	data := changed(encode(t, spec{base: 0, values: []string{"a", "b", "c"}}), func(b []byte) { b[23] = 0x7f })
	s := testSource(t)
	if got, _, _ := fetchAll(t, s, answer{batches: data, stable: -1, highWatermark: 3}, 0); got != "[0-2] next 3" {
		t.Error(got)
	}
	s = testSource(t)
	s.maxBytes = 10
	s.damage.times = resends
	s.answer = answer{batches: data, stable: -1, highWatermark: 3}
	if _, err := s.decode(0); !errors.Is(err, ErrDamaged) || s.maxBytes <= len(data) {
		t.Errorf("decode = %v, then %d bytes are asked for", err, s.maxBytes)
	}
}

// TestEndlessBatch: a batch that never comes whole, however much is asked for, is passed over.
func TestEndlessBatch(t *testing.T) {
	data := encode(t, spec{base: 0, values: []string{"a", "b", "c"}})
	s := testSource(t)
	s.maxBytes = maxFetchBytes
	got, _, _ := fetchAll(t, s, answer{batches: data[:len(data)-1], stable: -1, highWatermark: 3}, 0)
	if got != "[0-2] next 3" {
		t.Error(got)
	}
	// Without sense in its header it is given up offset by offset: what is behind it may be readable.
	s.answer.batches, s.maxBytes, s.damage.times = data[:30], maxFetchBytes, resends
	s.damage.offset = 0
	if f, err := s.decode(0); err != nil || describeAll(f) != "[0-0] next 1" {
		t.Errorf("decode = %s, %v", describeAll(f), err)
	}
}

// zeros is a batch of records that are large and compress well, each with a header of its own.
func zeros(t testing.TB, base int64, records, size int) []byte {
	t.Helper()
	var e batch.Encoder
	for i := range records {
		e.Add(nil, append(fmt.Appendf(nil, "%d", i), make([]byte, size)...), []batch.Header{{Key: schemas.RunHeader, Value: append(fmt.Appendf(nil, "run %d", i), make([]byte, size)...)}})
	}
	plain, err := batch.NewCompressor(batch.None)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil, zstd.WithWindowSize(1<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	b := e.AppendBatch(nil, plain, 0, batch.Producer{ID: -1})
	b = z.EncodeAll(b[batch.HeaderSize:], b[:batch.HeaderSize:batch.HeaderSize])
	return resealed(b, func(b []byte) {
		binary.BigEndian.PutUint64(b, uint64(base))
		binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
		b[22] = byte(batch.Zstd)
	})
}

// TestLargeBatch: a batch that inflates to far more than is held at a time is read piece by piece, from any offset, and
// its headers cost nothing.
func TestLargeBatch(t *testing.T) {
	const records, size = 40, 400_000 // 32 MB with the headers.
	data := append(zeros(t, 0, records, size), encode(t, spec{base: records, values: []string{"z"}})...)
	s := testSource(t)
	s.opts.MaxBatchBytes, s.opts.MaxRecordBytes = DefaultMaxBatchBytes, DefaultMaxRecordBytes
	for _, from := range []int64{0, 17, 40} {
		s.answer, s.stream = answer{batches: data, stable: -1, highWatermark: records + 1}, nil
		most, next := 0, from
		for at := from; at <= records; {
			f, err := s.decode(at)
			if err != nil || f.Next <= at {
				t.Fatalf("decode at %d = %s, %v", at, describeAll(f), err)
			}
			held := 0
			for _, r := range f.Records {
				if r.Offset != next || r.Unreadable != nil || len(r.Run) > ingest.MaxRunLabel || r.Offset < records && !strings.HasPrefix(r.Run, fmt.Sprintf("run %d\x00", r.Offset)) {
					t.Fatalf("offset %d, want %d: run %.10q, %v", r.Offset, next, r.Run, r.Unreadable)
				}
				held += len(r.Value)
				next++
			}
			most = max(most, held)
			at = f.Next
		}
		if next != records+1 || most > softArenaBytes+size+10 {
			t.Errorf("from %d: the last is %d, %d bytes at a time", from, next, most)
		}
	}
	kept := 0
	for run := range s.runs {
		kept += len(run)
	}
	if kept > maxRuns*ingest.MaxRunLabel {
		t.Errorf("%d bytes of runs are kept", kept)
	}
}

// TestBomb: behind the limit of what is inflated, the rest of the batch is given up in one piece.
func TestBomb(t *testing.T) {
	const records, size = 40, 400_000
	data := append(zeros(t, 0, records, size), encode(t, spec{base: records, values: []string{"z"}})...)
	s := testSource(t)
	s.opts.MaxBatchBytes, s.opts.MaxRecordBytes = 16<<20, size/2
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, all, damaged := fetchAll(t, s, answer{batches: data, stable: -1, highWatermark: records + 1}, 0)
	runtime.ReadMemStats(&after)
	last := all[len(all)-2]
	if damaged != 0 || string(all[len(all)-1].Value) != "z" || last.Offset < 15 || last.End() != records || !strings.Contains(last.Unreadable.Detail, "too large") {
		t.Errorf("damaged %d times, the last but one: %d to %d, %+v", damaged, last.Offset, last.End(), last.Unreadable)
	}
	for i, r := range all[:len(all)-2] {
		if r.Offset != int64(i) || r.End() != int64(i+1) || r.Unreadable == nil || r.Unreadable.Length < size || len(r.Value) > size/2 {
			t.Fatalf("record %d: %d, %+v", i, r.Offset, r.Unreadable)
		}
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 80<<20 {
		t.Errorf("%d MiB were allocated", took>>20)
	}
}

// TestLabel: a label is cut where a rune ends, and not kept whole.
func TestLabel(t *testing.T) {
	s := testSource(t)
	if got, want := s.intern([]byte(strings.Repeat("€", 100_000))), strings.Repeat("€", ingest.MaxRunLabel/3); got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if got := s.intern(bytes.Repeat([]byte{0xff}, 1000)); len(got) != ingest.MaxRunLabel {
		t.Errorf("%d bytes", len(got))
	}
}

// TestBrokerCannotRead: what a broker says it cannot read itself is passed over once it said so often enough, but only if
// there is something behind it that it can read.
func TestBrokerCannotRead(t *testing.T) {
	const bad, good, end = 3, 40, 50
	f := func(good int64, want string) {
		t.Helper()
		s := testSource(t)
		s.client.cfg.RetryMin, s.client.cfg.RetryMax = time.Microsecond, time.Microsecond
		asked := 0
		ctx, cancel := context.WithCancel(t.Context())
		s.send = func(_ context.Context, from int64, _ time.Time) error {
			if asked++; asked > 500 {
				cancel()
			}
			s.answer = answer{stable: -1, highWatermark: end}
			switch {
			case from >= bad && from < good:
				s.answer.code = kafkago.InvalidMessage
			case from < end:
				s.answer.batches = encode(t, spec{base: from, values: []string{"v"}})
			}
			return nil
		}
		got, err := s.Fetch(ctx, bad)
		if want == "" && err == nil || want != "" && (err != nil || describeAll(got) != want || got.Records[0].Unreadable.Detail == "") {
			t.Errorf("Fetch = %s, %v, want %s", describeAll(got), err, want)
		}
	}
	f(good, "[3-39] 40:v next 41")
	f(bad+1, "[3-3] 4:v next 5")
	f(end, "")
}
