package dashboards_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// told is a file of costs that somebody imported.
type told struct {
	source, account, whose string // Whose is empty: of all providers.
	from, to               time.Time
	at                     time.Time // When it was imported.
	lines                  []toldLine
}

// toldLine is a cost of a time, in 1e-12 of the currency.
type toldLine struct {
	provider, currency string
	from, to           time.Time
	picos              int64
}

// toldOf are files about the days from a first one on. The ninth of them may be today, so that nobody knows yet what it costs.
func toldOf(first time.Time) []told {
	at := func(hours int) time.Time { return first.Add(time.Duration(hours) * time.Hour) }
	daily := func(provider, currency string, from, to int, picos int64) (lines []toldLine) {
		for d := from; d < to; d++ {
			lines = append(lines, toldLine{provider, currency, at(24 * d), at(24*d + 24), picos + int64(d)*125_000_000_001})
		}
		return lines
	}
	const dollar = 1_000_000_000_000
	return []told{
		// Imported while most of its days were not closed. The fifth day costs nothing.
		{"openai", "main", "openai", at(2 * 24), at(9 * 24), at(5 * 24), append(daily("openai", "USD", 2, 4, dollar), daily("openai", "USD", 5, 9, dollar/2)...)},
		{"openai", "main", "openai", at(3 * 24), at(4 * 24), at(30 * 24), daily("openai", "USD", 3, 4, 2*dollar)},                                             // Instead.
		{"openai", "main", "openai", at(1 * 24), at(6 * 24), at(4 * 24), append(daily("openai", "USD", 1, 6, 77*dollar), daily("openai", "EUR", 1, 6, 5)...)}, // Its first day alone counts.
		// Two halves, one of them imported early; then a half whose other one is missing.
		{"openai", "second", "openai", at(2 * 24), at(2*24 + 12), at(30 * 24), []toldLine{{"openai", "USD", at(2*24 + 3), at(2*24 + 4), dollar / 3}}},
		{"openai", "second", "openai", at(2*24 + 12), at(3*24 + 12), at(3 * 24), []toldLine{{"openai", "USD", at(2*24 + 12), at(3 * 24), -dollar}, {"openai", "USD", at(3 * 24), at(3*24 + 5), dollar}}},
		// A gateway knows several providers, one of which it does not name.
		{"litellm", "", "", at(2 * 24), at(7*24 + 5), at(12 * 24), slices.Concat(daily("openai", "USD", 2, 8, 3*dollar), daily("anthropic", "USD", 3, 4, dollar), daily("", "USD", 3, 4, dollar/7), daily("qwen", "CNY", 2, 7, 9*dollar))},
		// A bill of a week, of one that it does not have all of if the range ends before, and in another currency than ours.
		{"focus", "", "", at(24), at(15 * 24), at(10 * 24), append(daily("qwen", "EUR", 4, 5, dollar), toldLine{"google", "USD", at(24), at(8 * 24), 30 * dollar}, toldLine{"google", "USD", at(8 * 24), at(15 * 24), 40 * dollar})},
		// Days without a cost of theirs.
		{"anthropic", "", "anthropic", at(4 * 24), at(6 * 24), at(30 * 24), nil},
		{"other", "", "here", at(5 * 24), at(6 * 24), at(30 * 24), nil},
	}
}

// tell keeps files as imports do, and rows of an import that did not end, of which nothing counts.
func (s store) tell(files []told) {
	s.tellFrom(0, files)
	s.Exec("INSERT INTO billing_usage (import_id, source, account, kind, period_from, period_to, provider, currency, cost_picos) SELECT 999, source, account, kind, period_from, period_to, provider, currency, 7 FROM billing_usage")
}

