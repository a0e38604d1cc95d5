package ingest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

func identity(n uint64) (id schemas.Identity) {
	binary.LittleEndian.PutUint64(id[:], n*0x9E3779B97F4A7C15)
	binary.LittleEndian.PutUint64(id[8:], n*0xC2B2AE3D27D4EB4F^n>>7)
	return id
}

// model is the window, said plainly: every row that was pushed and has not left.
type model struct {
	reach int64
	rows  []StoredRow
}

func (m *model) decide(row StoredRow) ledger.Disposition {
	var same, all []StoredRow
	for _, r := range m.rows {
		if r.Identity != row.Identity || r.Offset < row.Offset-m.reach {
			continue
		}
		if all = append(all, r); r.Time == row.Time {
			same = append(same, r)
		}
	}
	is := func(f func(r StoredRow) bool) bool { return slices.ContainsFunc(same, f) }
	switch {
	case is(func(r StoredRow) bool { return r.Revision > row.Revision }):
		return ledger.Duplicate
	case is(func(r StoredRow) bool { return r.Revision == row.Revision && r.Body == row.Body }):
		return ledger.Duplicate
	case is(func(r StoredRow) bool { return r.Revision == row.Revision }), len(same) == 0 && len(all) > 0:
		return ledger.Conflict
	default:
		return ledger.Stored
	}
}

func (m *model) push(row StoredRow) {
	m.rows = append(m.rows, row)
	for m.rows[0].Offset <= row.Offset-m.reach {
		m.rows = m.rows[1:]
	}
}

// TestWindowEqualsModel drives a window and the model with the same random steps: decide and push, also of
// identities that are there already (rows that other workers stored), skipped offsets, reset.
func TestWindowEqualsModel(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		reach := 1 + r.Int64N(400)
		if seed%4 == 0 {
			reach *= 20 // Several pages.
		}
		w, m := newWindow(reach), &model{reach: reach}
		identities, offset := 1+r.Uint64N(3000), int64(seed%3)*(1<<slotBits-1500) // Some pass the offset at which slots begin again.
		for range 3000 {
			switch p := r.IntN(1000); {
			case p < 1:
				w.reset()
				m.rows = nil
			case p < 30:
				offset += r.Int64N(reach) // Records that are not stored.
			default:
				row := StoredRow{Offset: offset, Identity: identity(r.Uint64N(identities)), Time: r.Int64N(2),
					Revision: r.Uint64N(3) * r.Uint64N(2), Body: r.Uint64N(4) / 3}
				got, want := w.decide(&row), m.decide(row)
				if got != want {
					t.Fatalf("seed %d offset %d: %v, want %v", seed, offset, got, want)
				}
				if got == ledger.Stored || p < 60 {
					w.push(&row)
					m.push(row)
				}
				offset++
			}
		}
	}
}

func TestWindowMemory(t *testing.T) {
	const reach = 1 << 18
	w := newWindow(reach)
	fill := func(from, to int64) {
		for o := from; o < to; o++ {
			w.push(&StoredRow{Offset: o, Identity: identity(uint64(o))})
		}
	}
	if fill(0, 1000); w.bytes() > 1<<15+1<<13 {
		t.Errorf("%d bytes for 1000 entries", w.bytes())
	}
	fill(1000, 4*reach)
	if per := float64(w.bytes()) / reach; per > 41 {
		t.Errorf("%.1f bytes an entry", per)
	}
	before, from := w.bytes(), int64(4*reach)
	if n := testing.AllocsPerRun(1, func() { fill(from, from+2*reach); from += 2 * reach }); n > 0 || w.bytes() != before {
		t.Errorf("a full window allocates: %v times, %d bytes, %d before", n, w.bytes(), before)
	}
}

// TestTakeAllocatesNothing takes blocks of new events, duplicates and conflicts, from the record to the row, the window and the
// figures of the ledger: once the memory is there, no event allocates any.
func TestTakeAllocatesNothing(t *testing.T) {
	const events, window = 2000, 5000 // The events come again behind the window.
	limits, err := Limits{Window: window}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(&Worker{Partition: Partition{Type: schemas.TokenCallType, Count: 1}}, limits)
	var values [][]byte
	for i := range 3 * events {
		n := uint64(i % (events - 20)) // The last 20 repeat others of the same block.
		call := &usagev1.TokenCall{Source: "gateway", Id: fmt.Sprint(i/events, "-", n), TimeUs: new(int64(1_700_000_000_000_000 + n)), Tenant: fmt.Sprint("tenant-", n%50),
			Product: "chat", Model: fmt.Sprint("a model with a long name ", n%7), Run: "run", Status: usagev1.Status_STATUS_OK, InputUncached: &n}
		if i%events > events-10 {
			call.OutputVisible = &n
		}
		value, err := schemas.AppendEvent(nil, call)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	next := int64(0)
	block := func() {
		s.block.reset(next)
		for range events {
			rec := Record{Offset: next, Value: values[next%int64(len(values))]}
			if !s.take(&rec) {
				t.Fatal("the block is full")
			}
			next++
		}
		if c := s.block.counts; c[ledger.Stored] != events-20 || c[ledger.Duplicate] != 11 || c[ledger.Conflict] != 9 {
			t.Fatalf("a block has %v", c)
		}
	}
	for range 6 {
		block()
	}
	if n := testing.AllocsPerRun(6, block); n != 0 {
		t.Errorf("%v allocations per block of %d events", n, events)
	}
}

func BenchmarkWindow(b *testing.B) {
	for _, reach := range []int64{1 << 14, 1 << 18} {
		b.Run(fmt.Sprintf("reach=%d", reach), func(b *testing.B) {
			w, o := newWindow(reach), int64(0)
			for ; o < 2*reach; o++ {
				w.push(&StoredRow{Offset: o, Identity: identity(uint64(o))})
			}
			b.ReportAllocs()
			for b.Loop() {
				id := identity(uint64(o))
				row := StoredRow{Offset: o, Identity: id, Time: o}
				if w.decide(&row) == ledger.Stored {
					w.push(&row)
				}
				o++
			}
		})
	}
}
