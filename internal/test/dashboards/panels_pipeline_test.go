package dashboards_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark/schemas"
)

// pipeline is the dashboard Pipeline.
func (s *sight) pipeline() panels {
	return panels{
		"7A": s.state(), "2A": s.verdict(), "6A": s.notInCharts(), "5A": s.throughputNow(), "10A": s.whatHappened(),
		"20A": s.throughput(), "21A": s.lagging(), "22A": s.lateness(timed, lateOf, delivered), "26A": s.lateness(stores, eventLagOf, stored), "23A": s.blockSizes(),
		"24A": s.insertTimes(), "25A": s.notStored(), "30A": s.partitions(), "31A": s.workers(), "40A": s.rollups(), "50A": s.verdicts(), "51A": s.findingsOfNewest(),
	}
}

func timed(b block) bool       { return !b.old }
func stores(b block) bool      { return b.stored > 0 }
func lateOf(b block) int64     { return b.lateUs }
func eventLagOf(b block) int64 { return b.eventUs }
func stored(b block) int64     { return b.stored }
func delivered(b block) int64  { return b.stored + b.duplicates + b.conflicts + b.dead }
func records(b block) int64    { return b.to - b.from }
func blocksSum(all []block, of func(block) int64) (n int64) {
	for _, b := range all {
		n += of(b)
	}
	return n
}

// blocksIf are the blocks of the chosen topic for which something is true.
func (s *sight) blocksIf(keep func(block) bool) (all []block) {
	for _, b := range s.blocks {
		if passes(s.topic, b.topic) && keep(b) {
			all = append(all, b)
		}
	}
	return all
}

// lately are the blocks of the time before now.
func (s *sight) lately(ago time.Duration) []block {
	return s.blocksIf(func(b block) bool { return !b.written.Before(s.now.Add(-ago)) })
}

// weighted is the value that a share of the weights does not exceed, in seconds.
func weighted(all []block, of, by func(block) int64, level float64) float64 {
	all = slices.SortedFunc(slices.Values(all), func(a, b block) int { return cmp.Compare(of(a), of(b)) })
	rank, below := int64(math.Ceil(level*float64(blocksSum(all, by)))), int64(0)
	for _, b := range all {
		if below += by(b); below >= rank {
			return float64(of(b)) / 1e6
		}
	}
	return math.NaN()
}

// kept removes the blocks for which something is not true.
func kept(all []block, keep func(block) bool) []block {
	return slices.DeleteFunc(slices.Clone(all), func(b block) bool { return !keep(b) })
}

// clocked is a time as tiles show it.
func (s *sight) clocked(at time.Time) string {
	if at.UTC().Format(time.DateOnly) == s.now.UTC().Format(time.DateOnly) {
		return at.UTC().Format("15:04")
	}
	return at.UTC().Format("2006-01-02 15:04")
}

// lasts is a number of seconds as tiles show it.
func lasts(seconds float64) string {
	round := func(f float64) string { return strconv.FormatFloat(math.RoundToEven(f*10)/10, 'g', -1, 64) }
	switch {
	case seconds < 120:
		return round(seconds) + " s"
	case seconds < 7200:
		return fmt.Sprint(math.RoundToEven(seconds/60)) + " min"
	case seconds < 172800:
		return round(seconds/3600) + " h"
	}
	return round(seconds/86400) + " days"
}

// standing is for how many seconds a partition has not moved.
func (s *sight) standing(e end) float64 {
	if e.at == e.end {
		return 0
	}
	return float64(s.now.Unix() - s.beaten.Add(-e.stands).Unix())
}

func waiting(e end) int { return e.end - min(e.end, max(e.at, e.start)) }

// freshness is the tile of all topics.
func (s *sight) freshness() string {
	late, lately := 0.0, *s
	lately.topic = ""
	for _, e := range s.ends {
		late = max(late, s.standing(e))
	}
	blocks := kept(lately.lately(5*time.Minute), timed)
	if len(blocks) == 0 && late == 0 {
		return "good: all counted"
	}
	if len(blocks) > 0 {
		late = max(late, weighted(blocks, lateOf, delivered, 0.95))
	}
	switch {
	case late < 30:
		return "good: " + lasts(late)
	case late < 120:
		return "late: " + lasts(late)
	}
	return "bad: " + lasts(late)
}

// state is the tiles of a pipeline that is at work.
func (s *sight) state() shown {
	workers := "good: all at work"
	if newest := s.newestAudit(); newest[0].at.Before(s.now.Add(-3 * time.Hour)) {
		workers = "bad: no audit since " + s.clocked(slices.MaxFunc(newest, func(a, b finding) int { return a.at.Compare(b.at) }).at)
	}
	lag, stalled := 0, 0
	for _, e := range s.ends {
		if !passes(s.topic, e.topic) {
			continue
		}
		if lag += waiting(e); s.standing(e) >= 120 {
			stalled++
		}
	}
	still := "good: 0"
	if stalled > 0 {
		still = fmt.Sprint("bad: ", stalled)
	}
	amount := fmt.Sprint(lag)
	if lag >= 10000 {
		amount = strconv.FormatFloat(math.RoundToEven(float64(lag)/100)/10, 'g', -1, 64) + " K"
	}
	return rows(texts(workers, s.freshness(), "good: "+amount, still))
}

