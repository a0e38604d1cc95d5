package dashboards_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	usagev1 "tidemark/schemas/usage/v1"
)

// sources is the dashboard Sources.
func (s *sight) sources() panels {
	return panels{
		"1A": s.itemsIn(), "2A": s.requestsOut(), "3A": s.callsTold(), "4A": s.countsTold(), "10A": s.senders(), "20A": s.clients(), "21A": s.clientGaps(),
		"30A": s.intake(), "31A": s.refusals(), "32A": s.doubts(), "33A": s.spool(), "40A": s.rejections(), "41A": s.refusedWhy(), "42A": s.skippedWhy(),
	}
}

// fates are what became of the items of reports, in the order of the panels; the last one is what they do not explain.
func fates(r *usagev1.Run) [6]float64 {
	known := r.Produced + r.Spooled + r.Joined + r.Skipped + r.Rejected
	return [6]float64{float64(r.Produced), float64(r.Spooled), float64(r.Joined), float64(r.Skipped), float64(r.Rejected), float64(r.Received) - float64(known)}
}

func ms(r *usagev1.Run) int64 { return r.GetTimeUs() / 1000 }

// reported are the reports of collectors that are chosen, between two times in milliseconds since 1970.
func (s *sight) reported(from, to int64) []*usagev1.Run {
	return slices.DeleteFunc(slices.Clone(s.reports), func(r *usagev1.Run) bool {
		return r.Kind != "collect" || !passes(s.tenant, r.Tenant) || ms(r) < from || ms(r) >= to
	})
}

// firstReport is when the reports begin that are looked at.
func (s *sight) firstReport() int64 { return max(s.from, s.to-7000*dayLong) }

func (s *sight) inRange() []*usagev1.Run { return s.reported(s.firstReport(), s.to) }

func (s *sight) itemsIn() shown {
	var received, unexplained float64
	var sums [6]float64
	for _, r := range s.inRange() {
		received += float64(r.Received)
		for i, n := range fates(r) {
			sums[i] += n
		}
		if ms(r) < s.now.Add(-3*time.Minute).UnixMilli() {
			unexplained += fates(r)[5]
		}
	}
	return rows(texts(received, sums[0], sums[1], sums[2], sums[3], sums[4], unexplained))
}

func (s *sight) requestsOut() shown {
	var refused, lost, waiting float64
	for _, r := range s.inRange() {
		refused, lost = refused+float64(r.Refused), lost+float64(r.NotResent)
	}
	for _, r := range s.reported(s.to-30_000*dayLong, s.to) {
		waiting += float64(r.Spooled) - float64(r.Drained)
	}
	return rows(texts(refused, lost, max(waiting, 0)))
}

func severally(f fact) float64 { return f.callsIf(f.call.Joined > 0) }
func doubtful(f fact) float64  { return f.callsIf(f.call.MayBeDouble) }

// used and splitAs tell for how many calls the usage and the split are given.
func used(as usagev1.UsageSource) func(fact) float64 {
	return func(f fact) float64 { return f.callsIf(f.call.Usage == as) }
}

func splitAs(as usagev1.UsageSplit) func(fact) float64 {
	return func(f fact) float64 { return f.callsIf(f.call.Split == as) }
}

func (s *sight) callsTold() shown {
	all := s.told()
	n, double := total(all, fact.calls), total(all, doubtful)
	return rows(texts(n, total(all, severally), double, share(double, n)))
}

func (s *sight) countsTold() shown {
	all := s.told()
	of := func(some ...func(fact) float64) float64 {
		n := 0.0
		for _, counts := range some {
			n += total(all, counts)
		}
		return share(n, total(all, fact.calls))
	}
	return rows(texts(of(used(usagev1.UsageSource_USAGE_SOURCE_MISSING)), of(used(usagev1.UsageSource_USAGE_SOURCE_ESTIMATED)),
		of(used(usagev1.UsageSource_USAGE_SOURCE_UNSPECIFIED)),
		of(splitAs(usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND), splitAs(usagev1.UsageSplit_USAGE_SPLIT_NONE)),
		of(splitAs(usagev1.UsageSplit_USAGE_SPLIT_UNSPECIFIED))))
}

