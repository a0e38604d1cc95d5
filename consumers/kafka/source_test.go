package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"tidemark/consumers/ingest"
	"tidemark/internal/kafka"
	"tidemark/internal/kafka/batch"
	"tidemark/internal/kafka/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testSource(t testing.TB) *Source {
	t.Helper()
	c, err := NewClient(Config{Conn: kafka.Config{Brokers: []string{"127.0.0.1:1"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.Source("topic", 3, SourceOptions{MaxBatchBytes: 1 << 20})
}

// spec describes a batch as a broker keeps it.
type spec struct {
	base       int64
	values     []string
	removed    int32 // offsets behind the last record that compaction removed
	attributes int16
	producer   int64
	keys       [][]byte
}

const (
	transactional = 0x10
	control       = 0x20
)

func (s spec) encode(t testing.TB) []byte {
	t.Helper()
	compressor, err := batch.NewCompressor(batch.None)
	if err != nil {
		t.Fatal(err)
	}
	var e batch.Encoder
	for i, v := range s.values {
		var key []byte
		if s.keys != nil {
			key = s.keys[i]
		}
		e.Add(key, []byte(v), nil)
	}
	b := e.AppendBatch(nil, compressor, 0, batch.Producer{ID: s.producer})
	binary.BigEndian.PutUint64(b, uint64(s.base))
	binary.BigEndian.PutUint16(b[21:], uint16(s.attributes))
	binary.BigEndian.PutUint32(b[23:], uint32(int32(len(s.values))-1+s.removed))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func encode(t testing.TB, specs ...spec) []byte {
	t.Helper()
	var b []byte
	for _, s := range specs {
		b = append(b, s.encode(t)...)
	}
	return b
}

// marker is the end of a transaction: type 0 aborts, 1 commits.
func marker(base, producer int64, kind byte) spec {
	return spec{base: base, values: []string{"\x00\x00\x00\x00\x00\x00"}, keys: [][]byte{{0, 0, 0, kind}}, producer: producer,
		attributes: transactional | control}
}

func describe(f ingest.Fetch) string {
	var parts []string
	for _, r := range f.Records {
		value := string(r.Value)
		if r.Control {
			value = "-" + value
		}
		parts = append(parts, fmt.Sprintf("%d:%s", r.Offset, value))
	}
	return strings.Join(parts, " ") + fmt.Sprintf(" next %d", f.Next)
}

func TestDecode(t *testing.T) {
	data := []spec{
		{base: 10, values: []string{"a", "b", "c"}},
		{base: 13, values: []string{"d"}, removed: 3},
		{base: 20, values: nil, removed: 4}, // All of it was compacted away: 20 to 23 remain as offsets.
		{base: 24, values: []string{"e", "f"}},
	}
	tests := []struct {
		name    string
		from    int64
		aborted []abortedTransaction
		batches []byte
		want    string
	}{
		{"all", 10, nil, encode(t, data...), "10:a 11:b 12:c 13:d 24:e 25:f next 26"},
		{"from the middle of a batch", 12, nil, encode(t, data...), "12:c 13:d 24:e 25:f next 26"},
		{"from a removed record", 15, nil, encode(t, data...), "24:e 25:f next 26"},
		{"nothing but removed records", 20, nil, encode(t, data[2]), " next 24"},
		{"nothing", 10, nil, nil, " next 10"},
		{"last batch cut", 10, nil, encode(t, data...)[:len(encode(t, data...))-1], "10:a 11:b 12:c 13:d next 24"},
		{"aborted", 0, []abortedTransaction{{producer: 7, first: 1}}, encode(t,
			spec{base: 0, values: []string{"plain"}},
			spec{base: 1, values: []string{"x", "y"}, producer: 7, attributes: transactional},
			spec{base: 3, values: []string{"other"}, producer: 8, attributes: transactional},
			spec{base: 4, values: []string{"not in it"}, producer: 7},
			marker(5, 7, 0),
			spec{base: 6, values: []string{"again"}, producer: 7, attributes: transactional},
			marker(7, 8, 1),
			marker(8, 7, 1),
		), "0:plain 1:- 2:- 3:other 4:not in it 5:- 6:again 7:- 8:- next 9"},
		{"aborted twice, listed out of order", 0, []abortedTransaction{{7, 4}, {8, 2}, {7, 0}}, encode(t,
			spec{base: 0, values: []string{"x"}, producer: 7, attributes: transactional},
			marker(1, 7, 0),
			spec{base: 2, values: []string{"y"}, producer: 8, attributes: transactional},
			spec{base: 3, values: []string{"kept"}, producer: 7, attributes: transactional},
			marker(4, 7, 1),
			spec{base: 5, values: []string{"z"}, producer: 7, attributes: transactional},
			marker(6, 8, 0),
			marker(7, 7, 0),
		), "0:- 1:- 2:- 3:kept 4:- 5:- 6:- 7:- next 8"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := testSource(t)
			response := fetchResponse(versionFetchID, test.aborted, test.batches)
			var err error
			if s.answer, err = parseFetch(response, versionFetchID, nil); err != nil {
				t.Fatal(err)
			}
			if test.name == "aborted twice, listed out of order" {
				s.answer.aborted[2].first = 5 // The second transaction of 7 begins behind its committed one.
			}
			f, err := s.decode(test.from)
			if err != nil || describe(f) != test.want {
				t.Errorf("decode = %s, %v, want %s", describe(f), err, test.want)
			}
			if f.LogStart != 3 || f.HighWatermark != 900 {
				t.Errorf("LogStart %d, HighWatermark %d", f.LogStart, f.HighWatermark)
			}
		})
	}
}

// fetchResponse is what a broker answers.
func fetchResponse(version int16, aborted []abortedTransaction, batches []byte) []byte {
	flexible := version >= 12
	b := wire.AppendTags(nil, flexible)
	b = wire.AppendInt32(b, 0)
	b = wire.AppendInt16(b, 0)
	b = wire.AppendInt32(b, 0)
	b = wire.AppendArrayLen(b, 1, flexible)
	if version >= versionFetchID {
		b = append(b, make([]byte, 16)...)
	} else {
		b = wire.AppendString(b, "topic", flexible)
	}
	b = wire.AppendArrayLen(b, 1, flexible)
	b = wire.AppendInt32(b, 3)
	b = wire.AppendInt16(b, 0)
	b = wire.AppendInt64(b, 1000)
	b = wire.AppendInt64(b, 900)
	b = wire.AppendInt64(b, 3)
	b = wire.AppendArrayLen(b, len(aborted), flexible)
	for _, a := range aborted {
		b = wire.AppendInt64(wire.AppendInt64(b, a.producer), a.first)
		b = wire.AppendTags(b, flexible)
	}
	b = wire.AppendInt32(b, -1)
	if flexible {
		b = binary.AppendUvarint(b, uint64(len(batches))+1)
	} else {
		b = wire.AppendInt32(b, int32(len(batches)))
	}
	b = append(b, batches...)
	for range 3 {
		b = wire.AppendTags(b, flexible)
	}
	return b
}

// TestDamagedBatch: what precedes the damage is given out, then the error says where it is.
func TestDamagedBatch(t *testing.T) {
	s := testSource(t)
	first, second := encode(t, spec{base: 0, values: []string{"a", "b"}}), encode(t, spec{base: 2, values: []string{"c"}})
	second[len(second)-1] ^= 1
	s.answer = answer{batches: append(first, second...), stable: -1, highWatermark: 3}
	f, err := s.decode(0)
	if err != nil || describe(f) != "0:a 1:b next 2" || f.HighWatermark != 3 {
		t.Fatalf("decode = %s, %v", describe(f), err)
	}
	_, err = s.decode(2)
	if !errors.Is(err, batch.ErrChecksum) || !strings.Contains(err.Error(), "topic/3 at 2") {
		t.Errorf("decode = %v", err)
	}
	if len(s.answer.batches) != 0 {
		t.Error("the damaged answer is kept; it is to be asked for again")
	}
}

// TestManyRecords: an answer with more records than one Fetch gives is given out piece by piece, without the broker.
func TestManyRecords(t *testing.T) {
	s := testSource(t)
	values := make([]string, 10_000)
	var specs []spec
	for i := range 10 {
		specs = append(specs, spec{base: int64(i * len(values)), values: values})
	}
	s.answer = answer{batches: encode(t, specs...), stable: -1}
	next, fetches := int64(0), 0
	for at := int64(0); at < 100_000; fetches++ {
		f, err := s.Fetch(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Records {
			if r.Offset != next {
				t.Fatalf("offset %d, want %d", r.Offset, next)
			}
			next++
		}
		at = f.Next
	}
	if next != 100_000 || fetches != 10 {
		t.Errorf("%d records in %d fetches", next, fetches)
	}
}

func TestIntern(t *testing.T) {
	s := testSource(t)
	for i := range 3 * maxRuns {
		run := fmt.Appendf(nil, "run-%d", i)
		got := s.intern(run)
		copy(run, "xxxxx") // The buffer is used again.
		if got != fmt.Sprintf("run-%d", i) {
			t.Fatalf("run %d = %q", i, got)
		}
	}
	if len(s.runs) > maxRuns {
		t.Errorf("%d runs are kept", len(s.runs))
	}
	b := []byte("run-1")
	if n := testing.AllocsPerRun(100, func() { s.intern(b); s.intern([]byte("run-2")) }); n > 0 {
		t.Errorf("%v allocations for known runs", n)
	}
}

// TestUnreachable: without a broker a call ends with its context, and says what it was waiting for.
func TestUnreachable(t *testing.T) {
	s := testSource(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*1e6, errors.New("enough"))
	defer cancel()
	if _, err := s.Fetch(ctx, 5); err == nil || !strings.Contains(err.Error(), "topic/3 at 5") {
		t.Errorf("Fetch = %v", err)
	}
	if err := s.client.Consume(ctx, GroupConfig{}, nil); err == nil || !strings.Contains(err.Error(), "name") {
		t.Errorf("Consume without a group = %v", err)
	}
}

// TestNegativeSettings: a negative value is an error that names its field.
func TestNegativeSettings(t *testing.T) {
	check := func(err error, fields ...string) {
		t.Helper()
		for _, field := range fields {
			if err == nil || !strings.Contains(err.Error(), field+" must not be negative") {
				t.Errorf("got %v, want %s in it", err, field)
			}
		}
	}
	_, err := NewClient(Config{Conn: kafka.Config{Brokers: []string{"a:1"}}, RetryMin: -1, RetryMax: -1, RequestTimeout: -1})
	check(err, "RetryMin", "RetryMax", "RequestTimeout")
	s := testSource(t)
	_, err = s.client.Source("topic", 0, SourceOptions{MaxWait: -1, MaxBytes: -1, MaxBatchBytes: -1, MaxRecordBytes: -1}).Fetch(t.Context(), 0)
	check(err, "MaxWait", "MaxBytes", "MaxBatchBytes", "MaxRecordBytes")
	err = s.client.Consume(t.Context(), GroupConfig{Session: -1, Heartbeat: -1, Rebalance: -1, JoinBackoff: -1, Watch: -1}, nil)
	check(err, "Session", "Heartbeat", "Rebalance", "JoinBackoff", "Watch")
}

// FuzzFetch: whatever a broker answers, decoding ends without a panic, and offsets ascend inside [from, Next).
func FuzzFetch(f *testing.F) {
	for _, version := range []int16{versionFetchName, versionFetchID} {
		f.Add(fetchResponse(version, []abortedTransaction{{7, 0}}, encode(f,
			spec{base: 0, values: []string{"x"}, producer: 7, attributes: transactional}, marker(1, 7, 0))), int64(0), version == versionFetchID)
		f.Add(fetchResponse(version, nil, encode(f, spec{base: 0, values: []string{"a", "b"}, removed: 2})), int64(1), version == versionFetchID)
	}
	f.Fuzz(func(t *testing.T, response []byte, from int64, byID bool) {
		if from < 0 {
			return
		}
		s := testSource(t)
		version := int16(versionFetchName)
		if byID {
			version = versionFetchID
		}
		var err error
		if s.answer, err = parseFetch(bytes.Clone(response), version, nil); err != nil {
			return
		}
		for range 10 {
			f, err := s.decode(from)
			if err != nil || f.Next == from {
				return
			}
			last := from - 1
			for _, r := range f.Records {
				if r.Offset <= last || r.Offset >= f.Next {
					t.Fatalf("offset %d after %d, next is %d", r.Offset, last, f.Next)
				}
				last = r.Offset
			}
			if f.Next < from {
				t.Fatalf("next %d, from %d", f.Next, from)
			}
			from = f.Next
		}
	})
}
