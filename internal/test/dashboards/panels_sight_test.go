package dashboards_test

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// fact is an event of use as panels count it.
type fact struct {
	us                                                 int64 // When, in microseconds since 1970.
	tenant, product, provider, model, segment, country string
	user                                               uint64
	userWeight, weight                                 float64
	n                                                  float64    // How many queries, sign-ups or calls it stands for.
	classes                                            [5]float64 // Tokens, by weight.
	call                                               *usagev1.TokenCall
	person                                             person
}

// person is an event by which users are counted.
type person interface {
	GetTenant() string
	GetProduct() string
	GetModel() string
	GetCountry() string
	GetSegment() usagev1.Segment
}

func (f fact) input() float64  { return f.classes[0] + f.classes[1] + f.classes[2] }
func (f fact) output() float64 { return f.classes[3] + f.classes[4] }
func (f fact) tokens() float64 { return f.input() + f.output() }
func (f fact) calls() float64  { return f.n }

// callsIf is how many calls it stands for if something is true of them.
func (f fact) callsIf(is bool) float64 {
	if is {
		return f.n
	}
	return 0
}

func (f fact) failed() float64 {
	return f.callsIf(f.call.Status == usagev1.Status_STATUS_ERROR)
}

// segmentOf is the name of a segment in the views.
func segmentOf(s usagev1.Segment) string {
	if s == 0 {
		return "unknown"
	}
	return segmentName(s)
}

// factOf reads an event; false if it is not one of use.
func factOf(event schemas.Event) (f fact, stem string) {
	f.us, f.tenant = event.GetTimeUs(), event.GetTenant()
	switch e := event.(type) {
	case *usagev1.Query:
		f.product, f.model, f.segment, f.country, f.user, f.person = e.Product, e.Model, segmentOf(e.Segment), e.Country, e.User, e
		f.weight, f.userWeight, stem = float64(max(e.Weight, 1)), float64(max(e.UserWeight, 1)), "queries"
		f.n = f.weight
	case *usagev1.Signup:
		f.product, f.segment, f.country = e.Product, segmentOf(e.Segment), e.Country
		f.weight, stem = float64(max(e.Weight, 1)), "signups"
		f.n = f.weight
	case *usagev1.TokenCall:
		f.product, f.provider, f.model, f.segment, f.country, f.user, f.person = e.Product, e.Provider, e.Model, segmentOf(e.Segment), e.Country, e.User, e
		f.weight, f.userWeight, f.call, stem = float64(max(e.Weight, 1)), float64(max(e.UserWeight, 1)), e, "token_calls"
		f.n = callsOf(e)
		for i, n := range []uint64{e.GetInputUncached(), e.GetInputCacheRead(), e.GetInputCacheWrite(), e.GetOutputVisible(), e.GetOutputReasoning()} {
			f.classes[i] = f.weight * float64(n)
		}
	}
	return f, stem
}

// sight is a history as a view shows it. Times are in milliseconds since 1970, buckets in seconds.
type sight struct {
	*history
	choice
	from, to int64
	now      time.Time
	interval time.Duration
	mine     map[string][]fact // What is chosen, by the stem of the rollups.
}

func floorTo(n, step int64) int64 { return n - (n%step+step)%step }
func ceilTo(n, step int64) int64  { return -floorTo(-n, step) }

const minuteLong, hourLong, dayLong = 60, 3600, 86400

func (s *sight) seconds() int64  { return floorTo(s.to, 1000)/1000 - floorTo(s.from, 1000)/1000 }
func (s *sight) upToHours() bool { return s.seconds() <= 6*hourLong }
func (s *sight) upToAWeek() bool { return s.seconds() <= 7*dayLong }

// grain is the length of the buckets of charts, and coarse that of charts of what has no minutes.
func (s *sight) grain() int64 {
	if s.upToHours() {
		return minuteLong
	}
	return s.coarse()
}

func (s *sight) coarse() int64 {
	if s.upToAWeek() {
		return hourLong
	}
	return dayLong
}

