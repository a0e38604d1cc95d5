package dashboards_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	usagev1 "tidemark/schemas/usage/v1"
)

// known is what the catalog of a history says of a model.
type known struct{ model, weights, organization, country, released string }

// catalog has open and closed models; one of them nobody calls, and of one the maker is not known.
func catalog(end time.Time) []known {
	ago := func(days int) string { return end.Add(-time.Duration(days) * day).Format(time.DateOnly) }
	return []known{
		{"gpt-a", "closed", "OpenAI", "US", ago(2)}, {"claude-b", "closed", "Anthropic", "US", ago(400)}, {"max", "open", "Qwen", "CN", ago(1)}, {"m01", "open", "", "", ""},
		{"nobody's", "open", "A lab", "FR", ago(3)},
	}
}

func provider(f fact) string { return cmp.Or(f.provider, notGiven) }

// models is the dashboard Models.
func (s *sight) models() panels {
	all := panels{"1A": s.callFigures(), "4A": s.latencyNow(), "20A": s.modelTable(true), "30A": s.weightsOverTime(), "32A": s.origins(), "44A": s.sharesOverTime()}
	maps.Copy(all, s.classesAndCalls(10, 12))
	all["11A"], all["13A"] = s.topTen("token_calls", 0, model, fact.tokens, nil), s.topTen("token_calls", 0, provider, fact.tokens, nil)
	all["40A"], all["41A"], all["43A"] = s.percentiles(latency), s.percentiles(firstToken), s.errorsByModel()
	all["Releases"] = s.releases()
	return all
}

func (s *sight) classesAndCalls(classes, calls int) panels {
	var sums []func(fact) float64
	for i := range 5 {
		sums = append(sums, func(f fact) float64 { return f.classes[i] })
	}
	return panels{texts(classes) + "A": s.lines("token_calls", 0, sums...), texts(calls) + "A": s.topTen("token_calls", 0, model, fact.calls, nil)}
}

func (s *sight) errorsByModel() shown {
	return s.topTen("token_calls", nil, model, fact.failed, fact.calls)
}

func streamed(f fact) float64  { return f.callsIf(f.call.Streaming) }
func cacheRead(f fact) float64 { return f.classes[1] }
func inputUnknown(f fact) float64 {
	return f.callsIf(f.call.InputUncached == nil && f.call.InputCacheRead == nil && f.call.InputCacheWrite == nil)
}
func outputUnknown(f fact) float64 {
	return f.callsIf(f.call.OutputVisible == nil && f.call.OutputReasoning == nil)
}

func (s *sight) callFigures() shown {
	all := s.counted("token_calls")
	if len(all) == 0 {
		return rows()
	}
	calls := total(all, fact.calls)
	return rows(texts(calls, total(all, fact.tokens), share(total(all, fact.failed), calls), share(total(all, streamed), calls),
		share(total(all, cacheRead), total(all, fact.input)), share(max(total(all, inputUnknown), total(all, outputUnknown)), calls)))
}

func latency(f fact) *uint64    { return f.call.LatencyUs }
func firstToken(f fact) *uint64 { return f.call.FirstTokenUs }

// percentile is one of the facts that tell a time, in seconds, each by its weight; not a number where they stand for too few calls. Times have the
// eight leading bits of a number.
func percentile(all []fact, of func(fact) *uint64, level float64) float64 {
	told := slices.DeleteFunc(slices.Clone(all), func(f fact) bool { return of(f) == nil })
	if total(told, fact.calls) < enough {
		return math.NaN()
	}
	slices.SortFunc(told, func(a, b fact) int { return cmp.Compare(*of(a), *of(b)) })
	rank, below := level*total(told, func(f fact) float64 { return f.weight }), 0.0
	for _, f := range told {
		if below += f.weight; below >= rank {
			return float64(math.Float32frombits(math.Float32bits(float32(*of(f)))&0xffff0000)) / 1e6
		}
	}
	return math.NaN()
}

// last are the calls of the last whole bucket of the range.
func (s *sight) last() (all []fact) {
	whole := s.whole("token_calls", s.grain())
	for at, f := range s.inBuckets("token_calls", s.grain()) {
		if at == whole[len(whole)-1] {
			all = append(all, f)
		}
	}
	return all
}

func (s *sight) latencyNow() shown {
	last := s.last()
	if total(last, fact.calls) == 0 {
		return rows()
	}
	return rows(texts(percentile(last, latency, 0.95), percentile(last, firstToken, 0.95)))
}

// perTime are the calls of each whole bucket.
func (s *sight) perTime() map[int64][]fact {
	out := map[int64][]fact{}
	for at, f := range s.inBuckets("token_calls", s.grain()) {
		out[at] = append(out[at], f)
	}
	return out
}

func (s *sight) percentiles(of func(fact) *uint64) shown {
	points := map[spot][]any{}
	for at, all := range s.perTime() {
		if !math.IsNaN(percentile(all, of, 0.5)) {
			for _, level := range []float64{0.5, 0.9, 0.95, 0.99} {
				points[spot{at: at}] = append(points[spot{at: at}], percentile(all, of, level))
			}
		}
	}
	return chart(s.whole("token_calls", s.grain()), nil, points)
}

