package cli

import (
	"time"

	"tidemark/consumers/deadletter"
	"tidemark/internal/app"
	"tidemark/producers"
	"tidemark/producers/replay"
	"tidemark/schemas"
	"tidemark/schemas/prices"
)

// changesJSON is the result of 'tidemark reprice --dry-run'.
type changesJSON struct {
	Book    uint64           `json:"book"`
	Note    string           `json:"book_note"`
	Changes []costChangeJSON `json:"changes"`
}

type costChangeJSON struct {
	Day            string  `json:"day"`
	Provider       string  `json:"provider"`
	Model          string  `json:"model"`
	Currency       *string `json:"currency"`    // Null: the change is of calls without a price, and so are the costs.
	Before         *string `json:"cost_before"` // A decimal number, exact.
	After          *string `json:"cost_after"`
	UnpricedBefore string  `json:"tokens_unpriced_before"`
	Unpriced       string  `json:"tokens_unpriced_after"`
}

func changesOutput(made prices.Made, changes []app.CostChange) changesJSON {
	out := changesJSON{Book: made.Number, Note: made.Note, Changes: []costChangeJSON{}}
	for _, c := range changes {
		one := costChangeJSON{Day: c.Day.Format(time.DateOnly), Provider: c.Provider, Model: c.Model, UnpricedBefore: c.UnpricedBefore.String(), Unpriced: c.Unpriced.String()}
		if c.Currency != "" {
			one.Before, one.Currency = amountJSON(c.Before, c.Currency)
			one.After, _ = amountJSON(c.After, c.Currency)
		}
		out.Changes = append(out.Changes, one)
	}
	return out
}

// closedJSON is the result of 'tidemark reprice --close'.
type closedJSON struct {
	Month        string `json:"month"`
	Charges      int    `json:"charges"`
	ClosedBefore bool   `json:"closed_before"`
}

// rebuiltJSON is the result of 'tidemark rollup rebuild' and 'tidemark reprice'.
type rebuiltJSON struct {
	Interrupted bool    `json:"interrupted"`
	Ranges      int     `json:"ranges"`
	Done        int     `json:"ranges_done"`
	Unequal     int     `json:"ranges_unequal"` // They keep their old values, because raw rows do not match the ledger.
	Rows        uint64  `json:"raw_rows"`
	Seconds     float64 `json:"seconds"`
	Book        uint64  `json:"book,omitempty"` // That a reprice priced by.
}

// runJSON is the result of 'tidemark generate' and 'tidemark replay'.
type runJSON struct {
	Run         string         `json:"run,omitempty"`
	Seed        *uint64        `json:"seed,omitempty"`
	Source      string         `json:"source,omitempty"`
	DryRun      bool           `json:"dry_run,omitempty"`
	Interrupted bool           `json:"interrupted"`
	Complete    bool           `json:"complete"` // Nothing was skipped or is missing.
	RowsRead    *int64         `json:"rows_read,omitempty"`
	RowsSkipped *int64         `json:"rows_skipped,omitempty"`
	First       *time.Time     `json:"first,omitempty"`
	Last        *time.Time     `json:"last,omitempty"`
	Records     uint64         `json:"records"`
	Seconds     float64        `json:"seconds,omitempty"`
	Types       []producedJSON `json:"types"`
	Schedule    *scheduleJSON  `json:"schedule,omitempty"`
	Stored      *int64         `json:"events_stored_already,omitempty"` // Of a dry run; absent if ClickHouse does not answer.
}

type producedJSON struct {
	Type         string `json:"type"`
	Records      uint64 `json:"records"`
	Events       uint64 `json:"events"`
	Duplicates   uint64 `json:"duplicates"`
	Conflicts    uint64 `json:"conflicts"`
	Poison       uint64 `json:"poison"`
	InputTokens  string `json:"input_tokens"` // A whole number that may be beyond what a float holds.
	OutputTokens string `json:"output_tokens"`
}

type scheduleJSON struct {
	Events int64   `json:"events"`
	Late   int64   `json:"events_late"` // By more than a second.
	P50    float64 `json:"late_p50_seconds"`
	P90    float64 `json:"late_p90_seconds"`
	P99    float64 `json:"late_p99_seconds"`
	Max    float64 `json:"late_max_seconds"`
}

