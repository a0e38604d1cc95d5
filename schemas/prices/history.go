package prices

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// historyUnits are the columns of a history that are prices per token.
var historyUnits = []struct {
	column string
	unit   Unit
}{{"input_cost_per_token", Input}, {"output_cost_per_token", Output}, {"cache_read_input_token_cost", CacheRead}}

// ReadHistory reads a dated history of LiteLLM's table as CSV: a line per model and change, with the columns observed_at, event (add, change, remove),
// model, provider, mode and prices per token in USD. A price holds from when it was observed until the next line of its model; what held before the
// first line is not known.
func ReadHistory(r io.Reader) (Table, error) {
	rows := csv.NewReader(io.LimitReader(r, MaxTable))
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return Table{}, fmt.Errorf("read the head of the history: %w", err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[name] = i
	}
	for _, name := range []string{"observed_at", "event", "model", "provider", "mode", historyUnits[0].column, historyUnits[1].column} {
		if _, ok := column[name]; !ok {
			return Table{}, fmt.Errorf("the history has no column %s", name)
		}
	}
	h := history{table: Table{Source: "litellm", Dated: true}, open: map[modelKey][]Price{}}
	for line := 2; ; line++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Table{}, fmt.Errorf("read the history: %w", err)
		}
		cell := func(name string) string {
			if i, ok := column[name]; ok {
				return row[i]
			}
			return ""
		}
		if err := h.line(cell); err != nil {
			return Table{}, fmt.Errorf("line %d of the history: %w", line, err)
		}
	}
	for _, open := range h.open {
		h.table.Prices = append(h.table.Prices, open...)
	}
	slices.SortFunc(h.table.Prices, compare)
	return h.table, nil
}

// history is what was read so far.
type history struct {
	table Table
	open  map[modelKey][]Price // That hold until further notice.
	last  time.Time
}

// line reads a line.
func (h *history) line(cell func(string) string) error {
	at, err := time.Parse(time.RFC3339, cell("observed_at"))
	if err != nil {
		return fmt.Errorf("observed_at: %w", err)
	}
	at = at.UTC().Truncate(time.Minute)
	if at.Before(h.last) {
		return fmt.Errorf("it is of %s, before the line before, which is of %s: sort it by observed_at", instant(at), instant(h.last))
	}
	h.last = at
	entry := cell("model")
	base, reason := litellmKey(entry, cell("provider"))
	key := modelKey{base.Provider, base.Region + "/" + base.Model}
	h.end(key, at)
	switch event := cell("event"); event {
	case "remove":
		return nil
	case "add", "change":
	default:
		return fmt.Errorf("event %q is not add, change or remove", event)
	}
	var found []Price
	for _, u := range historyUnits {
		if text := cell(u.column); text != "" && reason == "" {
			p := base
			p.Unit = u.unit
			p, _, reason = priced(p, text)
			found = append(found, p)
		}
	}
	if reason == "" {
		found, reason = withoutUnknown(found, cell("mode"))
	}
	if reason != "" {
		h.table.skip(entry, "%s", reason)
		return nil
	}
	h.open[key] = from(found, at)
	return nil
}

// end ends the prices of a model.
func (h *history) end(key modelKey, at time.Time) {
	for _, p := range h.open[key] {
		if p.From.Before(at) {
			p.To = at
			h.table.Prices = append(h.table.Prices, p)
		}
	}
	delete(h.open, key)
}
