package schemas

import (
	"math/rand/v2"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	protobuf "google.golang.org/protobuf/proto"

	stacktest "tidemark/internal/test/stack"
)

const benchRows = 65536

func benchValues(b *testing.B, t Type) [][]byte {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]byte, benchRows)
	for i := range out {
		var e Event = typicalCall(r)
		if t != TokenCallType {
			e = randomEvent(r, t)
		}
		value, err := AppendEvent(nil, e)
		if err != nil {
			b.Fatal(err)
		}
		out[i] = value
	}
	return out
}

// BenchmarkAppend decodes records of one type into blocks of 65,536 rows.
func BenchmarkAppend(b *testing.B) {
	for _, s := range Specs() {
		b.Run("type="+s.Name, func(b *testing.B) {
			values := benchValues(b, s.Type)
			c := NewColumns(s.Type)
			for i, value := range values {
				if _, err := c.Append(value, Coordinates{Offset: int64(i)}); err != nil {
					b.Fatal(err)
				}
			}
			c.Reset()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if i%benchRows == 0 {
					c.Reset()
				}
				if _, err := c.Append(values[i%benchRows], Coordinates{Epoch: 1, Partition: 3, Offset: int64(i)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUnmarshal is what the generated code takes for the same bytes, without making a row.
func BenchmarkUnmarshal(b *testing.B) {
	values := benchValues(b, TokenCallType)
	e := NewEvent(TokenCallType)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := protobuf.Unmarshal(values[i%benchRows], e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncode turns a block of 65,536 token calls into ClickHouse's Native format; ns/row is what counts.
func BenchmarkEncode(b *testing.B) {
	c := NewColumns(TokenCallType)
	for i, value := range benchValues(b, TokenCallType) {
		if _, err := c.Append(value, Coordinates{Offset: int64(i)}); err != nil {
			b.Fatal(err)
		}
	}
	var buf proto.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		if err := encodeBlock(&buf, c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
	b.ReportMetric(float64(len(buf.Buf))/benchRows, "B/row")
}

// BenchmarkInsert sends a block of 65,536 token calls to the engine over HTTP; us/row is what counts.
func BenchmarkInsert(b *testing.B) {
	s, db := migrated(b)
	c := NewColumns(TokenCallType)
	for i, value := range benchValues(b, TokenCallType) {
		if _, err := c.Append(value, Coordinates{Offset: int64(i)}); err != nil {
			b.Fatal(err)
		}
	}
	stacktest.Query(b, s, db, "SYSTEM STOP MERGES token_calls_raw")
	for b.Loop() {
		insert(b, s, db, "token_calls_raw", c)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/benchRows, "us/row")
}

// BenchmarkValidate is the producer's side of the same rules.
func BenchmarkValidate(b *testing.B) {
	e := typicalCall(rand.New(rand.NewPCG(1, 2)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Validate(e); err != nil {
			b.Fatal(err)
		}
	}
}

func encodeBlock(buf *proto.Buffer, c Columns) error {
	input := c.Input()
	return proto.Block{Rows: c.Rows(), Columns: len(input)}.EncodeRawBlock(buf, 0, input)
}
