package synthetic

import (
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// source is the source of every event made here.
const source = "tidemark/synthetic"

// events are the messages that are filled again for every event, and the numbers that their optional fields point to.
type events struct {
	query     usagev1.Query
	signup    usagev1.Signup
	call      usagev1.TokenCall
	model     usagev1.ModelEvent
	reference usagev1.ReferencePoint

	latency, first, uncached, read, write, visible, reasoning uint64
	cost, time                                                int64
}

// at keeps a time for the event being made.
func (e *events) at(time int64) *int64 {
	e.time = time
	return &e.time
}

// fill makes an event of type t. It is valid until the next call.
func (g *Generator) fill(t schemas.Type, id string, time int64) schemas.Event {
	switch t {
	case schemas.QueryType:
		return g.fillQuery(id, time)
	case schemas.SignupType:
		return g.fillSignup(id, time)
	case schemas.ModelEventType:
		return g.fillModelEvent(id, time)
	case schemas.ReferencePointType:
		return g.fillReference(id, time)
	default:
		return g.fillCall(id, time)
	}
}

func (g *Generator) fillQuery(id string, time int64) schemas.Event {
	r, e := g.random, &g.events.query
	s := g.world.visit(r)
	for range 8 { // Programs do not ask queries: look for a person.
		if s.product.queries {
			break
		}
		s = g.world.visit(r)
	}
	p := s.product
	if !p.queries {
		p = &products[0]
	}
	e.Source, e.Id, e.TimeUs, e.Run = source, id, g.events.at(time), g.options.Run
	e.Tenant, e.User, e.Country, e.Segment = s.tenant.name, s.user, s.country, s.tenant.segment.segment
	e.Product, e.Kind, e.Model = p.name, p.kinds[r.below(uint64(len(p.kinds)))], s.model.served
	e.Weight = sampled(s.tenant)
	return e
}

// sampled is the weight of the tenant's records, absent where it is 1.
func sampled(t *tenant) uint64 {
	if t.weight == 1 {
		return 0
	}
	return t.weight
}

func (g *Generator) fillSignup(id string, time int64) schemas.Event {
	r, e := g.random, &g.events.signup
	t := &g.world.tenants[r.pick(&g.world.byTenant)]
	t.users++ // From now on sessions can be this user's.
	user, country := g.world.userOf(t, t.users-1)
	e.Source, e.Id, e.TimeUs, e.Run = source, id, g.events.at(time), g.options.Run
	e.Tenant, e.User, e.Country, e.Segment = t.name, user, country, t.segment.segment
	e.Product = t.products[0].name
	e.Channel = t.segment.channels[r.below(uint64(len(t.segment.channels)))]
	e.Plan = t.segment.plans[r.below(uint64(len(t.segment.plans)))]
	return e
}

const (
	releases    = 2 * percent
	derivatives = 12 * percent
)

func (g *Generator) fillModelEvent(id string, time int64) schemas.Event {
	r, e := g.random, &g.events.model
	m := &openModels[r.pick(&g.world.byOpen)]
	e.Source, e.Id, e.TimeUs, e.Run = source, id, g.events.at(time), g.options.Run
	e.Hub = "huggingface"
	if r.next()&3 == 0 {
		e.Hub = "modelscope"
	}
	e.Tenant, e.Country = g.options.TenantPrefix+e.Hub, countries[r.pick(&g.world.byCountry)].code
	e.Model, e.BaseModel, e.Organization, e.Weight = m.name, "", m.organization, 0
	switch draw := chance(r.next()); {
	case draw < releases:
		e.Kind, e.Country = usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE, ""
	case draw < releases+derivatives:
		e.Kind = usagev1.ModelEventKind_MODEL_EVENT_KIND_DERIVATIVE
		e.BaseModel = m.name
		e.Organization = g.world.tenants[r.pick(&g.world.byTenant)].name
		e.Model = e.Organization + "/" + m.organization + "-tuned"
	default:
		e.Kind = usagev1.ModelEventKind_MODEL_EVENT_KIND_DOWNLOAD
		if r.next()&7 == 0 { // A mirror reports a count.
			e.Weight = r.around(40, g.world.wide)
		}
	}
	return e
}

var metrics = []struct{ name, unit string }{
	{"weekly_active_users", "users"}, {"tokens_per_month", "tokens"}, {"developers", "accounts"},
}

// fillReference makes a figure to compare with that says itself that it is invented.
func (g *Generator) fillReference(id string, time int64) schemas.Event {
	r, e := g.random, &g.events.reference
	m := metrics[r.below(uint64(len(metrics)))]
	e.Source, e.Id, e.TimeUs, e.Run = source, id, g.events.at(time), g.options.Run
	e.Tenant, e.Entity = g.options.TenantPrefix+"reference", "simulated-"+products[r.below(uint64(len(products)))].name
	e.Metric, e.Unit, e.Value = m.name, m.unit, float64(r.around(1_000_000, g.world.wide))
	e.Citation, e.Confidence = "simulated, no source", "X"
	return e
}
