package replay

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	usagev1 "tidemark/schemas/usage/v1"
)

// grownRecord is what a sorter keeps of a statement.
func grownRecord(t *testing.T, e *usagev1.TokenCall) []byte {
	t.Helper()
	encoded, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return append(make([]byte, recordHead), encoded...)
}

// TestGrownInAnyOrder adds up statements of one call in every order: an answer under two request ids, a class that goes down, a
// split that came late.
func TestGrownInAnyOrder(t *testing.T) {
	statement := func(at int64, id string, input, write, hour, visible, reasoning uint64) *usagev1.TokenCall {
		return &usagev1.TokenCall{Source: "s", Id: id, ResponseId: "msg", TimeUs: new(at), InputUncached: &input, InputCacheWrite: &write, CacheWrite_1H: &hour,
			OutputVisible: &visible, OutputReasoning: &reasoning}
	}
	statements := []*usagev1.TokenCall{
		statement(3, "req_2", 10, 100, 100, 90, 0), statement(2, "msg", 10, 100, 0, 60, 30), statement(2, "req_1", 12, 90, 90, 3, 0),
		statement(4, "req_1", 9, 100, 40, 80, 0), statement(4, "req_1", 9, 100, 40, 80, 0),
	}
	want := ""
	for range 200 {
		rand.Shuffle(len(statements), func(i, j int) { statements[i], statements[j] = statements[j], statements[i] })
		g := newGrown(&tally{})
		for i, e := range statements {
			add := g.add
			if i == 0 {
				add = g.begin
			}
			if err := add(grownRecord(t, e)); err != nil {
				t.Fatal(err)
			}
		}
		e, _ := g.end().(*usagev1.TokenCall)
		got := fmt.Sprintln(e.Id, e.GetTimeUs(), e.GetInputUncached(), e.GetInputCacheWrite(), e.GetCacheWrite_1H(), e.GetOutputVisible(), e.GetOutputReasoning(), e.Revision)
		if want == "" {
			want = got
		}
		if got != "req_1 2 10 100 100 60 30 95\n" || got != want {
			t.Fatalf("got %s, then %s", want, got)
		}
	}
}

// TestGrownByRevision expects the statement with the highest revision of its own to count as it is.
func TestGrownByRevision(t *testing.T) {
	g := newGrown(&tally{})
	for i, e := range []*usagev1.TokenCall{
		{Source: "s", Id: "i", TimeUs: new(int64(5)), OutputVisible: new(uint64(9))},
		{Source: "s", Id: "i", TimeUs: new(int64(5)), OutputVisible: new(uint64(7)), Revision: 2},
		{Source: "s", Id: "i", TimeUs: new(int64(5)), OutputVisible: new(uint64(8)), Revision: 1},
	} {
		add := g.add
		if i == 0 {
			add = g.begin
		}
		if err := add(grownRecord(t, e)); err != nil {
			t.Fatal(err)
		}
	}
	if e, _ := g.end().(*usagev1.TokenCall); e.Revision != 2 || e.GetOutputVisible() != 7 {
		t.Errorf("got %v", e)
	}
}