// newestAudit is what the newest audit found.
func (s *sight) newestAudit() []finding {
	newest := slices.MaxFunc(s.findings, func(a, b finding) int { return a.at.Compare(b.at) })
	return slices.DeleteFunc(slices.Clone(s.findings), func(f finding) bool { return f.audit != newest.audit })
}

// severity is the place of a verdict, the worst first.
func severity(verdict string) int { return slices.Index(schemas.Verdicts(), verdict) }

func (s *sight) verdict() shown {
	all := s.newestAudit()
	worst := slices.MinFunc(all, func(a, b finding) int { return cmp.Compare(severity(a.verdict), severity(b.verdict)) })
	last := slices.MaxFunc(all, func(a, b finding) int { return a.at.Compare(b.at) }).at
	switch {
	case schemas.Failed(worst.verdict):
		return rows(strings.ToUpper(worst.verdict))
	case last.Before(s.now.Add(-3 * time.Hour)):
		return rows("UNKNOWN since " + last.Format("2006-01-02 15:04"))
	}
	return rows("OK")
}

func (s *sight) notInCharts() shown {
	ends := map[string]int64{}
	for _, b := range s.lately(day) {
		if b.topic != "runs.v1" {
			ends[b.place()] = max(ends[b.place()], b.to)
		}
	}
	var n int64
	for place, end := range ends {
		n += end - min(end, s.cursors[place])
	}
	return rows(texts(n))
}

func (s *sight) throughputNow() shown {
	rate, lag := float64(blocksSum(s.lately(time.Minute), records))/60, math.NaN()
	if recent := kept(s.lately(5*time.Minute), stores); len(recent) > 0 {
		lag = weighted(recent, eventLagOf, stored, 0.95)
	}
	return rows(texts(rate, rate/11574.07, lag))
}

func (s *sight) whatHappened() shown {
	all := s.blocksIf(func(b block) bool { return b.written.UnixMicro() >= 1000*s.from && b.written.UnixMicro() < 1000*s.to })
	var cells []any
	for _, of := range append([]func(block) int64{records, stored}, append(exceptions, func(b block) int64 { return b.resends }, func(b block) int64 { return b.bytes })...) {
		cells = append(cells, blocksSum(all, of))
	}
	return rows(texts(cells...))
}

// exceptions are the records that are not stored: duplicates, altered ones, dead letters, those lost unread.
var exceptions = []func(block) int64{
	func(b block) int64 { return b.duplicates }, func(b block) int64 { return b.conflicts }, func(b block) int64 { return b.dead }, func(b block) int64 { return b.gap },
}

// blocksPer is a chart over the whole intervals of what blocks of each of them say, by a name.
func (s *sight) blocksPer(none any, keep func(block) bool, name func(block) string, cells func(all []block) []any) shown {
	step, by := s.step(10*time.Second), map[spot][]block{}
	whole := s.intervals(s.from, step)
	for _, b := range s.blocksIf(keep) {
		if at := floorTo(b.written.UnixMicro(), 1e6*step) / 1e6; slices.Contains(whole, at) {
			by[spot{at, name(b)}] = append(by[spot{at, name(b)}], b)
		}
	}
	points := map[spot][]any{}
	for at, all := range by {
		points[at] = cells(all)
	}
	return chart(whole, none, points)
}

func everyBlock(block) bool   { return true }
func topicOf(b block) string  { return b.topic }
func namelessOf(block) string { return "" }

func (s *sight) throughput() shown {
	return s.blocksPer(0, everyBlock, topicOf, func(all []block) []any {
		return []any{float64(blocksSum(all, records)) / float64(s.step(10*time.Second))}
	})
}

// lagging is the records after the last block of each partition.
func (s *sight) lagging() shown {
	return s.blocksPer(nil, everyBlock, topicOf, func(all []block) []any {
		last := map[int64]block{}
		for _, b := range all {
			if before, ok := last[b.part]; !ok || cmp.Or(cmp.Compare(b.epoch, before.epoch), cmp.Compare(b.to, before.to)) > 0 {
				last[b.part] = b
			}
		}
		return []any{blocksSum(slices.Collect(maps.Values(last)), func(b block) int64 { return b.behind })}
	})
}

func (s *sight) lateness(keep func(block) bool, of, by func(block) int64) shown {
	return s.blocksPer(nil, keep, namelessOf, func(all []block) []any {
		return []any{weighted(all, of, by, 0.5), weighted(all, of, by, 0.95)}
	})
}

func (s *sight) blockSizes() shown {
	return s.blocksPer(nil, everyBlock, namelessOf, func(all []block) []any {
		most := slices.MaxFunc(all, func(a, b block) int { return cmp.Compare(a.stored, b.stored) }).stored
		return []any{float64(blocksSum(all, stored)) / float64(len(all)), most}
	})
}