// of are the facts of a kind that are chosen.
func (s *sight) of(stem string) []fact {
	if all, ok := s.mine[stem]; ok {
		return all
	}
	var mine []fact
	for _, f := range s.facts[stem] {
		rest := passes(s.segment, f.segment) && passes(s.country, f.country)
		if stem == "token_calls" {
			rest = passes(s.provider, f.provider) && passes(s.model, f.model)
		}
		if rest && passes(s.tenant, f.tenant) && passes(s.product, f.product) {
			mine = append(mine, f)
		}
	}
	if s.mine == nil {
		s.mine = map[string][]fact{}
	}
	s.mine[stem] = mine
	return mine
}

// begins reports whether the bucket that a time lies in begins in the range.
func (s *sight) begins(us, grain int64) bool {
	start := 1000 * floorTo(floorTo(us, 1e6)/1e6, grain)
	return start >= s.from && start < s.to
}

// exactly reports whether a time lies in the range.
func (s *sight) exactly(us int64) bool { return us >= 1000*s.from && us < 1000*s.to }

// counted are the facts that totals count: of a tenant and a week at most those in the range, else those in buckets that begin in it.
func (s *sight) counted(stem string) []fact {
	return s.these(stem, func(f fact) bool {
		if s.tenant != "" && s.upToAWeek() {
			return s.exactly(f.us)
		}
		return s.begins(f.us, s.grain())
	})
}

func (s *sight) these(stem string, keep func(fact) bool) (all []fact) {
	for _, f := range s.of(stem) {
		if keep(f) {
			all = append(all, f)
		}
	}
	return all
}

// rollup is the name of the rollup with buckets of a length, of all tenants together where none is chosen.
func (s *sight) rollup(stem string, grain int64) string {
	switch {
	case grain == minuteLong:
		return stem + "_1m"
	case s.tenant != "" || stem == "audience" || stem == "call_reports":
		return stem + map[int64]string{hourLong: "_1h", dayLong: "_1d"}[grain]
	}
	return stem + map[int64]string{hourLong: "_all_1h", dayLong: "_all_1d"}[grain]
}

// whole are the buckets of a rollup that begin in the range and are over.
func (s *sight) whole(stem string, grain int64) (all []int64) {
	for at := ceilTo(ceilTo(s.from, 1000)/1000, grain); 1000*at < s.to && 1000*at <= s.until[s.rollup(stem, grain)]; at += grain {
		all = append(all, at)
	}
	return all
}

// inBuckets gives the facts of whole buckets with the bucket that each lies in.
func (s *sight) inBuckets(stem string, grain int64) iter.Seq2[int64, fact] {
	return s.inBucketsOf(stem, stem, grain)
}

// inBucketsOf does so by the rollups of another stem than that of the facts.
func (s *sight) inBucketsOf(rollups, stem string, grain int64) iter.Seq2[int64, fact] {
	whole := s.whole(rollups, grain)
	return func(yield func(int64, fact) bool) {
		if len(whole) == 0 {
			return
		}
		for _, f := range s.of(stem) {
			at := floorTo(floorTo(f.us, 1e6)/1e6, grain)
			if at >= whole[0] && at <= whole[len(whole)-1] && !yield(at, f) {
				return
			}
		}
	}
}

// spot is a point of a series.
type spot struct {
	at   int64
	name string
}

// chart is the rows of a chart: a point per spot, and in every bucket without a point of the first name one of that name, with what
// stands for none. Without points there is nothing to draw. Series without a name have none in their rows.
func chart(buckets []int64, none any, points map[spot][]any) shown {
	if len(points) == 0 {
		return rows()
	}
	all := maps.Clone(points)
	spots := slices.SortedFunc(maps.Keys(points), func(a, b spot) int { return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.at, b.at)) })
	nones := make([]any, len(points[spots[0]]))
	for i := range nones {
		nones[i] = none
	}
	for _, at := range buckets {
		if first := (spot{at, spots[0].name}); all[first] == nil {
			all[first] = nones
		}
	}
	w, named := rows(), spots[len(spots)-1].name != ""
	for _, p := range slices.SortedFunc(maps.Keys(all), func(a, b spot) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.name, b.name)) }) {
		cells := []any{time.Unix(p.at, 0)}
		if named {
			cells = append(cells, p.name)
		}
		w.rows = append(w.rows, texts(append(cells, all[p]...)...))
	}
	return w
}

