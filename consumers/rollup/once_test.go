package rollup_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// onceEach fails the test unless every rollup of calls shows each event of the view once, with its figures.
func onceEach(t *testing.T, w *rolluptest.World, when string) {
	t.Helper()
	want := w.Numbers(3, "SELECT count(), sum(calls), sum(ifNull(output_tokens, 0) * weight) FROM token_calls")
	for _, table := range rollup.Tables() {
		if !strings.HasPrefix(table.Name, "token_calls") {
			continue
		}
		if got := w.Numbers(3, "SELECT sum(records), sum(calls), sum(output_tokens) FROM %s", table.Name); got != want {
			t.Errorf("%s: %s has (records, calls, output) %s, the view %s", when, table.Name, got, want)
		}
	}
}

func calls(seed uint64, n int) []schemas.Event {
	events := rolluptest.Random(seed, 2*n, start, 20*time.Minute)
	return slices.DeleteFunc(events, func(e schemas.Event) bool { _, ok := e.(*usagev1.TokenCall); return !ok })[:n/2]
}

// TestEventInTwoPartitionsCountsOnce sends events again to other partitions: by a producer that chooses its own, and
// after the topic has grown.
func TestEventInTwoPartitionsCountsOnce(t *testing.T) {
	t.Run("foreign producer", func(t *testing.T) {
		w := rolluptest.New(t)
		events := calls(1, 200)
		w.Route = func(id schemas.Identity) int32 { return int32(id[15]) % 2 }
		w.Deliver(events...)
		w.Route = func(id schemas.Identity) int32 { return int32(id[15]+1) % 2 }
		w.Deliver(events...)
		catchUp(t, w.DB)
		onceEach(t, w, "sent twice")
	})
	t.Run("backlog of a topic that has grown", func(t *testing.T) {
		w := rolluptest.New(t)
		events := calls(2, 200)
		// Written when there were 2 partitions, read when there are 4: every ledger row says 4.
		w.Partitions = 4
		w.Route = func(id schemas.Identity) int32 { return id.Partition(2) }
		w.Deliver(events...)
		w.Route = func(id schemas.Identity) int32 { return id.Partition(4) }
		w.Deliver(events...)
		catchUp(t, w.DB)
		onceEach(t, w, "sent again")
	})
	t.Run("ledger rows of before", func(t *testing.T) {
		w := rolluptest.New(t)
		events := calls(3, 200)
		w.Route = func(id schemas.Identity) int32 { return int32(id[15]) % 2 }
		w.Deliver(events...)
		w.Route = func(id schemas.Identity) int32 { return int32(id[15]+1) % 2 }
		w.Deliver(events...)
		w.Exec("ALTER TABLE ledger UPDATE format = 0, `buckets.strays` = arrayMap(x -> 0, `buckets.strays`) WHERE 1 SETTINGS mutations_sync = 2")
		catchUp(t, w.DB)
		onceEach(t, w, "sent twice")
	})
}

// TestRebuildLooksAtEveryEvent plants a ledger that says that no event is in two rows, and asks.
func TestRebuildLooksAtEveryEvent(t *testing.T) {
	w := rolluptest.New(t)
	events := calls(4, 200)
	w.Route = func(id schemas.Identity) int32 { return int32(id[15]) % 2 }
	w.Deliver(events...)
	w.Route = func(id schemas.Identity) int32 { return int32(id[15]+1) % 2 }
	w.Deliver(events...)
	w.Exec("ALTER TABLE ledger UPDATE `buckets.strays` = arrayMap(x -> 0, `buckets.strays`) WHERE 1 SETTINGS mutations_sync = 2")
	catchUp(t, w.DB)
	if view, shown := w.Numbers(1, "SELECT count() FROM token_calls"), w.Numbers(1, "SELECT sum(records) FROM token_calls_1m"); view == shown {
		t.Fatal("the plain scan is not used at all")
	}
	if err := rebuild(t.Context(), &rollup.Rebuild{DB: w.DB}, &rollup.Worker{DB: w.DB}); err != nil {
		t.Fatal(err)
	}
	onceEach(t, w, "rebuilt")
}

