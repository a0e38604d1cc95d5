package focus

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// asText returns a cell of a Parquet file as CSV has it. It knows the file's own types alone.
func asText(t *testing.T, typ parquet.Type, v parquet.Value) string {
	t.Helper()
	if v.IsNull() {
		return ""
	}
	switch logical := typ.LogicalType(); {
	case logical != nil && strings.HasPrefix(typ.String(), "DECIMAL(38,12)"):
		n := new(big.Int).SetBytes(v.ByteArray())
		if v.ByteArray()[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		text := new(big.Rat).SetFrac(n, big.NewInt(1e12)).FloatString(12)
		return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	case typ.String() == "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)":
		return time.UnixMicro(v.Int64()).UTC().Format(time.RFC3339)
	case typ.String() == "INT(64,false)":
		return fmt.Sprint(v.Uint64())
	case typ.String() == "STRING":
		return string(v.ByteArray())
	}
	t.Fatalf("a column is of %s", typ)
	return ""
}

// readParquet returns a file as CSV has it: names, then rows.
func readParquet(t *testing.T, data []byte) (file *parquet.File, rows [][]string) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var types []parquet.Type
	for _, path := range file.Schema().Columns() {
		leaf, _ := file.Schema().Lookup(path...)
		names, types = append(names, strings.Join(path, ".")), append(types, leaf.Node.Type())
	}
	rows = append(rows, names)
	for _, group := range file.RowGroups() {
		in := group.Rows()
		buffer := make([]parquet.Row, 100)
		for err == nil {
			var n int
			n, err = in.ReadRows(buffer)
			for _, row := range buffer[:n] {
				line := make([]string, len(names))
				for _, v := range row {
					line[v.Column()] = asText(t, types[v.Column()], v)
				}
				rows = append(rows, line)
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		err = in.Close()
	}
	return file, rows
}

// TestParquetSaysTheSame reads a Parquet file back: every cell is that of the CSV.
func TestParquetSaysTheSame(t *testing.T) {
	want, err := csv.NewReader(strings.NewReader(csvOf(t, sample()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteParquet(&b, seq(sample()), october); err != nil {
		t.Fatal(err)
	}
	file, got := readParquet(t, b.Bytes())
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		for j := range want[i] {
			if got[i][j] != want[i][j] {
				t.Errorf("row %d, %s: %q, want %q", i, want[0][j], got[i][j], want[i][j])
			}
		}
	}
	if version, _ := file.Lookup("FocusVersion"); version != "1.2" {
		t.Errorf("the version is %q", version)
	}
	for _, c := range Columns() {
		leaf, _ := file.Schema().Lookup(c.Name)
		if leaf.Node.Optional() != c.Null {
			t.Errorf("%s: optional is %v, want %v", c.Name, leaf.Node.Optional(), c.Null)
		}
	}
}

func TestNoParquetOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := WriteParquet(&b, seq(nil), october); err != nil {
		t.Fatal(err)
	}
	if file, rows := readParquet(t, b.Bytes()); file.NumRows() != 0 || len(rows) != 1 {
		t.Errorf("a month without charges has %d", file.NumRows())
	}
	b.Reset()
	bad := []Row{charged(1, 1, nil), charged(1, 1, func(r *Row) { r.Tenant = "" })}
	if err := WriteParquet(&b, seq(bad), october); err == nil {
		t.Error("a bad charge was taken")
	}
	if _, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil {
		t.Error("what was written before an error can be read as a whole file")
	}
}

// TestGroupsOfRows writes one charge more than a group has: the writer keeps no more than one in memory.
func TestGroupsOfRows(t *testing.T) {
	var b bytes.Buffer
	if err := WriteParquet(&b, seq(slices.Repeat([]Row{charged(1, 1, nil)}, groupRows+1)), october); err != nil {
		t.Fatal(err)
	}
	file, rows := readParquet(t, b.Bytes())
	if groups := len(file.RowGroups()); groups != 2 || len(rows) != groupRows+2 {
		t.Errorf("%d charges are %d groups and %d lines", groupRows+1, groups, len(rows))
	}
}