// tellFrom keeps files whose numbers come after one. Each statement comes twice, as from an import that was repeated.
func (s store) tellFrom(before int, files []told) {
	for range 2 {
		for i, f := range files {
			id := before + i
			for i, l := range f.lines {
				s.Exec("INSERT INTO billing_usage (import_id, source, account, kind, period_from, period_to, provider, line, currency, cost_picos) VALUES (%d, '%s', '%s', 'cost', %d, %d, '%s', '%d', '%s', %d)",
					id+1, f.source, f.account, l.from.Unix(), l.to.Unix(), l.provider, i, l.currency, l.picos)
			}
			s.Exec("INSERT INTO billing_imports (import_id, imported_at, source, account, kind, provider, period_from, period_to) VALUES (%d, fromUnixTimestamp64Second(%d), '%s', '%s', 'cost', '%s', %d, %d)",
				id+1, f.at.Unix(), f.source, f.account, f.whose, f.from.Unix(), f.to.Unix())
		}
	}
}

// settles is how long a day is not closed after its end.
const settles = 3 * day

// reconciled is a row of the panel Ours against theirs before it is one per currency.
type reconciled struct {
	ends                      time.Time
	early                     bool
	ours, theirs              map[string]int64
	unpriced                  int64
	source, account, provider string
	at                        time.Time
}

// toldIn are the files and lines that touch a time, lines with the place of their file.
func (l looked) toldIn(from, to time.Time) (files []int, lines map[int][]toldLine) {
	lines = map[int][]toldLine{}
	for i, f := range l.told {
		if f.from.Before(to) && f.to.After(from) {
			files = append(files, i)
		}
		for _, line := range f.lines {
			if line.from.Before(to) && line.to.After(from) && l.newest(f, line) == i {
				lines[i] = append(lines[i], line)
			}
		}
	}
	return files, lines
}

// newest is the place of the file whose word on the time of a line counts.
func (l looked) newest(of told, line toldLine) int {
	place := -1
	for i, f := range l.told {
		if f.source == of.source && f.account == of.account && passes(f.whose, line.provider) && f.from.Before(line.to) && f.to.After(line.from) && (place < 0 || !f.at.Before(l.told[place].at)) {
			place = i
		}
	}
	return place
}

// covers reports when the oldest file was imported that it takes to know all of a day of a provider, hour by hour: files of the tests are about whole hours.
func (l looked) covers(of told, provider string, date time.Time) (known time.Time, all bool) {
	for hour := date; hour.Before(date.Add(day)); hour = hour.Add(time.Hour) {
		var newest time.Time
		for _, f := range l.told {
			about := f.source == of.source && f.account == of.account && (passes(f.whose, provider) || provider == "")
			if about && !f.from.After(hour) && f.to.After(hour) && f.at.After(newest) {
				newest = f.at
			}
		}
		if newest.IsZero() {
			return known, false
		}
		if known.IsZero() || newest.Before(known) {
			known = newest
		}
	}
	return known, true
}

// comparing is the rows in the making.
type comparing struct {
	looked
	rows map[string]*reconciled
}

// row is that of a day, whose costs are known until a time, by a file that was imported at another one.
func (c *comparing) row(of told, provider string, date, ends, imported time.Time) *reconciled {
	key := texts(date, of.source, of.account, provider)
	if c.rows[key] == nil {
		c.rows[key] = &reconciled{ours: map[string]int64{}, theirs: map[string]int64{}, source: of.source, account: of.account, provider: provider, at: date, ends: ends}
	}
	r := c.rows[key]
	if ends.After(r.ends) {
		r.ends = ends
	}
	r.early = r.early || imported.Before(ends.Add(settles))
	return r
}

