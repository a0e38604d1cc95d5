package schemas

import (
	"math/rand/v2"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	stacktest "tidemark/internal/test/stack"
)

// TestRowsGoBack stores random events, reads the rows as events, and stores those: the rows are the same.
func TestRowsGoBack(t *testing.T) {
	s, db := migrated(t)
	for _, spec := range Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			r := seeded(t, 0)
			const n = 500
			columns, again := NewColumns(spec.Type), NewColumns(spec.Type)
			for i := range n {
				if _, err := columns.Append(encodeEvent(t, randomEvent(r, spec.Type)), Coordinates{Epoch: 1, Offset: int64(i)}); err != nil {
					t.Fatal(err)
				}
			}
			insert(t, s, db, spec.RawTable, columns)
			// The last column keeps the last byte from being taken for a line end.
			rows := []byte(stacktest.Query(t, s, db, "SELECT "+strings.Join(spec.SelectSQL(), ", ")+", toUInt8(1) FROM "+spec.RawTable+" ORDER BY offset FORMAT RowBinary"))
			for i := range n {
				wire, rest, err := spec.AppendRow(nil, rows)
				if err != nil {
					t.Fatal(err)
				}
				rows = rest[1:]
				if _, err := again.Append(wire, Coordinates{Epoch: 1, Offset: int64(i)}); err != nil {
					t.Fatal(err)
				}
			}
			if len(rows) != 0 {
				t.Errorf("%d bytes are left", len(rows))
			}
			compareRows(t, rowsOf(t, again), rowsOf(t, columns))
		})
	}
}

// FuzzAppendRow reads any bytes as rows: what is read is well formed, and what is left is a part of what was given.
func FuzzAppendRow(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, s := range Specs() {
		f.Add(uint8(s.Type), []byte(nil))
		for range 20 {
			row := make([]byte, r.IntN(300))
			for i := range row {
				row[i] = byte(r.IntN(3)) // Short texts and small numbers, so that it is long enough.
			}
			f.Add(uint8(s.Type), row)
		}
	}
	f.Fuzz(func(t *testing.T, typ uint8, row []byte) {
		spec := specs[int(typ)%len(specs)]
		wire, rest, err := spec.AppendRow([]byte("before"), row)
		if len(rest) > len(row) || string(rest) != string(row[len(row)-len(rest):]) {
			t.Fatalf("%d bytes are left of %d", len(rest), len(row))
		}
		if err != nil {
			return
		}
		tail, found := strings.CutPrefix(string(wire), "before")
		if !found {
			t.Fatal("what was there is gone")
		}
		var v values
		if problem := v.decode([]byte(tail), &tables[spec.Type].actions); problem != "" && problem != badUTF8 {
			t.Fatal(problem)
		}
		if err := protobuf.Unmarshal([]byte(tail), NewEvent(spec.Type)); err != nil && !strings.Contains(err.Error(), "UTF-8") {
			t.Fatal(err)
		}
	})
}