// sums are sums of facts per bucket.
func (s *sight) sums(stem string, of []func(fact) float64) map[int64][]float64 {
	all := map[int64][]float64{}
	for at, f := range s.inBuckets(stem, s.grain()) {
		if all[at] == nil {
			all[at] = make([]float64, len(of))
		}
		for i, sum := range of {
			all[at][i] += sum(f)
		}
	}
	return all
}

// nameless are the points of series without a name, each number divided by another one.
func nameless(sums map[int64][]float64, by float64) map[spot][]any {
	points := map[spot][]any{}
	for at, numbers := range sums {
		for _, n := range numbers {
			points[spot{at: at}] = append(points[spot{at: at}], n/by)
		}
	}
	return points
}

// lines are a chart of sums per bucket.
func (s *sight) lines(stem string, none any, of ...func(fact) float64) shown {
	return chart(s.whole(stem, s.grain()), none, nameless(s.sums(stem, of), 1))
}

// enough is how many calls a ratio needs.
const enough = 20

// notGiven is the name of what has none.
const notGiven = "not given"

// topTen are sums per bucket by name, of names only the ten with the greatest; divided by another sum if there is one.
func (s *sight) topTen(stem string, none any, name func(fact) string, sum, per func(fact) float64) shown {
	type pair [2]float64
	sums, totals := map[spot]pair{}, map[string]float64{}
	for at, f := range s.inBuckets(stem, s.grain()) {
		p := sums[spot{at, name(f)}]
		p[0] += sum(f)
		if per != nil {
			p[1] += per(f)
		}
		sums[spot{at, name(f)}] = p
		totals[name(f)] += sum(f)
	}
	places := slices.SortedFunc(maps.Keys(totals), func(a, b string) int { return cmp.Or(cmp.Compare(totals[b], totals[a]), strings.Compare(a, b)) })
	top := map[spot]pair{}
	for at, p := range sums {
		if slices.Index(places, at.name) >= 10 {
			at.name = "other"
		}
		at.name = cmp.Or(at.name, notGiven)
		top[at] = pair{top[at][0] + p[0], top[at][1] + p[1]}
	}
	points := map[spot][]any{}
	for at, p := range top {
		switch {
		case per == nil:
			points[at] = []any{p[0]}
		case p[1] < enough:
			points[at] = []any{nil}
		default:
			points[at] = []any{p[0] / p[1]}
		}
	}
	return chart(s.whole(stem, s.grain()), none, points)
}

func product(f fact) string { return f.product }
func segment(f fact) string { return f.segment }
func model(f fact) string   { return f.model }

// total adds up facts.
func total(all []fact, of func(fact) float64) (sum float64) {
	for _, f := range all {
		sum += of(f)
	}
	return sum
}

// groups are facts by name.
func groups(all []fact, name func(fact) string) map[string][]fact {
	out := map[string][]fact{}
	for _, f := range all {
		out[name(f)] = append(out[name(f)], f)
	}
	return out
}

// people are the users of queries and calls by the one dimension that is chosen first, as a time and the weight of each.
func (s *sight) people(yield func(at int64, user uint64, weight float64)) {
	for _, stem := range []string{"queries", "token_calls"} {
		for _, f := range s.facts[stem] {
			if f.user != 0 && s.audience(f.person) {
				yield(floorTo(f.us, 1e6)/1e6, f.user, f.userWeight)
			}
		}
	}
}

// crowd is a set of users with the weight of each.
type crowd map[uint64]float64

func (c crowd) size() (n float64) {
	for _, weight := range c {
		n += weight
	}
	return n
}