// against are the rows of the panel Ours against theirs.
func (l looked) against() []*reconciled {
	from, to := l.from.Truncate(day), l.to.Add(-time.Millisecond).Truncate(day).Add(day)
	c := comparing{l, map[string]*reconciled{}}
	files, lines := l.toldIn(from, to)
	known := map[string]told{} // A file by each provider that its source and account speak of.
	for _, i := range files {
		if f := l.told[i]; f.whose != "" {
			known[texts(f.source, f.account, f.whose)] = f
		}
	}
	for i, some := range lines {
		for _, line := range some {
			f, date := l.told[i], line.from.Truncate(day)
			known[texts(f.source, f.account, line.provider)] = f
			ends, imported, long := date.Add(day), f.at, line.to.After(date.Add(day))
			at, all := l.covers(f, line.provider, date)
			switch {
			case line.from.Before(from) || line.to.After(to) || !long && !all:
				continue
			case long:
				ends = line.to
			default:
				imported = at
			}
			c.row(f, line.provider, date, ends, imported).theirs[line.currency] += line.picos
		}
	}
	for key, f := range known {
		c.ours(f, key[strings.LastIndex(key, " | ")+3:], from, to)
	}
	return slices.Collect(maps.Values(c.rows))
}

// ours adds our cost of the days of a provider that files of an account are about.
func (c *comparing) ours(of told, provider string, from, to time.Time) {
	for _, call := range c.calls {
		date := call.at.Truncate(day)
		if call.Provider != provider || !passes(c.tenant, call.Tenant) || call.at.Before(from) || !call.at.Before(to) {
			continue
		}
		if at, all := c.covers(of, provider, date); all {
			r := c.row(of, provider, date, date.Add(day), at)
			r.unpriced += call.unpriced
			if call.currency != "" {
				r.ours[call.currency] += call.cost
			}
		}
	}
}

// state is how final the row is.
func (r *reconciled) state(now time.Time) string {
	switch {
	case now.Before(r.ends):
		return "open"
	case now.Before(r.ends.Add(settles)):
		return "settling"
	case r.early:
		return "closed*"
	}
	return "closed"
}

// bills is the panel Ours against theirs.
func (l looked) bills() (rows []string) {
	now := l.asked
	if now.IsZero() {
		now = time.Now()
	}
	all := slices.DeleteFunc(l.against(), func(r *reconciled) bool { return !passes(l.provider, r.provider) })
	slices.SortFunc(all, func(a, b *reconciled) int {
		return cmp.Or(b.at.Compare(a.at), strings.Compare(a.source, b.source), strings.Compare(a.account, b.account), strings.Compare(a.provider, b.provider))
	})
	for _, r := range all {
		about := []any{r.at.Format(time.DateOnly), r.source, r.account, cmp.Or(r.provider, notGiven), r.state(now)}
		currencies := map[string]bool{}
		for _, of := range []map[string]int64{r.ours, r.theirs} {
			for currency := range of {
				currencies[currency] = true
			}
		}
		for _, currency := range slices.Sorted(maps.Keys(currencies)) {
			ours, theirs := r.ours[currency], r.theirs[currency]
			rows = append(rows, texts(append(about[:5:5], currency, float64(theirs)/1e12, float64(ours)/1e12, float64(ours-theirs)/1e12, share(float64(ours-theirs), float64(theirs)), r.unpriced)...))
		}
		if len(currencies) == 0 {
			rows = append(rows, texts(append(about[:5:5], "", nil, nil, nil, nil, r.unpriced)...))
		}
	}
	return rows
}

// TestBillsShow: the days of the tests have every state and every kind of row.
func TestBillsShow(t *testing.T) {
	today := time.Now().UTC().Truncate(day)
	l := looked{bill: bill{told: toldOf(today.Add(-8 * day))}, from: today.Add(-8 * day), to: today.Add(day)}
	found := strings.Join(l.bills(), "\n")
	for _, needed := range []string{"open", "settling", "closed", "closed*", "EUR", "CNY"} {
		if !strings.Contains(found, " | "+needed+" | ") {
			t.Errorf("no row has %s:\n%s", needed, found)
		}
	}
	for _, needed := range []string{fmt.Sprint(today.Add(-7*day).Format(time.DateOnly), " | focus |  | google | settling | USD | 30 | 0 | -30 | -1 | 0"), fmt.Sprint(today.Add(-6*day).Format(time.DateOnly), " | openai | second | openai | closed* | USD | ")} {
		if !strings.Contains(found, needed) {
			t.Errorf("%q is not in\n%s", needed, found)
		}
	}
}