// interpolated is a quantile between the two nearest values, in seconds.
func interpolated(sorted []int64, level float64) float64 {
	place := level * float64(len(sorted)-1)
	left := int(place)
	right := min(left+1, len(sorted)-1)
	return (float64(sorted[left]) + (place-float64(left))*float64(sorted[right]-sorted[left])) / 1e6
}

func (s *sight) insertTimes() shown {
	return s.blocksPer(nil, stores, namelessOf, func(all []block) []any {
		var times []int64
		for _, b := range all {
			times = append(times, b.insertUs)
		}
		slices.Sort(times)
		return []any{interpolated(times, 0.5), interpolated(times, 0.95), float64(times[len(times)-1]) / 1e6}
	})
}

func (s *sight) notStored() shown {
	return s.blocksPer(0, everyBlock, namelessOf, func(all []block) (cells []any) {
		for _, of := range exceptions {
			cells = append(cells, blocksSum(all, of))
		}
		return cells
	})
}

func (s *sight) partitions() shown {
	ends := slices.DeleteFunc(slices.Clone(s.ends), func(e end) bool { return !passes(s.topic, e.topic) })
	slices.SortFunc(ends, func(a, b end) int {
		return cmp.Or(cmp.Compare(s.standing(b), s.standing(a)), cmp.Compare(waiting(b), waiting(a)), cmp.Compare(a.topic, b.topic), cmp.Compare(a.part, b.part))
	})
	w := rows()
	for _, e := range ends {
		cells := []any{e.topic, e.part, e.at, e.end, waiting(e), s.standing(e), s.now.Unix() - s.beaten.Add(-e.seen).Unix(), nil, nil, 0, ""}
		mine := kept(s.lately(day), func(b block) bool { return b.topic == e.topic && int(b.part) == e.part })
		if len(mine) > 0 {
			last := slices.MaxFunc(mine, func(a, b block) int { return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.to, b.to)) })
			cells[7], cells[9], cells[10] = s.now.Unix()-last.written.Unix(), 4+last.epoch, fmt.Sprint("worker of ", last.part)
			if !last.old {
				cells[8] = float64(last.lateUs) / 1e6
			}
		}
		w.rows = append(w.rows, texts(cells...))
	}
	return w
}

func (s *sight) workers() shown {
	type worker struct {
		state, role, name string
		ago               int64
	}
	var all []worker
	for i, b := range s.beats {
		one := worker{"works", b.role, fmt.Sprint("w", i), s.now.Unix() - s.beaten.Add(-b.ago).Unix()}
		switch {
		case b.stopped:
			one.state = "stopped"
		case one.ago > 60:
			one.state = "no report"
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b worker) int {
		works := func(w worker) int { return min(1, len(strings.TrimPrefix(w.state, "works"))) }
		return cmp.Or(cmp.Compare(works(a), works(b)), cmp.Compare(a.ago, b.ago), cmp.Compare(a.role, b.role), cmp.Compare(a.name, b.name))
	})
	w := rows()
	for _, one := range all {
		w.rows = append(w.rows, texts(one.role, one.name, one.state, s.beaten.Add(-day).Truncate(time.Millisecond), one.ago))
	}
	return w
}

func (s *sight) rollups() shown {
	w := rows()
	for _, p := range s.progress {
		n := s.pending[p.rollup]
		w.rows = append(w.rows, texts(p.rollup, s.now.Unix()-p.published/1000, time.UnixMilli(p.newest), time.UnixMilli(p.whole), n[0], n[1], n[2]))
	}
	return w
}

// checks are the columns of the panel Verdicts.
var checks = []string{"ledger tiles", "exceptions hold", "raw holds", "identity has one time", "rollup equals", "run adds up", "collector adds up"}

func (s *sight) verdicts() shown {
	by := map[string][]finding{}
	for _, f := range s.findings {
		if f.at.UnixMicro() >= 1000*s.from && f.at.UnixMicro() < 1000*s.to {
			by[f.audit] = append(by[f.audit], f)
		}
	}
	w := rows()
	for _, all := range by {
		first := slices.MinFunc(all, func(a, b finding) int { return a.at.Compare(b.at) }).at
		cells := []any{first.Truncate(time.Millisecond)}
		for _, check := range checks {
			var worst any
			for _, f := range all {
				if text, ok := worst.(string); f.check == check && (!ok || severity(f.verdict) < severity(text)) {
					worst = f.verdict
				}
			}
			cells = append(cells, worst)
		}
		w.rows = append(w.rows, texts(cells...))
	}
	slices.Sort(w.rows) // By time.
	return w
}

func (s *sight) findingsOfNewest() shown {
	all := s.newestAudit()
	slices.SortFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(severity(a.verdict), severity(b.verdict)), cmp.Compare(a.check, b.check), cmp.Compare(a.scope, b.scope))
	})
	w := rows()
	for _, f := range all {
		w.rows = append(w.rows, texts(f.at.Truncate(time.Millisecond), f.check, f.scope, f.verdict, f.detail, float64(f.tookUs)/1e6))
	}
	return w
}
