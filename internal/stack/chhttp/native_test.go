package chhttp

import (
	"bytes"
	"io"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
)

// revision is what clickhouse-go sends as client_protocol_version.
const revision = 54460

// sampleBlock encodes a block of several types at a revision, with the encoder
// of ch-go.
func sampleBlock(t testing.TB, rows, revision int) []byte {
	var number proto.ColUInt64
	var text proto.ColStr
	low := new(proto.ColStr).LowCardinality()
	lists := proto.NewArray[string](new(proto.ColStr).LowCardinality())
	maps := proto.NewMap[string, uint64](new(proto.ColStr), new(proto.ColUInt64))
	nullable := proto.NewColNullable[uint8](new(proto.ColUInt8))
	for i := range rows {
		number.Append(uint64(i))
		text.Append(string(make([]byte, i*37%300)))
		low.Append([]string{"a", "b", "c"}[i%3])
		lists.Append([]string{"x", "y", "z"}[:i%4%3])
		maps.Append(map[string]uint64{"k": uint64(i)})
		nullable.Append(proto.NewNullable(uint8(i)))
	}
	input := proto.Input{
		{Name: "number", Data: &number}, {Name: "text", Data: &text}, {Name: "low", Data: low},
		{Name: "lists", Data: lists}, {Name: "maps", Data: maps}, {Name: "nullable", Data: nullable},
	}
	for _, column := range input {
		if p, ok := column.Data.(proto.Preparable); ok {
			if err := p.Prepare(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var b proto.Buffer
	if revision > 0 {
		proto.BlockInfo{BucketNum: -1}.Encode(&b)
	}
	block := proto.Block{Columns: len(input), Rows: rows}
	if err := block.EncodeRawBlock(&b, revision, input); err != nil {
		t.Fatal(err)
	}
	return b.Buf
}

func TestReframeNative(t *testing.T) {
	for _, rows := range []int{0, 1, 2, 300, 70000} {
		old := sampleBlock(t, rows, 0)
		for _, to := range []int{0, 54429, revision} {
			want := sampleBlock(t, rows, to)
			var got bytes.Buffer
			if err := reframeNative(&got, append(old[:len(old):len(old)], old...), to); err != nil {
				t.Fatalf("%d rows to %d: %v", rows, to, err)
			}
			if !bytes.Equal(got.Bytes(), append(want[:len(want):len(want)], want...)) {
				t.Fatalf("%d rows to %d: %d bytes differ from %d", rows, to, got.Len(), 2*len(want))
			}
		}
	}
}

func TestReframeNativeRefuses(t *testing.T) {
	block := sampleBlock(t, 300, 0)
	for n := 1; n < len(block); n += 97 {
		if err := reframeNative(io.Discard, block[:n], revision); err == nil {
			t.Fatalf("%d of %d bytes are taken as a block", n, len(block))
		}
	}
	for _, name := range []string{"Variant(Nosuch)", "JSON(a Nosuch)", "AggregateFunction(sum, UInt64)", "Nosuch", "Array", "Array(", "FixedString(x)", "Decimal()"} {
		if got, err := parseType(name); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzReframeNative(f *testing.F) {
	f.Add(sampleBlock(f, 3, 0))
	f.Add([]byte("\x01\x01\x01a\x1eMap(String, Array(Tuple(a Int8)))\x01"))
	f.Add([]byte("\x01\x03\x01d\x07Dynamic\x01\x00\x00\x00\x00\x00\x00\x00\x01\x01\x06String\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\x011\x02ab"))
	f.Add([]byte("\x01\x01\x01j\x19JSON(max_dynamic_paths=1)\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01a\x01\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05Int64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01b\x09\x0a\x02\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if reframeNative(&out, in, revision) == nil && out.Len() < len(in) {
			t.Fatalf("%d bytes became %d", len(in), out.Len())
		}
	})
}

func BenchmarkReframeNative(b *testing.B) {
	block := sampleBlock(b, 65536, 0)
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if err := reframeNative(io.Discard, block, revision); err != nil {
			b.Fatal(err)
		}
	}
}
