package scenario

import (
	"math"
	"strconv"
	"time"

	"tidemark/schemas"
	"tidemark/schemas/scenario"
	usagev1 "tidemark/schemas/usage/v1"
)

// part is one line of events in the order of time.
type part interface {
	// peek returns the time of the next event, microseconds since 1970, and false when there is none.
	peek() (int64, bool)
	// next makes the next event, which is valid until the next call, and moves on.
	next() schemas.Event
}

// rate is a stream whose curve is events, tokens or a total: a number of records a step.
type rate struct {
	maker
	curve  *curve
	grain  time.Duration
	start  int64   // Of step 0.
	steps  uint64  // In all.
	step   uint64  // The one at hand.
	at     int64   // Its time.
	before uint64  // Real events of the steps before.
	left   float64 // Of an event, by rounding.

	records uint64 // Left in this step.
	weight  uint64 // Of each.
	more    uint64 // Of how many of them it is one more.
}

func newRate(s *scenario.Scenario, spec *scenario.Stream, run string) *rate {
	r := &rate{maker: newMaker(s, spec, run), curve: newCurve(&spec.Curve), grain: s.Grain.Length()}
	r.start = r.curve.first(r.grain)
	r.steps = uint64((r.curve.last(r.grain)-r.start)/r.grain.Microseconds()) + 1
	r.enter()
	return r
}

// enter sets up the step at hand and goes on to the next while there are no records in it.
func (r *rate) enter() {
	for ; r.step < r.steps; r.step++ {
		r.at = r.start + int64(r.step)*r.grain.Microseconds()
		events := r.events()
		if fixed := r.spec.Weight; fixed > 0 {
			r.records, r.weight, r.more = (r.before+events)/fixed-r.before/fixed, fixed, 0
		} else {
			r.records = min(r.quota(r.step+1)-r.quota(r.step), events)
			if r.records > 0 {
				r.weight, r.more = events/r.records, events%r.records
			}
		}
		r.before += events
		if r.records > 0 {
			r.setTime(r.at)
			return
		}
	}
}

// quota returns how many of the stream's records come before a step.
func (r *rate) quota(step uint64) uint64 {
	return step * uint64(r.spec.Records) / r.steps // Both are bounded by the format: no overflow.
}

// events returns the real events of the step at hand. What rounding leaves is carried on, so that sums are exact.
func (r *rate) events() uint64 {
	c, value := &r.spec.Curve, r.curve.of(r.at)
	if c.Measure == scenario.Total {
		return max(uint64(math.Round(value)), r.before) - r.before // A total does not go back.
	}
	value *= float64(r.grain) / float64(c.Step())
	if c.Measure == scenario.TokensPer {
		value /= float64(r.spec.Tokens.Total())
	}
	r.left += value
	whole := math.Floor(r.left + 1e-6) // So that 999.9999999 of a flat curve is what it was meant to be.
	r.left -= whole
	return uint64(whole)
}

func (r *rate) peek() (int64, bool) { return r.at, r.step < r.steps }

func (r *rate) next() schemas.Event {
	weight := r.weight
	if r.records <= r.more {
		weight++
	}
	key := r.made
	user := uint64(0)
	switch {
	case r.spec.Users > 0:
		key = below(r.seed^r.made, r.spec.Users)
		user = r.user(key)
	case r.spec.Type == scenario.Signup:
		user = r.user(key) // Each is somebody new.
	}
	e := r.event(r.at, key, user, weight)
	if r.records--; r.records == 0 {
		r.step++
		r.enter()
	}
	return e
}

// source is the source of every event made here.
const source = "tidemark/scenario"

// maker makes the events of one stream.
type maker struct {
	spec      *scenario.Stream
	tenant    string
	run       string
	seed      uint64
	prefix    string
	id        []byte
	made      uint64
	countries *shares
	segments  *shares
	models    *shares

	query  usagev1.Query
	signup usagev1.Signup
	call   usagev1.TokenCall
	model  usagev1.ModelEvent
	at     int64
	tokens struct{ input, cached, output uint64 }
}

func newMaker(s *scenario.Scenario, spec *scenario.Stream, run string) maker {
	seed := hashText(s.Seed, spec.ID)
	return maker{
		spec: spec, tenant: s.ID, run: run, seed: seed,
		prefix:    strconv.FormatUint(s.Seed, 10) + "/" + spec.ID + "/",
		countries: newShares(spec.Countries, countryStep, seed),
		segments:  newShares(spec.Segments, segmentStep, seed),
		models:    newShares(spec.Models, modelStep, seed),
	}
}

