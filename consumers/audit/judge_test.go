package audit

import (
	"math/big"
	"strings"
	"testing"

	"tidemark/schemas"
)

// TestJudgeRun holds what became of a run against what its maker knows: what the broker kept twice is no loss, and
// hides none.
func TestJudgeRun(t *testing.T) {
	made := truth{produced: 14, events: 10, duplicates: 2, conflicts: 1, poison: 1, weight: *big.NewInt(30)}
	sums := func(events uint64, weight int64) *totals { return &totals{events: events, weight: *big.NewInt(weight)} }
	all := sums(10, 30)
	others := func(n int, known bool) exceptions {
		var x exceptions
		if !known {
			x.offsets[2] = 1
		}
		x.foreign.events = map[string]map[schemas.Identity]bool{"": {}}
		for i := range n {
			x.foreign.events[""][schemas.Identity{byte(i)}] = true
		}
		return x
	}
	for _, c := range []struct {
		name   string
		became counts
		found  *totals
		except exceptions
		want   string
	}{
		{"as produced", counts{10, 2, 1, 1}, all, others(0, true), ""},
		{"a record is lost", counts{9, 2, 1, 1}, sums(9, 27), others(0, true), "14 records were produced, and 9 stored + 2 duplicates + 1 conflict + 1 dead letter make 13"},
		{"a batch is kept twice", counts{10, 5, 1, 1}, all, others(0, true), ""},
		{"a batch with all sorts is kept twice", counts{10, 5, 2, 2}, all, others(0, true), ""},
		{"a batch is kept twice and nobody knows whose duplicates there are", counts{10, 5, 1, 1}, all, others(0, false), ""},
		{"a batch is kept twice and an event is lost", counts{9, 5, 1, 1}, sums(9, 27), others(0, true), "10 distinct events were produced"},
		{"an event is kept twice and one is lost", counts{9, 3, 1, 1}, sums(9, 27), others(0, true), "10 distinct events were produced, 0 conflicts found too late and 0 events refused, and 9 are stored"},
		{"another run made events before", counts{6, 6, 1, 1}, sums(6, 18), others(4, true), ""},
		{"another run made events before, and one is lost", counts{6, 6, 1, 1}, sums(6, 18), others(3, true), "and 6 are stored, 3 more by other runs"},
		{"another run made events before, and the log does not tell", counts{6, 6, 1, 1}, sums(6, 18), others(0, false), ""},
		{"a batch is kept twice, with another weight", counts{10, 5, 1, 1}, sums(10, 29), others(0, true), "weight of 30 were produced, and 29 are stored"},
		{"a conflict is found too late", counts{11, 2, 0, 1}, sums(11, 33), others(0, true), ""},
		{"an event is refused", counts{9, 2, 1, 2}, sums(9, 27), others(0, true), ""},
		{"poison is taken for an event", counts{11, 2, 1, 0}, sums(11, 0), others(0, true), "1 poison record was produced, and only 0 are dead letters"},
	} {
		topic := &topic{spec: schemas.SpecOf(schemas.QueryType), except: c.except}
		if got := topic.judgeRun(&made, c.became, c.found); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestNegativeLimits expects an error that names each field, before anything is sent to the database.
func TestNegativeLimits(t *testing.T) {
	_, err := (&Auditor{Limits: Limits{Patience: -1, Rows: -1, Memory: -1, Threads: -1}}).Run(t.Context())
	for _, want := range []string{"Patience must not be negative", "Rows must", "Memory must", "Threads must"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