func seen(all []*usagev1.Run) time.Time {
	return time.UnixMilli(ms(slices.MaxFunc(all, func(a, b *usagev1.Run) int { return cmp.Compare(ms(a), ms(b)) })))
}

// runsBy are reports by a name.
func runsBy(all []*usagev1.Run, name func(*usagev1.Run) string) map[string][]*usagev1.Run {
	out := map[string][]*usagev1.Run{}
	for _, r := range all {
		out[name(r)] = append(out[name(r)], r)
	}
	return out
}

func runsSum(all []*usagev1.Run, of func(*usagev1.Run) uint64) (n float64) {
	for _, r := range all {
		n += float64(of(r))
	}
	return n
}

// greatest are the names of reports, those with the greatest number first.
func greatest(by map[string][]*usagev1.Run, of ...func(*usagev1.Run) uint64) []string {
	return slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		for _, n := range of {
			if c := cmp.Compare(runsSum(by[b], n), runsSum(by[a], n)); c != 0 {
				return c
			}
		}
		return strings.Compare(a, b)
	})
}

func received(r *usagev1.Run) uint64 { return r.Received }
func refused(r *usagev1.Run) uint64  { return r.Refused }
func rejected(r *usagev1.Run) uint64 { return r.Rejected }
func skipped(r *usagev1.Run) uint64  { return r.Skipped }
func lost(r *usagev1.Run) uint64     { return r.NotResent }

func (s *sight) senders() shown {
	by := runsBy(s.inRange(), func(r *usagev1.Run) string { return texts(r.Tenant, r.Key, r.Sender, r.Endpoint) })
	w := rows()
	for _, name := range greatest(by, received, refused) {
		all := by[name]
		if runsSum(all, received)+runsSum(all, refused) == 0 {
			continue
		}
		last := seen(slices.DeleteFunc(slices.Clone(all), func(r *usagev1.Run) bool { return r.Received+r.Refused == 0 }))
		w.rows = append(w.rows, texts(name, runsSum(all, received), runsSum(all, func(r *usagev1.Run) uint64 { return r.Produced + r.Spooled }), runsSum(all, func(r *usagev1.Run) uint64 { return r.Joined }),
			runsSum(all, skipped), runsSum(all, rejected), runsSum(all, refused), last, max(0, s.now.Unix()-last.Unix())))
	}
	return w
}

// byCalls are names of calls, those with the most calls first, then by name.
func byCalls(by map[string][]fact) []string {
	return slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(total(by[b], fact.calls), total(by[a], fact.calls)), strings.Compare(a, b))
	})
}

func client(f fact) string { return cmp.Or(f.call.Client, "not given") }

func (s *sight) clients() shown {
	all := s.told()
	by := groups(all, func(f fact) string { return texts(client(f), cmp.Or(f.call.ClientVersion, "not given")) })
	w := rows()
	for _, name := range byCalls(by) {
		n := total(by[name], fact.calls)
		w.rows = append(w.rows, texts(name, n, share(n, total(all, fact.calls)), total(by[name], severally), total(by[name], doubtful)))
	}
	return w
}

func (s *sight) clientGaps() shown {
	by := groups(s.told(), client)
	w := rows()
	for _, name := range byCalls(by) {
		n := total(by[name], fact.calls)
		cells := []any{name, n}
		for _, part := range []func(fact) float64{
			used(usagev1.UsageSource_USAGE_SOURCE_ESTIMATED), used(usagev1.UsageSource_USAGE_SOURCE_MISSING), used(0),
			splitAs(usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND), splitAs(usagev1.UsageSplit_USAGE_SPLIT_NONE), splitAs(0),
		} {
			cells = append(cells, share(total(by[name], part), n))
		}
		w.rows = append(w.rows, texts(cells...))
	}
	return w
}

// step is the interval of a chart that has points no closer than so.
func (s *sight) step(least time.Duration) int64 { return int64(max(s.interval, least) / time.Second) }

// intervals are the whole intervals of a chart from a time on.
func (s *sight) intervals(from, step int64) (all []int64) {
	for at := ceilTo(ceilTo(from, 1000)/1000, step); at < floorTo(min(s.to, s.now.UnixMilli()), 1000*step)/1000; at += step {
		all = append(all, at)
	}
	return all
}