// user returns the hash of the stream's user number n, never 0, which means unknown.
func (m *maker) user(n uint64) uint64 { return max(mix(m.seed^mix(n)), 1) }

func (m *maker) setTime(at int64) {
	m.countries.set(at)
	m.segments.set(at)
	m.models.set(at)
}

var segmentsByName = map[string]usagev1.Segment{
	"consumer": usagev1.Segment_SEGMENT_CONSUMER, "developer": usagev1.Segment_SEGMENT_DEVELOPER,
	"enterprise": usagev1.Segment_SEGMENT_ENTERPRISE, "government": usagev1.Segment_SEGMENT_GOVERNMENT,
}

// event makes the stream's next event. The key decides what the mixes give it.
func (m *maker) event(at int64, key, user, weight uint64) schemas.Event {
	m.id = strconv.AppendUint(append(m.id[:0], m.prefix...), m.made, 10)
	id := string(m.id)
	m.made++
	m.at = at
	country, segment := m.countries.pick(key), segmentsByName[m.segments.pick(key)]
	model := m.spec.Model
	if m.models != nil {
		model = m.models.pick(key)
	}
	weight, userWeight := sampled(weight), sampled(m.spec.UserWeight)
	switch m.spec.Type {
	case scenario.Query:
		e := &m.query
		e.Source, e.Id, e.TimeUs, e.Tenant, e.Run = source, id, &m.at, m.tenant, m.run
		e.Product, e.User, e.Country, e.Segment, e.Weight, e.UserWeight = m.spec.Product, user, country, segment, weight, userWeight
		e.Kind, e.Model = m.spec.Kind, model
		return e
	case scenario.Signup:
		e := &m.signup
		e.Source, e.Id, e.TimeUs, e.Tenant, e.Run = source, id, &m.at, m.tenant, m.run
		e.Product, e.User, e.Country, e.Segment, e.Weight, e.UserWeight = m.spec.Product, user, country, segment, weight, weight
		e.Channel = m.spec.Channel
		return e
	case scenario.TokenCall:
		e := &m.call
		e.Source, e.Id, e.TimeUs, e.Tenant, e.Run = source, id, &m.at, m.tenant, m.run
		e.Product, e.User, e.Country, e.Segment, e.Weight, e.UserWeight = m.spec.Product, user, country, segment, weight, userWeight
		e.Model, e.Provider, e.Operation, e.Status = model, m.spec.Providers[model], "chat", usagev1.Status_STATUS_OK
		m.setTokens(e)
		return e
	}
	e := &m.model
	e.Source, e.Id, e.TimeUs, e.Tenant, e.Run = source, id, &m.at, m.tenant, m.run
	e.Product, e.User, e.Country, e.Segment, e.Weight, e.UserWeight = m.spec.Product, user, country, segment, weight, userWeight
	e.Model, e.BaseModel, e.Organization, e.Hub = model, m.spec.BaseModel, m.spec.Organization, m.spec.Hub
	switch m.spec.Type {
	case scenario.Release:
		e.Kind = usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE
		e.Model += "-" + strconv.FormatUint(m.made, 10) // Each is a model of its own.
	case scenario.Derivative:
		e.Kind = usagev1.ModelEventKind_MODEL_EVENT_KIND_DERIVATIVE
	default:
		e.Kind = usagev1.ModelEventKind_MODEL_EVENT_KIND_DOWNLOAD
	}
	return e
}

// setTokens gives the call its tokens. What a scenario does not say, a latency say, is unknown.
func (m *maker) setTokens(e *usagev1.TokenCall) {
	t := m.spec.Tokens
	m.tokens.input, m.tokens.cached, m.tokens.output = t.Input, t.Cached, t.Output
	e.InputUncached, e.InputCacheRead, e.OutputVisible = &m.tokens.input, nil, &m.tokens.output
	if t.Cached > 0 {
		e.InputCacheRead = &m.tokens.cached
	}
}

// sampled is a weight, absent where it is 1.
func sampled(weight uint64) uint64 {
	if weight == 1 {
		return 0
	}
	return weight
}