func (s *sight) sharesOverTime() shown {
	points := map[spot][]any{}
	for at, all := range s.perTime() {
		if calls := total(all, fact.calls); calls >= enough {
			points[spot{at: at}] = []any{total(all, streamed) / calls, share(total(all, cacheRead), total(all, fact.input))}
		}
	}
	return chart(s.whole("token_calls", s.grain()), nil, points)
}

func (s *sight) about(model string) known {
	for _, k := range catalog(s.end) {
		if k.model == model {
			return k
		}
	}
	return known{weights: "unknown"}
}

func (s *sight) weightsOverTime() shown {
	points := map[spot][]any{}
	for at, all := range s.perTime() {
		whole := total(all, fact.tokens)
		if whole == 0 || total(all, fact.calls) < enough {
			continue
		}
		for weights, part := range groups(all, func(f fact) string { return s.about(f.model).weights }) {
			points[spot{at, weights}] = []any{total(part, fact.tokens) / whole}
		}
	}
	return chart(s.whole("token_calls", s.grain()), nil, points)
}

func (s *sight) origins() shown {
	sums := map[string]float64{}
	for country, all := range groups(s.counted("token_calls"), func(f fact) string { return cmp.Or(s.about(f.model).country, "unknown") }) {
		sums[country] = total(all, fact.tokens)
	}
	return ranking(sums)
}

// modelTable has a row per model; users are those of all tenants on the last day that has any.
func (s *sight) modelTable(withUsers bool) shown {
	all, last := groups(s.counted("token_calls"), model), groups(s.last(), model)
	whole := 0.0
	for _, calls := range all {
		whole += total(calls, fact.tokens)
	}
	users := map[string]crowd{}
	if withUsers {
		users = s.usersOfLastDay()
	}
	w := shown{ties: 6}
	for _, name := range slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(total(all[b], fact.tokens), total(all[a], fact.tokens)), strings.Compare(a, b))
	}) {
		calls, k := all[name], s.about(name)
		n, tokens := total(calls, fact.calls), total(calls, fact.tokens)
		cells := []any{name, strings.Join(slices.Sorted(maps.Keys(groups(calls, provider))), ", "), k.weights, cmp.Or(k.organization, "unknown"), cmp.Or(k.country, "unknown"), n, tokens, share(tokens, whole)}
		if withUsers {
			cells = append(cells, users[name].size())
		}
		cells = append(cells, percentile(last[name], latency, 0.5), percentile(last[name], latency, 0.95), percentile(last[name], firstToken, 0.95),
			share(total(calls, fact.failed), n), share(total(calls, streamed), n), share(total(calls, cacheRead), total(calls, fact.input)))
		w.rows = append(w.rows, texts(cells...))
	}
	return w
}

func (s *sight) usersOfLastDay() map[string]crowd {
	byDay, last := map[spot]crowd{}, int64(math.MinInt64)
	for _, stem := range []string{"queries", "token_calls"} {
		for _, f := range s.facts[stem] {
			day := floorTo(f.us, 1e6*dayLong) / 1e6
			if f.user == 0 || f.model == "" || 1000*day <= s.from-1000*dayLong || 1000*day >= s.to {
				continue
			}
			last = max(last, day)
			if byDay[spot{day, f.model}] == nil {
				byDay[spot{day, f.model}] = crowd{}
			}
			byDay[spot{day, f.model}][f.user] = f.userWeight
		}
	}
	out := map[string]crowd{}
	for at, c := range byDay {
		if at.at == last {
			out[at.name] = c
		}
	}
	return out
}

// releases are the marks across charts: events of releases by day, and what the catalog has of models that were called.
func (s *sight) releases() shown {
	by := func(organization string) string {
		return "released by " + cmp.Or(organization, "an unknown organization")
	}
	w := shown{ties: 0}
	for _, event := range s.spent.events {
		e, ok := event.(*usagev1.ModelEvent)
		if ok && e.Kind == usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE && s.begins(e.GetTimeUs(), dayLong) {
			w.rows = append(w.rows, texts(time.UnixMicro(floorTo(e.GetTimeUs(), 1e6*dayLong)), e.Model, by(e.Organization), "event"))
		}
	}
	called := map[string]bool{}
	for _, f := range s.facts["token_calls"] {
		if day := floorTo(f.us, 1e6*dayLong) / 1000; day > s.from-1000*dayLong && day < s.to {
			called[f.model] = true
		}
	}
	for _, k := range catalog(s.end) {
		if released, err := time.Parse(time.DateOnly, k.released); err == nil && released.UnixMilli() >= s.from && released.UnixMilli() < s.to && called[k.model] {
			w.rows = append(w.rows, texts(released, k.model, by(k.organization)+" (test)", "catalog"))
		}
	}
	slices.Sort(w.rows) // By time.
	return w
}
