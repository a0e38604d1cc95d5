package dashboards_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/consumers/spans"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// history is a store and all that is true of it.
type history struct {
	store
	operation
	spent    bill
	customer string    // The tenant that is chosen.
	end      time.Time // What all ranges end with.
	facts    map[string][]fact
	reports  []*usagev1.Run
	points   []point
	until    map[string]int64 // When the last whole bucket of each rollup begins, in milliseconds since 1970.
}

// pool makes events of use at random, with a seed.
type pool struct {
	*rand.Rand
	events []schemas.Event
}

func newPool(seed uint64) *pool { return &pool{Rand: rand.New(rand.NewPCG(seed, 15))} }

func (p *pool) pick(all ...string) string { return all[p.IntN(len(all))] }

// few are names with a number, the first ones far more often.
func (p *pool) few(prefix string, n int) string {
	return fmt.Sprintf("%s%02d", prefix, min(p.IntN(n), p.IntN(n), p.IntN(n)))
}

// some is a number that one in so many does not tell.
func (p *pool) some(most uint64, untold int) *uint64 {
	if p.IntN(untold) == 0 {
		return nil
	}
	return new(p.Uint64N(most))
}

// add makes n events between two times.
func (p *pool) add(n int, from, to time.Time) {
	for range n {
		at := from.UnixMicro() + p.Int64N(to.UnixMicro()-from.UnixMicro())
		switch p.IntN(8) {
		case 0, 1:
			p.ask(at)
		case 2:
			p.events = append(p.events, &usagev1.Signup{
				Source: "pool", Id: p.id(), TimeUs: new(at), Tenant: p.few("t", 24), Product: p.few("product", 13), User: p.user(), Country: p.country(),
				Segment: p.segment(), Weight: p.Uint64N(3),
			})
		default:
			p.call(at)
		}
	}
}

// release tells of a model at a time, and of one that is no release.
func (p *pool) release(at time.Time, model, organization string) {
	for _, kind := range []usagev1.ModelEventKind{usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE, usagev1.ModelEventKind_MODEL_EVENT_KIND_DOWNLOAD} {
		p.events = append(p.events, &usagev1.ModelEvent{Source: "pool", Id: p.id(), TimeUs: new(at.UnixMicro()), Tenant: "hub", Hub: "hub", Kind: kind, Model: model, Organization: organization})
	}
}

// report lets collectors report n times between two times, at whole minutes, and a generator once.
func (p *pool) report(n int, from, to time.Time) {
	var l reportLog
	const anyMinute = 60_000_000
	for range n {
		at := time.UnixMicro(floorTo(from.UnixMicro()+p.Int64N(to.UnixMicro()-from.UnixMicro()), anyMinute))
		r, reason := &usagev1.Run{}, ""
		switch p.IntN(6) {
		case 0:
			r.Received, r.Joined = p.Uint64N(200), p.Uint64N(9)
		case 1, 2:
			r.Produced, r.Spooled, r.Drained = p.Uint64N(90), p.Uint64N(2)*p.Uint64N(30), p.Uint64N(2)*p.Uint64N(9)
		case 3:
			r.Skipped, reason = p.Uint64N(30), p.pick("spans: of agents", "metrics: of calls")
		case 4:
			r.Rejected, reason = p.Uint64N(5), p.pick("model missing: it is required", "time too_late: it is")
		default:
			if r.Refused, reason = p.Uint64N(6), p.pick("429 over its rate", "503 no log"); r.Refused > 0 {
				r.NotResent = p.Uint64N(r.Refused)
			}
		}
		l.add(at, p.pick("t00", "t01", "t02"), p.pick("k1", "k2"), p.pick("logs", "traces"), p.pick(python, curl), reason, r)
	}
	l.add(to.Add(-5*time.Minute), "t00", "", "", "", "", &usagev1.Run{Produced: 500, Received: 400, Rejected: 2, Refused: 3})
	for i, event := range l.events {
		r, ok := event.(*usagev1.Run)
		if r.Id = p.id() + "-" + r.Id; ok && i == n {
			r.Kind = "generate"
		}
	}
	p.events = append(p.events, l.events...)
}

func (p *pool) id() string      { return fmt.Sprint(len(p.events)) }
func (p *pool) country() string { return p.pick("", "US", "US", "DE", "FR", "IN", "JP", "BR") }
func (p *pool) segment() usagev1.Segment {
	return usagev1.Segment(min(p.IntN(5), p.IntN(5)))
}