// runOutput returns what a run produced for JSON.
func runOutput(truth *producers.Truth, took time.Duration) runJSON {
	out := runJSON{Seconds: took.Seconds(), Types: []producedJSON{}, Complete: true}
	for _, spec := range schemas.Specs() {
		count := truth.Of(spec.Type)
		if count.Produced == 0 {
			continue
		}
		out.Records += count.Produced
		out.Types = append(out.Types, producedJSON{
			spec.Type.String(), count.Produced, count.Events, count.Duplicates, count.Conflicts, count.Poison, count.InputTokens.String(), count.OutputTokens.String(),
		})
	}
	return out
}

// readingOutput adds what a replay read.
func (out runJSON) readingOutput(source string, r replay.Reading) runJSON {
	out.Source, out.Interrupted, out.RowsRead, out.RowsSkipped = source, r.Interrupted, &r.Rows, &r.Skipped
	out.First, out.Last = timeJSON(r.First), timeJSON(r.Last)
	return out
}

func scheduleOutput(s replay.Schedule) *scheduleJSON {
	if s.Events == 0 {
		return nil
	}
	return &scheduleJSON{s.Events, s.Late, s.P50.Seconds(), s.P90.Seconds(), s.P99.Seconds(), s.Max.Seconds()}
}

// ingestedJSON is the result of 'tidemark ingest'.
type ingestedJSON struct {
	Interrupted bool    `json:"interrupted"` // Before --until-caught-up was reached.
	Offsets     uint64  `json:"offsets"`
	Stored      uint64  `json:"stored"`
	Duplicates  uint64  `json:"duplicates"`
	Conflicts   uint64  `json:"conflicts"`
	Dead        uint64  `json:"dead_letters"`
	Control     uint64  `json:"control"`
	Gap         uint64  `json:"gap"`
	Seconds     float64 `json:"seconds"`
}

func ingestedOutput(t app.Totals, took time.Duration, interrupted bool) ingestedJSON {
	return ingestedJSON{interrupted, t.Offsets, t.Stored, t.Duplicates, t.Conflicts, t.Dead, t.Control, t.Gap, took.Seconds()}
}

// rolledUpJSON is the result of 'tidemark rollup --until-caught-up'.
type rolledUpJSON struct {
	Ranges  uint64  `json:"ranges"`
	Rows    uint64  `json:"raw_rows"`
	Seconds float64 `json:"seconds"`
}

// lettersJSON is the result of 'tidemark deadletters list'.
type lettersJSON struct {
	Letters    int               `json:"dead_letters"`
	Copies     int               `json:"copies"`
	Omitted    int               `json:"entries_omitted"`
	Unreadable int               `json:"records_unreadable"`
	Counts     []letterCountJSON `json:"counts"`
	Entries    []letterJSON      `json:"entries"`
}

type letterCountJSON struct {
	Topic   string `json:"topic"`
	Reason  string `json:"reason"`
	Run     string `json:"run"`
	Records int    `json:"records"`
}

type letterJSON struct {
	Coordinate string    `json:"coordinate"`
	Topic      string    `json:"topic"`
	Epoch      uint32    `json:"epoch"`
	Partition  int32     `json:"partition"`
	Offset     int64     `json:"offset"`
	Records    int       `json:"records"`
	Reason     string    `json:"reason"`
	Field      string    `json:"field"`
	Detail     string    `json:"detail"`
	Run        string    `json:"run"`
	Time       time.Time `json:"record_time"`
	Written    time.Time `json:"written_at"`
	Size       int       `json:"value_bytes"`
	Kept       int       `json:"value_bytes_kept"`
}

func lettersOutput(l *deadletter.Listing) lettersJSON {
	out := lettersJSON{Letters: l.Records, Copies: l.Copies, Omitted: l.Omitted, Unreadable: l.UnreadableCount, Counts: []letterCountJSON{}, Entries: []letterJSON{}}
	for _, c := range l.Counts {
		out.Counts = append(out.Counts, letterCountJSON(c))
	}
	for _, e := range l.Entries {
		out.Entries = append(out.Entries, letterJSON{
			e.String(), e.Topic, e.Epoch, e.ID, e.Offset, e.Records, e.Reason, e.Field, e.Detail, e.Run, e.Timestamp.UTC(), e.Written.UTC(), e.Size, e.Kept,
		})
	}
	return out
}

// healthJSON is the result of 'tidemark health'.
type healthJSON struct {
	URL     string `json:"url"`
	Healthy bool   `json:"healthy"`
	Status  int    `json:"http_status"`
	Answer  string `json:"answer"`
}

// versionJSON is the result of 'tidemark version'. What is not known is "unknown".
type versionJSON struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Engine  string `json:"clickhouse_engine"`
}
