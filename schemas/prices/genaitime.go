package prices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// genaiCondition is prices and when they hold.
type genaiCondition struct {
	When       map[string]json.RawMessage `json:"when"` // Of a variant: what the call must say.
	Constraint *genaiConstraint           `json:"constraint"`
	Prices     genaiUnitPrices            `json:"prices"`
}

// genaiConstraint is a first day, or a time of day in minutes since midnight, UTC.
type genaiConstraint struct {
	start    time.Time // Zero: it is a time of day.
	from, to int
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *genaiConstraint) UnmarshalJSON(raw []byte) error {
	var text struct {
		StartDate string `json:"start_date"`
		StartTime string `json:"start_time"`
		EndTime   string `json:"end_time"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&text); err != nil {
		return fmt.Errorf("constraint: %w", err)
	}
	var err error
	switch {
	case text.StartDate != "" && text.StartTime+text.EndTime == "":
		if c.start, err = time.Parse(time.DateOnly, text.StartDate); err != nil {
			return fmt.Errorf("constraint: start_date: %s is no day", schemas.Excerpt(text.StartDate))
		}
		return nil
	case text.StartDate == "":
		var fromErr, toErr error
		c.from, fromErr = minuteOfDay(text.StartTime)
		c.to, toErr = minuteOfDay(text.EndTime)
		if err := errors.Join(fromErr, toErr); err != nil {
			return fmt.Errorf("constraint: %w", err)
		}
		if c.from == c.to {
			return fmt.Errorf("constraint: from %s to %s is no time", text.StartTime, text.EndTime)
		}
		return nil
	}
	return errors.New("constraint: it is neither a first day nor a time of day")
}

// minuteOfDay reads a time of day with its zone, and returns the minute of the day in UTC.
func minuteOfDay(text string) (int, error) {
	at, err := time.Parse("15:04:05Z07:00", text)
	if err != nil {
		return 0, fmt.Errorf("%s is no time of day with a zone, such as 16:30:00Z", schemas.Excerpt(text))
	}
	if at = at.UTC(); at.Second() != 0 || at.Nanosecond() != 0 {
		return 0, fmt.Errorf("%s is not a whole minute", schemas.Excerpt(text))
	}
	return at.Hour()*60 + at.Minute(), nil
}

// genaiConditions reads prices: an object, or a list of those with the times in which they hold. Of a list, the last one that holds counts.
func genaiConditions(raw json.RawMessage) (all []genaiCondition, err error) {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil, nil
	case bytes.HasPrefix(raw, []byte("[")):
		err = json.Unmarshal(raw, &all)
	default:
		all = make([]genaiCondition, 1)
		err = json.Unmarshal(raw, &all[0].Prices)
	}
	return all, err
}

// genaiPeriod is what holds between two instants: at some times of day the prices of a window, else the base.
type genaiPeriod struct {
	from, to time.Time
	base     genaiUnitPrices
	windows  []genaiCondition
}

// genaiPeriods returns what holds when, one period after the other. Of prices that nothing bounds, those behind them in the list are in front.
func genaiPeriods(lists ...[]genaiCondition) []genaiPeriod {
	starts := []time.Time{{}}
	for _, list := range lists {
		for _, c := range list {
			if c.Constraint != nil && !c.Constraint.start.IsZero() {
				starts = append(starts, c.Constraint.start)
			}
		}
	}
	slices.SortFunc(starts, time.Time.Compare)
	starts = slices.CompactFunc(starts, time.Time.Equal)
	all := make([]genaiPeriod, len(starts))
	for i, from := range starts {
		all[i].from = from
		if i+1 < len(starts) {
			all[i].to = starts[i+1]
		}
		all[i].base, all[i].windows = genaiActive(lists[0], from)
	}
	return all
}

// genaiActive returns the prices that hold at an instant: those of times of day, and the base for the rest of the day, nil if the list has none.
func genaiActive(list []genaiCondition, at time.Time) (base genaiUnitPrices, windows []genaiCondition) {
	for _, c := range slices.Backward(list) {
		switch {
		case c.Constraint == nil || !c.Constraint.start.IsZero() && !at.Before(c.Constraint.start):
			return c.Prices, windows
		case c.Constraint.start.IsZero():
			windows = append(windows, c)
		}
	}
	return nil, windows
}

// prices returns the prices of a model, or why it has none. A price of what Tidemark does not know is an error.
func (m genaiModel) prices(base Price, table *Table, entry string) (found []Price, reason string, err error) {
	if m.unknown != "" {
		return nil, "", &unknownUnitError{m.unknown}
	}
	standard, err := genaiConditions(m.Prices)
	if err != nil {
		return nil, "", err
	}
	if len(standard) == 0 {
		return nil, "it has no price of tokens", nil
	}
	for _, p := range genaiPeriods(standard) {
		if p.base == nil {
			p.base = standard[0].Prices // So the table says: if none holds, the first one.
		}
		base.From, base.To = p.from, p.to
		rows, reason := p.rows(base)
		if reason != "" {
			return nil, reason, nil
		}
		found = append(found, rows...)
	}
	tiers, err := m.tiers()
	if err != nil {
		return nil, "", err
	}
	for _, tier := range sortedKeys(tiers) {
		base.Tier = tier
		rows, reason := genaiTierRows(base, standard, tiers[tier])
		if reason != "" {
			table.notTaken(entry, "the prices of %s: %s", schemas.Excerpt(tier), reason)
			continue
		}
		found = append(found, rows...)
	}
	return found, "", nil
}

// rows returns the rows of a period.
func (p genaiPeriod) rows(base Price) (found []Price, reason string) {
	thresholds := map[uint64]bool{}
	p.base.thresholds(thresholds)
	var minutes [minutesPerDay]bool
	for _, w := range p.windows {
		w.Prices.thresholds(thresholds)
		for minute := w.Constraint.from; minute != w.Constraint.to; minute = (minute + 1) % minutesPerDay {
			if minutes[minute] {
				return nil, "it has two prices for one time of day"
			}
			minutes[minute] = true
		}
	}
	if found, reason = p.base.rows(base, thresholds); reason != "" {
		return nil, reason
	}
	for _, w := range p.windows {
		base.DailyFrom, base.DailyTo = w.Constraint.from, w.Constraint.to
		of, reason := w.Prices.instead(p.base).rows(base, thresholds)
		if reason != "" {
			return nil, reason
		}
		found = append(found, of...)
	}
	return found, ""
}

// instead returns the prices of a time of day so that none of the rest of the day counts in it: a unit that has only one there has that of the unit as
// which it is charged, or none that is told.
func (u genaiUnitPrices) instead(rest genaiUnitPrices) genaiUnitPrices {
	all := u.over(nil)
	for unit := range rest {
		if _, known := u[unit]; known {
			continue
		}
		all[unit] = genaiPriceOf{base: NotTold}
		for _, as := range chargedAs(unit) {
			if p, known := u[as]; known {
				all[unit] = p
			}
		}
	}
	return all
}

// tiers returns the prices of service tiers, by tier: what differs from the standard ones.
func (m genaiModel) tiers() (map[string][]genaiCondition, error) {
	batch, batchErr := genaiConditions(m.Batch)
	variants, variantsErr := genaiConditions(m.Variants)
	if err := errors.Join(batchErr, variantsErr); err != nil {
		return nil, err
	}
	tiers := map[string][]genaiCondition{}
	if len(batch) > 0 {
		tiers["batch"] = batch
	}
	for _, v := range variants {
		for _, tier := range genaiTiersOf(v.When) {
			tiers[tier] = append(tiers[tier], v)
		}
	}
	return tiers, nil
}

// genaiTiersOf returns the service tiers for which a variant is. What is none is one that no event has.
func genaiTiersOf(when map[string]json.RawMessage) []string {
	var one string
	var many []string
	raw, told := when["service_tier"]
	if !told {
		raw = when["processing"] // "batch".
	}
	switch {
	case len(when) == 1 && json.Unmarshal(raw, &one) == nil:
		return []string{one}
	case len(when) == 1 && json.Unmarshal(raw, &many) == nil:
		return many
	}
	var words []string
	for _, name := range sortedKeys(when) {
		words = append(words, name+" "+string(when[name]))
	}
	return []string{strings.Join(words, ", ")}
}

// genaiTierRows returns the rows of a service tier: the standard prices with its own in their place, when it has any. Of two that hold, the one that
// began last counts, in whatever order they stand.
func genaiTierRows(base Price, standard, tier []genaiCondition) (found []Price, reason string) {
	if index(Tiers, base.Tier) < 0 || base.Tier == Standard {
		if !slices.ContainsFunc(tier, func(c genaiCondition) bool { return len(c.Prices) > 0 }) {
			return nil, "" // "default" has the standard prices.
		}
		return nil, "no call tells it"
	}
	newest := slices.Clone(tier)
	slices.SortStableFunc(newest, func(a, b genaiCondition) int { return b.start().Compare(a.start()) })
	for _, p := range genaiPeriods(standard, tier) {
		own := genaiUnitPrices{}
		for _, c := range slices.Backward(newest) {
			if c.Constraint != nil && c.Constraint.start.IsZero() || len(p.windows) > 0 {
				return nil, "they depend on the time of day too"
			}
			if !p.from.Before(c.start()) {
				own = own.over(c.Prices)
			}
		}
		if len(own) == 0 {
			continue
		}
		if p.base == nil {
			p.base = standard[0].Prices
		}
		base.From, base.To = p.from, p.to
		thresholds := map[uint64]bool{}
		all := p.base.over(own)
		all.thresholds(thresholds)
		rows, reason := all.rows(base, thresholds)
		if reason != "" {
			return nil, reason
		}
		found = append(found, rows...)
	}
	return found, ""
}

// start returns the first day, zero if it has none.
func (c genaiCondition) start() time.Time {
	if c.Constraint == nil {
		return time.Time{}
	}
	return c.Constraint.start
}