// runLines are sums over reports by whole intervals.
func (s *sight) runLines(of func(*usagev1.Run) []float64, change func([]any)) shown {
	step, points := s.step(time.Minute), map[spot][]any{}
	whole := s.intervals(s.firstReport(), step)
	for _, r := range s.inRange() {
		p := spot{at: floorTo(ms(r), 1000*step) / 1000}
		if !slices.Contains(whole, p.at) {
			continue
		}
		for i, n := range of(r) {
			if len(points[p]) <= i {
				points[p] = append(points[p], 0.0)
			}
			sum, _ := points[p][i].(float64)
			points[p][i] = sum + n
		}
	}
	for _, cells := range points {
		change(cells)
	}
	return chart(whole, 0, points)
}

func (s *sight) intake() shown {
	return s.runLines(func(r *usagev1.Run) []float64 { all := fates(r); return all[:] }, func(cells []any) {
		if n, _ := cells[5].(float64); n < 0 {
			cells[5] = 0
		}
	})
}

func (s *sight) refusals() shown {
	return s.runLines(func(r *usagev1.Run) []float64 {
		return []float64{float64(r.Refused) - float64(r.NotResent), float64(r.NotResent)}
	}, func([]any) {})
}

// doubts are by whole hours or days; of calls, only the tenant narrows them down.
func (s *sight) doubts() shown {
	whole, points := s.whole("call_reports", s.coarse()), map[spot][]any{}
	by := map[int64][]fact{}
	for at, f := range s.inBucketsOf("call_reports", "token_calls", s.coarse()) {
		by[at] = append(by[at], f)
	}
	for at, all := range by {
		points[spot{at: at}] = []any{total(all, severally), total(all, doubtful), total(all, used(usagev1.UsageSource_USAGE_SOURCE_MISSING))}
	}
	return chart(whole, 0, points)
}

// spool is how many events wait at each time at which their number changes, and at both ends of the range.
func (s *sight) spool() shown {
	step, more := s.step(time.Minute), map[int64]float64{s.from: 0, min(s.to, s.now.UnixMilli()): 0}
	for _, r := range s.reported(s.to-30_000*dayLong, s.to) {
		if r.Spooled+r.Drained > 0 {
			more[floorTo(ms(r), 1000*step)] += float64(r.Spooled) - float64(r.Drained)
		}
	}
	waiting, w := 0.0, rows()
	for _, at := range slices.Sorted(maps.Keys(more)) {
		if waiting += more[at]; at >= s.from {
			w.rows = append(w.rows, texts(time.UnixMilli(at), max(waiting, 0)))
		}
	}
	return w
}

func (s *sight) rejections() shown {
	all := slices.DeleteFunc(s.inRange(), func(r *usagev1.Run) bool { return r.Rejected == 0 })
	by := runsBy(all, func(r *usagev1.Run) string { return texts(r.Reason, r.Tenant, r.Key, r.Sender, r.Endpoint) })
	w := rows()
	for _, name := range greatest(by, rejected) {
		w.rows = append(w.rows, texts(name, runsSum(by[name], rejected), seen(by[name])))
	}
	return w
}

func (s *sight) refusedWhy() shown {
	all := slices.DeleteFunc(s.inRange(), func(r *usagev1.Run) bool { return r.Refused == 0 })
	by := runsBy(all, func(r *usagev1.Run) string { return texts(r.Reason, r.Sender, r.Endpoint) })
	w := rows()
	for _, name := range greatest(by, refused) {
		w.rows = append(w.rows, texts(name, runsSum(by[name], refused), runsSum(by[name], lost), seen(by[name])))
	}
	return w
}

func (s *sight) skippedWhy() shown {
	all := s.inRange()
	by := runsBy(slices.DeleteFunc(slices.Clone(all), func(r *usagev1.Run) bool { return r.Skipped == 0 }), func(r *usagev1.Run) string { return r.Reason })
	w := rows()
	for _, rule := range greatest(by, skipped) {
		w.rows = append(w.rows, texts(rule, runsSum(by[rule], skipped), share(runsSum(by[rule], skipped), runsSum(all, received))))
	}
	return w
}
