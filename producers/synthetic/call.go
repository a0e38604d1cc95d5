package synthetic

import (
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

const (
	failures      = 5 * percent / 2
	cancellations = 1 * percent
	cutStreams    = 1 * percent // Answers whose usage never came: tokens of output are unknown.
	cacheHits     = 85 * percent
	cacheBlock    = 128 // Tokens: providers cache whole blocks.
	cacheMinimum  = 1024
)

// fillCall makes a call: the next one of a session, whose context grows by what is asked and what is answered.
func (g *Generator) fillCall(id string, time int64) schemas.Event {
	r, e, v := g.random, &g.events.call, &g.events
	s := g.world.visit(r)
	m := s.model
	e.Source, e.Id, e.TimeUs, e.Run = source, id, g.events.at(time), g.options.Run
	e.Tenant, e.User, e.Country, e.Segment = s.tenant.name, s.user, s.country, s.tenant.segment.segment
	e.Product, e.Operation, e.Weight = s.product.name, "chat", sampled(s.tenant)
	e.Model, e.RequestedModel, e.Provider = m.served, "", m.provider
	if m.asked != m.served {
		e.RequestedModel = m.asked
	}
	e.Streaming, e.Status, e.ErrorType = s.stream, usagev1.Status_STATUS_OK, ""
	e.ReportedCostNanos, e.CostCurrency = nil, ""
	e.FirstTokenUs, e.OutputReasoning = nil, nil
	s.left--

	g.setInput(s)
	input := v.uncached + v.read + v.write
	first := r.around(m.first, g.world.narrow) + (v.uncached+v.write)*m.prefill/1000
	draw := chance(r.next())
	if draw < failures {
		g.fail(r.next(), first)
		return e
	}
	output := g.setAnswer(s, first)
	switch {
	case draw < failures+cancellations:
		e.Status = usagev1.Status_STATUS_CANCELLED //nolint:misspell // It is the name in the wire contract.
		v.latency = first + r.below(v.latency-first+1)
		e.OutputVisible, e.OutputReasoning = nil, nil
	case draw < failures+cancellations+cutStreams && s.stream:
		e.OutputVisible, e.OutputReasoning = nil, nil
	case m.costs:
		v.cost = int64(input*m.input + output*m.output)
		e.ReportedCostNanos, e.CostCurrency = &v.cost, "USD"
	}
	s.cached, s.context = input, input+output
	if s.context > m.limit*3/4 {
		s.left = 0
	}
	return e
}

// setAnswer makes the call one that is answered to its end, with the first token after so many microseconds. It returns
// the tokens of the answer.
func (g *Generator) setAnswer(s *session, first uint64) (output uint64) {
	r, e, v := g.random, &g.events.call, &g.events
	v.visible, v.reasoning = r.around(s.product.answer, g.world.wide), 0
	if r.happens(s.model.reasons) {
		v.reasoning = r.around(600, g.world.wide)
	}
	e.OutputVisible = &v.visible
	switch {
	case s.model.hidesThought:
		v.visible += v.reasoning // All that is known is the sum.
	case s.model.reasons > 0:
		e.OutputReasoning = &v.reasoning
	}
	output = v.visible
	if e.OutputReasoning != nil {
		output += v.reasoning
	}
	v.latency, v.first = first+output*r.around(s.model.token, g.world.narrow), first
	e.LatencyUs = &v.latency
	if s.stream {
		e.FirstTokenUs = &v.first
	}
	return output
}

// setInput splits what the call sends, the session's context and the new prompt, into what a cache holds and the rest.
func (g *Generator) setInput(s *session) {
	r, e, v := g.random, &g.events.call, &g.events
	v.read, v.write = 0, 0
	v.uncached = s.context + r.around(s.product.prompt, g.world.wide)
	e.InputUncached, e.InputCacheRead, e.InputCacheWrite = &v.uncached, nil, nil
	if s.model.cache == cacheUntold {
		return
	}
	e.InputCacheRead = &v.read
	if s.cached >= cacheMinimum && r.happens(cacheHits) {
		v.read = s.cached / cacheBlock * cacheBlock
		v.uncached -= v.read
	}
	if s.model.cache == cacheBoth {
		e.InputCacheWrite = &v.write
		if v.uncached >= cacheMinimum || v.read > 0 {
			v.write = v.uncached - min(v.uncached, 8)
			v.uncached -= v.write
		}
	}
}

// fail makes the call one that failed: a refusal has no tokens at all, a time-out those that were sent.
func (g *Generator) fail(draw, first uint64) {
	e, v := &g.events.call, &g.events
	e.Status, e.OutputVisible, e.LatencyUs = usagev1.Status_STATUS_ERROR, nil, &v.latency
	switch draw % 20 {
	case 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10:
		e.ErrorType, v.latency = "rate_limit", 20_000+draw%100_000
	case 11, 12, 13, 14:
		e.ErrorType, v.latency = "overloaded", 50_000+first/2
	case 15, 16, 17:
		e.ErrorType, v.latency = "timeout", 60_000_000+draw%1_000
		return
	default:
		e.ErrorType, v.latency = "server_error", first
	}
	e.InputUncached, e.InputCacheRead, e.InputCacheWrite = nil, nil, nil
}