// TestHighestRevisionCounts states events again, in the same block, within the window, beyond it and in another
// partition, upwards and downwards.
func TestHighestRevisionCounts(t *testing.T) {
	for name, window := range map[string]int64{"within the window": 1000, "beyond it": 1} {
		t.Run(name, func(t *testing.T) {
			w := rolluptest.New(t)
			w.Window = window
			first := calls(5, 100)
			state := func(revision, output uint64) []schemas.Event {
				var out []schemas.Event
				for _, e := range first {
					call, ok := e.(*usagev1.TokenCall)
					if !ok {
						t.Fatalf("%T among calls", e)
					}
					again := proto.CloneOf(call)
					again.Revision, again.OutputVisible, again.OutputReasoning, again.Weight = revision, &output, nil, 1
					out = append(out, again)
				}
				return out
			}
			total := func(want uint64, when string) {
				t.Helper()
				catchUp(t, w.DB)
				onceEach(t, w, when)
				if got := strings.TrimSpace(w.Numbers(1, "SELECT sum(output_tokens) FROM token_calls_1h")); got != fmt.Sprint(want*uint64(len(first))) {
					t.Errorf("%s: %s output tokens, want %d a call", when, got, want)
				}
			}
			w.Deliver(first...)
			w.Deliver(slices.Concat(state(3, 23), state(5, 159))...)
			total(159, "grown")
			w.Deliver(state(4, 77)...)
			total(159, "an older statement")
			w.Route = func(id schemas.Identity) int32 { return 1 - id.Partition(2) }
			w.Deliver(state(9, 300)...)
			total(300, "elsewhere")
		})
	}
}

// TestSumsBeyond64Bits sums up events of the largest size and weight.
func TestSumsBeyond64Bits(t *testing.T) {
	const n = 300
	w := rolluptest.New(t)
	var events []schemas.Event
	tokens, cost := uint64(1000), int64(1e18)
	for i := range n {
		events = append(events, &usagev1.TokenCall{Source: "s", Id: fmt.Sprint(i), TimeUs: new(start.UnixMicro()), Tenant: "t", Product: "p", Model: "m", Status: 1,
			InputUncached: &tokens, Weight: 1e12, ReportedCostNanos: &cost, ReportedCostPicos: 999, CostCurrency: "USD"})
	}
	// As many as there are, a hundred times: the sum of tokens is 3e19.
	for range 100 {
		for _, e := range events {
			if call, ok := e.(*usagev1.TokenCall); ok {
				call.Id += "x"
			}
		}
		w.Deliver(events...)
	}
	catchUp(t, w.DB)
	times := func(x int64, y string) string {
		f, _ := new(big.Int).SetString(y, 10)
		return new(big.Int).Mul(big.NewInt(x), f).String()
	}
	want := fmt.Sprintf("%s %s %s\n", times(100*n, "1000000000000000"), times(100*n, "1000000000000"), times(100*n, "1000000000000000000999000000000000"))
	for _, table := range []string{"token_calls_1m", "token_calls_1h", "token_calls_1d", "token_calls_all_1h", "token_calls_all_1d"} {
		if got := w.Numbers(3, "SELECT sum(input_tokens), sum(calls), sum(reported_cost_picos) FROM %s", table); got != want {
			t.Errorf("%s: (tokens, calls, cost) %s, want %s", table, got, want)
		}
	}
}

// TestThinHistoryCostsLittle counts the statements for events strewn over the years that are accepted.
func TestThinHistoryCostsLittle(t *testing.T) {
	statements := func(events []schemas.Event) int {
		w := rolluptest.New(t)
		w.Deliver(events...)
		db := &crashing{DB: w.DB, left: 1 << 30}
		if err := (&rollup.Worker{DB: db}).UntilCaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		onceEach(t, w, "strewn")
		return db.count
	}
	every := func(step time.Duration, n int) (events []schemas.Event) {
		from := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range n {
			events = append(events, &usagev1.TokenCall{Source: "s", Id: fmt.Sprint(i), Tenant: "t", Product: "p", Model: "m", Status: 1,
				TimeUs: new(from.UnixMicro() + int64(i)*step.Microseconds())})
		}
		return events
	}
	const day = 24 * time.Hour
	dense := statements(every(time.Minute, 1200))
	for name, events := range map[string][]schemas.Event{"a month": every(30*day, 4788), "two years": every(2*366*day, 198)} {
		if n := statements(events); n > 3*dense {
			t.Errorf("an event every %s: %d statements, %d for a dense day", name, n, dense)
		}
	}
}