// user is one of a few that come often, or one of many; 0 is unknown.
func (p *pool) user() uint64 { return p.Uint64N([]uint64{90, 5000}[p.IntN(2)]) }

// weightOf is how many people a user stands for, always as many.
func weightOf(user uint64) uint64 { return user % 5 / 3 * 4 }

func (p *pool) ask(at int64) {
	user := p.user()
	p.events = append(p.events, &usagev1.Query{
		Source: "pool", Id: p.id(), TimeUs: new(at), Tenant: p.few("t", 24), Product: p.few("product", 13), User: user, UserWeight: weightOf(user), Country: p.country(),
		Segment: p.segment(), Weight: p.Uint64N(4), Kind: "prompt", Model: p.pick("", "gpt-a", "m03"),
	})
}

// sold are models with those who sell them. The first ones have prices.
var sold = [][2]string{
	{"gpt-a", "openai"}, {"claude-b", "anthropic"}, {"gpt-call", "openai"}, {"later", "google"}, {"max", "qwen"}, {"own", "here"}, {"gpt-a", "azure"}, {"m01", "p01"},
	{"m02", "p02"}, {"m03", "p03"}, {"m04", "p04"}, {"m05", "p05"}, {"m06", ""}, {"m07", "p07"}, {"m08", "p08"},
}

func (p *pool) call(at int64) {
	user, of := p.user(), sold[min(p.IntN(len(sold)), p.IntN(len(sold)))]
	e := &usagev1.TokenCall{
		Source: "pool", Id: p.id(), TimeUs: new(at), Tenant: p.few("t", 24), Product: p.few("product", 13), Provider: of[1], Model: of[0], User: user, UserWeight: weightOf(user),
		Country: p.country(), Segment: p.segment(), Weight: p.Uint64N(3), Streaming: p.IntN(3) > 0, Status: usagev1.Status_STATUS_OK, ServiceTier: p.pick("", "", "", "standard", "flex"),
		InputUncached: p.some(90_000, 12), OutputVisible: p.some(4000, 10), LatencyUs: p.some(40e6, 8), FirstTokenUs: p.some(3e6, 3),
		Client: p.pick("", "anthropic-sdk", "openlit"), ClientVersion: p.pick("1", "2"), Usage: usagev1.UsageSource(p.IntN(4)), Split: usagev1.UsageSplit(p.IntN(4)),
		MayBeDouble: p.IntN(9) == 0, Joined: uint64(max(0, p.IntN(5)-2)),
	}
	if of[0] == "own" && p.IntN(2) == 0 || p.IntN(15) == 0 {
		e.Status, e.ErrorType = usagev1.Status_STATUS_ERROR, p.pick("", "timeout", "quota")
	}
	if p.IntN(2) == 0 {
		e.InputCacheRead, e.OutputReasoning = p.some(80_000, 9), p.some(2000, 9)
	}
	if of[0] == "claude-b" && p.IntN(3) == 0 {
		e.InputCacheWrite = p.some(20_000, 9)
	}
	if p.IntN(3) == 0 {
		e.ReportedCostNanos, e.CostCurrency = new(p.Int64N(3e8)), p.pick("USD", "USD", "CNY")
	}
	if p.IntN(13) == 0 {
		if e.Requests = new(p.Uint64N(4)); *e.Requests != 1 {
			e.LatencyUs, e.FirstTokenUs = nil, nil
		}
	}
	p.events = append(p.events, e)
}

// liveHistory is of many events up to now, most of them of the last minutes.
func liveHistory(t *testing.T) *history {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	p := newPool(1)
	p.add(8000, now.Add(-9*day), now)
	p.add(6000, now.Add(-7*time.Hour), now)
	p.add(5000, now.Add(-17*time.Minute), now)
	p.release(now.Add(-3*day), "gpt-a", "OpenAI")
	p.release(now.Add(-8*day), "m02", "")
	for _, span := range []time.Duration{20 * day, 6 * day, 5 * time.Hour, 14 * time.Minute} {
		p.report(60, now.Add(-span), now)
	}
	h := newHistory(t, p.events, now, now.Add(-6*day), now.Add(-3*day))
	h.ends = []end{{topic: "queries.v1", end: 900, at: 900, seen: time.Second}, {topic: "token_calls.v1", part: 1, end: 15000, at: 200, stands: 3 * time.Hour, seen: 2 * time.Second}, {topic: "queries.v1", part: 1, start: 50, end: 90, at: 10, stands: 90 * time.Second, seen: time.Second}}
	p.keepLedger(&h.operation, 40, now.Add(-8*day), now.Add(-6*time.Hour))
	p.keepLedger(&h.operation, 50, now.Add(-6*time.Hour), now.Add(-15*time.Minute))
	p.keepLedger(&h.operation, 70, now.Add(-15*time.Minute), now)
	h.write(t)
	return h
}

// thinHistory is of a handful of events in a week that is over, and of twenty calls in one minute and nineteen in another. The range ends within
// a minute that has events before and after the end.
func thinHistory(t *testing.T) *history {
	t.Helper()
	to := begin.Add(7*day + 15*time.Hour + 41*time.Minute + 23*time.Second + 456*time.Millisecond)
	p := newPool(2)
	p.add(30, begin.Add(20*time.Hour), to.Add(-time.Hour))
	p.add(6, to.Add(-5*time.Hour), to)
	for i, ago := range []time.Duration{10 * time.Minute, 7 * time.Minute, 0} {
		for j := range enough + []int{0, -1, 1}[i] {
			p.call(to.Add(-ago).Truncate(time.Minute).Add(time.Duration(j) * 2 * time.Second).UnixMicro())
			if e, ok := p.events[len(p.events)-1].(*usagev1.TokenCall); ok {
				e.Weight, e.Requests, e.Tenant, e.LatencyUs = 1, nil, "t00", new(uint64(1e6+j*1e5))
			}
		}
	}
	p.report(6, to.Add(-3*day), to)
	p.report(4, to.Add(-14*time.Minute), to)
	h := newHistory(t, p.events, to, begin, begin.Add(4*day))
	h.ends = []end{{topic: "queries.v1", end: 9, at: 9, seen: time.Second}}
	p.keepLedger(&h.operation, 3, to.Add(-6*day), to.Add(-time.Hour))
	p.keepLedger(&h.operation, 3, to.Add(-10*time.Minute), to)
	h.write(t)
	return h
}

// newHistory stores events, each of them once and some in copies, with two books of prices, each from a time on.
func newHistory(t *testing.T, events []schemas.Event, end, first, second time.Time) *history {
	t.Helper()
	h := &history{customer: "t00", end: end, facts: map[string][]fact{}, until: map[string]int64{}}
	h.store = store{World: rolluptest.New(t)}
	h.Window = 1 << 30
	h.events = events
	h.price(t, first, second)
	for _, e := range events {
		if f, stem := factOf(e); stem != "" {
			h.facts[stem] = append(h.facts[stem], f)
		}
		if r, ok := e.(*usagev1.Run); ok {
			h.reports = append(h.reports, r)
		}
	}
	for _, k := range catalog(end) {
		released := "NULL"
		if k.released != "" {
			released = "'" + k.released + "'"
		}
		h.Exec("INSERT INTO models (model, weights, weights_source, organization, country, release_date, release_date_source) VALUES ('%s', '%s', 'test', '%s', '%s', %s, 'test')",
			strings.ReplaceAll(k.model, "'", "''"), k.weights, k.organization, k.country, released)
	}
	h.Deliver(slices.Concat(events, events[:len(events)/20])...)
	h.rollUp(t)
	h.wait(t)
	h.readProgress(t)
	h.findings = audited(end)
	h.beats = []beat{{"ingest", time.Second, false}, {"rollup", 2 * time.Second, false}, {"audit", time.Second, false}, {"ingest", 3 * time.Hour, false}, {"rollup", 5 * time.Hour, true}}
	return h
}

// price keeps the two books of the tests on cost, each from an hour on, and asks them what each call costs.
func (h *history) price(t *testing.T, first, second time.Time) {
	t.Helper()
	books, hour := booksOfCosts(t), func(at time.Time) int32 { return spans.Floor(schemas.MinuteOf(at.UnixMicro()), 60) }
	h.spent = h.keepBooks(t, books, hour(first), hour(second))
	h.spent.events = h.events
	h.spent.ask(t, books, hour(first), hour(second))
	h.spent.told = toldOf(h.end.Truncate(day).Add(-8 * day))
	h.tell(h.spent.told)
}
